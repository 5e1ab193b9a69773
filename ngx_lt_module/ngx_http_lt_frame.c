#include "ngx_http_lt_frame.h"

#define LT_OUT_GATHER 16        /* frames in one writev() */

struct ngx_http_lt_out_link_s {
    ngx_http_lt_out_link_t *next;
    ngx_http_lt_frame_t *frame;
};

static ngx_http_lt_frame_t *
lt_frame_alloc(size_t size, ngx_log_t *log)
{
    ngx_http_lt_frame_t *frame;

    frame = ngx_alloc(sizeof(ngx_http_lt_frame_t) + size, log);
    if (frame != NULL) {
        frame->refs = 1;
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
    out->tail = &out->head;
}

ngx_int_t
ngx_http_lt_out_put(ngx_http_lt_out_t *out, ngx_http_lt_frame_t *frame,
    ngx_log_t *log)
{
    ngx_http_lt_out_link_t *link;

    if (out->bytes + frame->len > NGX_HTTP_LT_OUT_MAX
        || out->frames == NGX_HTTP_LT_OUT_FRAMES_MAX)
    {
        return NGX_DECLINED;
    }

    link = ngx_alloc(sizeof(ngx_http_lt_out_link_t), log);
    if (link == NULL) {
        return NGX_ERROR;
    }

    frame->refs++;
    link->frame = frame;
    link->next = NULL;

    *out->tail = link;
    out->tail = &link->next;
    out->bytes += frame->len;
    out->frames++;

    return NGX_OK;
}

static void
lt_out_drop(ngx_http_lt_out_t *out, ngx_http_lt_out_link_t **at)
{
    ngx_http_lt_out_link_t *link = *at;

    *at = link->next;
    if (link->next == NULL) {
        out->tail = at;
    }

    out->bytes -= link->frame->len;
    out->frames--;
    ngx_http_lt_frame_unref(&link->frame);
    ngx_free(link);
}

ngx_uint_t
ngx_http_lt_out_clear(ngx_http_lt_out_t *out)
{
    ngx_uint_t n = 0;
    ngx_http_lt_out_link_t **at;

    at = out->sent != 0 ? &out->head->next : &out->head;

    while (*at != NULL) {
        lt_out_drop(out, at);
        n++;
    }

    return n;
}

void
ngx_http_lt_out_free(ngx_http_lt_out_t *out)
{
    out->sent = 0;
    (void) ngx_http_lt_out_clear(out);
}

static void
lt_out_consume(ngx_http_lt_out_t *out, size_t n)
{
    size_t left;

    while (out->head != NULL) {
        left = out->head->frame->len - out->sent;

        if (n < left) {
            out->sent += n;
            return;
        }

        n -= left;
        out->sent = 0;
        lt_out_drop(out, &out->head);
    }
}

/* Several frames in one system call.  TLS has no such call: frame by frame. */
static ssize_t
lt_out_write(ngx_http_lt_out_t *out, ngx_connection_t *c)
{
    off_t before = c->sent;
    ngx_buf_t bufs[LT_OUT_GATHER];
    ngx_uint_t n = 0;
    ngx_chain_t chain[LT_OUT_GATHER];
    ngx_http_lt_out_link_t *link = out->head;

    if (c->ssl != NULL || link->next == NULL) {
        return c->send(c, link->frame->data + out->sent,
            link->frame->len - out->sent);
    }

    ngx_memzero(bufs, sizeof(bufs));

    for (; link != NULL && n < LT_OUT_GATHER; link = link->next, n++) {
        bufs[n].pos = link->frame->data + (n == 0 ? out->sent : 0);
        bufs[n].last = link->frame->data + link->frame->len;
        bufs[n].memory = 1;
        chain[n].buf = &bufs[n];
        chain[n].next = NULL;
        if (n != 0) {
            chain[n - 1].next = &chain[n];
        }
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

    while (out->head != NULL) {
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

    return NGX_OK;
}
