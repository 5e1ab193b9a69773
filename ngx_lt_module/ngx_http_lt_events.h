/*
 * A listener by Server-Sent Events (lt_events), for networks that break
 * WebSockets: the same socket, talk, ring and queue, written as an HTTP answer
 * that does not end.  It comes back by itself, with Last-Event-ID: the number
 * of the last segment that it had.
 *
 * A comment goes out when nothing else did, so that nobody on the way takes
 * it for dead.  What does not leave for lt_idle_timeout is given up.
 *
 * Memory: the request lives as long as the stream: some 10 KiB, ten times a
 * WebSocket's.  A frame that the output filters hold lives as long as the
 * request's pool.
 */
#ifndef NGX_HTTP_LT_EVENTS_H
#define NGX_HTTP_LT_EVENTS_H

#include "ngx_http_lt_connection.h"

#define NGX_HTTP_LT_EVENTS_BEAT_MS 15000
#define NGX_HTTP_LT_EVENTS_RETRY_MS 1000    /* after which clients come back */

/*
 * Sends the header; the socket joins its talk and ends with the request.
 * NGX_ERROR: it could not, the socket is still the caller's.
 */
ngx_int_t ngx_http_lt_events_open(ngx_http_lt_socket_t *s,
    ngx_http_request_t *r, const ngx_str_t *session_id);

/* What it missed comes first.  The caller holds a count of the request. */
void ngx_http_lt_events_start(ngx_http_lt_socket_t *s);

/* From the connection room. */

/* The frame as an event, a reference of the caller's; NULL: no memory. */
ngx_http_lt_frame_t *ngx_http_lt_events_frame(
    const ngx_http_lt_socket_t *s, ngx_http_lt_frame_t *frame);

/* Tells why, when what waits has left; then the answer ends. */
void ngx_http_lt_events_close(ngx_http_lt_socket_t *s, uint16_t code,
    lt_str_t reason);

/* Writes what waits; may free s. */
void ngx_http_lt_events_flush(ngx_http_lt_socket_t *s);

#endif
