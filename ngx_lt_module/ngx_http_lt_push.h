/*
 * Messages to a session's sockets: first to those of this process, then by
 * Redis to the other processes, which skip what they published themselves.
 *
 * A message is framed once and its bytes are shared by all queues.
 */
#ifndef NGX_HTTP_LT_PUSH_H
#define NGX_HTTP_LT_PUSH_H

#include "ngx_http_lt_command.h"
#include "ngx_http_lt_connection.h"

/* Framed once, for all; NULL: no memory. */
ngx_http_lt_frame_t *ngx_http_lt_push_frame(const lt_state_event_t *ev);

/* A frame with another label that was made last. */
typedef struct {
    ngx_http_lt_frame_t *copy;      /* the caller's; at first NULL */
    const ngx_http_lt_frame_t *of;
    ngx_str_t label;
} ngx_http_lt_relabelled_t;

/* To one listener; number: of the segment, 0 = none.  0: it has had it. */
ngx_uint_t ngx_http_lt_push_one(ngx_http_lt_socket_t *s,
    ngx_http_lt_frame_t *frame, int64_t number,
    ngx_http_lt_relabelled_t *last);

/* ev: all but origin.  Returns the sockets of this process that got it. */
ngx_uint_t ngx_http_lt_push_local(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const lt_state_event_t *ev);

/* To a session's or a process's channel; NULL: Redis takes none. */
ngx_http_lt_command_t *ngx_http_lt_push_send(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *id, lt_state_event_t *ev,
    ngx_http_lt_command_done_pt done, void *data);

/*
 * To the other processes.  Redis away: it is kept and sent when Redis is back,
 * NGX_HTTP_LT_KEPT_MAX messages, _BYTES_MAX bytes, _MS.  done, which may be
 * NULL, runs when Redis has it (1) or it is kept (0), never before the return.
 * NULL: kept already, or no memory; done will not run.
 */
#define NGX_HTTP_LT_KEPT_MAX 1024
#define NGX_HTTP_LT_KEPT_BYTES_MAX (4 * 1024 * 1024)
#define NGX_HTTP_LT_KEPT_MS 120000
typedef struct ngx_http_lt_published_s ngx_http_lt_published_t;
typedef void (*ngx_http_lt_push_done_pt)(void *data, ngx_uint_t is_published);

ngx_http_lt_published_t *ngx_http_lt_push_publish(
    ngx_http_lt_main_conf_t *mcf, const ngx_str_t *session_id,
    lt_state_event_t *ev, ngx_http_lt_push_done_pt done, void *data);

/* done will not run. */
void ngx_http_lt_push_forget(ngx_http_lt_published_t *published);

/* Control events carry no JSON. */
ngx_int_t ngx_http_lt_push_control(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const char *name, int64_t number);

void ngx_http_lt_push_init_process(ngx_http_lt_main_conf_t *mcf);
/* What is kept goes to Redis. */
/* What waits for Redis now waits in vain: it is counted. */
void ngx_http_lt_push_exit_process(ngx_http_lt_main_conf_t *mcf);
void ngx_http_lt_push_kept(ngx_http_lt_main_conf_t *mcf);

/* From the redis room. */
void ngx_http_lt_push_received(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *channel, const ngx_str_t *payload);
void ngx_http_lt_push_subscribed(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *channel);
void ngx_http_lt_push_resubscribe(ngx_http_lt_main_conf_t *mcf);
void ngx_http_lt_push_redis_up(ngx_http_lt_main_conf_t *mcf);

#endif
