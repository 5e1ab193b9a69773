#include "edge/ltw_redis_conn.h"

#include <arpa/inet.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define LTW_REDIS_BACKOFF_MIN_MS 100
#define LTW_REDIS_BACKOFF_MAX_MS 5000
#define LTW_REDIS_CONNECT_MS 2000

typedef enum {
    LTW_REDIS_IDLE,             /* not asked for yet */
    LTW_REDIS_PAUSED,           /* timer: try again */
    LTW_REDIS_RESOLVING,        /* timer: give up */
    LTW_REDIS_CONNECTING,       /* until AUTH and SELECT are answered too */
    LTW_REDIS_UP
} ltw_redis_state_t;

struct ltw_redis_conn_s {
    ltw_loop_t *loop;
    const ltw_redis_target_t *target;
    ltw_redis_events_t events;
    void *data;
    ltw_redis_state_t state;
    redisAsyncContext *ac;
    ltw_watch_t *watch;
    int watched;                /* LTW_READABLE | LTW_WRITABLE */
    ltw_timer_t *timer;
    ltw_lookup_t *lookup;
    unsigned backoff_ms;
    int setup_left;             /* replies to AUTH, SELECT */
    int is_closing;
};

/* ---- replies ---- */

ltw_reply_kind_t
ltw_reply_kind(const ltw_reply_t *r)
{
    if (r == NULL) {
        return LTW_REPLY_NIL;
    }
    switch (((const redisReply *) r)->type) {
    case REDIS_REPLY_INTEGER:
        return LTW_REPLY_INT;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        return LTW_REPLY_STRING;
    case REDIS_REPLY_ARRAY:
        return LTW_REPLY_ARRAY;
    case REDIS_REPLY_ERROR:
        return LTW_REPLY_ERROR;
    default:
        return LTW_REPLY_NIL;
    }
}

lt_str_t
ltw_reply_str(const ltw_reply_t *r)
{
    const redisReply *reply = (const redisReply *) r;
    ltw_reply_kind_t kind = ltw_reply_kind(r);

    if (kind != LTW_REPLY_STRING && kind != LTW_REPLY_ERROR) {
        return (lt_str_t) { "", 0 };
    }
    return (lt_str_t) { reply->str, (size_t) reply->len };
}

int64_t
ltw_reply_int(const ltw_reply_t *r)
{
    if (ltw_reply_kind(r) == LTW_REPLY_INT) {
        return ((const redisReply *) r)->integer;
    }
    /* hiredis ends its strings with a zero byte */
    return ltw_reply_kind(r) == LTW_REPLY_STRING
        ? strtoll(((const redisReply *) r)->str, NULL, 10) : 0;
}

size_t
ltw_reply_size(const ltw_reply_t *r)
{
    return ltw_reply_kind(r) == LTW_REPLY_ARRAY
        ? ((const redisReply *) r)->elements : 0;
}

const ltw_reply_t *
ltw_reply_at(const ltw_reply_t *r, size_t i)
{
    return i < ltw_reply_size(r)
        ? (const ltw_reply_t *) ((const redisReply *) r)->element[i] : NULL;
}

const ltw_reply_t *
ltw_reply_field(const ltw_reply_t *r, const char *name)
{
    size_t i;

    for (i = 0; i + 1 < ltw_reply_size(r); i += 2) {
        if (lt_str_is(ltw_reply_str(ltw_reply_at(r, i)), name)) {
            return ltw_reply_at(r, i + 1);
        }
    }
    return NULL;
}

/* ---- hiredis' view of our loop ---- */

static void
ltw_redis_ready(void *data, int events)
{
    ltw_redis_conn_t *conn = data;

    /* either call may free the context: then conn->ac is NULL */
    if ((events & LTW_WRITABLE) && conn->ac != NULL) {
        redisAsyncHandleWrite(conn->ac);
    }
    if ((events & LTW_READABLE) && conn->ac != NULL) {
        redisAsyncHandleRead(conn->ac);
    }
}

static void
ltw_redis_watch(ltw_redis_conn_t *conn, int set, int clear)
{
    conn->watched = (conn->watched | set) & ~clear;
    if (conn->watch != NULL) {
        ltw_watch_set(conn->watch, conn->watched);
    }
}

static void
ltw_redis_add_read(void *conn)
{
    ltw_redis_watch(conn, LTW_READABLE, 0);
}

static void
ltw_redis_del_read(void *conn)
{
    ltw_redis_watch(conn, 0, LTW_READABLE);
}

static void
ltw_redis_add_write(void *conn)
{
    ltw_redis_watch(conn, LTW_WRITABLE, 0);
}

static void
ltw_redis_del_write(void *conn)
{
    ltw_redis_watch(conn, 0, LTW_WRITABLE);
}

/* ---- a connection goes ---- */

static void
ltw_redis_pause(ltw_redis_conn_t *conn)
{
    conn->state = LTW_REDIS_PAUSED;
    if (conn->is_closing) {
        return;
    }
    ltw_timer_start(conn->timer, (int64_t) (conn->backoff_ms
        * (0.5 + ltw_loop_random(conn->loop) / 2)));
    conn->backoff_ms = conn->backoff_ms * 2 < LTW_REDIS_BACKOFF_MAX_MS
        ? conn->backoff_ms * 2 : LTW_REDIS_BACKOFF_MAX_MS;
}

static void
ltw_redis_tell(ltw_redis_conn_t *conn, const char *why)
{
    if (!conn->is_closing) {
        conn->events.on_down(conn->data, why);
    }
}

/* hiredis calls this last, whatever ended the connection. */
static void
ltw_redis_cleanup(void *data)
{
    ltw_redis_conn_t *conn = data;

    ltw_watch_free(&conn->watch);
    conn->ac = NULL;
    conn->watched = 0;
    ltw_redis_pause(conn);
}

void
ltw_redis_conn_drop(ltw_redis_conn_t *conn, const char *why)
{
    ltw_redis_tell(conn, why);
    ltw_lookup_cancel(&conn->lookup);
    if (conn->ac != NULL) {
        redisAsyncFree(conn->ac);       /* replies NULL, then cleanup */
    } else {
        ltw_redis_pause(conn);
    }
}

static void
ltw_redis_on_disconnect(const redisAsyncContext *ac, int status)
{
    (void) status;
    ltw_redis_tell(ac->data, ac->errstr != NULL && ac->errstr[0] != '\0'
        ? ac->errstr : "connection closed");
}

/* ---- a connection comes ---- */

static void
ltw_redis_on_setup(redisAsyncContext *ac, void *r, void *data)
{
    ltw_redis_conn_t *conn = data;
    redisReply *reply = r;

    (void) ac;
    if (reply == NULL) {
        return;                         /* the connection is going */
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        ltw_redis_conn_drop(conn, reply->str);
        return;
    }
    if (--conn->setup_left == 0) {
        conn->state = LTW_REDIS_UP;
        conn->backoff_ms = LTW_REDIS_BACKOFF_MIN_MS;
        ltw_timer_stop(conn->timer);
        conn->events.on_up(conn->data);
    }
}

static void
ltw_redis_on_connect(const redisAsyncContext *ac, int status)
{
    ltw_redis_conn_t *conn = ac->data;
    const ltw_redis_target_t *target = conn->target;

    if (status != REDIS_OK) {
        ltw_redis_tell(conn, ac->errstr);
        return;                         /* cleanup comes next */
    }
    conn->setup_left = 1;
    if (target->password != NULL) {
        conn->setup_left = 2;
        redisAsyncCommand(conn->ac, ltw_redis_on_setup, conn, "AUTH %s",
            target->password);
    }
    /* for db 0 too: its reply proves that we are let in */
    redisAsyncCommand(conn->ac, ltw_redis_on_setup, conn, "SELECT %d",
        target->db);
}

static void
ltw_redis_attach(ltw_redis_conn_t *conn, redisAsyncContext *ac)
{
    if (ac == NULL || ac->err != 0) {
        ltw_redis_tell(conn, ac != NULL ? ac->errstr : "no memory");
        if (ac != NULL) {
            redisAsyncFree(ac);
        }
        ltw_redis_pause(conn);
        return;
    }
    conn->watch = ltw_watch_new(conn->loop, ac->c.fd, ltw_redis_ready,
        conn);
    if (conn->watch == NULL) {
        redisAsyncFree(ac);
        ltw_redis_pause(conn);
        return;
    }
    conn->ac = ac;
    conn->state = LTW_REDIS_CONNECTING;
    ac->data = conn;
    ac->ev.data = conn;
    ac->ev.addRead = ltw_redis_add_read;
    ac->ev.delRead = ltw_redis_del_read;
    ac->ev.addWrite = ltw_redis_add_write;
    ac->ev.delWrite = ltw_redis_del_write;
    ac->ev.cleanup = ltw_redis_cleanup;
    redisAsyncSetConnectCallback(ac, ltw_redis_on_connect);
    redisAsyncSetDisconnectCallback(ac, ltw_redis_on_disconnect);
    if (conn->target->port != 0) {
        redisEnableKeepAlive(&ac->c);
    }
}

static void
ltw_redis_on_lookup(void *data, const ltw_address_t *list, size_t n,
    const lt_error_t *err)
{
    ltw_redis_conn_t *conn = data;
    char host[NI_MAXHOST];

    conn->lookup = NULL;
    if (n == 0
        || getnameinfo((const struct sockaddr *) &list[0].address,
               list[0].len, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
    {
        ltw_timer_stop(conn->timer);
        ltw_redis_conn_drop(conn, n == 0 ? err->text : "unusable address");
        return;
    }
    ltw_redis_attach(conn, redisAsyncConnect(host, conn->target->port));
}

void
ltw_redis_conn_open(ltw_redis_conn_t *conn)
{
    const ltw_redis_target_t *target = conn->target;

    ltw_timer_start(conn->timer, LTW_REDIS_CONNECT_MS);
    if (target->port == 0) {
        ltw_redis_attach(conn, redisAsyncConnectUnix(target->host));
        return;
    }
    conn->state = LTW_REDIS_RESOLVING;
    conn->lookup = ltw_lookup_start(conn->loop, target->host, target->port,
        ltw_redis_on_lookup, conn);
    if (conn->lookup == NULL) {
        ltw_redis_conn_drop(conn, "no memory");
    }
}

static void
ltw_redis_timer_ready(void *data)
{
    ltw_redis_conn_t *conn = data;

    switch (conn->state) {
    case LTW_REDIS_PAUSED:
        ltw_redis_conn_open(conn);
        break;
    case LTW_REDIS_RESOLVING:
    case LTW_REDIS_CONNECTING:
        ltw_redis_conn_drop(conn, "no connection in time");
        break;
    case LTW_REDIS_IDLE:
    case LTW_REDIS_UP:
        break;
    }
}

/* ---- what goes over it ---- */

static void
ltw_redis_on_reply(redisAsyncContext *ac, void *r, void *data)
{
    ltw_redis_conn_t *conn = ac->data;
    const char *error = NULL;

    if (r == NULL) {
        error = ac->errstr != NULL && ac->errstr[0] != '\0' ? ac->errstr
                                                            : "connection lost";
    }
    conn->events.on_reply(data, r, error);
}

int
ltw_redis_conn_send(ltw_redis_conn_t *conn, const char **argv,
    const size_t *argv_len, size_t argc, void *data)
{
    return conn->state == LTW_REDIS_UP && conn->ac != NULL
        && redisAsyncCommandArgv(conn->ac, ltw_redis_on_reply, data,
               (int) argc, argv, argv_len) == REDIS_OK;
}

/* ---- life ---- */

ltw_redis_conn_t *
ltw_redis_conn_new(ltw_loop_t *loop, const ltw_redis_target_t *target,
    const ltw_redis_events_t *events, void *data)
{
    ltw_redis_conn_t *conn = calloc(1, sizeof(*conn));

    if (conn == NULL) {
        return NULL;
    }
    conn->loop = loop;
    conn->target = target;
    conn->events = *events;
    conn->data = data;
    conn->backoff_ms = LTW_REDIS_BACKOFF_MIN_MS;
    conn->timer = ltw_timer_new(loop, ltw_redis_timer_ready, conn);
    if (conn->timer == NULL) {
        ltw_redis_conn_free(&conn);
    }
    return conn;
}

void
ltw_redis_conn_free(ltw_redis_conn_t **conn)
{
    ltw_redis_conn_t *c = *conn;

    if (c == NULL) {
        return;
    }
    *conn = NULL;
    c->is_closing = 1;
    ltw_lookup_cancel(&c->lookup);
    if (c->ac != NULL) {
        redisAsyncFree(c->ac);
    }
    ltw_timer_free(&c->timer);
    free(c);
}
