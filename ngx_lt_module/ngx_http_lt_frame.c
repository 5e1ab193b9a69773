#include "ngx_http_lt_frame.h"

#define LT_OUT_GATHER 16        /* frames in one writev() */

static ngx_http_lt_frame_t *
lt_frame_alloc(size_t size, ngx_log_t *log)
{
    ngx_http_lt_frame_t *frame;

    frame = ngx_alloc(sizeof(ngx_http_lt_frame_t) + size, log);
    if (frame != NULL) {
        frame->refs = 1;
        frame->kind = NGX_HTTP_LT_FRAME_CONTROL;
        frame->head = 0;
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
    uint32_t i = out->is_begun;
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
    ngx_uint_t *dropped, ngx_log_t *log)
{
    if (out->frames != 0) {
        *dropped += lt_out_make_room(out, NGX_HTTP_LT_FRAME_AUDIO,
            frame->len);
        *dropped += lt_out_make_room(out, NGX_HTTP_LT_FRAME_CAPTION,
            frame->len);
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

ngx_uint_t
ngx_http_lt_out_clear(ngx_http_lt_out_t *out)
{
    ngx_uint_t n = 0;

    for (; out->frames > out->is_begun; n++) {
        lt_out_drop(out, out->frames - 1);
    }

    return n;
}

void
ngx_http_lt_out_free(ngx_http_lt_out_t *out)
{
    out->is_begun = 0;
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
        out->is_begun = 0;
        lt_out_drop(out, 0);
    }
}

/* Several frames in one system call.  TLS has no such call: frame by frame. */
static ssize_t
lt_out_write(ngx_http_lt_out_t *out, ngx_connection_t *c)
{
    off_t before = c->sent;
    uint32_t i;
    ngx_buf_t bufs[LT_OUT_GATHER];
    ngx_chain_t chain[LT_OUT_GATHER];
    ngx_http_lt_frame_t *frame = lt_out_at(out, 0)->frame;

    out->is_begun = 1;

    if (c->ssl != NULL || out->frames == 1) {
        return c->send(c, frame->data + out->sent, frame->len - out->sent);
    }

    ngx_memzero(bufs, sizeof(bufs));

    for (i = 0; i < out->frames && i < LT_OUT_GATHER; i++) {
        frame = lt_out_at(out, i)->frame;
        bufs[i].pos = frame->data + (i == 0 ? out->sent : 0);
        bufs[i].last = frame->data + frame->len;
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
        n = lt_out_write(out, c);

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
