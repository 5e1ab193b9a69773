#include "asr/ltw_asr_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt_audio_record.h"
#include "ltw_log.h"

#define EVENT_BYTES 3200                        /* 100 ms */
#define BYTES_PER_MS (LT_AUDIO_BYTES_PER_S / 1000)
#define WAITING_MAX ((int64_t) LTW_ASR_WAITING_MAX_MS * BYTES_PER_MS)
#define REPLAY_MAX ((int64_t) LTW_ASR_REPLAY_MAX_MS * BYTES_PER_MS)
#define SILENCE_MS 1000
#define SILENCE_AGAIN_MS 500
#define FATAL_DELAY_MS 30000
#define FINISH_MAX_MS 15000
#define HEALTHY_AFTER_MS 10000                  /* then the backoff is reset */

typedef enum {
    LINE_IDLE,                  /* no audio yet */
    LINE_RUNNING,               /* a stream is open or opening */
    LINE_WAITING,               /* for the next try; timer */
    LINE_OVER                   /* finished */
} line_state_t;

struct ltw_asr_line_s {
    const ltw_services_t *services;
    ltw_asr_engine_t *engine;
    ltw_asr_line_events_t events;
    void *data;
    char session_id[80];
    char language[8];
    char stream_id[37];

    line_state_t state;
    ltw_asr_stream_t *stream;
    int64_t stream_base;        /* line position of the stream's first byte */
    int64_t replayed_ms;        /* audio that the one before had too */
    int64_t opened_at_ms;       /* 0: not answered yet */
    unsigned failures;          /* in a row */
    int is_finishing;           /* finish was called */
    int is_finish_sent;         /* and the stream was told */

    int64_t written_at_ms;

    ltw_timer_t *retry;         /* WAITING */
    ltw_timer_t *pump;          /* audio goes out on the loop */
    ltw_timer_t *silence;
    ltw_timer_t *finish;

    uint8_t *audio;             /* positions base..base + len */
    size_t size;
    size_t len;
    int64_t base;
    int64_t sent;               /* position */
    int64_t settled;            /* nothing before it is needed again */
};

static void open_stream(ltw_asr_line_t *line);


static int64_t
head(const ltw_asr_line_t *line)
{
    return line->base + (int64_t) line->len;
}


/* ---- the audio that waits or may have to be sent again ---- */

static void
drop_before(ltw_asr_line_t *line, int64_t position)
{
    size_t n;

    if (position <= line->base) {
        return;
    }
    n = (size_t) (position - line->base);
    memmove(line->audio, line->audio + n, line->len - n);
    line->len -= n;
    line->base = position;
}


static void
trim(ltw_asr_line_t *line, size_t coming)
{
    int64_t keep = line->sent - REPLAY_MAX;
    int64_t oldest = head(line) + (int64_t) coming - WAITING_MAX;

    if (keep < line->settled) {
        keep = line->settled;
    }
    if (keep > line->sent) {
        keep = line->sent;
    }
    /* Moving bytes for every record would cost more than they are worth. */
    if (keep - line->base > 4 * LT_AUDIO_BYTES_PER_S) {
        drop_before(line, keep);
    }
    if (oldest > line->sent) {
        ltw_count(line->services->metrics, pcm_bytes_overflow,
            oldest - line->sent);
        ltw_log(LTW_WARN, "audio_dropped",
            ltw_cstr("session", line->session_id),
            ltw_int("bytes", oldest - line->sent),
            ltw_cstr("reason", "the recogniser does not take it"));
        line->stream_base += oldest - line->sent;   /* what is skipped */
        line->sent = oldest;
        drop_before(line, oldest);
    }
}


static lt_result_t
append(ltw_asr_line_t *line, lt_str_t pcm)
{
    size_t size = line->size > 0 ? line->size : 128 * 1024;
    uint8_t *grown;

    trim(line, pcm.len);
    while (size < line->len + pcm.len) {
        size *= 2;
    }
    if (size > line->size) {
        grown = realloc(line->audio, size);
        if (grown == NULL) {
            return LT_ERROR;
        }
        line->audio = grown;
        line->size = size;
    }
    if (pcm.data != NULL) {
        memcpy(line->audio + line->len, pcm.data, pcm.len);
    } else {
        memset(line->audio + line->len, 0, pcm.len);
    }
    line->len += pcm.len;
    return LT_OK;
}


/* ---- towards the stream ---- */

/* The last thing that is done to a line here: its owner may close it. */
static void
over(ltw_asr_line_t *line)
{
    if (line->state != LINE_OVER) {
        line->state = LINE_OVER;
        ltw_timer_stop(line->silence);
        ltw_timer_stop(line->retry);
        ltw_timer_stop(line->finish);
        line->engine->close(&line->stream);
        line->events.on_over(line->data);
    }
}


static void
on_pump(void *data)
{
    ltw_asr_line_t *line = data;
    size_t at, n;

    if (line->is_finishing && line->state == LINE_IDLE) {
        over(line);
        return;
    }
    while (line->stream != NULL && !line->is_finish_sent
           && line->sent < head(line))
    {
        at = (size_t) (line->sent - line->base);
        n = line->len - at;
        n = n < EVENT_BYTES ? n : EVENT_BYTES;
        if (line->engine->write(line->stream,
                (lt_str_t) { (const char *) line->audio + at, n }) != LT_OK)
        {
            return;             /* on_drain or on_end will come */
        }
        line->sent += (int64_t) n;
    }
    if (line->is_finishing && line->stream != NULL && !line->is_finish_sent) {
        line->is_finish_sent = 1;
        line->engine->finish(line->stream);
    }
}


static void
on_drain(void *data)
{
    on_pump(data);
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
        || line->sent < head(line) || append(line, zeros) != LT_OK)
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
    ltw_asr_line_t *line = data;

    line->opened_at_ms = ltw_loop_now_ms(line->services->loop);
    ltw_log(LTW_INFO, "stream_opened", ltw_cstr("session", line->session_id),
        ltw_cstr("engine", line->engine->name),
        ltw_cstr("language", line->language),
        ltw_int("replayed_ms", line->replayed_ms));
}


static void
on_result(void *data, const ltw_asr_result_t *result)
{
    ltw_asr_line_t *line = data;
    int64_t base_ms = line->stream_base / BYTES_PER_MS;
    ltw_asr_item_t items[LTW_ASR_ITEMS_MAX];
    ltw_asr_result_t moved = *result;

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
    delay = lt_aws_retry_delay_ms(
        how == LTW_ASR_THROTTLED ? LT_AWS_THROTTLE : LT_AWS_TRANSIENT,
        line->failures, ltw_loop_random(line->services->loop));
    return delay < 50 ? 50 : delay;
}


static void
on_end(void *data, ltw_asr_end_t how, const char *code, const char *text)
{
    ltw_asr_line_t *line = data;
    int64_t now_ms = ltw_loop_now_ms(line->services->loop);
    int64_t lived_ms = line->opened_at_ms == 0 ? 0
        : now_ms - line->opened_at_ms;
    int64_t delay_ms;

    line->engine->close(&line->stream);
    if (how == LTW_ASR_COMPLETE) {
        ltw_log(LTW_INFO, "stream_closed",
            ltw_cstr("session", line->session_id),
            ltw_int("lived_ms", lived_ms));
        over(line);
        return;
    }
    line->failures = lived_ms >= HEALTHY_AFTER_MS ? 1 : line->failures + 1;
    delay_ms = retry_delay_ms(line, how);
    ltw_log(how == LTW_ASR_FATAL ? LTW_ERROR : LTW_WARN, "stream_failed",
        ltw_cstr("session", line->session_id), ltw_cstr("code", code),
        ltw_cstr("message", text), ltw_cstr("hint", ltw_aws_hint(400, code)),
        ltw_int("lived_ms", lived_ms), ltw_int("retry_ms", delay_ms));
    if (line->is_finishing && how == LTW_ASR_FATAL) {
        over(line);             /* it would be the same in 30 s */
        return;
    }
    line->state = LINE_WAITING;
    ltw_timer_start(line->retry, delay_ms);
}


/* ---- opening ---- */

/* Where a new stream has to begin. */
static int64_t
replay_from(const ltw_asr_line_t *line)
{
    int64_t from = line->sent - REPLAY_MAX;

    from = from > line->settled ? from : line->settled;
    from = from < line->sent ? from : line->sent;
    return from > line->base ? from : line->base;
}


static void
open_stream(ltw_asr_line_t *line)
{
    static const ltw_asr_events_t events = { on_open, on_result, on_drain,
        on_end };
    ltw_asr_options_t options = { line->language, line->stream_id };
    lt_error_t err = { 0 };

    line->opened_at_ms = 0;
    line->is_finish_sent = 0;
    line->stream_base = replay_from(line);
    line->replayed_ms = (line->sent - line->stream_base) / BYTES_PER_MS;
    line->sent = line->stream_base;
    line->state = LINE_RUNNING;
    line->stream = line->engine->open(line->engine, &options, &events, line,
        &err);
    if (line->stream == NULL) {
        line->state = LINE_WAITING;
        ltw_log(LTW_ERROR, "stream_failed",
            ltw_cstr("session", line->session_id),
            ltw_cstr("code", "cannot_open"), ltw_cstr("message", err.text),
            ltw_int("retry_ms", FATAL_DELAY_MS));
        ltw_timer_start(line->retry, FATAL_DELAY_MS);
        return;
    }
    ltw_timer_start(line->pump, 0);
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


/* A random UUID, version 4. */
static void
stream_id_make(ltw_asr_line_t *line)
{
    uint8_t b[16];

    for (size_t i = 0; i < sizeof(b); i++) {
        b[i] = (uint8_t) (ltw_loop_random(line->services->loop) * 256);
    }
    b[6] = (uint8_t) ((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t) ((b[8] & 0x3f) | 0x80);
    snprintf(line->stream_id, sizeof(line->stream_id),
        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
        b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
        b[11], b[12], b[13], b[14], b[15]);
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
    stream_id_make(line);
    line->retry = ltw_timer_new(services->loop, on_retry, line);
    line->pump = ltw_timer_new(services->loop, on_pump, line);
    line->silence = ltw_timer_new(services->loop, on_silence, line);
    line->finish = ltw_timer_new(services->loop, on_finish_timeout, line);
    if (line->retry == NULL || line->pump == NULL || line->silence == NULL
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


int
ltw_asr_line_is_sent(const ltw_asr_line_t *line)
{
    return line->sent == head(line);
}


void
ltw_asr_line_settled(ltw_asr_line_t *line, int64_t position_ms)
{
    int64_t end = position_ms * BYTES_PER_MS;

    end = end < line->sent ? end : line->sent;
    line->settled = end > line->settled ? end : line->settled;
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
    l->engine->close(&l->stream);
    ltw_timer_free(&l->retry);
    ltw_timer_free(&l->pump);
    ltw_timer_free(&l->silence);
    ltw_timer_free(&l->finish);
    if (l->audio != NULL) {
        explicit_bzero(l->audio, l->size);
        free(l->audio);
    }
    free(l);
}
