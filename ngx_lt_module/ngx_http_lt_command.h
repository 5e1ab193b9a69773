/*
 * Commands to Redis and who waits for their answers.
 *
 * While a connection is being made commands are kept for it: a request right
 * after the start does not fail.  Redis answers in order.
 *
 * Not here: the connection (redis), what a script means (state).
 * Memory: a command is heap and lives until its answer, or the connection's
 * end.
 * Limits: NGX_HTTP_LT_COMMANDS_MAX commands and _BYTES_MAX bytes under way;
 * beyond, commands are refused.
 */
#ifndef NGX_HTTP_LT_COMMAND_H
#define NGX_HTTP_LT_COMMAND_H

#include "ngx_http_lt_redis.h"

#define NGX_HTTP_LT_COMMANDS_MAX 8192
#define NGX_HTTP_LT_COMMANDS_BYTES_MAX (16 * 1024 * 1024)

/* A process may have to tell all listeners that a session may have. */
#define NGX_HTTP_LT_COMMAND_WORDS_MAX (2 * NGX_HTTP_LT_LISTENERS_MAX + 64)

/*
 * reply NULL: no answer, or an error (logged already).  Never runs before
 * _send() returns; may call anything here.
 */
typedef void (*ngx_http_lt_command_done_pt)(void *data,
    const ngx_http_lt_reply_t *reply);

/*
 * Words are copied; done may be NULL.  NULL: refused, because Redis is down
 * or too much is under way; done will not run.
 */
ngx_http_lt_command_t *ngx_http_lt_command_send(ngx_http_lt_redis_t *redis,
    ngx_uint_t n, const ngx_str_t *words, ngx_http_lt_command_done_pt done,
    void *data);

/* A transition of one session (EVALSHA, with EVAL when Redis lacks it). */
ngx_http_lt_command_t *ngx_http_lt_command_eval(ngx_http_lt_redis_t *redis,
    lt_state_script_t script, const ngx_str_t *session_id, ngx_uint_t n,
    const ngx_str_t *args, ngx_http_lt_command_done_pt done, void *data);

/* done will not run; the command itself is not taken back.  NULL is fine. */
void ngx_http_lt_command_forget(ngx_http_lt_command_t *cmd);

/* For the redis room. */
ngx_http_lt_commands_t *ngx_http_lt_commands_new(ngx_http_lt_redis_t *redis,
    ngx_pool_t *pool);
void ngx_http_lt_commands_up(ngx_http_lt_commands_t *owner);
void ngx_http_lt_commands_down(ngx_http_lt_commands_t *owner);
void ngx_http_lt_commands_reply(ngx_http_lt_command_t *cmd,
    const ngx_http_lt_reply_t *reply);

/* The oldest has waited for NGX_HTTP_LT_REDIS_TIMEOUT_MS. */
ngx_uint_t ngx_http_lt_commands_are_overdue(
    const ngx_http_lt_commands_t *owner);

#endif
