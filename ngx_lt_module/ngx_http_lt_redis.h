/*
 * Redis for one nginx worker process: two connections on nginx's event loop,
 * one for commands, one for subscriptions.  The .c file is the only one that
 * includes hiredis.
 *
 * Not here: keys and scripts (lib/lt_state.h), what they mean (state).
 *
 * Lives: down (waits for its backoff, 100 ms to 5 s) -> connecting (2 s) ->
 * greeting (AUTH, SELECT, PING or SUBSCRIBE; 2 s) -> up.  An answer that is
 * overdue by 2 s ends the connection: Redis answers in order, so everything
 * behind it would wait as well.
 *
 * Limits: NGX_HTTP_LT_REDIS_COMMANDS_MAX commands and _BYTES_MAX bytes under
 * way; beyond, commands are refused.
 */
#ifndef NGX_HTTP_LT_REDIS_H
#define NGX_HTTP_LT_REDIS_H

#include "ngx_http_lt_module.h"

#include "lt_state.h"

#define NGX_HTTP_LT_REDIS_COMMANDS_MAX 8192
#define NGX_HTTP_LT_REDIS_BYTES_MAX (16 * 1024 * 1024)
#define NGX_HTTP_LT_REDIS_TIMEOUT_MS 2000
#define NGX_HTTP_LT_REDIS_WORDS_MAX 2048

typedef struct redisReply ngx_http_lt_reply_t;      /* a view, in done() */
typedef struct ngx_http_lt_command_s ngx_http_lt_command_t;

/*
 * reply NULL: no answer, or an error (logged already).  Never runs before
 * _command() returns; may call anything here.
 */
typedef void (*ngx_http_lt_redis_done_pt)(void *data,
    const ngx_http_lt_reply_t *reply);

ngx_int_t ngx_http_lt_redis_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf);
void ngx_http_lt_redis_exit_process(ngx_http_lt_main_conf_t *mcf);

/* Greeted.  While a connection is being made commands are taken and kept for
   it: a request right after the start does not fail. */
ngx_uint_t ngx_http_lt_redis_is_up(ngx_http_lt_redis_t *redis);

/*
 * Words are copied; done may be NULL.  NULL: refused, because Redis is down
 * or too much is under way; done will not run.
 */
ngx_http_lt_command_t *ngx_http_lt_redis_command(ngx_http_lt_redis_t *redis,
    ngx_uint_t n, const ngx_str_t *words, ngx_http_lt_redis_done_pt done,
    void *data);

/* A transition of one session (EVALSHA, with EVAL when Redis lacks it). */
ngx_http_lt_command_t *ngx_http_lt_redis_eval(ngx_http_lt_redis_t *redis,
    lt_state_script_t script, const ngx_str_t *session_id, ngx_uint_t n,
    const ngx_str_t *args, ngx_http_lt_redis_done_pt done, void *data);

/* done will not run; the command itself is not taken back.  NULL is fine. */
void ngx_http_lt_redis_forget(ngx_http_lt_command_t *cmd);

/* Both are repeated by the push room when the connection comes back. */
void ngx_http_lt_redis_subscribe(ngx_http_lt_redis_t *redis,
    const ngx_str_t *session_id);
void ngx_http_lt_redis_unsubscribe(ngx_http_lt_redis_t *redis,
    const ngx_str_t *session_id);

/* Items of an array answer; 0, empty or NULL when absent. */
ngx_uint_t ngx_http_lt_reply_size(const ngx_http_lt_reply_t *reply);
const ngx_http_lt_reply_t *ngx_http_lt_reply_at(
    const ngx_http_lt_reply_t *reply, ngx_uint_t i);
ngx_str_t ngx_http_lt_reply_text(const ngx_http_lt_reply_t *reply,
    ngx_uint_t i);
/* An integer, or text that is one. */
int64_t ngx_http_lt_reply_number(const ngx_http_lt_reply_t *reply,
    ngx_uint_t i);
/* The answer itself, not an item: an integer, else -1; "OK" as 1, nil as 0. */
int64_t ngx_http_lt_reply_value(const ngx_http_lt_reply_t *reply);

#endif
