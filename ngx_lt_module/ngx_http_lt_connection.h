/*
 * The life of one WebSocket after its 101.
 *
 *   open      idle for lt_idle_timeout at most; messages go to the actions
 *   closing   our close frame is out, the peer's is awaited (2 s); what it
 *             still sends is ignored
 *   draining  the same after broken framing: bytes are thrown away unread
 *   leaving   the peer's close is answered; ends when that is sent (2 s)
 *   gone      ends in the event that is running
 * Only open sockets belong to a talk and get messages.
 *
 * Messages are written at the end of the round of the event loop in which they
 * came: all that there are for one socket leave in one call.
 *
 * Not here: framing (lib/lt_ws.h), what messages mean (actions), who gets
 * what (talk, push).
 *
 * Limits: lt_message_max in; NGX_HTTP_LT_OUT_MAX out.
 */
#ifndef NGX_HTTP_LT_CONNECTION_H
#define NGX_HTTP_LT_CONNECTION_H

#include "ngx_http_lt_socket.h"

#define NGX_HTTP_LT_CLOSE_MS 2000
#define NGX_HTTP_LT_UNSENT_MAX 32768    /* bytes that wait in the kernel */
#define NGX_HTTP_LT_AGENT_MAX 256       /* of what came as User-Agent */

void ngx_http_lt_connection_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf);

/*
 * Sends the 101 (with the accept key) and takes the connection over from
 * nginx; the socket joins its talk.  NGX_ERROR: the answer could not be sent,
 * nothing was taken over.
 */
ngx_int_t ngx_http_lt_connection_open(ngx_http_lt_socket_t *s,
    ngx_http_request_t *r, const char *accept,
    const ngx_str_t *session_id);

/* The part of _open() that is the same without a WebSocket: s->connection's
   events stay as they are. */
ngx_int_t ngx_http_lt_connection_join(ngx_http_lt_socket_t *s,
    ngx_http_request_t *r, const ngx_str_t *session_id);

/* Reads what came with the upgrade, and frees the request. */
void ngx_http_lt_connection_start(ngx_http_lt_socket_t *s,
    ngx_http_request_t *r);

/* For _open() and _start(): from now on its events are the socket's. */
void ngx_http_lt_connection_serve(ngx_http_lt_socket_t *s);
void ngx_http_lt_connection_input(ngx_http_lt_socket_t *s, u_char *pos,
    u_char *end);

/* It will be written at the end of this round. */
void ngx_http_lt_connection_wake(ngx_http_lt_socket_t *s);

/* Its client has gone: leaves the talk, if it has not yet. */
void ngx_http_lt_connection_lost(ngx_http_lt_socket_t *s);

/* Queues; a socket that cannot take it is closed (1013).  Never frees s. */
void ngx_http_lt_connection_send(ngx_http_lt_socket_t *s,
    ngx_http_lt_frame_t *frame);
void ngx_http_lt_connection_send_text(ngx_http_lt_socket_t *s,
    const u_char *text, size_t len);

/* Queues a close frame (or event) and leaves the talk.  Never frees s. */
void ngx_http_lt_connection_close(ngx_http_lt_socket_t *s, uint16_t code,
    const char *reason);

#endif
