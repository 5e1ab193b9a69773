/*
 * One connection to Redis and its replies: hiredis on the loop.  The one file
 * that includes hiredis.  Commands, queues and deadlines are ltw_redis.h's.
 *
 * States: idle until ltw_redis_conn_open, then for ever: resolving and
 * connecting (2 s; AUTH and SELECT included), up, or a pause of 100 ms to 5 s
 * before the next try.  A name is resolved again each time.
 */
#ifndef LTW_REDIS_CONN_H
#define LTW_REDIS_CONN_H

#include "edge/ltw_redis.h"

/* The owner's; outlives the connection. */
typedef struct {
    char *host;                 /* name, address, or path of a unix socket */
    char *password;             /* NULL: none */
    uint16_t port;              /* 0: unix socket */
    int db;
} ltw_redis_target_t;

typedef struct ltw_redis_conn_s ltw_redis_conn_t;

typedef struct {
    void (*on_up)(void *data);
    void (*on_down)(void *data, const char *why);   /* each failed try too */
    /* Of ltw_redis_conn_send(), once for each: reply NULL and error, or a
       reply, which may be Redis' own error.  Also inside drop and free. */
    void (*on_reply)(void *command, const ltw_reply_t *reply,
        const char *error);
} ltw_redis_events_t;

/* NULL: no memory.  data is on_up's and on_down's. */
ltw_redis_conn_t *ltw_redis_conn_new(ltw_loop_t *loop,
    const ltw_redis_target_t *target, const ltw_redis_events_t *events,
    void *data);
void ltw_redis_conn_free(ltw_redis_conn_t **conn);

void ltw_redis_conn_open(ltw_redis_conn_t *conn);       /* once */
/* Ends it; the next try follows. */
void ltw_redis_conn_drop(ltw_redis_conn_t *conn, const char *why);

/* 0: not now.  What argv points to must live until on_reply(command). */
int ltw_redis_conn_send(ltw_redis_conn_t *conn, const char **argv,
    const size_t *argv_len, size_t argc, void *command);

#endif
