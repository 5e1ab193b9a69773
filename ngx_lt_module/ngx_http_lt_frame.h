/*
 * A WebSocket frame that is made once and sent to many, and the queue of
 * frames that one socket has still to send.
 *
 * A queue is bounded in bytes and in age.  Who reads too slowly misses the
 * oldest audio first, then the oldest captions: what comes last is what is
 * said now.  Control is never dropped.
 *
 * Memory: heap.  A frame is counted: _new gives the caller one reference, each
 * queue holds one more.  Not thread-safe, as nothing in a process of nginx.
 * An empty queue holds nothing on the heap.
 */
#ifndef NGX_HTTP_LT_FRAME_H
#define NGX_HTTP_LT_FRAME_H

#include "ngx_http_lt_module.h"

#include "lt_ws.h"

/* What a listener may lag behind: minutes of talk.  More = too slow. */
#define NGX_HTTP_LT_OUT_MAX (256 * 1024)
#define NGX_HTTP_LT_OUT_FRAMES_MAX 1024
#define NGX_HTTP_LT_OUT_AUDIO_MS 30000      /* older audio is of no use */
#define NGX_HTTP_LT_OUT_AGE_MS 60000        /* both are looked at when more comes */

typedef enum {
    NGX_HTTP_LT_FRAME_CONTROL,
    NGX_HTTP_LT_FRAME_CAPTION,
    NGX_HTTP_LT_FRAME_AUDIO
} ngx_http_lt_frame_kind_e;

typedef struct ngx_http_lt_frame_s ngx_http_lt_frame_t;

struct ngx_http_lt_frame_s {
    uint32_t refs;
    uint16_t kind;              /* ngx_http_lt_frame_kind_e; control at first */
    uint16_t head;              /* bytes before the payload; not of a close */
    int64_t number;             /* of the segment; 0: none */
    ngx_http_lt_frame_t *event; /* the same for lt_events; NULL: none made */
    size_t len;
    u_char data[];
};

/* NULL: no memory. */
ngx_http_lt_frame_t *ngx_http_lt_frame_new(lt_ws_opcode_t opcode,
    const u_char *payload, size_t len, ngx_log_t *log);
/* Bytes as they are. */
ngx_http_lt_frame_t *ngx_http_lt_frame_text(const u_char *text, size_t len,
    ngx_log_t *log);
ngx_http_lt_frame_t *ngx_http_lt_frame_close(uint16_t code, lt_str_t reason,
    ngx_log_t *log);
void ngx_http_lt_frame_unref(ngx_http_lt_frame_t **frame);

#define NGX_HTTP_LT_OUT_INLINE 2

typedef struct {
    ngx_http_lt_frame_t *frame;
    ngx_msec_t since_ms;        /* when it was put here */
} ngx_http_lt_out_slot_t;

typedef struct {
    ngx_http_lt_out_slot_t inside[NGX_HTTP_LT_OUT_INLINE];
    ngx_http_lt_out_slot_t *ring;   /* inside, or heap */
    uint32_t size;              /* of the ring, a power of two */
    uint32_t head;
    uint32_t frames;
    uint32_t bytes;             /* all frames, sent part included */
    uint32_t sent;              /* of the head frame */
    uint32_t begun;             /* of these TLS may hold some */
} ngx_http_lt_out_t;

void ngx_http_lt_out_init(ngx_http_lt_out_t *out);

/* Takes a reference of its own; what had to go for it is counted.
   NGX_DECLINED: too slow; NGX_ERROR: no memory. */
ngx_int_t ngx_http_lt_out_put(ngx_http_lt_out_t *out,
    ngx_http_lt_frame_t *frame, ngx_log_t *log);

/* The first of a queue that is not empty, with the queue's reference; not
   after _send(). */
ngx_http_lt_frame_t *ngx_http_lt_out_take(ngx_http_lt_out_t *out);

/* Drops what has not begun to be sent; returns how many frames. */
ngx_uint_t ngx_http_lt_out_clear(ngx_http_lt_out_t *out);

/* Drops everything. */
void ngx_http_lt_out_free(ngx_http_lt_out_t *out);

/*
 * Several frames leave in one call, over TLS in one record: its connection
 * must allow moving write buffers (SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER).
 * NGX_OK: all is sent; NGX_AGAIN: the socket is full, its write event armed;
 * NGX_ERROR: the connection is broken.
 */
ngx_int_t ngx_http_lt_out_send(ngx_http_lt_out_t *out, ngx_connection_t *c);

#endif
