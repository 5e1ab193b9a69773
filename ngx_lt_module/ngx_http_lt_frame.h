/*
 * A WebSocket frame that is made once and sent to many, and the queue of
 * frames that one socket has still to send.
 *
 * Memory: heap.  A frame is counted: _new gives the caller one reference, each
 * queue holds one more.  Not thread-safe, as nothing in a process of nginx.
 */
#ifndef NGX_HTTP_LT_FRAME_H
#define NGX_HTTP_LT_FRAME_H

#include "ngx_http_lt_module.h"

#include "lt_ws.h"

/* What a listener may lag behind: minutes of talk.  More = too slow. */
#define NGX_HTTP_LT_OUT_MAX (256 * 1024)
#define NGX_HTTP_LT_OUT_FRAMES_MAX 1024

typedef struct {
    ngx_uint_t refs;
    size_t len;
    u_char data[];
} ngx_http_lt_frame_t;

/* NULL: no memory. */
ngx_http_lt_frame_t *ngx_http_lt_frame_new(lt_ws_opcode_t opcode,
    const u_char *payload, size_t len, ngx_log_t *log);
ngx_http_lt_frame_t *ngx_http_lt_frame_close(uint16_t code, lt_str_t reason,
    ngx_log_t *log);
void ngx_http_lt_frame_unref(ngx_http_lt_frame_t **frame);

typedef struct ngx_http_lt_out_link_s ngx_http_lt_out_link_t;

typedef struct {
    ngx_http_lt_out_link_t *head;
    ngx_http_lt_out_link_t **tail;
    size_t sent;                /* of the head frame */
    size_t bytes;               /* all frames, sent part included */
    ngx_uint_t frames;
} ngx_http_lt_out_t;

void ngx_http_lt_out_init(ngx_http_lt_out_t *out);

/* Takes a reference of its own.  NGX_DECLINED: full; NGX_ERROR: no memory. */
ngx_int_t ngx_http_lt_out_put(ngx_http_lt_out_t *out,
    ngx_http_lt_frame_t *frame, ngx_log_t *log);

/* Drops what has not begun to be sent; returns how many frames. */
ngx_uint_t ngx_http_lt_out_clear(ngx_http_lt_out_t *out);

/* Drops everything. */
void ngx_http_lt_out_free(ngx_http_lt_out_t *out);

/* NGX_OK: all is sent; NGX_AGAIN: the socket is full, its write event armed;
   NGX_ERROR: the connection is broken. */
ngx_int_t ngx_http_lt_out_send(ngx_http_lt_out_t *out, ngx_connection_t *c);

#endif
