#include "session/ltw_farewell.h"

#include "ltw_log.h"
#include "session/ltw_speaker.h"


static int64_t
now_ms(const ltw_farewell_t *f)
{
    return ltw_loop_now_ms(f->services->loop);
}


void
ltw_farewell_begin(ltw_farewell_t *f)
{
    f->until_ms = now_ms(f) + LTW_FAREWELL_MAX_MS;
}


int
ltw_farewell_is_dry(const ltw_farewell_t *f)
{
    return ltw_audience_is_dry(f->audience) && ltw_lane_is_empty(f->speaker);
}


static void
on_posted(void *data, int is_delivered, unsigned elapsed_ms)
{
    ltw_farewell_t *f = data;

    (void) is_delivered;
    (void) elapsed_ms;
    f->on_told(f->data);
}


/* 1: it is on its way. */
static int
tell(ltw_farewell_t *f, int64_t segments)
{
    int64_t play_ms = ltw_audience_plays_until_wall_ms(f->audience)
        - ltw_loop_wall_ms(f->services->loop);

    play_ms = play_ms > 0 ? play_ms : 0;
    f->is_telling = 1;
    ltw_log(LTW_INFO, "session_drained", ltw_cstr("session", f->talk->id),
        ltw_int("segments", segments), ltw_int("play_ms", play_ms));
    return ltw_speaker_drained(f->speaker, play_ms, on_posted, f) == LT_OK;
}


int
ltw_farewell_is_over(ltw_farewell_t *f, int is_to_tell, int64_t segments)
{
    if (f->is_telling) {
        return ltw_lane_is_empty(f->speaker);
    }
    if (now_ms(f) < f->until_ms && !ltw_farewell_is_dry(f)) {
        return 0;
    }
    return !is_to_tell || !tell(f, segments);
}
