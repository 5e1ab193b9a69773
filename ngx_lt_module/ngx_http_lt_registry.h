/*
 * Which nginx worker processes live, and what the dead have left behind.
 *
 * A process refreshes its key every 5 s (TTL 15 s) and keeps the set of
 * sessions in which it holds connections.  One process at a time looks for
 * ids without a key and takes their connections out of the session's counts.
 * A process that was started in place of one that died does so at once for
 * that one: its listeners are on their way back.
 * After an outage of Redis a process puts right what it holds itself.
 */
#ifndef NGX_HTTP_LT_REGISTRY_H
#define NGX_HTTP_LT_REGISTRY_H

#include "ngx_http_lt_command.h"

#define NGX_HTTP_LT_REFRESH_MS 5000
#define NGX_HTTP_LT_LEAVES_MAX 10000
#define NGX_HTTP_LT_SWEEP_MAX 64        /* processes looked at in one sweep */

/* former: who died in our place; len 0: nobody. */
ngx_int_t ngx_http_lt_registry_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf, const ngx_str_t *former);

/* This process holds connections of that session; _remove() has no effect
   while another one is on its way. */
void ngx_http_lt_registry_add(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id);
void ngx_http_lt_registry_remove(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id);

/* A connection on its way into a session: the caller's, between _begin() and
   _end(), which comes after the socket has entered its talk, if it does. */
typedef struct {
    ngx_queue_t queue;
    const ngx_str_t *session_id;
} ngx_http_lt_join_t;

void ngx_http_lt_registry_join_begin(ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_join_t *join, const ngx_str_t *session_id);
void ngx_http_lt_registry_join_end(ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_join_t *join);

/*
 * A connection is gone: out of the session in Redis.  What Redis does not take
 * is kept and repeated when it is back (NGX_HTTP_LT_LEAVES_MAX of them).
 */
void ngx_http_lt_registry_leave(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    ngx_uint_t is_speaker);

/* From the redis and push rooms: a connection to Redis is back. */
void ngx_http_lt_registry_redis_up(ngx_http_lt_main_conf_t *mcf);

#endif
