#include "asr/ltw_asr_transcribe.h"

#include <stdlib.h>
#include <string.h>

#include "asr/ltw_transcribe_request.h"
#include "asr/ltw_transcript.h"
#include "edge/ltw_bytes.h"
#include "edge/ltw_h2.h"
#include "lt_eventsign.h"
#include "lt_eventstream.h"
#include "lt_json.h"
#include "lt_language.h"
#include "ltw_log.h"

#define AUDIO_EVENT_MAX 32000           /* bytes of PCM, 1 s: AudioEvent */
#define ANSWER_MAX (1024 * 1024)        /* one event */
#define CONNECT_TIMEOUT_MS 5000
#define OPEN_TIMEOUT_MS 10000           /* until the answer's headers */
#define FINISH_TIMEOUT_MS 20000          /* the line gives up before */

typedef enum {
    STREAM_OPENING, STREAM_OPEN,
    STREAM_FINISHING,           /* the end frame is to be sent, or was */
    STREAM_OVER,                /* on_end was called */
    STREAM_RELEASED             /* freed when no callback is running */
} stream_state_t;

typedef struct {
    ltw_asr_engine_t base;
    const ltw_services_t *services;
    ltw_tls_context_t *tls;
} engine_t;

struct ltw_asr_stream_s {
    engine_t *engine;
    ltw_asr_events_t events;
    void *data;
    stream_state_t state;
    unsigned in_callback;
    ltw_h2_t *h2;
    ltw_timer_t *timer;         /* opening, finishing */
    lt_eventsign_t signer;
    int status;                 /* HTTP; 0 = no answer yet */
    int has_ended;              /* the end frame was handed to HTTP/2 */

    ltw_bytes_t in;             /* an incomplete event, or an error's body */
};

typedef ltw_asr_stream_t stream_t;


/* ---- the end of a stream ---- */

static void
shut(stream_t *s)
{
    ltw_metrics_t *metrics = s->engine->services->metrics;

    if (s->state >= STREAM_OVER) {
        return;
    }
    s->state = STREAM_OVER;
    ltw_h2_close(&s->h2);
    ltw_timer_free(&s->timer);
    ltw_bytes_clear(&s->in);
    explicit_bzero(&s->signer, sizeof(s->signer));
    ltw_gauge(metrics, streams_live, metrics->streams_live - 1);
}


static void
leave(stream_t *s)
{
    if (--s->in_callback == 0 && s->state == STREAM_RELEASED) {
        free(s);
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
    shut(s);
    s->state = STREAM_RELEASED;
    if (s->in_callback == 0) {
        free(s);
    }
}


/* Between ++in_callback and leave. */
static void
end(stream_t *s, ltw_asr_end_t how, const char *code, const char *text)
{
    if (s->state >= STREAM_OVER) {
        return;
    }
    if (how != LTW_ASR_COMPLETE) {
        ltw_count(s->engine->services->metrics, streams_failed, 1);
    }
    shut(s);
    s->events.on_end(s->data, how, code, text);
}


/* An error that AWS has a name for. */
static void
end_by_code(stream_t *s, int status, const char *code, const char *text)
{
    ltw_asr_end_t how = LTW_ASR_FATAL;

    switch (lt_aws_classify(status, code)) {
    case LT_AWS_TRANSIENT:
    case LT_AWS_SKEW:                   /* the call layer learns the time */
        how = LTW_ASR_TRANSIENT;
        break;
    case LT_AWS_THROTTLE:
        how = LTW_ASR_THROTTLED;
        break;
    case LT_AWS_EXPIRED:
        ltw_aws_keys_refresh(s->engine->services->aws);
        how = LTW_ASR_TRANSIENT;
        break;
    case LT_AWS_FATAL:
        break;
    }
    /* Both come as BadRequestException and are cured by a new stream. */
    if (strstr(text, "no new audio was received") != NULL) {
        how = LTW_ASR_TRANSIENT;
    } else if (strstr(text, "security token") != NULL
               && strstr(text, "expired") != NULL)
    {
        ltw_aws_keys_refresh(s->engine->services->aws);
        how = LTW_ASR_TRANSIENT;
    }
    if (strcmp(code, "ConflictException") == 0) {
        how = LTW_ASR_CONFLICT;
    }
    end(s, how, code, text);
}


/* {"Message":"…"} as a C string; not JSON: "". */
static void
message_text(char *text, size_t size, lt_str_t body)
{
    lt_json_t *doc = NULL;
    lt_str_t message = { NULL, 0 };

    text[0] = '\0';
    if (lt_json_parse(&doc, body, ANSWER_MAX, NULL) == LT_OK
        && (lt_json_string(doc, "Message", &message)
            || lt_json_string(doc, "message", &message)))
    {
        size_t n = message.len < size ? message.len : size - 1;

        memcpy(text, message.data, n);
        text[n] = '\0';
    }
    lt_json_free(&doc);
}


/* ---- what the server says ---- */

static void
on_transcript(stream_t *s, lt_str_t payload)
{
    ltw_transcript_t *transcript = NULL;
    lt_error_t err = { 0 };

    if (ltw_transcript_parse(&transcript, payload, &err) != LT_OK) {
        end(s, LTW_ASR_TRANSIENT, "bad_transcript_event", err.text);
        return;
    }
    for (size_t i = 0; i < ltw_transcript_size(transcript); i++) {
        if (s->state >= STREAM_OVER) {
            break;
        }
        s->events.on_result(s->data, ltw_transcript_at(transcript, i));
    }
    ltw_transcript_free(&transcript);
}


static void
on_event(stream_t *s, const lt_event_t *event)
{
    lt_str_t kind = lt_event_string(event, ":message-type");
    lt_str_t name = lt_event_string(event, ":event-type");
    char code[80], text[200];

    if (lt_str_is(kind, "event")) {
        if (lt_str_is(name, "TranscriptEvent")) {
            on_transcript(s, event->payload);
        }
        return;                 /* events of a later API are not for us */
    }
    if (lt_str_is(kind, "error")) {
        name = lt_event_string(event, ":error-code");
    } else if (lt_event_string(event, ":exception-type").len > 0) {
        name = lt_event_string(event, ":exception-type");
    }
    lt_aws_error_code(code, sizeof(code), name, event->payload);
    message_text(text, sizeof(text), event->payload);
    end_by_code(s, 400, code[0] != '\0' ? code : "unknown_exception", text);
}


/* 0: no room, and the stream is at its end. */
static int
in_append(stream_t *s, const uint8_t *bytes, size_t len)
{
    if (ltw_bytes_waiting(&s->in) + len > 2 * ANSWER_MAX
        || ltw_bytes_add(&s->in, bytes, len) != LT_OK)
    {
        end(s, LTW_ASR_TRANSIENT, "answer_too_large", "");
        return 0;
    }
    return 1;
}


/* How many bytes were whole events.  The stream may be at its end then: in is
   gone. */
static size_t
decode_events(stream_t *s, const uint8_t *bytes, size_t len)
{
    lt_error_t err = { 0 };
    lt_result_t rc = LT_OK;
    lt_event_t event;
    size_t consumed;
    size_t pos = 0;

    while (s->state < STREAM_OVER && pos < len) {
        rc = lt_event_decode(&event, &consumed, bytes + pos, len - pos,
            ANSWER_MAX, &err);
        if (rc != LT_OK) {
            break;
        }
        on_event(s, &event);
        pos += consumed;
    }
    if (rc < 0) {
        end(s, LTW_ASR_TRANSIENT, "bad_event_stream", err.text);
    }
    return pos;
}


/* Events mostly come whole: these are read where they are. */
static void
take_events(stream_t *s, const uint8_t *bytes, size_t len)
{
    size_t n;

    if (ltw_bytes_waiting(&s->in) == 0) {
        n = decode_events(s, bytes, len);
        if (s->state < STREAM_OVER && n < len) {
            (void) in_append(s, bytes + n, len - n);
        }
    } else if (in_append(s, bytes, len)) {
        n = decode_events(s, ltw_bytes_first(&s->in),
            ltw_bytes_waiting(&s->in));
        if (s->state < STREAM_OVER) {
            ltw_bytes_taken(&s->in, n);
        }
    }
}


static void
on_h2_headers(void *data, int status)
{
    stream_t *s = data;

    s->in_callback++;
    s->status = status;
    if (status == 200 && s->state == STREAM_OPENING) {
        s->state = STREAM_OPEN;
        ltw_timer_stop(s->timer);
    }
    if (status == 200) {
        s->events.on_open(s->data);
    }
    leave(s);
}


static void
on_h2_body(void *data, const uint8_t *bytes, size_t len)
{
    stream_t *s = data;

    s->in_callback++;
    if (s->status == 200) {
        take_events(s, bytes, len);
    } else {
        (void) in_append(s, bytes, len);
    }
    leave(s);
}


static void
refused(stream_t *s)
{
    lt_str_t body = ltw_bytes_str(&s->in);
    char code[80], text[200];

    lt_aws_error_code(code, sizeof(code),
        ltw_h2_header(s->h2, "x-amzn-errortype"), body);
    message_text(text, sizeof(text), body);
    end_by_code(s, s->status, code[0] != '\0' ? code : "http_error", text);
}


static void
on_h2_close(void *data, const lt_error_t *err)
{
    stream_t *s = data;

    s->in_callback++;
    if (s->status != 0 && s->status != 200) {
        refused(s);
    } else if (err->code == LTW_TLS_UNTRUSTED) {
        end(s, LTW_ASR_FATAL, "untrusted_certificate", err->text);
    } else if (err->text[0] != '\0') {
        end(s, LTW_ASR_TRANSIENT, s->status == 0 ? "cannot_connect"
            : "connection_lost", err->text);
    } else if (s->has_ended && ltw_bytes_waiting(&s->in) == 0) {
        end(s, LTW_ASR_COMPLETE, "", "");
    } else {
        end(s, LTW_ASR_TRANSIENT, "ended_early",
            "the server ended the stream before its time");
    }
    leave(s);
}


static void
on_timeout(void *data)
{
    stream_t *s = data;

    s->in_callback++;
    if (s->state == STREAM_OPENING) {
        end(s, LTW_ASR_TRANSIENT, "open_timeout", "no answer");
    } else {
        end(s, LTW_ASR_TRANSIENT, "finish_timeout",
            "the server did not end the stream");
    }
    leave(s);
}


/* ---- what we say ---- */

/* LT_NOSPACE leaves the signature chain as it was. */
static lt_result_t
send_event(stream_t *s, lt_str_t pcm)
{
    uint8_t scratch[AUDIO_EVENT_MAX + 104];
    uint8_t frame[AUDIO_EVENT_MAX + LT_EVENTSIGN_AUDIO_OVERHEAD];
    int64_t time_ms = ltw_aws_time_ms(s->engine->services->aws);
    lt_eventsign_t before = s->signer;
    lt_result_t rc;
    lt_out_t out;

    lt_out_init(&out, frame, sizeof(frame));
    rc = pcm.len > 0
        ? lt_eventsign_audio(&s->signer, &out, pcm, time_ms, scratch,
            sizeof(scratch))
        : lt_eventsign_frame(&s->signer, &out, pcm, time_ms);
    if (rc == LT_OK) {
        rc = ltw_h2_write(s->h2, frame, lt_out_len(&out));
        if (rc != LT_OK) {
            s->signer = before;
        }
    }
    explicit_bzero(&before, sizeof(before));
    return rc;
}


static lt_result_t
stream_write(ltw_asr_stream_t *s, lt_str_t pcm)
{
    if (s->state > STREAM_OPEN || pcm.len == 0) {
        return pcm.len == 0 ? LT_OK : LT_ERROR;
    }
    if (pcm.len > AUDIO_EVENT_MAX) {
        return LT_TOOBIG;
    }
    return send_event(s, pcm);
}


static void
send_end(stream_t *s)
{
    if (!s->has_ended && send_event(s, (lt_str_t) { NULL, 0 }) == LT_OK) {
        s->has_ended = 1;
        ltw_h2_end(s->h2);
    }
}


static void
on_h2_drain(void *data)
{
    stream_t *s = data;

    s->in_callback++;
    if (s->state == STREAM_FINISHING) {
        send_end(s);
    } else {
        s->events.on_drain(s->data);
    }
    leave(s);
}


static void
stream_finish(ltw_asr_stream_t *s)
{
    if (s->state < STREAM_FINISHING) {
        s->state = STREAM_FINISHING;
        ltw_timer_start(s->timer, FINISH_TIMEOUT_MS);
        send_end(s);
    }
}


/* ---- opening ---- */

static lt_result_t
connect_signed(stream_t *s, const ltw_asr_options_t *o, lt_error_t *err)
{
    static const ltw_h2_events_t h2_events = { on_h2_headers, on_h2_body,
        on_h2_drain, on_h2_close, NULL };
    const ltw_services_t *services = s->engine->services;
    const ltw_aws_endpoint_t *endpoint = ltw_aws_endpoint(services->aws,
        LTW_AWS_TRANSCRIBE);
    ltw_transcribe_request_t request;
    ltw_trace_t trace;
    ltw_transcribe_options_t options = { lt_str(endpoint->authority),
        lt_str(services->config->aws_region),
        lt_str(lt_language_transcribe(lt_str(o->language))),
        lt_str(o->stream_id), ltw_aws_keys(services->aws),
        ltw_aws_time_ms(services->aws) / 1000, lt_str(o->vocabulary) };
    ltw_h2_options_t h2 = { endpoint->host, endpoint->port,
        !endpoint->is_tls, CONNECT_TIMEOUT_MS, LT_STR("POST"),
        options.authority, LT_STR(LTW_TRANSCRIBE_PATH), request.headers, 0 };

    if (options.language.len == 0) {
        lt_error_set(err, 0, "no speech recognition for language \"%s\"",
            o->language);
        return LT_INVALID;
    }
    if (options.keys.access_key.len == 0) {
        lt_error_set(err, 0, "there are no AWS keys now");
        return LT_ERROR;
    }
    if (ltw_transcribe_request(&request, &options) != LT_OK
        || lt_eventsign_init(&s->signer, options.keys.secret_key,
            options.region, LT_STR("transcribe"), request.seed) != LT_OK)
    {
        lt_error_set(err, 0, "the request cannot be signed");
        return LT_ERROR;
    }
    ltw_trace_request(&trace, o->trace);
    memcpy(request.headers + request.headers_n, trace.headers,
        trace.headers_n * sizeof(trace.headers[0]));
    h2.headers_n = request.headers_n + trace.headers_n;
    s->h2 = ltw_h2_open(services->loop, s->engine->tls, &h2, &h2_events, s,
        err);
    explicit_bzero(&request, sizeof(request));
    return s->h2 != NULL ? LT_OK : LT_ERROR;
}


static ltw_asr_stream_t *
stream_open(ltw_asr_engine_t *engine, const ltw_asr_options_t *options,
    const ltw_asr_events_t *events, void *data, lt_error_t *err)
{
    engine_t *e = (engine_t *) engine;
    ltw_metrics_t *metrics = e->services->metrics;
    stream_t *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        lt_error_set(err, 0, "no memory for a stream");
        return NULL;
    }
    s->engine = e;
    s->events = *events;
    s->data = data;
    ltw_gauge(metrics, streams_live, metrics->streams_live + 1);
    s->timer = ltw_timer_new(e->services->loop, on_timeout, s);
    if (s->timer == NULL || connect_signed(s, options, err) != LT_OK) {
        stream_close(&s);
        return NULL;
    }
    ltw_timer_start(s->timer, OPEN_TIMEOUT_MS);
    ltw_count(metrics, streams_opened, 1);
    ltw_count_call(metrics, "transcribe", "StartStreamTranscription");
    return s;
}


ltw_asr_engine_t *
ltw_asr_transcribe_new(const ltw_services_t *services, lt_error_t *err)
{
    engine_t *e = calloc(1, sizeof(*e));

    if (e == NULL) {
        lt_error_set(err, 0, "no memory for the recogniser");
        return NULL;
    }
    e->base = (ltw_asr_engine_t) { "transcribe", stream_open, stream_write,
        stream_finish, stream_close };
    e->services = services;
    e->tls = ltw_tls_context_new(services->config->tls_ca_file, err);
    if (e->tls == NULL) {
        free(e);
        return NULL;
    }
    return &e->base;
}


void
ltw_asr_transcribe_free(ltw_asr_engine_t **engine)
{
    engine_t *e = (engine_t *) *engine;

    if (e != NULL) {
        ltw_tls_context_free(&e->tls);
        free(e);
        *engine = NULL;
    }
}
