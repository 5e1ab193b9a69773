#include "ngx_http_lt_command.h"
#include "ngx_http_lt_metrics.h"

#include "lt_crypto.h"
#include "lt_text.h"

#define LT_COMMAND_WORDS_FEW 32     /* on the stack */

struct ngx_http_lt_commands_s {
    ngx_http_lt_redis_t *redis;
    ngx_queue_t waiting;        /* of commands, in the order sent */
    ngx_queue_t unsent;         /* of commands, until the greeting is over */
    ngx_uint_t waiting_n;       /* in both */
    size_t waiting_bytes;
    char sha1[LT_STATE_SCRIPTS][LT_SHA1_LEN * 2];
};

struct ngx_http_lt_command_s {
    ngx_queue_t queue;
    ngx_http_lt_commands_t *owner;
    ngx_http_lt_command_done_pt done;
    void *data;
    ngx_msec_t deadline_ms;
    size_t bytes;
    int script;                 /* lt_state_script_t; -1 = none or resent */
    int argc;
    const char **argv;          /* kept for scripts: EVAL after NOSCRIPT */
    size_t *argv_len;
};

ngx_http_lt_commands_t *
ngx_http_lt_commands_new(ngx_http_lt_redis_t *redis, ngx_pool_t *pool)
{
    int i;
    lt_str_t text;
    uint8_t sha1[LT_SHA1_LEN];
    ngx_http_lt_commands_t *owner;

    owner = ngx_pcalloc(pool, sizeof(ngx_http_lt_commands_t));
    if (owner == NULL) {
        return NULL;
    }

    owner->redis = redis;
    ngx_queue_init(&owner->waiting);
    ngx_queue_init(&owner->unsent);

    for (i = 0; i < LT_STATE_SCRIPTS; i++) {
        text = lt_state_script(i);
        if (lt_sha1(sha1, text.data, text.len) != LT_OK) {
            return NULL;
        }
        lt_hex_encode(owner->sha1[i], sha1, sizeof(sha1));
    }

    return owner;
}

ngx_uint_t
ngx_http_lt_commands_are_overdue(const ngx_http_lt_commands_t *owner)
{
    ngx_queue_t *q;
    ngx_http_lt_command_t *oldest;

    if (ngx_queue_empty(&owner->waiting)) {
        return 0;
    }

    q = ngx_queue_head(&owner->waiting);
    oldest = ngx_queue_data(q, ngx_http_lt_command_t, queue);

    return (ngx_msec_int_t) (ngx_current_msec - oldest->deadline_ms) >= 0;
}

/* A process that is leaving waits for answers: they end its connections. */
static void
lt_command_hold(ngx_http_lt_commands_t *owner)
{
    ngx_http_lt_redis_hold(owner->redis, owner->waiting_n != 0);
}

static void
lt_command_free(ngx_http_lt_command_t *cmd)
{
    ngx_http_lt_commands_t *owner = cmd->owner;

    ngx_queue_remove(&cmd->queue);
    owner->waiting_n--;
    owner->waiting_bytes -= cmd->bytes;
    lt_command_hold(owner);
    ngx_free(cmd);
}

/* Redis was restarted or flushed: the script's text itself. */
static ngx_int_t
lt_command_resend(ngx_http_lt_command_t *cmd)
{
    lt_str_t text = lt_state_script(cmd->script);

    cmd->script = -1;
    cmd->argv[0] = "EVAL";
    cmd->argv_len[0] = 4;
    cmd->argv[1] = text.data;
    cmd->argv_len[1] = text.len;

    if (ngx_http_lt_redis_write(cmd->owner->redis, cmd, cmd->argc, cmd->argv,
            cmd->argv_len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmd->deadline_ms = ngx_current_msec + NGX_HTTP_LT_REDIS_TIMEOUT_MS;
    ngx_queue_remove(&cmd->queue);
    ngx_queue_insert_tail(&cmd->owner->waiting, &cmd->queue);

    return NGX_OK;
}

void
ngx_http_lt_commands_reply(ngx_http_lt_command_t *cmd,
    const ngx_http_lt_reply_t *reply)
{
    static ngx_http_lt_log_limit_t limit;

    const char *error = reply != NULL ? ngx_http_lt_reply_error(reply) : NULL;

    if (error != NULL) {
        if (cmd->script >= 0 && ngx_strncmp(error, "NOSCRIPT", 8) == 0
            && lt_command_resend(cmd) == NGX_OK)
        {
            return;
        }

        if (ngx_http_lt_log_is_due(&limit)) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                "lt: event=redis_command_failed reason=\"%s\"", error);
        }

        reply = NULL;
    }

    NGX_HTTP_LT_OBSERVE(redis_command_ms, (ngx_msec_int_t)
        (ngx_current_msec - cmd->deadline_ms + NGX_HTTP_LT_REDIS_TIMEOUT_MS));

    if (reply == NULL) {
        NGX_HTTP_LT_COUNT(redis_errors, 1);
    }

    if (cmd->done != NULL) {
        cmd->done(cmd->data, reply);
    }

    lt_command_free(cmd);
}

static ngx_int_t
lt_command_write(ngx_http_lt_command_t *cmd)
{
    if (ngx_http_lt_redis_write(cmd->owner->redis, cmd, cmd->argc, cmd->argv,
            cmd->argv_len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    NGX_HTTP_LT_COUNT(redis_commands, 1);

    return NGX_OK;
}

/* No answer will come. */
static void
lt_command_give_up(ngx_http_lt_command_t *cmd)
{
    NGX_HTTP_LT_COUNT(redis_errors, 1);

    if (cmd->done != NULL) {
        cmd->done(cmd->data, NULL);
    }

    lt_command_free(cmd);
}

void
ngx_http_lt_commands_down(ngx_http_lt_commands_t *owner)
{
    ngx_queue_t *q;

    while (!ngx_queue_empty(&owner->unsent)) {
        q = ngx_queue_head(&owner->unsent);
        lt_command_give_up(ngx_queue_data(q, ngx_http_lt_command_t, queue));
    }
}

void
ngx_http_lt_commands_up(ngx_http_lt_commands_t *owner)
{
    ngx_queue_t *q;
    ngx_http_lt_command_t *cmd;

    while (!ngx_queue_empty(&owner->unsent)) {
        q = ngx_queue_head(&owner->unsent);
        cmd = ngx_queue_data(q, ngx_http_lt_command_t, queue);

        if (lt_command_write(cmd) != NGX_OK) {
            lt_command_give_up(cmd);
            continue;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&owner->waiting, q);
        cmd->deadline_ms = ngx_current_msec + NGX_HTTP_LT_REDIS_TIMEOUT_MS;
    }
}

static ngx_http_lt_command_t *
lt_command_new(ngx_http_lt_commands_t *owner, ngx_uint_t n,
    const ngx_str_t *words, size_t bytes)
{
    u_char *p;
    ngx_uint_t i;
    ngx_http_lt_command_t *cmd;

    cmd = ngx_calloc(sizeof(ngx_http_lt_command_t)
                     + n * (sizeof(char *) + sizeof(size_t)) + bytes,
        ngx_cycle->log);
    if (cmd == NULL) {
        return NULL;
    }

    cmd->owner = owner;
    cmd->bytes = bytes;
    cmd->argc = (int) n;
    cmd->argv = (const char **) (cmd + 1);
    cmd->argv_len = (size_t *) (cmd->argv + n);

    p = (u_char *) (cmd->argv_len + n);
    for (i = 0; i < n; i++) {
        cmd->argv[i] = (const char *) p;
        cmd->argv_len[i] = words[i].len;
        p = ngx_http_lt_copy(p, words[i].data, words[i].len);
    }

    return cmd;
}

static ngx_http_lt_command_t *
lt_command_submit(ngx_http_lt_redis_t *redis, ngx_uint_t n,
    const ngx_str_t *words, int script, ngx_http_lt_command_done_pt done,
    void *data)
{
    size_t bytes = 0;
    ngx_uint_t i, is_up = ngx_http_lt_redis_is_up(redis);
    ngx_http_lt_command_t *cmd;
    ngx_http_lt_commands_t *owner = ngx_http_lt_redis_commands(redis);

    for (i = 0; i < n; i++) {
        bytes += words[i].len;
    }

    if ((!is_up && !ngx_http_lt_redis_is_coming(redis))
        || owner->waiting_n >= NGX_HTTP_LT_COMMANDS_MAX
        || owner->waiting_bytes + bytes > NGX_HTTP_LT_COMMANDS_BYTES_MAX)
    {
        NGX_HTTP_LT_COUNT(redis_errors, 1);
        return NULL;
    }

    cmd = lt_command_new(owner, n, words, bytes);
    if (cmd == NULL) {
        return NULL;
    }

    cmd->done = done;
    cmd->data = data;
    cmd->script = script;
    cmd->deadline_ms = ngx_current_msec + NGX_HTTP_LT_REDIS_TIMEOUT_MS;

    ngx_queue_insert_tail(is_up ? &owner->waiting : &owner->unsent,
        &cmd->queue);
    owner->waiting_n++;
    owner->waiting_bytes += bytes;
    lt_command_hold(owner);

    if (is_up && lt_command_write(cmd) != NGX_OK) {
        lt_command_free(cmd);
        NGX_HTTP_LT_COUNT(redis_errors, 1);
        return NULL;
    }

    return cmd;
}

ngx_http_lt_command_t *
ngx_http_lt_command_send(ngx_http_lt_redis_t *redis, ngx_uint_t n,
    const ngx_str_t *words, ngx_http_lt_command_done_pt done, void *data)
{
    return lt_command_submit(redis, n, words, -1, done, data);
}

ngx_http_lt_command_t *
ngx_http_lt_command_eval(ngx_http_lt_redis_t *redis, lt_state_script_t script,
    const ngx_str_t *session_id, ngx_uint_t n, const ngx_str_t *args,
    ngx_http_lt_command_done_pt done, void *data)
{
    u_char keys[LT_STATE_SCRIPT_KEYS][LT_STATE_KEY_MAX];
    size_t key_len[LT_STATE_SCRIPT_KEYS];
    lt_out_t out;
    ngx_str_t few[LT_COMMAND_WORDS_FEW], *words = few;
    ngx_uint_t i, w = 3;
    ngx_http_lt_command_t *cmd;

    static const lt_state_key_t names[LT_STATE_SCRIPT_KEYS] = {
        LT_STATE_KEY_SESSION, LT_STATE_KEY_LISTENERS, LT_STATE_KEY_LANGUAGES
    };

    if (redis == NULL
        || n > NGX_HTTP_LT_COMMAND_WORDS_MAX - 3 - LT_STATE_SCRIPT_KEYS)
    {
        return NULL;
    }

    for (i = 0; i < LT_STATE_SCRIPT_KEYS; i++) {
        lt_out_init(&out, keys[i], sizeof(keys[i]));
        if (lt_state_key(&out, names[i], ngx_http_lt_view(session_id))
            != LT_OK)
        {
            return NULL;
        }
        key_len[i] = lt_out_len(&out);
    }

    if (n + 3 + LT_STATE_SCRIPT_KEYS > LT_COMMAND_WORDS_FEW) {
        words = ngx_alloc((n + 3 + LT_STATE_SCRIPT_KEYS) * sizeof(ngx_str_t),
            ngx_cycle->log);
        if (words == NULL) {
            return NULL;
        }
    }

    ngx_str_set(&words[0], "EVALSHA");
    words[1].data = (u_char *) ngx_http_lt_redis_commands(redis)->sha1[script];
    words[1].len = sizeof(ngx_http_lt_redis_commands(redis)->sha1[script]);
    ngx_str_set(&words[2], "3");

    for (i = 0; i < LT_STATE_SCRIPT_KEYS; i++) {
        words[w].data = keys[i];
        words[w++].len = key_len[i];
    }

    for (i = 0; i < n; i++) {
        words[w++] = args[i];
    }

    cmd = lt_command_submit(redis, w, words, script, done, data);

    if (words != few) {
        ngx_free(words);
    }

    return cmd;
}

void
ngx_http_lt_command_forget(ngx_http_lt_command_t *cmd)
{
    if (cmd != NULL) {
        cmd->done = NULL;
    }
}
