#include "edge/ltw_redis.h"

#include "ltw_log.h"
#include "ltw_slots.h"

#include "lt_crypto.h"
#include "lt_text.h"

#include <arpa/inet.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LTW_REDIS_BACKOFF_MIN_MS 100
#define LTW_REDIS_BACKOFF_MAX_MS 5000
#define LTW_REDIS_CONNECT_MS 2000
#define LTW_REDIS_REMIND_MS 30000       /* "still no Redis", in the log */
#define LTW_REDIS_CHANNELS_MAX 4096

/*
 * A connection's life.  Each state but UP ends by itself: a lookup or a
 * connect by the timer, a pause by the timer.
 */
typedef enum {
    LTW_REDIS_PAUSED,           /* timer: try again */
    LTW_REDIS_RESOLVING,        /* timer: give up */
    LTW_REDIS_CONNECTING,       /* until AUTH and SELECT are answered too */
    LTW_REDIS_UP
} ltw_redis_state_t;

typedef struct {
    ltw_redis_t *redis;
    int is_subscriber;
    ltw_redis_state_t state;
    redisAsyncContext *ac;
    ltw_watch_t *watch;
    int events;
    ltw_timer_t *timer;
    ltw_lookup_t *lookup;
    unsigned backoff_ms;
    int64_t told_at_ms;         /* last log line about no connection; 0 = up */
    int setup_left;             /* replies to AUTH, SELECT */
} ltw_redis_conn_t;

/* Waiting in order; those before `sent` are with hiredis. */
typedef struct ltw_redis_cmd_s ltw_redis_cmd_t;
struct ltw_redis_cmd_s {
    ltw_redis_cmd_t *next;
    ltw_redis_cmd_t *prev;
    ltw_redis_t *redis;
    ltw_redis_id_t id;
    ltw_redis_handler_t handler;        /* NULL: nobody waits */
    void *data;
    int64_t deadline_at_ms;
    int is_sent;
    const char *script;                 /* NULL, or what EVAL needs */
    char sha[41];
    size_t argc;
    const char *argv[LTW_REDIS_ARGS_MAX];
    size_t argv_len[LTW_REDIS_ARGS_MAX];
    char storage[];
};

typedef struct {
    ltw_redis_id_t id;
    ltw_redis_message_handler_t handler;
    void *data;
    size_t len;
    char channel[];
} ltw_redis_channel_t;

struct ltw_redis_s {
    ltw_loop_t *loop;
    ltw_metrics_t *metrics;
    char *address;              /* as configured */
    char *host;                 /* name, or path of a unix socket */
    char *password;
    uint16_t port;              /* 0 = unix socket */
    int db;
    ltw_redis_conn_t commands;
    ltw_redis_conn_t subscriber;
    ltw_slots_t slots;          /* ltw_redis_cmd_t */
    ltw_slots_t channels;       /* ltw_redis_channel_t */
    ltw_redis_cmd_t *first;
    ltw_redis_cmd_t *last;
    ltw_timer_t *deadline;
    int is_closing;
};

static void ltw_redis_connect(ltw_redis_conn_t *conn);
static void ltw_redis_send_waiting(ltw_redis_t *redis);

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
    conn->events = (conn->events | set) & ~clear;
    if (conn->watch != NULL) {
        ltw_watch_set(conn->watch, conn->events);
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
    ltw_redis_t *redis = conn->redis;

    conn->state = LTW_REDIS_PAUSED;
    if (redis->is_closing) {
        return;
    }
    ltw_timer_start(conn->timer, (int64_t) (conn->backoff_ms
        * (0.5 + ltw_loop_random(redis->loop) / 2)));
    conn->backoff_ms = conn->backoff_ms * 2 < LTW_REDIS_BACKOFF_MAX_MS
        ? conn->backoff_ms * 2 : LTW_REDIS_BACKOFF_MAX_MS;
}

/* Says it once, and again every half minute that it lasts. */
static void
ltw_redis_tell(ltw_redis_conn_t *conn, const char *why)
{
    ltw_redis_t *redis = conn->redis;
    int64_t now = ltw_loop_now_ms(redis->loop);

    if (!conn->is_subscriber) {
        ltw_gauge(redis->metrics, redis_connected, 0);
    }
    if (redis->is_closing || conn->is_subscriber
        || (conn->told_at_ms != 0
            && now - conn->told_at_ms < LTW_REDIS_REMIND_MS))
    {
        return;
    }
    conn->told_at_ms = now;
    ltw_log(LTW_ERROR, "redis_unreachable",
        ltw_cstr("address", redis->address), ltw_cstr("error", why),
        ltw_cstr("hint", "check that Redis runs and that redis, "
            "redis_password_file and redis_db are right; trying again"));
}

/* hiredis calls this last, whatever ended the connection. */
static void
ltw_redis_cleanup(void *data)
{
    ltw_redis_conn_t *conn = data;

    ltw_watch_free(&conn->watch);
    conn->ac = NULL;
    conn->events = 0;
    ltw_redis_pause(conn);
}

static void
ltw_redis_drop(ltw_redis_conn_t *conn, const char *why)
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

static void ltw_redis_on_message(redisAsyncContext *ac, void *r, void *data);

static void
ltw_redis_subscribe_all(ltw_redis_t *redis)
{
    ltw_redis_channel_t *channel;
    size_t i;

    for (i = 0; i < redis->channels.max; i++) {
        channel = redis->channels.items[i];
        if (channel != NULL) {
            redisAsyncCommand(redis->subscriber.ac, ltw_redis_on_message,
                NULL, "SUBSCRIBE %b", channel->channel, channel->len);
        }
    }
}

static void
ltw_redis_up(ltw_redis_conn_t *conn)
{
    ltw_redis_t *redis = conn->redis;

    conn->state = LTW_REDIS_UP;
    conn->backoff_ms = LTW_REDIS_BACKOFF_MIN_MS;
    ltw_timer_stop(conn->timer);
    ltw_count(redis->metrics, redis_connects, 1);
    if (conn->is_subscriber) {
        ltw_redis_subscribe_all(redis);
        return;
    }
    conn->told_at_ms = 0;
    ltw_gauge(redis->metrics, redis_connected, 1);
    ltw_log(LTW_INFO, "redis_connected",
        ltw_cstr("address", redis->address));
    ltw_redis_send_waiting(redis);
}

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
        ltw_redis_drop(conn, reply->str);
        return;
    }
    if (--conn->setup_left == 0) {
        ltw_redis_up(conn);
    }
}

static void
ltw_redis_on_connect(const redisAsyncContext *ac, int status)
{
    ltw_redis_conn_t *conn = ac->data;
    ltw_redis_t *redis = conn->redis;

    if (status != REDIS_OK) {
        ltw_redis_tell(conn, ac->errstr);
        return;                         /* cleanup comes next */
    }
    conn->setup_left = 1;
    if (redis->password != NULL) {
        conn->setup_left = 2;
        redisAsyncCommand(conn->ac, ltw_redis_on_setup, conn, "AUTH %s",
            redis->password);
    }
    /* for db 0 too: its reply proves that we are let in */
    redisAsyncCommand(conn->ac, ltw_redis_on_setup, conn, "SELECT %d",
        redis->db);
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
    conn->watch = ltw_watch_new(conn->redis->loop, ac->c.fd, ltw_redis_ready,
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
    if (conn->redis->port != 0) {
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
        ltw_redis_drop(conn, n == 0 ? err->text : "unusable address");
        return;
    }
    ltw_redis_attach(conn, redisAsyncConnect(host, conn->redis->port));
}

static void
ltw_redis_connect(ltw_redis_conn_t *conn)
{
    ltw_redis_t *redis = conn->redis;

    ltw_timer_start(conn->timer, LTW_REDIS_CONNECT_MS);
    if (redis->port == 0) {
        ltw_redis_attach(conn, redisAsyncConnectUnix(redis->host));
        return;
    }
    conn->state = LTW_REDIS_RESOLVING;
    conn->lookup = ltw_lookup_start(redis->loop, redis->host, redis->port,
        ltw_redis_on_lookup, conn);
    if (conn->lookup == NULL) {
        ltw_redis_drop(conn, "no memory");
    }
}

static void
ltw_redis_timer_ready(void *data)
{
    ltw_redis_conn_t *conn = data;

    switch (conn->state) {
    case LTW_REDIS_PAUSED:
        ltw_redis_connect(conn);
        break;
    case LTW_REDIS_RESOLVING:
    case LTW_REDIS_CONNECTING:
        ltw_redis_drop(conn, "no connection in time");
        break;
    case LTW_REDIS_UP:
        break;
    }
}

/* ---- commands ---- */

static void
ltw_redis_cmd_free(ltw_redis_cmd_t *cmd)
{
    ltw_redis_t *redis = cmd->redis;

    *(cmd->prev != NULL ? &cmd->prev->next : &redis->first) = cmd->next;
    *(cmd->next != NULL ? &cmd->next->prev : &redis->last) = cmd->prev;
    ltw_slots_remove(&redis->slots, cmd->id);
    free(cmd);
}

static void
ltw_redis_cmd_finish(ltw_redis_cmd_t *cmd, const ltw_reply_t *reply,
    const char *error)
{
    ltw_redis_handler_t handler = cmd->handler;
    void *data = cmd->data;
    lt_error_t err = { 0 };

    if (error != NULL) {
        lt_error_set(&err, 0, "%s", error);
        ltw_count(cmd->redis->metrics, redis_failures, 1);
        reply = NULL;
    }
    ltw_redis_cmd_free(cmd);
    if (handler != NULL) {
        handler(data, reply, &err);
    }
}

static void ltw_redis_on_reply(redisAsyncContext *ac, void *r, void *data);

/* 0: not now, it keeps waiting. */
static int
ltw_redis_cmd_send(ltw_redis_cmd_t *cmd)
{
    ltw_redis_conn_t *conn = &cmd->redis->commands;

    if (conn->state != LTW_REDIS_UP || conn->ac == NULL
        || redisAsyncCommandArgv(conn->ac, ltw_redis_on_reply, cmd,
               (int) cmd->argc, cmd->argv, cmd->argv_len) != REDIS_OK)
    {
        return 0;
    }
    cmd->is_sent = 1;
    return 1;
}

static void
ltw_redis_on_reply(redisAsyncContext *ac, void *r, void *data)
{
    ltw_redis_cmd_t *cmd = data;
    redisReply *reply = r;

    if (reply == NULL) {
        ltw_redis_cmd_finish(cmd, NULL, ac->errstr != NULL
            && ac->errstr[0] != '\0' ? ac->errstr : "connection lost");
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR && cmd->script != NULL
        && strncmp(reply->str, "NOSCRIPT", 8) == 0)
    {
        cmd->argv[0] = "EVAL";
        cmd->argv_len[0] = 4;
        cmd->argv[1] = cmd->script;
        cmd->argv_len[1] = strlen(cmd->script);
        cmd->script = NULL;
        if (!ltw_redis_cmd_send(cmd)) {
            ltw_redis_cmd_finish(cmd, NULL, "connection lost");
        }
        return;
    }
    ltw_redis_cmd_finish(cmd, (const ltw_reply_t *) reply,
        reply->type == REDIS_REPLY_ERROR ? reply->str : NULL);
}

static void
ltw_redis_send_waiting(ltw_redis_t *redis)
{
    ltw_redis_cmd_t *cmd;

    for (cmd = redis->first; cmd != NULL; cmd = cmd->next) {
        if (!cmd->is_sent && !ltw_redis_cmd_send(cmd)) {
            break;
        }
    }
}

/* All wait equally long, so the list is in the order of deadlines. */
static void
ltw_redis_deadline_ready(void *data)
{
    ltw_redis_t *redis = data;
    int64_t now = ltw_loop_now_ms(redis->loop);

    while (redis->first != NULL && redis->first->deadline_at_ms <= now) {
        if (redis->first->is_sent) {
            /* finishes all that was sent */
            ltw_redis_drop(&redis->commands, "no reply in time");
        } else {
            ltw_redis_cmd_finish(redis->first, NULL, "not connected");
        }
    }
    if (redis->first != NULL) {
        ltw_timer_start(redis->deadline, redis->first->deadline_at_ms - now);
    }
}

static ltw_redis_cmd_t *
ltw_redis_cmd_new(ltw_redis_t *redis, const char *script,
    const lt_str_t *argv, size_t argc)
{
    size_t head = script != NULL ? 2 : 0, total = 0, i;
    ltw_redis_cmd_t *cmd;
    char *p;

    for (i = 0; i < argc; i++) {
        total += argv[i].len;
    }
    if (argc + head > LTW_REDIS_ARGS_MAX) {
        return NULL;
    }
    cmd = calloc(1, sizeof(*cmd) + total);
    if (cmd == NULL) {
        return NULL;
    }
    p = cmd->storage;
    for (i = 0; i < argc; i++) {
        if (argv[i].len > 0) {
            memcpy(p, argv[i].data, argv[i].len);
        }
        cmd->argv[head + i] = p;
        cmd->argv_len[head + i] = argv[i].len;
        p += argv[i].len;
    }
    cmd->argc = argc + head;
    cmd->redis = redis;
    return cmd;
}

static ltw_redis_id_t
ltw_redis_cmd_queue(ltw_redis_t *redis, ltw_redis_cmd_t *cmd,
    ltw_redis_handler_t handler, void *data)
{
    cmd->id = ltw_slots_add(&redis->slots, cmd);
    if (cmd->id == 0) {
        ltw_count(redis->metrics, redis_queue_full, 1);
        free(cmd);
        return 0;
    }
    cmd->handler = handler;
    cmd->data = data;
    cmd->deadline_at_ms = ltw_loop_now_ms(redis->loop) + LTW_REDIS_TIMEOUT_MS;
    cmd->prev = redis->last;
    *(redis->last != NULL ? &redis->last->next : &redis->first) = cmd;
    redis->last = cmd;
    if (!ltw_timer_is_active(redis->deadline)) {
        ltw_timer_start(redis->deadline, LTW_REDIS_TIMEOUT_MS);
    }
    ltw_count(redis->metrics, redis_commands, 1);
    ltw_redis_cmd_send(cmd);
    return cmd->id;
}

ltw_redis_id_t
ltw_redis_command(ltw_redis_t *redis, const lt_str_t *argv, size_t argc,
    ltw_redis_handler_t handler, void *data)
{
    ltw_redis_cmd_t *cmd = ltw_redis_cmd_new(redis, NULL, argv, argc);

    return cmd != NULL ? ltw_redis_cmd_queue(redis, cmd, handler, data) : 0;
}

ltw_redis_id_t
ltw_redis_script(ltw_redis_t *redis, const char *script, const lt_str_t *argv,
    size_t argc, ltw_redis_handler_t handler, void *data)
{
    ltw_redis_cmd_t *cmd = ltw_redis_cmd_new(redis, script, argv, argc);
    uint8_t digest[LT_SHA1_LEN];

    if (cmd == NULL || lt_sha1(digest, script, strlen(script)) != LT_OK) {
        free(cmd);
        return 0;
    }
    lt_hex_encode(cmd->sha, digest, sizeof(digest));
    cmd->script = script;
    cmd->argv[0] = "EVALSHA";
    cmd->argv_len[0] = 7;
    cmd->argv[1] = cmd->sha;
    cmd->argv_len[1] = 40;
    return ltw_redis_cmd_queue(redis, cmd, handler, data);
}

void
ltw_redis_cancel(ltw_redis_t *redis, ltw_redis_id_t id)
{
    ltw_redis_cmd_t *cmd = ltw_slots_get(&redis->slots, id);

    if (cmd != NULL) {
        cmd->handler = NULL;            /* hiredis may still hold it */
    }
}

/* ---- subscriptions ---- */

static ltw_redis_channel_t *
ltw_redis_channel_find(ltw_redis_t *redis, lt_str_t name)
{
    ltw_redis_channel_t *channel;
    size_t i;

    for (i = 0; i < redis->channels.max; i++) {
        channel = redis->channels.items[i];
        if (channel != NULL && channel->len == name.len
            && memcmp(channel->channel, name.data, name.len) == 0)
        {
            return channel;
        }
    }
    return NULL;
}

static void
ltw_redis_on_message(redisAsyncContext *ac, void *r, void *data)
{
    ltw_redis_conn_t *conn = ac->data;
    const ltw_reply_t *reply = r;
    ltw_redis_channel_t *channel;

    (void) data;
    if (ltw_reply_size(reply) != 3
        || !lt_str_is(ltw_reply_str(ltw_reply_at(reply, 0)), "message"))
    {
        return;
    }
    channel = ltw_redis_channel_find(conn->redis,
        ltw_reply_str(ltw_reply_at(reply, 1)));
    if (channel != NULL) {
        ltw_count(conn->redis->metrics, redis_messages, 1);
        channel->handler(channel->data,
            ltw_reply_str(ltw_reply_at(reply, 2)));
    }
}

ltw_redis_id_t
ltw_redis_subscribe(ltw_redis_t *redis, lt_str_t name,
    ltw_redis_message_handler_t handler, void *data)
{
    ltw_redis_channel_t *channel;

    if (ltw_redis_channel_find(redis, name) != NULL) {
        return 0;
    }
    channel = calloc(1, sizeof(*channel) + name.len);
    if (channel == NULL) {
        return 0;
    }
    channel->handler = handler;
    channel->data = data;
    channel->len = name.len;
    memcpy(channel->channel, name.data, name.len);
    channel->id = ltw_slots_add(&redis->channels, channel);
    if (channel->id == 0) {
        free(channel);
        return 0;
    }
    if (redis->subscriber.state == LTW_REDIS_UP) {
        redisAsyncCommand(redis->subscriber.ac, ltw_redis_on_message, NULL,
            "SUBSCRIBE %b", name.data, name.len);
    } else if (redis->channels.n == 1 && redis->subscriber.ac == NULL
        && redis->subscriber.lookup == NULL
        && !ltw_timer_is_active(redis->subscriber.timer))
    {
        ltw_redis_connect(&redis->subscriber);
    }
    return channel->id;
}

void
ltw_redis_unsubscribe(ltw_redis_t *redis, ltw_redis_id_t id)
{
    ltw_redis_channel_t *channel = ltw_slots_remove(&redis->channels, id);

    if (channel == NULL) {
        return;
    }
    if (redis->subscriber.state == LTW_REDIS_UP) {
        redisAsyncCommand(redis->subscriber.ac, NULL, NULL, "UNSUBSCRIBE %b",
            channel->channel, channel->len);
    }
    free(channel);
}

/* ---- the client ---- */

/* host:port, [v6]:port or unix:/path */
static lt_result_t
ltw_redis_address(ltw_redis_t *redis, const char *address)
{
    const char *colon = strrchr(address, ':');
    size_t len;

    redis->address = strdup(address);
    if (strncmp(address, "unix:", 5) == 0) {
        redis->host = strdup(address + 5);
        return LT_OK;
    }
    redis->port = 6379;
    len = strlen(address);
    if (colon != NULL) {
        redis->port = (uint16_t) strtoul(colon + 1, NULL, 10);
        len = (size_t) (colon - address);
    }
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    redis->host = strndup(address, len);
    return redis->port != 0 ? LT_OK : LT_INVALID;
}

static int
ltw_redis_conn_init(ltw_redis_conn_t *conn, ltw_redis_t *redis,
    int is_subscriber)
{
    conn->redis = redis;
    conn->is_subscriber = is_subscriber;
    conn->backoff_ms = LTW_REDIS_BACKOFF_MIN_MS;
    conn->timer = ltw_timer_new(redis->loop, ltw_redis_timer_ready, conn);
    return conn->timer != NULL;
}

ltw_redis_t *
ltw_redis_new(ltw_loop_t *loop, ltw_metrics_t *metrics,
    const ltw_redis_options_t *options)
{
    ltw_redis_t *redis = calloc(1, sizeof(*redis));

    if (redis == NULL) {
        return NULL;
    }
    redis->loop = loop;
    redis->metrics = metrics;
    redis->db = options->db;
    redis->password = options->password != NULL
        ? strdup(options->password) : NULL;
    redis->deadline = ltw_timer_new(loop, ltw_redis_deadline_ready, redis);
    if (ltw_redis_address(redis, options->address) != LT_OK
        || redis->address == NULL || redis->host == NULL
        || redis->deadline == NULL
        || (options->password != NULL && redis->password == NULL)
        || ltw_slots_init(&redis->slots, LTW_REDIS_QUEUE_MAX) != LT_OK
        || ltw_slots_init(&redis->channels, LTW_REDIS_CHANNELS_MAX) != LT_OK
        || !ltw_redis_conn_init(&redis->commands, redis, 0)
        || !ltw_redis_conn_init(&redis->subscriber, redis, 1))
    {
        ltw_redis_free(&redis);
        return NULL;
    }
    ltw_redis_connect(&redis->commands);
    return redis;
}

static void
ltw_redis_conn_deinit(ltw_redis_conn_t *conn)
{
    ltw_lookup_cancel(&conn->lookup);
    if (conn->ac != NULL) {
        redisAsyncFree(conn->ac);
    }
    ltw_timer_free(&conn->timer);
}

void
ltw_redis_free(ltw_redis_t **redis)
{
    ltw_redis_t *r = *redis;
    ltw_redis_cmd_t *cmd;
    void *item;

    if (r == NULL) {
        return;
    }
    r->is_closing = 1;
    for (cmd = r->first; cmd != NULL; cmd = cmd->next) {
        cmd->handler = NULL;
    }
    while ((item = ltw_slots_any(&r->channels)) != NULL) {
        ltw_slots_remove(&r->channels, ((ltw_redis_channel_t *) item)->id);
        free(item);
    }
    ltw_redis_conn_deinit(&r->commands);
    ltw_redis_conn_deinit(&r->subscriber);
    while (r->first != NULL) {
        ltw_redis_cmd_free(r->first);
    }
    ltw_timer_free(&r->deadline);
    ltw_slots_deinit(&r->slots);
    ltw_slots_deinit(&r->channels);
    free(r->address);
    free(r->host);
    if (r->password != NULL) {
        explicit_bzero(r->password, strlen(r->password));
    }
    free(r->password);
    free(r);
    *redis = NULL;
}
