/*
 * Redis commands, over one connection (ltw_redis_conn.h) that is made anew for
 * ever.  Not here: subscriptions; the worker has none.
 *
 * Commands wait at most LTW_REDIS_TIMEOUT_MS for their reply, the time
 * without a connection included, and at most LTW_REDIS_QUEUE_MAX wait.
 * A command whose reply is lost may have been done: make it harmless twice.
 */
#ifndef LTW_REDIS_H
#define LTW_REDIS_H

#include "edge/ltw_loop.h"
#include "ltw_metrics.h"

#define LTW_REDIS_TIMEOUT_MS 2000
#define LTW_REDIS_QUEUE_MAX 4096
#define LTW_REDIS_ARGS_MAX 64

typedef struct ltw_redis_s ltw_redis_t;
typedef uint64_t ltw_redis_id_t;

/* ---- a view of a reply ---- */
typedef struct ltw_reply_s ltw_reply_t;

typedef enum {
    LTW_REPLY_NIL, LTW_REPLY_INT, LTW_REPLY_STRING,     /* status too */
    LTW_REPLY_ARRAY, LTW_REPLY_ERROR
} ltw_reply_kind_t;

ltw_reply_kind_t ltw_reply_kind(const ltw_reply_t *r);  /* NULL: NIL */
lt_str_t ltw_reply_str(const ltw_reply_t *r);   /* string, error; else len 0 */
int64_t ltw_reply_int(const ltw_reply_t *r);    /* int, or a decimal string;
                                                   else 0 */
size_t ltw_reply_size(const ltw_reply_t *r);    /* array; else 0 */
const ltw_reply_t *ltw_reply_at(const ltw_reply_t *r, size_t i);
/* HGETALL: the value of a field; NULL when absent. */
const ltw_reply_t *ltw_reply_field(const ltw_reply_t *r, const char *name);

/* reply NULL: none came (err says why), or Redis answered with an error
   (err has its text).  Both live during the call only. */
typedef void (*ltw_redis_handler_t)(void *data, const ltw_reply_t *reply,
    const lt_error_t *err);

typedef struct {
    const char *address;        /* host:port, [v6]:port, unix:/path */
    const char *password;       /* NULL = none */
    int db;
} ltw_redis_options_t;

/* Copies the options. */
ltw_redis_t *ltw_redis_new(ltw_loop_t *loop, ltw_metrics_t *metrics,
    const ltw_redis_options_t *options);
/* No callback runs any more.  Not from inside one. */
void ltw_redis_free(ltw_redis_t **redis);

/* argv is copied.  0: the queue is full, or no memory; handler never runs.
   handler may be NULL. */
ltw_redis_id_t ltw_redis_command(ltw_redis_t *redis, const lt_str_t *argv,
    size_t argc, ltw_redis_handler_t handler, void *data);

/* EVALSHA, and EVAL when Redis does not know the script yet.  argv: key count
   (decimal), keys, arguments.  script must live as long as redis. */
ltw_redis_id_t ltw_redis_script(ltw_redis_t *redis, const char *script,
    const lt_str_t *argv, size_t argc, ltw_redis_handler_t handler,
    void *data);

/* The handler of this command will not run.  The command may. */
void ltw_redis_cancel(ltw_redis_t *redis, ltw_redis_id_t id);

#endif
