/*
 * Messages to a session's sockets: first to those of this process, then by
 * Redis to the other processes, which skip what they published themselves.
 *
 * A message is framed once and its bytes are shared by all queues.
 */
#ifndef NGX_HTTP_LT_PUSH_H
#define NGX_HTTP_LT_PUSH_H

#include "ngx_http_lt_command.h"

/* ev: all but origin.  Returns the sockets of this process that got it. */
ngx_uint_t ngx_http_lt_push_local(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const lt_state_event_t *ev);

/* To a session's or a process's channel; NULL: Redis takes none. */
ngx_http_lt_command_t *ngx_http_lt_push_send(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *id, lt_state_event_t *ev,
    ngx_http_lt_command_done_pt done, void *data);

/* NGX_OK: handed to Redis; NGX_DECLINED: Redis is down, counted. */
ngx_int_t ngx_http_lt_push_publish(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, lt_state_event_t *ev);

/* Control events carry no JSON. */
ngx_int_t ngx_http_lt_push_control(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const char *name, int64_t number);

/* From the redis room. */
void ngx_http_lt_push_received(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *channel, const ngx_str_t *payload);
void ngx_http_lt_push_subscribed(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *channel);
void ngx_http_lt_push_resubscribe(ngx_http_lt_main_conf_t *mcf);

#endif
