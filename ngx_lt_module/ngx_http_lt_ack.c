#include "ngx_http_lt_ack.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_connection.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_talk.h"

#include "lt_audio_record.h"
#include "lt_message.h"

/* 2^53: what a number in JavaScript can count. */
#define LT_ACK_NUMBER_MAX ((uint64_t) 1 << 53)

/* Of what lt_audio_buffer holds: the rest is for what is said meanwhile. */
#define LT_ACK_WINDOW_PART 2

struct ngx_http_lt_ack_s {
    ngx_event_t event;
    ngx_http_lt_socket_t *socket;
    ngx_msec_t told_at_ms;
    uint64_t told;                  /* in the last audioAck */
    uint64_t told_lost;
    uint64_t passed;                /* settled while there was no stream */
    ngx_uint_t has_stream;          /* there is or was one */
};

static void lt_ack_handler(ngx_event_t *ev);

ngx_int_t
ngx_http_lt_ack_ask(ngx_http_lt_socket_t *s, ngx_http_request_t *r,
    ngx_str_t *numbering)
{
    ngx_str_t value;
    ngx_http_lt_ack_t *ack;

    ngx_str_null(numbering);

    if (s->role != NGX_HTTP_LT_SPEAKER
        || ngx_http_lt_answer_arg(r, "ack", &value) != NGX_OK
        || !lt_str_is(ngx_http_lt_view(&value), "1"))
    {
        return NGX_OK;
    }

    if (ngx_http_lt_answer_arg(r, "resume", numbering) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ack = ngx_calloc(sizeof(ngx_http_lt_ack_t), r->connection->log);
    if (ack == NULL) {
        return NGX_ERROR;
    }

    ack->socket = s;
    ack->event.handler = lt_ack_handler;
    ack->event.data = ack;
    ack->event.log = ngx_cycle->log;
    ack->event.cancelable = 1;
    s->ack = ack;

    return NGX_OK;
}

static uint64_t
lt_ack_settled(const ngx_http_lt_ack_t *ack)
{
    if (ack->socket->ingest != NULL) {
        return ngx_http_lt_ingest_settled(ack->socket->ingest);
    }

    /* the stream of an ended talk goes on by itself, and is not told of */
    return ack->has_stream ? ack->told : ack->passed;
}

static void
lt_ack_tell(ngx_http_lt_ack_t *ack)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    lt_message_ack_t message;
    ngx_http_lt_socket_t *s = ack->socket;

    ack->told_at_ms = ngx_current_msec;
    ack->told = lt_ack_settled(ack);

    if (s->ingest != NULL) {
        ack->told_lost = ngx_http_lt_ingest_lost(s->ingest);
    }

    message.session_id = ngx_http_lt_view(&s->talk->sn.str);
    message.epoch = s->numbering;
    message.settled = ack->told;
    message.lost = ack->told_lost;
    message.window = s->mcf->audio_buffer * (LT_AUDIO_BYTES_PER_S / 1000)
                     / LT_ACK_WINDOW_PART;

    lt_out_init(&out, text, sizeof(text));

    if (lt_message_audio_ack(&out, &message, ngx_http_lt_wall_ms()) == LT_OK) {
        NGX_HTTP_LT_COUNT(audio_acks, 1);
        ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));
    }
}

static void
lt_ack_handler(ngx_event_t *ev)
{
    ngx_http_lt_ack_t *ack = ev->data;
    ngx_http_lt_ingest_t *in = ack->socket->ingest;

    if (lt_ack_settled(ack) != ack->told
        || (in != NULL && ngx_http_lt_ingest_lost(in) != ack->told_lost))
    {
        lt_ack_tell(ack);
    }
}

/* Something was settled: told at once, but never too often. */
static void
lt_ack_note(void *data)
{
    ngx_msec_t since;
    ngx_http_lt_ack_t *ack = data;

    if (!ack->event.timer_set) {
        since = ngx_current_msec - ack->told_at_ms;
        ngx_add_timer(&ack->event, since >= NGX_HTTP_LT_ACK_MS
                                   ? 1 : NGX_HTTP_LT_ACK_MS - since);
    }
}

void
ngx_http_lt_ack_begin(ngx_http_lt_socket_t *s)
{
    if (s->ack != NULL) {
        lt_ack_tell(s->ack);
    }
}

void
ngx_http_lt_ack_end(ngx_http_lt_socket_t *s)
{
    ngx_http_lt_ack_t *ack = s->ack;

    if (ack == NULL) {
        return;
    }

    if (s->ingest != NULL) {
        /* what was lost and not told is to come once more */
        s->talk->numbering = s->numbering;
        s->talk->settled = ngx_http_lt_ingest_lost(s->ingest) == ack->told_lost
                           ? lt_ack_settled(ack) : ack->told;
        ngx_http_lt_ingest_on_ack(s->ingest, NULL, NULL);
    }

    if (ack->event.timer_set) {
        ngx_del_timer(&ack->event);
    }

    s->ack = NULL;
    ngx_free(ack);
}

ngx_int_t
ngx_http_lt_ack_unwrap(ngx_http_lt_socket_t *s, const u_char **pcm,
    size_t *len, uint64_t *number)
{
    ngx_uint_t i;

    *number = 0;

    if (s->ack == NULL) {
        return NGX_OK;
    }

    if (*len < NGX_HTTP_LT_ACK_HEAD_LEN) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_LT_ACK_HEAD_LEN; i++) {
        *number |= (uint64_t) (*pcm)[i] << (8 * i);
    }

    *pcm += NGX_HTTP_LT_ACK_HEAD_LEN;
    *len -= NGX_HTTP_LT_ACK_HEAD_LEN;

    return *number % 2 == 0 && *number < LT_ACK_NUMBER_MAX ? NGX_OK
                                                           : NGX_ERROR;
}

uint64_t
ngx_http_lt_ack_start(ngx_http_lt_socket_t *s, uint64_t number)
{
    if (s->ack == NULL) {
        return 0;
    }

    number = ngx_max(number, s->ack->passed);

    return s->talk->numbering == s->numbering
           ? ngx_max(number, s->talk->settled) : number;
}

void
ngx_http_lt_ack_watch(ngx_http_lt_socket_t *s)
{
    if (s->ack != NULL) {
        s->ack->has_stream = 1;
        ngx_http_lt_ingest_on_ack(s->ingest, lt_ack_note, s->ack);
        lt_ack_note(s->ack);
    }
}

void
ngx_http_lt_ack_place(ngx_http_lt_socket_t *s, const u_char **pcm,
    size_t *len, uint64_t number)
{
    size_t known;
    uint64_t next;

    if (s->ack == NULL) {
        return;
    }

    next = ngx_http_lt_ingest_offset(s->ingest);

    if (number >= next) {
        ngx_http_lt_ingest_skip(s->ingest, number);
        return;
    }

    lt_ack_note(s->ack);
    known = (size_t) ngx_min(next - number, *len);
    NGX_HTTP_LT_COUNT(audio_known_bytes, known);
    *pcm += known;
    *len -= known;
}

void
ngx_http_lt_ack_pass(ngx_http_lt_socket_t *s, uint64_t number)
{
    ngx_http_lt_ack_t *ack = s->ack;

    if (ack == NULL) {
        return;
    }

    if (s->ingest != NULL) {
        ngx_http_lt_ingest_skip(s->ingest, number);

    } else {
        ack->passed = ngx_max(ack->passed, number);
    }

    lt_ack_note(ack);
}
