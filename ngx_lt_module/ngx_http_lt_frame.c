#include "ngx_http_lt_frame.h"

#include "ngx_http_lt_metrics.h"

#define LT_OUT_GATHER 16        /* frames in one writev() */
#define LT_OUT_JOIN 16384       /* bytes in one record of TLS */

static ngx_http_lt_frame_t *
lt_frame_alloc(size_t size, ngx_log_t *log)
{
    ngx_http_lt_frame_t *frame;

    frame = ngx_alloc(sizeof(ngx_http_lt_frame_t) + size, log);
    if (frame != NULL) {
        frame->refs = 1;
        frame->kind = NGX_HTTP_LT_FRAME_CONTROL;
        frame->head = 0;
        frame->number = 0;
        frame->event = NULL;
    }

    return frame;
}

ngx_http_lt_frame_t *
ngx_http_lt_frame_new(lt_ws_opcode_t opcode, const u_char *payload,
    size_t len, ngx_log_t *log)
{
    ngx_http_lt_frame_t *frame;

    frame = lt_frame_alloc(LT_WS_HEADER_MAX + len, log);
    if (frame == NULL) {
        return NULL;
    }

    frame->len = lt_ws_header(frame->data, opcode, len);
    frame->head = (uint16_t) frame->len;
    if (len != 0) {
        ngx_memcpy(frame->data + frame->len, payload, len);
    }
    frame->len += len;

    return frame;
}

ngx_http_lt_frame_t *
ngx_http_lt_frame_text(const u_char *text, size_t len, ngx_log_t *log)
{
    ngx_http_lt_frame_t *frame;

    frame = lt_frame_alloc(len, log);
    if (frame != NULL) {
        ngx_memcpy(frame->data, text, len);
        frame->len = len;
    }

    return frame;
}

ngx_http_lt_frame_t *
ngx_http_lt_frame_close(uint16_t code, lt_str_t reason, ngx_log_t *log)
{
    ngx_http_lt_frame_t *frame;

    frame = lt_frame_alloc(2 + LT_WS_CONTROL_MAX, log);
    if (frame != NULL) {
        frame->len = lt_ws_close_frame(frame->data, code, reason);
    }

    return frame;
}

void
ngx_http_lt_frame_unref(ngx_http_lt_frame_t **frame)
{
    if (*frame != NULL && --(*frame)->refs == 0) {
        ngx_http_lt_frame_unref(&(*frame)->event);
        ngx_free(*frame);
    }

    *frame = NULL;
}

void
ngx_http_lt_out_init(ngx_http_lt_out_t *out)
{
    ngx_memzero(out, sizeof(ngx_http_lt_out_t));
    out->ring = out->inside;
    out->size = NGX_HTTP_LT_OUT_INLINE;
}

static ngx_http_lt_out_slot_t *
lt_out_at(const ngx_http_lt_out_t *out, uint32_t i)
{
    return &out->ring[(out->head + i) & (out->size - 1)];
}

static ngx_int_t
lt_out_grow(ngx_http_lt_out_t *out, ngx_log_t *log)
{
    uint32_t i;
    ngx_http_lt_out_slot_t *ring;

    ring = ngx_alloc(2 * out->size * sizeof(ngx_http_lt_out_slot_t), log);
    if (ring == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < out->frames; i++) {
        ring[i] = *lt_out_at(out, i);
    }

    if (out->ring != out->inside) {
        ngx_free(out->ring);
    }

    out->ring = ring;
    out->size *= 2;
    out->head = 0;

    return NGX_OK;
}

/* The i-th of the queue; those behind it move up. */
static void
lt_out_drop(ngx_http_lt_out_t *out, uint32_t i)
{
    ngx_http_lt_frame_t *frame = lt_out_at(out, i)->frame;

    out->bytes -= (uint32_t) frame->len;
    out->frames--;
    ngx_http_lt_frame_unref(&frame);

    if (i == 0) {
        out->head = (out->head + 1) & (out->size - 1);
        return;
    }

    for (; i < out->frames; i++) {
        *lt_out_at(out, i) = *lt_out_at(out, i + 1);
    }
}

static void
lt_out_emptied(ngx_http_lt_out_t *out)
{
    if (out->ring != out->inside) {
        ngx_free(out->ring);
        ngx_http_lt_out_init(out);
    }
}

static ngx_uint_t
lt_out_fits(const ngx_http_lt_out_t *out, size_t len)
{
    return out->bytes + len <= NGX_HTTP_LT_OUT_MAX
           && out->frames < NGX_HTTP_LT_OUT_FRAMES_MAX;
}

/* Oldest first: audio that is too old, then what has to go for len bytes. */
static ngx_uint_t
lt_out_make_room(ngx_http_lt_out_t *out, ngx_http_lt_frame_kind_e kind,
    size_t len)
{
    uint32_t i = out->begun;
    ngx_uint_t n = 0;
    ngx_http_lt_out_slot_t *slot;

    while (i < out->frames) {
        slot = lt_out_at(out, i);

        if (slot->frame->kind == kind
            && (!lt_out_fits(out, len)
                || (kind == NGX_HTTP_LT_FRAME_AUDIO
                    && ngx_current_msec - slot->since_ms
                       > NGX_HTTP_LT_OUT_AUDIO_MS)))
        {
            lt_out_drop(out, i);
            n++;

        } else {
            i++;
        }
    }

    return n;
}

ngx_int_t
ngx_http_lt_out_put(ngx_http_lt_out_t *out, ngx_http_lt_frame_t *frame,
    ngx_log_t *log)
{
    if (out->frames != 0) {
        NGX_HTTP_LT_COUNT(messages_dropped_audio,
            lt_out_make_room(out, NGX_HTTP_LT_FRAME_AUDIO, frame->len));
        NGX_HTTP_LT_COUNT(messages_dropped_captions,
            lt_out_make_room(out, NGX_HTTP_LT_FRAME_CAPTION, frame->len));
    }

    if (!lt_out_fits(out, frame->len)
        || (out->frames != 0
            && ngx_current_msec - lt_out_at(out, 0)->since_ms
               > NGX_HTTP_LT_OUT_AGE_MS))
    {
        return NGX_DECLINED;
    }

    if (out->frames == out->size && lt_out_grow(out, log) != NGX_OK) {
        return NGX_ERROR;
    }

    frame->refs++;
    lt_out_at(out, out->frames)->frame = frame;
    lt_out_at(out, out->frames)->since_ms = ngx_current_msec;
    out->bytes += (uint32_t) frame->len;
    out->frames++;

    return NGX_OK;
}

ngx_http_lt_frame_t *
ngx_http_lt_out_take(ngx_http_lt_out_t *out)
{
    ngx_http_lt_frame_t *frame = lt_out_at(out, 0)->frame;

    frame->refs++;
    lt_out_drop(out, 0);

    if (out->frames == 0) {
        lt_out_emptied(out);
    }

    return frame;
}

ngx_uint_t
ngx_http_lt_out_clear(ngx_http_lt_out_t *out)
{
    ngx_uint_t n = 0;

    for (; out->frames > out->begun; n++) {
        lt_out_drop(out, out->frames - 1);
    }

    return n;
}

void
ngx_http_lt_out_free(ngx_http_lt_out_t *out)
{
    out->begun = 0;
    (void) ngx_http_lt_out_clear(out);
    lt_out_emptied(out);
}

static void
lt_out_consume(ngx_http_lt_out_t *out, size_t n)
{
    size_t left;

    while (out->frames != 0) {
        left = lt_out_at(out, 0)->frame->len - out->sent;

        if (n < left) {
            out->sent += (uint32_t) n;
            return;
        }

        n -= left;
        out->sent = 0;
        out->begun -= out->begun != 0;
        lt_out_drop(out, 0);
    }
}

/* The unsent bytes of the i-th. */
static lt_str_t
lt_out_rest(const ngx_http_lt_out_t *out, uint32_t i)
{
    size_t sent = i == 0 ? out->sent : 0;
    ngx_http_lt_frame_t *frame = lt_out_at(out, i)->frame;

    return (lt_str_t) { (const char *) frame->data + sent,
                        frame->len - sent };
}

/* A call that is repeated brings what it brought before, and perhaps more: the
   frames that were in it cannot be dropped, and a frame that does not fit
   goes alone. */
static ssize_t
lt_out_write_joined(ngx_http_lt_out_t *out, ngx_connection_t *c)
{
    size_t len = 0;
    u_char joined[LT_OUT_JOIN];
    uint32_t i;
    lt_str_t rest = lt_out_rest(out, 0);

    if (out->frames == 1 || rest.len > LT_OUT_JOIN) {
        out->begun = ngx_max(out->begun, 1);
        return c->send(c, (u_char *) rest.data, rest.len);
    }

    for (i = 0; i < out->frames; i++) {
        rest = lt_out_rest(out, i);
        if (rest.len > LT_OUT_JOIN - len) {
            break;
        }

        ngx_memcpy(joined + len, rest.data, rest.len);
        len += rest.len;
    }

    out->begun = ngx_max(out->begun, i);

    return c->send(c, joined, len);
}

static ssize_t
lt_out_write_gathered(ngx_http_lt_out_t *out, ngx_connection_t *c)
{
    off_t before = c->sent;
    uint32_t i;
    lt_str_t rest = lt_out_rest(out, 0);
    ngx_buf_t bufs[LT_OUT_GATHER];
    ngx_chain_t chain[LT_OUT_GATHER];

    out->begun = 1;

    if (out->frames == 1) {
        return c->send(c, (u_char *) rest.data, rest.len);
    }

    ngx_memzero(bufs, sizeof(bufs));

    for (i = 0; i < out->frames && i < LT_OUT_GATHER; i++) {
        rest = lt_out_rest(out, i);
        bufs[i].pos = (u_char *) rest.data;
        bufs[i].last = bufs[i].pos + rest.len;
        bufs[i].memory = 1;
        chain[i].buf = &bufs[i];
        chain[i].next = i + 1 < out->frames && i + 1 < LT_OUT_GATHER
                        ? &chain[i + 1] : NULL;
    }

    if (c->send_chain(c, chain, 0) == NGX_CHAIN_ERROR) {
        return NGX_ERROR;
    }

    return c->sent != before ? (ssize_t) (c->sent - before) : NGX_AGAIN;
}

ngx_int_t
ngx_http_lt_out_send(ngx_http_lt_out_t *out, ngx_connection_t *c)
{
    ssize_t n;

    while (out->frames != 0) {
        n = c->ssl != NULL ? lt_out_write_joined(out, c)
                           : lt_out_write_gathered(out, c);

        if (n == NGX_AGAIN || n == 0) {
            return ngx_handle_write_event(c->write, 0) == NGX_OK ? NGX_AGAIN
                                                                 : NGX_ERROR;
        }

        if (n < 0) {
            return NGX_ERROR;
        }

        lt_out_consume(out, (size_t) n);
    }

    lt_out_emptied(out);

    return NGX_OK;
}
