#include "session/ltw_session.h"

#include <stdlib.h>
#include <string.h>

#include "lt_session_id.h"
#include "ltw_log.h"
#include "session/ltw_bill.h"
#include "session/ltw_heir.h"
#include "session/ltw_presence.h"
#include "session/ltw_speech.h"
#include "session/ltw_telling.h"

#define TICK_MS 500
#define NO_LISTENER_MS 10000
#define MOVED_MS 10000          /* its shard was read out: another goes on */
#define AUDIO_ENDED_EXTRA_MS 1500
#define FORGOTTEN_MS (15 * 60 * 1000)

typedef enum {
    SESSION_JOINING, SESSION_QUIET, SESSION_LIVE, SESSION_CLOSING,
    SESSION_DRAINING, SESSION_OVER
} session_state_t;

struct ltw_session_s {
    const ltw_services_t *services;
    char id[LT_SESSION_ID_MAX + 1];
    ltw_talk_t talk;
    ltw_handler_t on_over;
    void *data;

    session_state_t state;
    int is_ended;               /* the talk is: nginx will be told */
    int is_leaving;             /* this worker is: nginx will not */
    int is_handed_over;         /* another worker goes on, with our last words */
    ltw_timer_t *tick;
    ltw_timer_t *wake;          /* work to do, or words are due */
    ltw_presence_t presence;
    ltw_parts_t parts;
    ltw_speech_t *speech;       /* open while live, closing */
    ltw_heir_t heir;            /* while joining, and at the end */
    ltw_telling_t telling;
    int64_t audio_at_ms;
};

static void wake(void *data);
static void wake_when_due(ltw_session_t *s);

static int64_t
now_ms(const ltw_session_t *s)
{
    return ltw_loop_now_ms(s->services->loop);
}


static int
is_lost(const ltw_session_t *s)
{
    return s->presence.is_lost || ltw_talk_is(&s->talk, LTW_TENURE_LOST);
}


/* All of the talk was heard, and it goes on nowhere. */
static int
is_ended_here(const ltw_session_t *s)
{
    return s->is_ended && !s->is_leaving;
}


/* ---- segments ---- */

static void
on_segment(void *data, ltw_segment_t *segment, const ltw_mark_t *mark)
{
    ltw_session_t *s = data;

    ltw_telling_segment(&s->telling, segment, mark);
    ltw_telling_words(&s->telling, s->presence.is_live_asked);
}


static void
on_words(void *data)
{
    ltw_session_t *s = data;

    ltw_telling_words(&s->telling, s->presence.is_live_asked);
    wake(s);
}


/* ---- the recogniser ---- */

static void
drain(ltw_session_t *s)
{
    s->state = SESSION_DRAINING;
    if (is_ended_here(s)) {
        ltw_heir_end(&s->heir);
    }
    ltw_farewell_begin(&s->telling.farewell);
}


static void
on_closed(void *data)
{
    ltw_session_t *s = data;

    ltw_parts_heard_all(&s->parts);
    if (s->is_ended || s->is_leaving) {
        drain(s);
    } else {
        s->state = SESSION_QUIET;
    }
    wake(s);
}


static int
go_live(ltw_session_t *s)
{
    if (!ltw_speech_open(s->speech, s->presence.source)) {
        return 0;
    }
    s->presence.heard_at_ms = now_ms(s);
    s->state = SESSION_LIVE;
    return 1;
}


/* No more audio goes to the recogniser; what it still says is awaited. */
static void
close_down(ltw_session_t *s)
{
    if (s->state == SESSION_LIVE) {
        s->state = SESSION_CLOSING;
        ltw_speech_finish(s->speech);
    } else if (s->state == SESSION_QUIET && (s->is_ended || s->is_leaving)) {
        drain(s);
        wake(s);
    }
}


static void
end(ltw_session_t *s, const char *reason)
{
    if (!s->is_ended) {
        s->is_ended = 1;
        ltw_log(LTW_INFO, "session_ended", ltw_cstr("session", s->id),
            ltw_cstr("reason", reason),
            ltw_int("segments", ltw_speech_segment(s->speech)));
    }
    close_down(s);
}


/* ---- parts of batches ---- */

static void
parts_release(ltw_session_t *s)
{
    ltw_parts_release(&s->parts, ltw_speech_reach(s->speech), now_ms(s),
        ltw_farewell_is_dry(&s->telling.farewell)
        && !ltw_speech_has_words(s->speech));
}


/* Its words are committed; is_heard 0: it had none. */
static void
part_through(ltw_session_t *s, int is_heard)
{
    s->parts.state = LTW_PART_NEW;
    if (is_heard) {
        ltw_parts_hold(&s->parts, ltw_speech_position_ms(s->speech),
            now_ms(s));
    } else {
        ltw_parts_pass(&s->parts);
    }
    parts_release(s);
    wake(s);
}


static void
part_feed(ltw_session_t *s)
{
    const ltw_session_part_t *part = s->parts.waiting;
    int is_heard = ltw_audience_heard(&s->telling.audience) > 0;
    int is_last;

    if (s->state == SESSION_QUIET) {
        is_heard = is_heard && !s->is_leaving
            && ltw_speech_is_new(s->speech, part) && go_live(s);
    }
    is_last = ltw_speech_add(s->speech, part, is_heard);
    s->audio_at_ms = now_ms(s);
    if (is_heard) {
        s->parts.state = LTW_PART_AWAITING;
        ltw_speech_batch(s->speech);
    }
    if (is_last) {
        end(s, "last record");
    }
    if (is_heard) {
        wake(s);
    } else {
        part_through(s, 0);
    }
}


/* ---- what Redis says ---- */

/* What the worker before this one had no time to tell comes first. */
static void
join(ltw_session_t *s)
{
    s->state = SESSION_QUIET;
    ltw_count(s->services->metrics, sessions_opened, 1);
    ltw_log(LTW_INFO, "session_opened", ltw_cstr("session", s->id),
        ltw_cstr("language", s->presence.source),
        ltw_int("after_segment", ltw_speech_segment(s->speech)),
        ltw_int("untold", (int64_t) ltw_heir_untold(&s->heir)),
        ltw_cstr("trace", s->talk.settings.trace));
    ltw_heir_tell(&s->heir, &s->telling.audience);
}


static void
on_part_view(void *data, const ltw_session_view_t *view)
{
    ltw_session_t *s = data;

    if (view == NULL && s->presence.source[0] == '\0') {
        return;                 /* the tick asks again */
    }
    if (is_lost(s) || s->state > SESSION_LIVE) {
        wake(s);
        return;
    }
    if (s->state == SESSION_JOINING) {
        join(s);
    }
    part_feed(s);
}


static void
on_taken(void *data, int is_ours)
{
    ltw_session_t *s = data;

    if (is_ours) {
        ltw_presence_ask(&s->presence, on_part_view);
    } else {
        s->presence.is_lost = 1;
        wake(s);
    }
}


static int64_t
quiet_ms(const ltw_session_t *s)
{
    return now_ms(s) - s->audio_at_ms;
}


/* Between batches: has the talk ended, does anybody listen? */
static void
on_idle_view(void *data, const ltw_session_view_t *view)
{
    ltw_session_t *s = data;

    if (is_lost(s) || s->parts.waiting != NULL) {
        wake(s);                /* its audio comes first */
    } else if (view != NULL && (view->is_ended || !view->is_found)
               && quiet_ms(s) > s->services->config->batch_window
                                + AUDIO_ENDED_EXTRA_MS
               && !ltw_talk_is(&s->talk, LTW_TENURE_READ_OUT))
    {                           /* then there may be more in another shard */
        s->is_leaving |= !view->is_found;       /* there is nobody to tell */
        end(s, view->is_found ? "ended" : "gone from Redis");
    }
}


static int
is_asking(const ltw_session_t *s)
{
    return ltw_heir_is_taking(&s->heir)
        || ltw_presence_is_asking(&s->presence);
}


/* A talk is taken only while nobody else can have it. */
static void
part_read(ltw_session_t *s)
{
    s->parts.state = LTW_PART_READING;
    if (s->state != SESSION_JOINING) {
        ltw_presence_ask(&s->presence, on_part_view);
    } else if (!is_asking(s)
               && ltw_talk_may_speak(&s->talk, s->services->loop))
    {
        ltw_heir_take(&s->heir);        /* no answer: the tick asks again */
    }
}


/* ---- the end ---- */

static void
over(ltw_session_t *s)
{
    s->state = SESSION_OVER;
    ltw_timer_stop(s->tick);
    ltw_timer_stop(s->wake);
    ltw_count(s->services->metrics, sessions_ended, 1);
    ltw_parts_let_go(&s->parts);
    ltw_count(s->services->metrics, pcm_bytes_overflow,
        ltw_parts_drop(&s->parts) * !(is_lost(s) || s->is_handed_over));
    ltw_bill(s->services->metrics, &s->talk);
    s->on_over(s->data);        /* may free s */
}


/* Another worker has the talk, and this audio too: nothing more is said. */
static void
abandon(ltw_session_t *s)
{
    ltw_log(LTW_WARN, "session_abandoned", ltw_cstr("session", s->id),
        ltw_int("segments", ltw_speech_segment(s->speech)));
    ltw_count(s->services->metrics, sessions_abandoned, 1);
    ltw_telling_deinit(&s->telling);
    ltw_speech_free(&s->speech);
    over(s);
}


/* What is committed is told.  What is not may end in the middle of a word: it
   is read again by who comes next. */
static void
hand_over(ltw_session_t *s)
{
    if (s->talk.tenure != NULL) {
        s->talk.tenure->is_frozen = 1;
    }
    s->parts.state = LTW_PART_NEW;
    ltw_speech_drop(s->speech);
    drain(s);
    wake(s);
}


/* ---- turns ---- */

static void
work_part(ltw_session_t *s)
{
    if (s->parts.state == LTW_PART_NEW
        || (s->parts.state == LTW_PART_READING && !is_asking(s)))
    {
        part_read(s);
        return;
    }
    if (s->parts.state != LTW_PART_AWAITING || s->state == SESSION_CLOSING) {
        return;
    }
    ltw_speech_tick(s->speech);
    if (s->parts.waiting->next != NULL) {
        ltw_speech_commit(s->speech);
    }
    if (ltw_speech_is_awaiting(s->speech)) {
        wake_when_due(s);
    } else {
        part_through(s, 1);
    }
}


/* What came twice is no audio after the end. */
static void
work_ended(ltw_session_t *s)
{
    while (is_ended_here(s) && s->parts.waiting != NULL
           && !ltw_speech_is_new(s->speech, s->parts.waiting))
    {
        (void) ltw_speech_add(s->speech, s->parts.waiting, 0);
        ltw_parts_pass(&s->parts);
    }
}


/* No batch is in work: words of a late final, or the worker leaves. */
static void
work_idle(ltw_session_t *s)
{
    if (s->is_leaving) {
        close_down(s);
    } else if (ltw_speech_has_due(s->speech)) {
        ltw_speech_tick(s->speech);
        if (ltw_speech_has_due(s->speech)) {
            wake_when_due(s);
        }
    }
}


static void
on_wake(void *data)
{
    ltw_session_t *s = data;

    if (is_lost(s) && s->state != SESSION_OVER) {
        abandon(s);
        return;
    }
    switch (s->state) {
    case SESSION_JOINING:
    case SESSION_QUIET:
    case SESSION_LIVE:
        if (s->is_handed_over) {
            hand_over(s);
        } else if (s->parts.waiting != NULL) {
            work_part(s);
        } else {
            work_idle(s);
        }
        break;
    case SESSION_CLOSING:
        break;
    case SESSION_DRAINING:
        if (s->parts.state == LTW_PART_AWAITING) {
            part_through(s, 1);
            break;
        }
        work_ended(s);
        if (ltw_farewell_is_over(&s->telling.farewell, is_ended_here(s),
                ltw_speech_segment(s->speech)))
        {
            over(s);
        }
        break;
    case SESSION_OVER:
        break;
    }
}


static void
wake(void *data)
{
    ltw_session_t *s = data;

    if (s->state != SESSION_OVER) {
        ltw_timer_start(s->wake, 0);
    }
}


static void
wake_when_due(ltw_session_t *s)
{
    ltw_timer_start(s->wake, ltw_speech_due_at_ms(s->speech) - now_ms(s));
}


/* Nothing came: commit what waits, close what nobody needs. */
static void
tick_idle(ltw_session_t *s)
{
    int is_silent = quiet_ms(s) >= s->services->config->transcribe_silence;
    int is_unheard = now_ms(s) - s->presence.heard_at_ms >= NO_LISTENER_MS;

    ltw_speech_tick(s->speech);
    if (s->state == SESSION_LIVE && (is_silent || is_unheard)) {
        ltw_count(s->services->metrics, streams_silent, !is_unheard);
        close_down(s);
    } else if (quiet_ms(s) > FORGOTTEN_MS) {
        s->is_leaving = 1;
        wake(s);
    }
}


/* Who listens now?  A new language begins, one without listeners ends. */
static void
tick_ask(ltw_session_t *s)
{
    if ((s->state == SESSION_QUIET || s->state == SESSION_LIVE)
        && !is_asking(s) && now_ms(s) - s->presence.asked_at_ms >= TICK_MS)
    {
        ltw_presence_ask(&s->presence, on_idle_view);
    }
}


static void
on_tick(void *data)
{
    ltw_session_t *s = data;

    ltw_timer_start(s->tick, TICK_MS);
    if (is_lost(s)) {
        wake(s);
        return;
    }
    parts_release(s);
    s->is_handed_over |= ltw_talk_is(&s->talk, LTW_TENURE_LEAVING);
    s->is_leaving |= s->is_handed_over
        || (ltw_talk_is(&s->talk, LTW_TENURE_READ_OUT)
            && now_ms(s) - s->audio_at_ms > MOVED_MS);
    if (s->parts.waiting != NULL || s->is_leaving
        || s->state == SESSION_DRAINING || s->state == SESSION_JOINING)
    {
        wake(s);
    } else if (s->state == SESSION_QUIET || s->state == SESSION_LIVE) {
        tick_idle(s);
    }
    tick_ask(s);
}


/* ---- outside ---- */

ltw_session_t *
ltw_session_new(const ltw_session_rooms_t *rooms, lt_str_t id,
    ltw_handler_t on_over, void *data)
{
    static const ltw_speech_events_t events = { on_segment, on_words,
        on_closed };
    ltw_session_t *s = calloc(1, sizeof(*s));

    if (s == NULL || id.len >= sizeof(s->id)) {
        free(s);
        return NULL;
    }
    s->services = rooms->pipeline.services;
    memcpy(s->id, id.data, id.len);
    s->on_over = on_over;
    s->data = data;
    s->audio_at_ms = now_ms(s);
    s->talk = (ltw_talk_t) { .id = s->id, .settings = rooms->settings,
        .cost = { .prices = &rooms->pipeline.prices } };
    s->presence = (ltw_presence_t) { .services = s->services,
        .talk = &s->talk, .settings = &rooms->settings,
        .audience = &s->telling.audience, .data = s };
    s->speech = ltw_speech_new(&(ltw_speech_options_t) { s->services,
        rooms->asr, rooms->policy, &s->talk }, &events, s);
    s->heir = (ltw_heir_t) { .services = s->services, .talk = &s->talk,
        .speech = s->speech, .on_taken = on_taken, .data = s };
    s->tick = ltw_timer_new(s->services->loop, on_tick, s);
    s->wake = ltw_timer_new(s->services->loop, on_wake, s);
    if (!ltw_telling_init(&s->telling, &rooms->pipeline, &s->talk,
            s->presence.source, s->speech, wake, s)
        || s->speech == NULL || s->tick == NULL || s->wake == NULL)
    {
        ltw_session_free(&s);
        return NULL;
    }
    ltw_timer_start(s->tick, TICK_MS);
    return s;
}


void
ltw_session_free(ltw_session_t **session)
{
    ltw_session_t *s = *session;

    if (s == NULL) {
        return;
    }
    *session = NULL;
    ltw_presence_deinit(&s->presence);
    ltw_heir_deinit(&s->heir);
    ltw_telling_deinit(&s->telling);
    ltw_speech_free(&s->speech);
    ltw_timer_free(&s->tick);
    ltw_timer_free(&s->wake);
    ltw_tenure_unref(&s->talk.tenure);
    free(s);
}


lt_str_t
ltw_session_id(const ltw_session_t *s)
{
    return lt_str(s->id);
}


int
ltw_session_is_lost(const ltw_session_t *s)
{
    return s->state == SESSION_OVER || is_lost(s);
}


void
ltw_session_add(ltw_session_t *s, ltw_session_part_t *part)
{
    ltw_tenure_unref(&s->talk.tenure);
    s->talk.tenure = ltw_tenure_ref(part->tenure);
    ltw_parts_add(&s->parts, part);
    wake(s);
}


void
ltw_session_leave(ltw_session_t *s)
{
    s->is_handed_over = 1;
    s->is_leaving = 1;
    wake(s);
}


void
ltw_session_waits(ltw_session_t *s, int64_t place)
{
    ltw_telling_waits(&s->telling, ltw_speech_segment(s->speech) + 1, place);
}
