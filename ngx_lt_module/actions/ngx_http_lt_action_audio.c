/*
 * audioChunk, and the same as a binary frame: PCM s16le, 16 kHz, mono.
 * Nothing is answered.  While paused or muted it is taken and not kept.
 */
#include "ngx_http_lt_actions.h"
#include "ngx_http_lt_ack.h"
#include "ngx_http_lt_metrics.h"

#include "lt_audio_record.h"
#include "lt_text.h"

/* {"type":"audioDropped",…}: docs/protocol/, "Messages from the server" */
static void
lt_action_audio_lost(void *data, size_t bytes, const char *reason)
{
    ngx_http_lt_socket_t *s = data;
    u_char json[LT_MESSAGE_MAX];
    lt_out_t out;
    lt_json_writer_t w;

    lt_out_init(&out, json, sizeof(json));
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_cstr(&w, "type", "audioDropped");
    lt_json_put_str(&w, "sessionId", ngx_http_lt_view(&s->talk->sn.str));
    lt_json_put_int(&w, "bytes", (int64_t) bytes);
    lt_json_put_cstr(&w, "reason", reason);
    lt_json_put_int(&w, "timestamp", ngx_http_lt_wall_ms());
    lt_json_close_object(&w);

    if (lt_out_result(&out) == LT_OK) {
        ngx_http_lt_connection_send_text(s, json, lt_out_len(&out));
    }
}

/* For len bytes with that number.  NULL: they are not kept, for the reason
   counted or told. */
static ngx_http_lt_ingest_t *
lt_action_audio_stream(ngx_http_lt_socket_t *s, uint64_t number, size_t len)
{
    if (s->talk->state == NGX_HTTP_LT_TALK_ENDED
        || s->talk->state == NGX_HTTP_LT_TALK_CLOSING
        || s->is_paused || s->is_muted)
    {
        NGX_HTTP_LT_COUNT(audio_chunks_silenced, 1);
        ngx_http_lt_ack_pass(s, number + len);
        return NULL;
    }

    if (s->ingest == NULL) {
        s->ingest = ngx_http_lt_ingest_open(s->mcf, s->server,
            &s->talk->sn.str, s->numbering, ngx_http_lt_ack_start(s, number),
            ngx_cycle->log);

        if (s->ingest == NULL) {
            ngx_http_lt_action_error(s, "SERVICE_UNAVAILABLE",
                "There is no room for more audio at the moment.");
            return NULL;
        }

        ngx_http_lt_ingest_on_loss(s->ingest, lt_action_audio_lost, s);
        ngx_http_lt_ack_watch(s);
    }

    return s->ingest;
}

/* When the first sample was at the microphone: a chunk is sent when its last
   one is. */
static int64_t
lt_action_audio_captured_ms(size_t len)
{
    return ngx_http_lt_wall_ms()
           - (int64_t) (len * 1000 / LT_AUDIO_BYTES_PER_S);
}

static void
lt_action_audio_refuse_size(ngx_http_lt_socket_t *s)
{
    ngx_http_lt_action_error(s, "AUDIO_CHUNK_TOO_LARGE",
        "A chunk has at most 32768 bytes of audio.");
}

static void
lt_action_audio_refuse_pcm(ngx_http_lt_socket_t *s)
{
    ngx_http_lt_action_error(s, "INVALID_AUDIO",
        "Audio is PCM s16le at 16 kHz: an even number of bytes, at least 2.");
}

static void
lt_action_audio_refuse_base64(ngx_http_lt_socket_t *s)
{
    ngx_http_lt_action_error(s, "INVALID_AUDIO",
        "\"audioData\" must be base64 (RFC 4648, with padding).");
}

void
ngx_http_lt_action_audio_pcm(ngx_http_lt_socket_t *s, const u_char *pcm,
    size_t len)
{
    uint64_t number;
    ngx_http_lt_ingest_t *in;

    if (ngx_http_lt_ack_unwrap(s, &pcm, &len, &number) != NGX_OK) {
        ngx_http_lt_action_error(s, "INVALID_AUDIO", "With ack=1 a binary "
            "frame begins with the number of its first byte, 8 bytes.");
        return;
    }

    if (len > NGX_HTTP_LT_CHUNK_MAX) {
        lt_action_audio_refuse_size(s);
        return;
    }

    if (len == 0 || len % 2 != 0) {
        lt_action_audio_refuse_pcm(s);
        return;
    }

    in = lt_action_audio_stream(s, number, len);
    if (in == NULL) {
        return;
    }

    ngx_http_lt_ack_place(s, &pcm, &len, number);

    if (len != 0) {
        (void) ngx_http_lt_ingest_append(in, pcm, len,
            lt_action_audio_captured_ms(len));
    }
}

/* The decoder needs room for the padding, and checks all before it is kept. */
void
ngx_http_lt_action_audio_base64(ngx_http_lt_socket_t *s, lt_str_t text)
{
    size_t len;
    u_char *place;
    ngx_http_lt_ingest_t *in;

    if (text.len > LT_BASE64_ENCODED_LEN(NGX_HTTP_LT_CHUNK_MAX)) {
        lt_action_audio_refuse_size(s);
        return;
    }

    if (text.len == 0) {
        ngx_http_lt_action_error(s, "INVALID_AUDIO",
            "An audioChunk must have \"audioData\".");
        return;
    }

    if (text.len % 4 != 0) {
        lt_action_audio_refuse_base64(s);
        return;
    }

    in = lt_action_audio_stream(s, 0, 0);
    if (in == NULL) {
        return;
    }

    place = ngx_http_lt_ingest_reserve(in, LT_BASE64_DECODED_MAX(text.len));
    len = text.len / 4 * 3;     /* dropped audio is counted too */

    if (place == NULL) {
        len -= (text.data[text.len - 1] == '=')
               + (text.data[text.len - 2] == '=');
    }

    if (place != NULL && lt_base64_decode(place, &len, text) != LT_OK) {
        (void) ngx_http_lt_ingest_commit(in, 0, 0);
        lt_action_audio_refuse_base64(s);
        return;
    }

    if (len == 0 || len % 2 != 0 || len > NGX_HTTP_LT_CHUNK_MAX) {
        (void) ngx_http_lt_ingest_commit(in, 0, 0);

        if (len > NGX_HTTP_LT_CHUNK_MAX) {
            lt_action_audio_refuse_size(s);
        } else {
            lt_action_audio_refuse_pcm(s);
        }
        return;
    }

    (void) ngx_http_lt_ingest_commit(in, len, lt_action_audio_captured_ms(len));
}

void
ngx_http_lt_action_audio(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    lt_str_t text;

    if (!lt_json_string(doc, "audioData", &text)) {
        text.len = 0;
    }

    ngx_http_lt_action_audio_base64(s, text);
}
