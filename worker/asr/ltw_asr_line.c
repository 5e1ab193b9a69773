#include "asr/ltw_asr_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asr/ltw_asr_ring.h"
#include "asr/ltw_stream_id.h"
#include "asr/ltw_stream_life.h"
#include "lt_audio_record.h"
#include "ltw_log.h"

#define EVENT_BYTES 3200                        /* 100 ms */
#define BYTES_PER_MS (LT_AUDIO_BYTES_PER_S / 1000)
#define WAITING_MAX ((int64_t) LTW_ASR_WAITING_MAX_MS * BYTES_PER_MS)
#define REPLAY_MAX ((int64_t) LTW_ASR_REPLAY_MAX_MS * BYTES_PER_MS)
#define SILENCE_MS 1000
#define SILENCE_AGAIN_MS 500
#define FATAL_DELAY_MS 30000
#define CONFLICT_DELAY_MS 5000          /* then the talk knows whose it is */
#define OVERLAP_MS 3000                 /* without a word to tell them by */
#define ROTATE_AGAIN_MS 30000
#define FINISH_MAX_MS 15000
#define HEALTHY_AFTER_MS 10000                  /* then the backoff is reset */

typedef enum {
    LINE_IDLE,                  /* no audio yet */
    LINE_RUNNING,               /* a stream is open or opening */
    LINE_WAITING,               /* for the next try; timer */
    LINE_OVER                   /* finished */
} line_state_t;

/* One stream of the engine and how far it was fed. */
typedef struct {
    ltw_asr_line_t *line;
    ltw_asr_stream_t *stream;
    int64_t base;               /* line position of the stream's first byte */
    int64_t sent;               /* position */
    int64_t opened_at_ms;       /* 0: not answered yet */
} feed_t;

struct ltw_asr_line_s {
    const ltw_services_t *services;
    ltw_asr_engine_t *engine;
    ltw_asr_line_events_t events;
    void *data;
    char session_id[80];
    char language[8];
    char stream_id[LTW_STREAM_ID_SIZE];
    char place[LTW_STREAM_ID_SIZE];     /* of all its streams */
    char vocabulary[LTW_VOCABULARY_MAX + 1];
    char trace[LT_TRACE_LEN + 1];

    line_state_t state;
    feed_t feeds[2];
    feed_t *now;                /* whose words count; its sent is the line's */
    feed_t *next;               /* shall take over: while there is a stream */
    unsigned rotations;
    unsigned failures;          /* in a row */
    int is_finishing;           /* finish was called */
    int is_hopeless;            /* the last stream failed for good */
    int is_finish_sent;         /* and the stream was told */

    int64_t written_at_ms;

    ltw_timer_t *retry;         /* WAITING */
    ltw_timer_t *rotate;        /* RUNNING */
    ltw_timer_t *pump;          /* audio goes out on the loop */
    ltw_timer_t *silence;
    ltw_timer_t *finish;

    ltw_asr_ring_t ring;
    int64_t settled;            /* nothing before it is needed again */
};

static int64_t
head(const ltw_asr_line_t *line)
{
    return ltw_asr_ring_head(&line->ring);
}


/* ---- the audio that waits or may have to be sent again ---- */

/* What is skipped takes no time on its stream. */
static void
skip_to(feed_t *feed, int64_t position)
{
    if (feed->sent < position) {
        feed->base += position - feed->sent;
        feed->sent = position;
    }
}


static void
count_dropped(const ltw_asr_line_t *line, int64_t bytes)
{
    ltw_count(line->services->metrics, pcm_bytes_overflow, bytes);
    ltw_log(LTW_WARN, "audio_dropped", ltw_cstr("session", line->session_id),
        ltw_int("bytes", bytes),
        ltw_cstr("reason", "the recogniser does not take it"));
}


static void
trim(ltw_asr_line_t *line, size_t coming)
{
    int64_t sent = line->now->sent;
    int64_t keep = sent - REPLAY_MAX;
    int64_t oldest = head(line) + (int64_t) coming - WAITING_MAX;

    keep = keep < line->settled ? line->settled : keep;
    keep = keep > sent ? sent : keep;
    if (line->next->opened_at_ms == 0) {
        skip_to(line->next, keep);      /* it has to wait for its place */
    } else if (line->next->stream != NULL && keep > line->next->sent) {
        keep = line->next->sent > oldest ? line->next->sent : oldest;
        skip_to(line->next, keep);
    }
    ltw_asr_ring_drop_before(&line->ring, keep);
    if (oldest > sent) {
        count_dropped(line, oldest - sent);
        skip_to(line->now, oldest);
        skip_to(line->next, oldest);
        ltw_asr_ring_drop_before(&line->ring, oldest);
    }
}


static lt_result_t
append(ltw_asr_line_t *line, lt_str_t pcm)
{
    trim(line, pcm.len);
    return ltw_asr_ring_append(&line->ring, pcm);
}


/* ---- towards the stream ---- */

/* The last thing that is done to a line here: its owner may close it. */
static void
over(ltw_asr_line_t *line)
{
    if (line->state != LINE_OVER) {
        line->state = LINE_OVER;
        if (line->now->sent < head(line)) {
            count_dropped(line, head(line) - line->now->sent);
        }
        ltw_timer_stop(line->silence);
        ltw_timer_stop(line->retry);
        ltw_timer_stop(line->rotate);
        ltw_timer_stop(line->finish);
        line->engine->close(&line->now->stream);
        line->engine->close(&line->next->stream);
        line->events.on_over(line->data);
    }
}


static void
feed(ltw_asr_line_t *line, feed_t *f)
{
    char pcm[EVENT_BYTES];
    size_t n;

    while (f->stream != NULL && f->sent < head(line)) {
        n = ltw_asr_ring_read(&line->ring, f->sent, pcm, sizeof(pcm));
        if (line->engine->write(f->stream, (lt_str_t) { pcm, n }) != LT_OK) {
            return;             /* on_drain or on_end will come */
        }
        f->sent += (int64_t) n;
        line->events.on_sent(line->data, n);
    }
}


static void
on_pump(void *data)
{
    ltw_asr_line_t *line = data;

    if (line->is_finishing
        && (line->state == LINE_IDLE
            || (line->state == LINE_WAITING && line->is_hopeless)))
    {
        over(line);
        return;
    }
    if (line->is_finish_sent) {
        return;
    }
    feed(line, line->now);
    feed(line, line->next);
    if (line->is_finishing && line->now->stream != NULL
        && line->now->sent == head(line))
    {
        line->is_finish_sent = 1;
        line->engine->close(&line->next->stream);
        line->engine->finish(line->now->stream);
    }
}


static void
on_drain(void *data)
{
    on_pump(((feed_t *) data)->line);
}


static void
on_silence(void *data)
{
    ltw_asr_line_t *line = data;
    lt_str_t zeros = { NULL, SILENCE_MS * BYTES_PER_MS };
    int64_t now_ms = ltw_loop_now_ms(line->services->loop);

    if (ltw_inflow_is_doubtful(line->services->inflow, now_ms)
        && now_ms - line->written_at_ms < LTW_ASR_SILENCE_AT_LAST_MS)
    {
        ltw_timer_start(line->silence, SILENCE_AGAIN_MS);
        return;
    }
    line->written_at_ms = now_ms;
    ltw_timer_start(line->silence, LTW_ASR_SILENCE_AFTER_MS);
    if (line->state != LINE_RUNNING || line->is_finishing
        || line->now->sent < head(line) || append(line, zeros) != LT_OK)
    {
        return;
    }
    ltw_count(line->services->metrics, silence_sent, 1);
    on_pump(line);
}


/* ---- from the stream ---- */

static void
on_open(void *data)
{
    feed_t *f = data;
    ltw_asr_line_t *line = f->line;

    f->opened_at_ms = ltw_loop_now_ms(line->services->loop);
    line->events.on_stream(line->data);
    ltw_log(LTW_INFO, "stream_opened", ltw_cstr("session", line->session_id),
        ltw_cstr("engine", line->engine->name),
        ltw_cstr("language", line->language),
        ltw_int("rotation", line->rotations + (f == line->next)),
        ltw_int("replayed_ms", (line->now->sent - f->base) / BYTES_PER_MS
            * (f->base < line->now->sent)));
    ltw_timer_start(line->rotate, f == line->next ? OVERLAP_MS
        : ltw_stream_life_ms(line->services));
}


/* The next stream's words count from now on. */
static void
switch_over(ltw_asr_line_t *line)
{
    feed_t *before = line->now;

    line->engine->close(&before->stream);
    line->now = line->next;
    line->next = before;
    line->rotations++;
    line->failures = 0;
    ltw_count(line->services->metrics, streams_rotated, 1);
    ltw_log(LTW_INFO, "stream_rotated", ltw_cstr("session", line->session_id),
        ltw_int("rotation", line->rotations));
    ltw_timer_start(line->rotate, ltw_stream_life_ms(line->services));
    line->events.on_restart(line->data);
}


static void
on_result(void *data, const ltw_asr_result_t *result)
{
    feed_t *f = data;
    ltw_asr_line_t *line = f->line;
    int64_t base_ms = f->base / BYTES_PER_MS;
    ltw_asr_item_t items[LTW_ASR_ITEMS_MAX];
    ltw_asr_result_t moved = *result;

    if (f == line->next) {
        switch_over(line);
    }
    for (size_t i = 0; i < result->items_n; i++) {
        items[i] = result->items[i];
        items[i].start_ms += base_ms;
        items[i].end_ms += base_ms;
    }
    moved.items = items;
    moved.start_ms += base_ms;
    moved.end_ms += base_ms;
    if (!result->is_partial) {
        ltw_asr_line_settled(line, moved.end_ms);
    }
    line->events.on_result(line->data, &moved);
}


static int64_t
retry_delay_ms(ltw_asr_line_t *line, ltw_asr_end_t how)
{
    int64_t delay;

    if (how == LTW_ASR_FATAL) {
        return FATAL_DELAY_MS;
    }
    if (how == LTW_ASR_CONFLICT) {
        return CONFLICT_DELAY_MS;
    }
    delay = lt_aws_retry_delay_ms(
        how == LTW_ASR_THROTTLED ? LT_AWS_THROTTLE : LT_AWS_TRANSIENT,
        line->failures, ltw_loop_random(line->services->loop));
    return delay < 50 ? 50 : delay;
}


/* 1: there is another stream, which goes on. */
static int
end_one_of_two(ltw_asr_line_t *line, feed_t *f, const char *code,
    const char *text)
{
    if (f == line->now
        && (line->next->opened_at_ms == 0 || line->is_finish_sent))
    {
        line->engine->close(&line->next->stream);
    }
    if (line->next->stream == NULL && f == line->now) {
        return 0;
    }
    ltw_log(LTW_WARN, "stream_failed", ltw_cstr("session", line->session_id),
        ltw_cstr("code", code), ltw_cstr("message", text),
        ltw_cstr("hint", "another stream goes on"));
    if (f == line->now) {
        switch_over(line);
    } else {
        line->engine->close(&f->stream);
        ltw_timer_start(line->rotate, ROTATE_AGAIN_MS);
    }
    return 1;
}


static void
on_end(void *data, ltw_asr_end_t how, const char *code, const char *text)
{
    feed_t *f = data;
    ltw_asr_line_t *line = f->line;
    int64_t now_ms = ltw_loop_now_ms(line->services->loop);
    int64_t lived_ms = f->opened_at_ms == 0 ? 0 : now_ms - f->opened_at_ms;
    int64_t delay_ms;

    if (how != LTW_ASR_COMPLETE && end_one_of_two(line, f, code, text)) {
        return;
    }
    line->engine->close(&f->stream);
    if (how == LTW_ASR_COMPLETE) {
        ltw_log(LTW_INFO, "stream_closed",
            ltw_cstr("session", line->session_id),
            ltw_int("lived_ms", lived_ms));
        over(line);
        return;
    }
    line->failures = lived_ms >= HEALTHY_AFTER_MS ? 1 : line->failures + 1;
    delay_ms = retry_delay_ms(line, how);
    line->is_hopeless = how == LTW_ASR_FATAL;
    ltw_log(how == LTW_ASR_FATAL ? LTW_ERROR : LTW_WARN, "stream_failed",
        ltw_cstr("session", line->session_id), ltw_cstr("code", code),
        ltw_cstr("message", text), ltw_cstr("hint", ltw_aws_hint(400, code)),
        ltw_int("lived_ms", lived_ms), ltw_int("retry_ms", delay_ms));
    if (line->is_finishing && how == LTW_ASR_FATAL) {
        over(line);             /* it would be the same in 30 s */
        return;
    }
    line->state = LINE_WAITING;
    ltw_timer_stop(line->rotate);
    ltw_timer_start(line->retry, delay_ms);
}


/* ---- opening ---- */

/* Where a new stream has to begin. */
static int64_t
replay_from(const ltw_asr_line_t *line)
{
    int64_t sent = line->now->sent, from = sent - REPLAY_MAX;

    from = from > line->settled ? from : line->settled;
    from = from < sent ? from : sent;
    return from > line->ring.base ? from : line->ring.base;
}


/* 0: it cannot even start (logged). */
static int
open_feed(ltw_asr_line_t *line, feed_t *f)
{
    static const ltw_asr_events_t events = { on_open, on_result, on_drain,
        on_end };
    ltw_asr_options_t options = { line->session_id, line->language,
        line->stream_id, line->place, line->vocabulary, line->trace };
    lt_error_t err = { 0 };

    f->base = replay_from(line);
    f->sent = f->base;
    f->opened_at_ms = 0;
    ltw_stream_id(line->stream_id, line->session_id,
        line->rotations + (f == line->next));
    f->stream = line->engine->open(line->engine, &options, &events, f, &err);
    if (f->stream == NULL) {
        ltw_log(LTW_ERROR, "stream_failed",
            ltw_cstr("session", line->session_id),
            ltw_cstr("code", "cannot_open"), ltw_cstr("message", err.text),
            ltw_int("retry_ms", FATAL_DELAY_MS));
        return 0;
    }
    ltw_timer_start(line->pump, 0);
    return 1;
}


static void
open_stream(ltw_asr_line_t *line)
{
    line->is_finish_sent = 0;
    line->state = LINE_RUNNING;
    if (!open_feed(line, line->now)) {
        line->state = LINE_WAITING;
        ltw_timer_start(line->retry, FATAL_DELAY_MS);
    }
}


/* It is time for another stream; or there is one that has nothing to say. */
static void
on_rotate(void *data)
{
    ltw_asr_line_t *line = data;

    if (line->state != LINE_RUNNING || line->is_finishing) {
        return;
    }
    if (line->next->stream == NULL
        && ltw_stream_lacks_keys(line->services,
               ltw_loop_now_ms(line->services->loop)
               - line->now->opened_at_ms))
    {
        ltw_timer_start(line->rotate, LTW_STREAM_LIFE_MIN_MS);
    } else if (line->next->stream == NULL) {
        if (!open_feed(line, line->next)) {
            ltw_timer_start(line->rotate, ROTATE_AGAIN_MS);
        }
    } else if (line->next->sent == head(line)) {
        switch_over(line);
    } else {
        ltw_timer_start(line->rotate, OVERLAP_MS);
    }
}


static void
on_retry(void *data)
{
    ltw_asr_line_t *line = data;

    if (line->is_finishing && replay_from(line) == head(line)) {
        over(line);
        return;
    }
    line->events.on_restart(line->data);
    open_stream(line);
}


static void
on_finish_timeout(void *data)
{
    ltw_asr_line_t *line = data;

    ltw_log(LTW_WARN, "stream_closed", ltw_cstr("session", line->session_id),
        ltw_cstr("reason", "the end took too long"));
    over(line);
}


ltw_asr_line_t *
ltw_asr_line_open(const ltw_services_t *services, ltw_asr_engine_t *engine,
    const ltw_asr_line_options_t *options,
    const ltw_asr_line_events_t *events, void *data)
{
    ltw_asr_line_t *line = calloc(1, sizeof(*line));

    if (line == NULL) {
        return NULL;
    }
    line->services = services;
    line->engine = engine;
    line->events = *events;
    line->data = data;
    snprintf(line->session_id, sizeof(line->session_id), "%s",
        options->session_id);
    snprintf(line->language, sizeof(line->language), "%s", options->language);
    snprintf(line->vocabulary, sizeof(line->vocabulary), "%s",
        options->vocabulary);
    snprintf(line->trace, sizeof(line->trace), "%s", options->trace);
    ltw_stream_id(line->place, line->session_id, 0);
    line->feeds[0].line = line->feeds[1].line = line;
    line->now = &line->feeds[0];
    line->next = &line->feeds[1];
    line->rotate = ltw_timer_new(services->loop, on_rotate, line);
    line->retry = ltw_timer_new(services->loop, on_retry, line);
    line->pump = ltw_timer_new(services->loop, on_pump, line);
    line->silence = ltw_timer_new(services->loop, on_silence, line);
    line->finish = ltw_timer_new(services->loop, on_finish_timeout, line);
    if (line->retry == NULL || line->rotate == NULL || line->pump == NULL || line->silence == NULL
        || line->finish == NULL)
    {
        ltw_asr_line_close(&line);
    }
    return line;
}


lt_result_t
ltw_asr_line_write(ltw_asr_line_t *line, lt_str_t pcm)
{
    if (line->is_finishing || line->state == LINE_OVER) {
        return LT_ERROR;
    }
    if (pcm.len == 0) {
        return LT_OK;
    }
    if (append(line, pcm) != LT_OK) {
        return LT_ERROR;
    }
    ltw_count(line->services->metrics, pcm_bytes_fed, pcm.len);
    line->written_at_ms = ltw_loop_now_ms(line->services->loop);
    ltw_timer_start(line->silence, LTW_ASR_SILENCE_AFTER_MS);
    if (line->state == LINE_IDLE) {
        open_stream(line);
    } else {
        ltw_timer_start(line->pump, 0);
    }
    return LT_OK;
}


int64_t
ltw_asr_line_position_ms(const ltw_asr_line_t *line)
{
    return head(line) / BYTES_PER_MS;
}


void
ltw_asr_line_settled(ltw_asr_line_t *line, int64_t position_ms)
{
    int64_t end = position_ms * BYTES_PER_MS;

    end = end < line->now->sent ? end : line->now->sent;
    if (end > line->settled) {
        line->settled = end;
        trim(line, 0);
    }
}


int64_t
ltw_asr_line_fed_ms(const ltw_asr_line_t *line)
{
    return (line->now->stream != NULL && line->now->opened_at_ms != 0
        ? line->now->sent : line->ring.base) / BYTES_PER_MS;
}


void
ltw_asr_line_finish(ltw_asr_line_t *line)
{
    if (line->is_finishing || line->state == LINE_OVER) {
        return;
    }
    line->is_finishing = 1;
    ltw_timer_stop(line->silence);
    ltw_timer_start(line->finish, FINISH_MAX_MS);
    ltw_timer_start(line->pump, 0);
}


void
ltw_asr_line_close(ltw_asr_line_t **line)
{
    ltw_asr_line_t *l = *line;

    if (l == NULL) {
        return;
    }
    *line = NULL;
    l->engine->close(&l->now->stream);
    l->engine->close(&l->next->stream);
    ltw_timer_free(&l->retry);
    ltw_timer_free(&l->rotate);
    ltw_timer_free(&l->pump);
    ltw_timer_free(&l->silence);
    ltw_timer_free(&l->finish);
    ltw_asr_ring_deinit(&l->ring);
    free(l);
}
