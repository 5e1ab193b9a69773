#include "asr/ltw_asr_admission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt_state_quota.h"
#include "ltw_log.h"

#define ASK_MS 1000
#define KEEP_MS 5000
#define KEPT_FOR "20000"                /* ms: three answers may be missed */

typedef enum {
    ADMISSION_WAITING,          /* asks each second */
    ADMISSION_GIVEN,            /* inner is open; asks each 5 s */
    ADMISSION_RELEASED          /* freed when no callback is running */
} admission_state_t;

typedef struct {
    ltw_asr_engine_t base;
    const ltw_services_t *services;
    ltw_asr_engine_t *inner;
    ltw_asr_waiting_t waiting;
    void *data;
    ltw_asr_stream_t *streams;          /* not closed */
} engine_t;

struct ltw_asr_stream_s {
    engine_t *engine;
    ltw_asr_stream_t *next;             /* the engine's */
    ltw_asr_stream_t **link;            /* what points here */
    ltw_asr_events_t events;
    void *data;
    char session_id[80];
    char id[40];                /* of the place */
    char language[8];
    char stream_id[40];
    char vocabulary[LTW_VOCABULARY_MAX + 1];
    char trace[LT_TRACE_LEN + 1];
    admission_state_t state;
    unsigned in_callback;
    int comes_again;            /* it broke: the place is for the next one */
    ltw_asr_stream_t *inner;
    ltw_timer_t *timer;
    ltw_redis_id_t command;
    int64_t until_wall_ms;      /* it is given; Redis' clock */
    int64_t place;              /* told last */
    int64_t asked_at_ms;        /* first */
};

typedef ltw_asr_stream_t stream_t;


static ltw_redis_id_t
run(stream_t *s, const char *script, const lt_str_t *arguments, size_t n,
    ltw_redis_handler_t handler)
{
    lt_str_t argv[12] = { LT_STR("4"), LT_STR(LT_STATE_QUOTA_STREAMS),
        LT_STR(LT_STATE_QUOTA_WAITING), LT_STR(LT_STATE_QUOTA_LIVING),
        LT_STR(LT_STATE_QUOTA_FIGURES), lt_str(s->id) };

    memcpy(argv + 6, arguments, n * sizeof(*arguments));
    return ltw_redis_script(s->engine->services->redis, script, argv, 6 + n,
        handler, s);
}


/* A line has two streams for a while: one place. */
static int
is_shared(const stream_t *s)
{
    const stream_t *other = s->engine->streams;

    while (other != NULL && (other == s || strcmp(other->id, s->id) != 0)) {
        other = other->next;
    }
    return other != NULL;
}


static void
give_back(stream_t *s, int is_throttled)
{
    char until[24];
    lt_str_t arguments[] = { lt_str(is_throttled ? "1" : "0"),
        { until, (size_t) snprintf(until, sizeof(until), "%lld",
            (long long) s->until_wall_ms) } };

    if (!is_shared(s)) {
        (void) run(s, lt_state_quota_give(), arguments, 2, NULL);
    }
}


/* ---- the other engine's stream ---- */

static void
leave(stream_t *s)
{
    if (--s->in_callback == 0 && s->state == ADMISSION_RELEASED) {
        free(s);
    }
}


static void
on_open(void *data)
{
    stream_t *s = data;

    s->in_callback++;
    s->events.on_open(s->data);
    leave(s);
}


static void
on_result(void *data, const ltw_asr_result_t *result)
{
    stream_t *s = data;

    s->in_callback++;
    s->events.on_result(s->data, result);
    leave(s);
}


static void
on_drain(void *data)
{
    stream_t *s = data;

    s->in_callback++;
    s->events.on_drain(s->data);
    leave(s);
}


static void
on_end(void *data, ltw_asr_end_t how, const char *code, const char *text)
{
    stream_t *s = data;

    s->in_callback++;
    if (how == LTW_ASR_THROTTLED) {
        ltw_count(s->engine->services->metrics, streams_throttled, 1);
        give_back(s, 1);
    }
    s->comes_again = how == LTW_ASR_TRANSIENT || how == LTW_ASR_CONFLICT;
    s->events.on_end(s->data, how, code, text);
    leave(s);
}


/* ---- a place ---- */

static void
admitted(stream_t *s)
{
    static const ltw_asr_events_t events = { on_open, on_result, on_drain,
        on_end };
    ltw_asr_options_t options = { s->session_id, s->language, s->stream_id,
        s->id, s->vocabulary, s->trace };
    ltw_asr_engine_t *inner = s->engine->inner;
    lt_error_t err = { 0 };

    s->state = ADMISSION_GIVEN;
    if (s->place > 0) {
        ltw_log(LTW_INFO, "stream_admitted",
            ltw_cstr("session", s->session_id), ltw_int("waited_ms",
                ltw_loop_now_ms(s->engine->services->loop)
                - s->asked_at_ms));
    }
    s->inner = inner->open(inner, &options, &events, s, &err);
    s->in_callback++;
    if (s->inner != NULL) {
        s->events.on_drain(s->data);
    } else {
        s->events.on_end(s->data, LTW_ASR_FATAL, "cannot_open", err.text);
    }
    leave(s);
}


static void
wait_at(stream_t *s, int64_t place, int64_t limit)
{
    engine_t *e = s->engine;

    if (place == s->place || is_shared(s)) {
        return;                 /* a talk that is heard does not wait */
    }
    ltw_count(e->services->metrics, streams_waited, s->place == 0);
    ltw_log(LTW_INFO, "stream_waits", ltw_cstr("session", s->session_id),
        ltw_int("place", place), ltw_int("limit", limit));
    s->place = place;
    e->waiting(e->data, s->session_id, place);
}


static void
on_answer(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    stream_t *s = data;
    int is_given = ltw_reply_int(ltw_reply_at(reply, 0)) == 1;

    (void) err;                 /* ltw_redis.c has said it */
    s->command = 0;
    if (is_given) {
        s->until_wall_ms = ltw_reply_int(ltw_reply_at(reply, 1));
    }
    ltw_timer_start(s->timer, is_given || s->state == ADMISSION_GIVEN
        ? KEEP_MS : ASK_MS);
    if (s->state != ADMISSION_WAITING || reply == NULL) {
        return;
    }
    if (is_given) {
        admitted(s);
    } else {
        wait_at(s, ltw_reply_int(ltw_reply_at(reply, 1)),
            ltw_reply_int(ltw_reply_at(reply, 2)));
    }
}


static void
on_ask(void *data)
{
    stream_t *s = data;
    const ltw_config_t *config = s->engine->services->config;
    char max[24], starts[24];
    lt_str_t arguments[] = {
        { max, (size_t) snprintf(max, sizeof(max), "%lld",
            (long long) config->transcribe_streams_max) },
        { starts, (size_t) snprintf(starts, sizeof(starts), "%lld",
            (long long) config->transcribe_starts_max) },
        LT_STR(KEPT_FOR), lt_str(s->state == ADMISSION_WAITING ? "1" : "0") };

    s->command = run(s, lt_state_quota_take(), arguments, 4, on_answer);
    if (s->command == 0) {
        ltw_timer_start(s->timer, ASK_MS);
    }
}


/* ---- the engine ---- */

static lt_result_t
stream_write(ltw_asr_stream_t *s, lt_str_t pcm)
{
    return s->inner != NULL ? s->engine->inner->write(s->inner, pcm)
        : LT_NOSPACE;
}


static void
stream_finish(ltw_asr_stream_t *s)
{
    if (s->inner != NULL) {
        s->engine->inner->finish(s->inner);
    }
}


static void
stream_close(ltw_asr_stream_t **stream)
{
    stream_t *s = *stream;

    if (s == NULL) {
        return;
    }
    *stream = NULL;
    ltw_redis_cancel(s->engine->services->redis, s->command);
    ltw_timer_free(&s->timer);
    s->engine->inner->close(&s->inner);
    if (!s->comes_again) {
        give_back(s, 0);
    }
    *s->link = s->next;
    if (s->next != NULL) {
        s->next->link = s->link;
    }
    s->state = ADMISSION_RELEASED;
    if (s->in_callback == 0) {
        free(s);
    }
}


static ltw_asr_stream_t *
stream_open(ltw_asr_engine_t *engine, const ltw_asr_options_t *options,
    const ltw_asr_events_t *events, void *data, lt_error_t *err)
{
    engine_t *e = (engine_t *) engine;
    stream_t *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        lt_error_set(err, 0, "no memory for a stream");
        return NULL;
    }
    s->engine = e;
    s->events = *events;
    s->data = data;
    snprintf(s->session_id, sizeof(s->session_id), "%s", options->session_id);
    snprintf(s->language, sizeof(s->language), "%s", options->language);
    snprintf(s->stream_id, sizeof(s->stream_id), "%s", options->stream_id);
    snprintf(s->vocabulary, sizeof(s->vocabulary), "%s", options->vocabulary);
    snprintf(s->trace, sizeof(s->trace), "%s", options->trace);
    snprintf(s->id, sizeof(s->id), "%s", options->place);
    s->asked_at_ms = ltw_loop_now_ms(e->services->loop);
    s->timer = ltw_timer_new(e->services->loop, on_ask, s);
    if (s->timer == NULL) {
        lt_error_set(err, 0, "no memory for a stream");
        free(s);
        return NULL;
    }
    s->next = e->streams;
    s->link = &e->streams;
    if (s->next != NULL) {
        s->next->link = &s->next;
    }
    e->streams = s;
    ltw_timer_start(s->timer, 0);
    return s;
}


ltw_asr_engine_t *
ltw_asr_admission_new(const ltw_services_t *services,
    ltw_asr_engine_t *inner, ltw_asr_waiting_t waiting, void *data)
{
    engine_t *e = calloc(1, sizeof(*e));

    if (e == NULL) {
        return NULL;
    }
    e->base = (ltw_asr_engine_t) { inner->name, stream_open, stream_write,
        stream_finish, stream_close };
    e->services = services;
    e->inner = inner;
    e->waiting = waiting;
    e->data = data;
    return &e->base;
}


void
ltw_asr_admission_free(ltw_asr_engine_t **engine)
{
    free(*engine);
    *engine = NULL;
}
