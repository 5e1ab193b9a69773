/*
 * One connection to Redis on nginx's event loop: its states, its greeting, its
 * pings.  Only the .c files of this room (redis, redis_link, reply) include
 * hiredis.
 *
 * Not here: what is asked (redis, command).
 */
#ifndef NGX_HTTP_LT_REDIS_LINK_H
#define NGX_HTTP_LT_REDIS_LINK_H

#include "ngx_http_lt_redis.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#define NGX_HTTP_LT_REDIS_HOST_MAX 256

typedef enum {
    NGX_HTTP_LT_REDIS_DOWN,
    NGX_HTTP_LT_REDIS_CONNECTING,
    NGX_HTTP_LT_REDIS_GREETING,
    NGX_HTTP_LT_REDIS_UP
} ngx_http_lt_redis_state_e;

typedef enum {
    NGX_HTTP_LT_REDIS_AUTH,
    NGX_HTTP_LT_REDIS_SELECT,
    NGX_HTTP_LT_REDIS_HELLO     /* PING, or SUBSCRIBE to a channel of ours */
} ngx_http_lt_redis_step_e;

typedef struct {
    ngx_http_lt_redis_t *redis;
    redisAsyncContext *ac;      /* NULL when down */
    ngx_connection_t *c;        /* hiredis owns its descriptor */
    ngx_event_t timer;
    ngx_http_lt_redis_state_e state;
    ngx_http_lt_redis_step_e step;
    ngx_msec_t backoff;
    ngx_msec_t ping_at_ms;      /* when the next ping is due */
    ngx_msec_t heard_at_ms;     /* last byte from Redis */
    ngx_uint_t is_subscriber;
    ngx_uint_t is_there;            /* the gauge knows it */
    ngx_uint_t is_writing;
} ngx_http_lt_redis_link_t;

struct ngx_http_lt_redis_s {
    ngx_http_lt_main_conf_t *mcf;
    ngx_log_t *log;
    ngx_http_lt_redis_link_t commands;
    ngx_http_lt_redis_link_t subscriber;
    ngx_http_lt_commands_t *queue;
    char host[NGX_HTTP_LT_REDIS_HOST_MAX];
    int port;                   /* 0 = unix socket */
};

/* redis->mcf, log, queue, host and port are set. */
void ngx_http_lt_redis_link_init(ngx_http_lt_redis_link_t *link,
    ngx_http_lt_redis_t *redis, ngx_uint_t is_subscriber);
void ngx_http_lt_redis_link_connect(ngx_http_lt_redis_link_t *link);
void ngx_http_lt_redis_link_exit(ngx_http_lt_redis_link_t *link);

/* Up or greeting; words are copied. */
void ngx_http_lt_redis_link_send(ngx_http_lt_redis_link_t *link,
    redisCallbackFn *fn, int argc, const char **argv, const size_t *lens);

/* What is said on channels, confirmations of subscriptions too. */
void ngx_http_lt_redis_link_on_message(redisAsyncContext *ac, void *answer,
    void *data);

#endif
