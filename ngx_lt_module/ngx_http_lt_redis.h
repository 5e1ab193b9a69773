/*
 * Redis for one nginx worker process: two connections on nginx's event loop,
 * one for commands, one for subscriptions.
 *
 * Not here: who waits for which answer (command), keys and scripts
 * (lib/lt_state.h), what they mean (state).
 *
 * Lives: down (waits for its backoff, 100 ms to 5 s) -> connecting (2 s) ->
 * greeting (AUTH, SELECT, PING or SUBSCRIBE; 2 s) -> up.  An answer that is
 * overdue by 2 s ends the connection: Redis answers in order, so everything
 * behind it would wait as well.
 */
#ifndef NGX_HTTP_LT_REDIS_H
#define NGX_HTTP_LT_REDIS_H

#include "ngx_http_lt_module.h"
#include "ngx_http_lt_reply.h"

#include "lt_state.h"

#define NGX_HTTP_LT_REDIS_TIMEOUT_MS 2000

typedef struct ngx_http_lt_command_s ngx_http_lt_command_t;
typedef struct ngx_http_lt_commands_s ngx_http_lt_commands_t;

ngx_int_t ngx_http_lt_redis_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf);
void ngx_http_lt_redis_exit_process(ngx_http_lt_main_conf_t *mcf);

ngx_uint_t ngx_http_lt_redis_is_up(ngx_http_lt_redis_t *redis);

/* For the command room: connecting or greeting. */
ngx_uint_t ngx_http_lt_redis_is_coming(ngx_http_lt_redis_t *redis);
ngx_http_lt_commands_t *ngx_http_lt_redis_commands(
    ngx_http_lt_redis_t *redis);

/* When up; words are copied.  The answer, or NULL for none, goes to
   ngx_http_lt_commands_reply().  NGX_ERROR: not sent, no answer. */
ngx_int_t ngx_http_lt_redis_write(ngx_http_lt_redis_t *redis,
    ngx_http_lt_command_t *cmd, int argc, const char **argv,
    const size_t *lens);

/* While held, a process that is leaving stays. */
void ngx_http_lt_redis_hold(ngx_http_lt_redis_t *redis, ngx_uint_t is_held);

/* Both are repeated by the push room when the connection comes back. */
void ngx_http_lt_redis_subscribe(ngx_http_lt_redis_t *redis,
    const ngx_str_t *session_id);
void ngx_http_lt_redis_unsubscribe(ngx_http_lt_redis_t *redis,
    const ngx_str_t *session_id);

#endif
