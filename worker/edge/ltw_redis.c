#include "edge/ltw_redis.h"

#include "edge/ltw_redis_conn.h"
#include "ltw_log.h"
#include "ltw_slots.h"

#include "lt_crypto.h"
#include "lt_text.h"

#include <stdlib.h>
#include <string.h>

#define LTW_REDIS_REMIND_MS 30000       /* "still no Redis", in the log */

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

struct ltw_redis_s {
    ltw_loop_t *loop;
    ltw_metrics_t *metrics;
    char *address;              /* as configured */
    ltw_redis_target_t target;
    ltw_redis_conn_t *conn;
    int64_t told_at_ms;         /* last log line about no connection; 0 = up */
    ltw_slots_t slots;          /* ltw_redis_cmd_t */
    ltw_redis_cmd_t *first;
    ltw_redis_cmd_t *last;
    ltw_timer_t *deadline;
};

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

/* 0: not now, it keeps waiting. */
static int
ltw_redis_cmd_send(ltw_redis_cmd_t *cmd)
{
    if (!ltw_redis_conn_send(cmd->redis->conn, cmd->argv, cmd->argv_len,
            cmd->argc, cmd))
    {
        return 0;
    }
    cmd->is_sent = 1;
    return 1;
}

static int
ltw_redis_has_no_script(const ltw_redis_cmd_t *cmd, const ltw_reply_t *reply)
{
    lt_str_t text = ltw_reply_str(reply);

    return cmd->script != NULL && ltw_reply_kind(reply) == LTW_REPLY_ERROR
        && text.len >= 8 && memcmp(text.data, "NOSCRIPT", 8) == 0;
}

static void
ltw_redis_on_reply(void *command, const ltw_reply_t *reply,
    const char *error)
{
    ltw_redis_cmd_t *cmd = command;

    if (reply != NULL && ltw_redis_has_no_script(cmd, reply)) {
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
    if (ltw_reply_kind(reply) == LTW_REPLY_ERROR) {
        error = ltw_reply_str(reply).data;
    }
    ltw_redis_cmd_finish(cmd, reply, error);
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
            ltw_redis_conn_drop(redis->conn, "no reply in time");
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

/* ---- the connection ---- */

static void
ltw_redis_up(void *data)
{
    ltw_redis_t *redis = data;

    redis->told_at_ms = 0;
    ltw_count(redis->metrics, redis_connects, 1);
    ltw_gauge(redis->metrics, redis_connected, 1);
    ltw_log(LTW_INFO, "redis_connected", ltw_cstr("address", redis->address));
    ltw_redis_send_waiting(redis);
}

/* Says it once, and again every half minute that it lasts. */
static void
ltw_redis_down(void *data, const char *why)
{
    ltw_redis_t *redis = data;
    int64_t now = ltw_loop_now_ms(redis->loop);

    ltw_gauge(redis->metrics, redis_connected, 0);
    if (redis->told_at_ms != 0
        && now - redis->told_at_ms < LTW_REDIS_REMIND_MS)
    {
        return;
    }
    redis->told_at_ms = now;
    ltw_log(LTW_ERROR, "redis_unreachable",
        ltw_cstr("address", redis->address), ltw_cstr("error", why),
        ltw_cstr("hint", "check that Redis runs and that redis, "
            "redis_password_file and redis_db are right; trying again"));
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
        redis->target.host = strdup(address + 5);
        return LT_OK;
    }
    redis->target.port = 6379;
    len = strlen(address);
    if (colon != NULL) {
        redis->target.port = (uint16_t) strtoul(colon + 1, NULL, 10);
        len = (size_t) (colon - address);
    }
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    redis->target.host = strndup(address, len);
    return redis->target.port != 0 ? LT_OK : LT_INVALID;
}

ltw_redis_t *
ltw_redis_new(ltw_loop_t *loop, ltw_metrics_t *metrics,
    const ltw_redis_options_t *options)
{
    static const ltw_redis_events_t events = { ltw_redis_up, ltw_redis_down,
        ltw_redis_on_reply };
    ltw_redis_t *redis = calloc(1, sizeof(*redis));

    if (redis == NULL) {
        return NULL;
    }
    redis->loop = loop;
    redis->metrics = metrics;
    redis->target.db = options->db;
    redis->target.password = options->password != NULL
        ? strdup(options->password) : NULL;
    redis->deadline = ltw_timer_new(loop, ltw_redis_deadline_ready, redis);
    if (ltw_redis_address(redis, options->address) != LT_OK
        || redis->address == NULL || redis->target.host == NULL
        || redis->deadline == NULL
        || (options->password != NULL && redis->target.password == NULL)
        || ltw_slots_init(&redis->slots, LTW_REDIS_QUEUE_MAX) != LT_OK
        || (redis->conn = ltw_redis_conn_new(loop, &redis->target, &events,
                redis)) == NULL)
    {
        ltw_redis_free(&redis);
        return NULL;
    }
    ltw_redis_conn_open(redis->conn);
    return redis;
}

void
ltw_redis_free(ltw_redis_t **redis)
{
    ltw_redis_t *r = *redis;
    ltw_redis_cmd_t *cmd;

    if (r == NULL) {
        return;
    }
    for (cmd = r->first; cmd != NULL; cmd = cmd->next) {
        cmd->handler = NULL;
    }
    ltw_redis_conn_free(&r->conn);
    while (r->first != NULL) {
        ltw_redis_cmd_free(r->first);
    }
    ltw_timer_free(&r->deadline);
    ltw_slots_deinit(&r->slots);
    free(r->address);
    free(r->target.host);
    if (r->target.password != NULL) {
        explicit_bzero(r->target.password, strlen(r->target.password));
    }
    free(r->target.password);
    free(r);
    *redis = NULL;
}
