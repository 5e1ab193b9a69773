#include "session/ltw_session.h"

#include <stdlib.h>
#include <string.h>

#include "lt_language.h"
#include "lt_session_id.h"
#include "ltw_log.h"
#include "session/ltw_audience.h"
#include "session/ltw_speaker.h"
#include "session/ltw_speech.h"

#define TICK_MS 1000
#define NO_LISTENER_MS 10000
#define DRAIN_MS 15000
#define AUDIO_ENDED_EXTRA_MS 1500
#define FORGOTTEN_MS (15 * 60 * 1000)

typedef enum {
    SESSION_JOINING, SESSION_QUIET, SESSION_LIVE, SESSION_CLOSING,
    SESSION_DRAINING, SESSION_TELLING, SESSION_OVER
} session_state_t;

/* Of the part at the head of the queue. */
typedef enum {
    PART_NONE,                  /* not begun */
    PART_READING,               /* Redis is asked who listens */
    PART_AWAITING               /* fed; its words are awaited */
} part_state_t;

struct ltw_session_s {
    const ltw_session_rooms_t *rooms;
    const ltw_services_t *services;
    char id[LT_SESSION_ID_MAX + 1];
    char source[3];
    ltw_handler_t on_over;
    void *data;

    session_state_t state;
    int is_ended;               /* the talk is: nginx will be told */
    int is_leaving;             /* this worker is: nginx will not */
    ltw_timer_t *tick;
    ltw_timer_t *wake;          /* work to do, or words are due */
    ltw_redis_id_t query;       /* 0: none under way */

    ltw_parts_t parts;
    part_state_t part_state;

    ltw_speech_t *speech;       /* open while live, closing */
    ltw_audience_t audience;
    ltw_ledger_t ledger;        /* while joining */
    ltw_lane_t *speaker;        /* captions, and the end */
    int64_t heard_at_ms;        /* somebody listened, or the line opened */
    int64_t audio_at_ms;
    int64_t drain_until_ms;
    int has_warned;             /* of a talk that Redis does not know */
};

static void wake(ltw_session_t *s);
static void wake_when_due(ltw_session_t *s);


static int64_t
now_ms(const ltw_session_t *s)
{
    return ltw_loop_now_ms(s->services->loop);
}


/* ---- segments ---- */

static void
on_segment(void *data, ltw_segment_t *segment, const ltw_mark_t *mark)
{
    ltw_session_t *s = data;

    ltw_ledger_commit(s->services->redis, lt_str(s->id), segment, mark);
    ltw_speaker_caption(s->speaker, s->id, s->source, segment,
        ltw_loop_wall_ms(s->services->loop));
    ltw_audience_add(&s->audience, segment, NULL);
}


static int
is_told(const ltw_session_t *s)
{
    return ltw_audience_is_dry(&s->audience)
           && ltw_lane_is_empty(s->speaker);
}


/* ---- the recogniser ---- */

static void
on_change(void *data)
{
    wake(data);
}


static void
drain(ltw_session_t *s)
{
    s->state = SESSION_DRAINING;
    s->drain_until_ms = now_ms(s) + DRAIN_MS;
}


static void
on_closed(void *data)
{
    ltw_session_t *s = data;

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
    if (!ltw_speech_open(s->speech, s->source)) {
        return 0;
    }
    s->heard_at_ms = now_ms(s);
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
    ltw_parts_release(&s->parts, ltw_speech_heard_ms(s->speech), now_ms(s),
        is_told(s) && !ltw_speech_has_words(s->speech));
}


/* Its words are committed; is_heard 0: it had none. */
static void
part_through(ltw_session_t *s, int is_heard)
{
    s->part_state = PART_NONE;
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
    int is_heard = ltw_audience_heard(&s->audience) > 0;
    int is_last = 0;

    if (s->state == SESSION_QUIET) {
        is_heard = is_heard && !s->is_leaving && go_live(s);
    }
    for (size_t i = 0; i < part->n; i++) {
        const ltw_record_t *r = part->records[i];

        ltw_speech_add(s->speech, r, part->batched_wall_ms, is_heard);
        is_last |= r->is_framed && (r->head.flags & LT_AUDIO_FLAG_LAST);
    }
    s->audio_at_ms = now_ms(s);
    if (is_heard) {
        s->part_state = PART_AWAITING;
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

static void
apply(ltw_session_t *s, const ltw_session_view_t *view)
{
    if (!view->is_found) {
        if (!s->has_warned) {
            s->has_warned = 1;
            ltw_log(LTW_WARN, "session_unknown", ltw_cstr("session", s->id),
                ltw_cstr("hint", "Redis has no such talk: its audio is "
                    "skipped"));
        }
        return;
    }
    if (s->source[0] == '\0') {
        memcpy(s->source, view->source, sizeof(s->source));
        if (lt_language_transcribe(lt_str(s->source)) == NULL) {
            ltw_log(LTW_ERROR, "session_failed", ltw_cstr("session", s->id),
                ltw_cstr("reason", "its language cannot be recognised"),
                ltw_cstr("language", s->source));
        }
    }
    ltw_audience_update(&s->audience, view);
    if (view->heard_n > 0) {
        s->heard_at_ms = now_ms(s);
    }
}


/* What the worker before this one had no time to tell comes first. */
static void
join(ltw_session_t *s)
{
    s->state = SESSION_QUIET;
    ltw_count(s->services->metrics, sessions_opened, 1);
    ltw_log(LTW_INFO, "session_opened", ltw_cstr("session", s->id),
        ltw_cstr("language", s->source),
        ltw_int("after_segment", ltw_speech_segment(s->speech)),
        ltw_int("untold", (int64_t) s->ledger.untold_n));
    for (size_t i = 0; i < s->ledger.untold_n; i++) {
        ltw_audience_add(&s->audience, s->ledger.untold[i], &s->ledger);
    }
    ltw_ledger_deinit(&s->ledger);
}


/* No answer: whoever listened before still does. */
static void
keep_audience(ltw_session_t *s)
{
    if (ltw_audience_heard(&s->audience) > 0) {
        s->heard_at_ms = now_ms(s);
    }
}


static void
on_part_view(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    ltw_session_t *s = data;
    ltw_session_view_t view;

    (void) err;
    s->query = 0;
    if (reply == NULL || ltw_session_view(&view, reply) != LT_OK) {
        if (s->source[0] == '\0') {
            return;             /* the tick asks again */
        }
        keep_audience(s);
    } else {
        apply(s, &view);
    }
    if (s->state == SESSION_JOINING) {
        join(s);
    }
    part_feed(s);
}


static void
on_resume(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    ltw_session_t *s = data;

    (void) err;
    s->query = 0;
    if (reply == NULL) {
        return;                 /* the tick asks again */
    }
    ltw_ledger_deinit(&s->ledger);
    ltw_ledger_read(&s->ledger, reply);
    ltw_speech_resume(s->speech, &s->ledger);
    s->query = ltw_session_redis_read(s->services->redis, lt_str(s->id),
        on_part_view, s);
}


/* Between batches: has the talk ended, does anybody listen? */
static void
on_idle_view(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    ltw_session_t *s = data;
    ltw_session_view_t view;

    (void) err;
    s->query = 0;
    if (reply == NULL || ltw_session_view(&view, reply) != LT_OK) {
        keep_audience(s);
        return;
    }
    apply(s, &view);
    if (s->parts.waiting != NULL) {
        wake(s);                /* its audio comes first */
    } else if (view.is_ended || !view.is_found) {
        s->is_leaving |= !view.is_found;        /* there is nobody to tell */
        end(s, view.is_found ? "ended" : "gone from Redis");
    }
}


static void
part_read(ltw_session_t *s)
{
    s->part_state = PART_READING;
    if (s->query != 0) {
        return;                 /* an idle question: it wakes us */
    }
    s->query = s->state == SESSION_JOINING
        ? ltw_ledger_ask(s->services->redis, lt_str(s->id), on_resume, s)
        : ltw_session_redis_read(s->services->redis, lt_str(s->id),
            on_part_view, s);
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
    while (s->parts.waiting != NULL) {
        const ltw_session_part_t *part = s->parts.waiting;

        for (size_t i = 0; i < part->n; i++) {
            ltw_count(s->services->metrics, pcm_bytes_overflow,
                part->records[i]->pcm.len);
        }
        ltw_parts_pass(&s->parts);
    }
    s->on_over(s->data);        /* may free s */
}


static void
on_told(void *data, int is_delivered, unsigned elapsed_ms)
{
    ltw_session_t *s = data;

    (void) is_delivered;
    (void) elapsed_ms;
    ltw_timer_start(s->wake, 0);
}


static void
tell_drained(ltw_session_t *s)
{
    int64_t play_ms = ltw_audience_plays_until_wall_ms(&s->audience)
        - ltw_loop_wall_ms(s->services->loop);

    s->state = SESSION_TELLING;
    ltw_log(LTW_INFO, "session_drained", ltw_cstr("session", s->id),
        ltw_int("segments", ltw_speech_segment(s->speech)),
        ltw_int("play_ms", play_ms > 0 ? play_ms : 0));
    if (ltw_speaker_drained(s->speaker, play_ms, on_told, s) != LT_OK) {
        ltw_timer_start(s->wake, 0);
    }
}


static void
work_draining(ltw_session_t *s)
{
    if (now_ms(s) < s->drain_until_ms
        && !is_told(s))
    {
        return;                 /* on_dry or the tick comes back */
    }
    if (s->is_ended && !s->is_leaving) {
        tell_drained(s);
    } else {
        over(s);
    }
}


/* ---- turns ---- */

static void
work_part(ltw_session_t *s)
{
    if (s->part_state == PART_NONE
        || (s->part_state == PART_READING && s->query == 0))
    {
        part_read(s);
        return;
    }
    if (s->part_state != PART_AWAITING || s->state == SESSION_CLOSING) {
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


/* No batch is in work: words of a late final, or the worker leaves. */
static void
work_idle(ltw_session_t *s)
{
    if (s->is_leaving && s->state == SESSION_JOINING) {
        over(s);
    } else if (s->is_leaving) {
        close_down(s);
    } else if (ltw_speech_is_awaiting(s->speech)) {
        ltw_speech_tick(s->speech);
        if (ltw_speech_is_awaiting(s->speech)) {
            wake_when_due(s);
        }
    }
}


static void
on_wake(void *data)
{
    ltw_session_t *s = data;

    switch (s->state) {
    case SESSION_JOINING:
    case SESSION_QUIET:
    case SESSION_LIVE:
        if (s->parts.waiting != NULL) {
            work_part(s);
        } else {
            work_idle(s);
        }
        break;
    case SESSION_CLOSING:
        break;
    case SESSION_DRAINING:
        if (s->part_state == PART_AWAITING) {
            part_through(s, 1);
        } else {
            work_draining(s);
        }
        break;
    case SESSION_TELLING:
        if (ltw_lane_is_empty(s->speaker)) {
            over(s);
        }
        break;
    case SESSION_OVER:
        break;
    }
}


static void
wake(ltw_session_t *s)
{
    if (s->state != SESSION_OVER) {
        ltw_timer_start(s->wake, 0);
    }
}


static void
wake_when_due(ltw_session_t *s)
{
    int64_t left_ms = ltw_speech_due_at_ms(s->speech) - now_ms(s);

    ltw_timer_start(s->wake, left_ms > 0 ? left_ms : 0);
}


static void
on_dry(void *data)
{
    wake(data);
}


/* Nothing came: commit what waits, ask Redis, close what nobody needs. */
static void
tick_idle(ltw_session_t *s)
{
    int64_t quiet_ms = now_ms(s) - s->audio_at_ms;

    ltw_speech_tick(s->speech);
    if (s->state == SESSION_LIVE
        && now_ms(s) - s->heard_at_ms >= NO_LISTENER_MS)
    {
        close_down(s);
        return;
    }
    if (quiet_ms > FORGOTTEN_MS) {
        s->is_leaving = 1;
        wake(s);
    } else if (s->query == 0 && quiet_ms
               > s->services->config->batch_window + AUDIO_ENDED_EXTRA_MS)
    {
        s->query = ltw_session_redis_read(s->services->redis, lt_str(s->id),
            on_idle_view, s);
    }
}


static void
on_tick(void *data)
{
    ltw_session_t *s = data;

    ltw_timer_start(s->tick, TICK_MS);
    parts_release(s);
    if (s->parts.waiting != NULL || s->state == SESSION_DRAINING
        || s->state == SESSION_TELLING || s->state == SESSION_JOINING)
    {
        wake(s);
    } else if (s->state == SESSION_QUIET || s->state == SESSION_LIVE) {
        tick_idle(s);
    }
}


/* ---- outside ---- */

ltw_session_t *
ltw_session_new(const ltw_session_rooms_t *rooms, lt_str_t id,
    ltw_handler_t on_over, void *data)
{
    static const ltw_speech_events_t events = { on_segment, on_change,
        on_closed };
    ltw_session_t *s = calloc(1, sizeof(*s));
    ltw_speech_options_t speech;

    if (s == NULL || id.len >= sizeof(s->id)) {
        free(s);
        return NULL;
    }
    s->rooms = rooms;
    s->services = rooms->pipeline.services;
    memcpy(s->id, id.data, id.len);
    s->on_over = on_over;
    s->data = data;
    s->audio_at_ms = now_ms(s);
    s->audience = (ltw_audience_t) { .pipeline = &rooms->pipeline,
        .session_id = s->id, .source = s->source, .on_dry = on_dry,
        .data = s };
    speech = (ltw_speech_options_t) { s->services, rooms->asr, rooms->policy,
        s->id };
    s->speech = ltw_speech_new(&speech, &events, s);
    s->speaker = ltw_lane_new(rooms->pipeline.publisher, s->id);
    s->tick = ltw_timer_new(s->services->loop, on_tick, s);
    s->wake = ltw_timer_new(s->services->loop, on_wake, s);
    if (s->speech == NULL || s->speaker == NULL || s->tick == NULL
        || s->wake == NULL)
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
    ltw_redis_cancel(s->services->redis, s->query);
    ltw_ledger_deinit(&s->ledger);
    ltw_speech_free(&s->speech);
    ltw_audience_deinit(&s->audience);
    ltw_lane_free(&s->speaker);
    ltw_timer_free(&s->tick);
    ltw_timer_free(&s->wake);
    free(s);
}


lt_str_t
ltw_session_id(const ltw_session_t *s)
{
    return lt_str(s->id);
}


void
ltw_session_add(ltw_session_t *s, ltw_session_part_t *part)
{
    ltw_parts_add(&s->parts, part);
    ltw_timer_start(s->wake, 0);
}


void
ltw_session_leave(ltw_session_t *s)
{
    s->is_leaving = 1;
    wake(s);
}
