#include "ngx_http_lt_redis.h"
#include "ngx_http_lt_command.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_push.h"
#include "ngx_http_lt_registry.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#define LT_REDIS_BACKOFF_MIN_MS 100
#define LT_REDIS_BACKOFF_MAX_MS 5000
#define LT_REDIS_TICK_MS 250
#define LT_REDIS_PING_MS 5000
#define LT_REDIS_HOST_MAX 256

typedef enum {
    LT_REDIS_DOWN,
    LT_REDIS_CONNECTING,
    LT_REDIS_GREETING,
    LT_REDIS_UP
} lt_redis_state_e;

typedef enum {
    LT_REDIS_AUTH,
    LT_REDIS_SELECT,
    LT_REDIS_HELLO              /* PING, or SUBSCRIBE to a channel of ours */
} lt_redis_step_e;

typedef struct {
    ngx_http_lt_redis_t *redis;
    redisAsyncContext *ac;      /* NULL when down */
    ngx_connection_t *c;        /* hiredis owns its descriptor */
    ngx_event_t timer;
    lt_redis_state_e state;
    lt_redis_step_e step;
    ngx_msec_t backoff;
    ngx_msec_t ping_at_ms;      /* when the next ping is due */
    ngx_msec_t heard_at_ms;     /* last byte from Redis */
    ngx_uint_t is_subscriber;
    ngx_uint_t is_writing;
} lt_redis_link_t;

struct ngx_http_lt_redis_s {
    ngx_http_lt_main_conf_t *mcf;
    ngx_log_t *log;
    lt_redis_link_t commands;
    lt_redis_link_t subscriber;
    ngx_http_lt_commands_t *queue;
    char host[LT_REDIS_HOST_MAX];
    int port;                   /* 0 = unix socket */
};

static void lt_redis_connect(lt_redis_link_t *link);
static void lt_redis_greet(lt_redis_link_t *link);

/* Ends a connection from outside of hiredis; the cleanup hook does the rest.
   Waiting commands get their NULL while the state is down already. */
static void
lt_redis_fail(lt_redis_link_t *link, const char *why)
{
    redisAsyncContext *ac = link->ac;

    ngx_log_error(NGX_LOG_ERR, link->redis->log, 0,
        "lt: event=redis_failed connection=%s address=\"%V\" reason=\"%s\"",
        link->is_subscriber ? "subscriber" : "commands",
        &link->redis->mcf->redis_conf.name, why);

    link->state = LT_REDIS_DOWN;
    redisAsyncFree(ac);
}

static void
lt_redis_schedule(lt_redis_link_t *link)
{
    link->state = LT_REDIS_DOWN;
    ngx_add_timer(&link->timer, link->backoff);
    link->backoff = ngx_min(link->backoff * 2, LT_REDIS_BACKOFF_MAX_MS);
}

/* hiredis frees ac after this, and closes the descriptor itself. */
static void
lt_redis_cleanup(void *data)
{
    lt_redis_link_t *link = data;
    ngx_connection_t *c = link->c;

    link->state = LT_REDIS_DOWN;

    if (!link->is_subscriber) {
        ngx_http_lt_commands_down(link->redis->queue);
    }

    link->ac = NULL;
    link->c = NULL;
    link->is_writing = 0;

    ngx_del_conn(c, 0);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->read->closed = 1;
    c->write->closed = 1;
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    lt_redis_schedule(link);
}

static void
lt_redis_nothing(void *data)
{
    (void) data;
}

/* Both directions are registered once; a queued command posts the write. */
static void
lt_redis_want_write(void *data)
{
    lt_redis_link_t *link = data;

    if (link->is_writing) {
        link->c->write->ready = 0;

    } else if (link->c->write->ready) {
        ngx_post_event(link->c->write, &ngx_posted_events);
    }
}

static void
lt_redis_read_handler(ngx_event_t *rev)
{
    int n;
    ngx_connection_t *c = rev->data;
    lt_redis_link_t *link = c->data;
    redisAsyncContext *ac = link->ac;

    if (c->close) {
        /* worker_shutdown_timeout: the sockets' last words need Redis */
        c->close = 0;
        c->error = 0;
        return;
    }

    link->heard_at_ms = ngx_current_msec;

    /* hiredis reads 16 kB a call, the event comes once */
    do {
        redisAsyncHandleRead(ac);
        if (link->ac != ac) {
            return;
        }

        if (ioctl(c->fd, FIONREAD, &n) == -1) {
            return;
        }
    } while (n > 0 || rev->pending_eof);
}

static void
lt_redis_write_handler(ngx_event_t *wev)
{
    ngx_connection_t *c = wev->data;
    lt_redis_link_t *link = c->data;

    link->is_writing = 1;
    redisAsyncHandleWrite(link->ac);
    link->is_writing = 0;
}

static void
lt_redis_on_connect(const redisAsyncContext *ac, int status)
{
    lt_redis_link_t *link = ac->data;

    if (status != REDIS_OK) {
        ngx_log_error(NGX_LOG_ERR, link->redis->log, 0,
            "lt: event=redis_connect_failed address=\"%V\" reason=\"%s\"",
            &link->redis->mcf->redis_conf.name, ac->errstr);
        return;
    }

    link->state = LT_REDIS_GREETING;
    link->step = LT_REDIS_AUTH;
    ngx_add_timer(&link->timer, NGX_HTTP_LT_REDIS_TIMEOUT_MS);
    lt_redis_greet(link);
}

static void
lt_redis_on_disconnect(const redisAsyncContext *ac, int status)
{
    lt_redis_link_t *link = ac->data;

    if (status != REDIS_OK) {
        ngx_log_error(NGX_LOG_ERR, link->redis->log, 0,
            "lt: event=redis_lost connection=%s address=\"%V\" reason=\"%s\"",
            link->is_subscriber ? "subscriber" : "commands",
            &link->redis->mcf->redis_conf.name, ac->errstr);
    }
}

static void
lt_redis_on_message(redisAsyncContext *ac, void *answer, void *data)
{
    ngx_str_t channel, payload;
    lt_redis_link_t *link = ac->data;
    redisReply *reply = answer, **e;

    (void) data;

    if (reply == NULL) {
        return;
    }

    if (link->state == LT_REDIS_GREETING) {
        if (reply->type == REDIS_REPLY_ERROR) {
            return;     /* the timer ends it */
        }
        link->step = LT_REDIS_HELLO + 1;
        lt_redis_greet(link);
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) {
        return;
    }

    e = reply->element;
    if (e[0]->type != REDIS_REPLY_STRING || e[1]->type != REDIS_REPLY_STRING) {
        return;
    }

    channel.data = (u_char *) e[1]->str;
    channel.len = e[1]->len;

    if (e[0]->str[0] == 's') {
        ngx_http_lt_push_subscribed(link->redis->mcf, &channel);
        return;
    }

    if (e[0]->str[0] != 'm' || e[2]->type != REDIS_REPLY_STRING) {
        return;
    }

    payload.data = (u_char *) e[2]->str;
    payload.len = e[2]->len;

    ngx_http_lt_push_received(link->redis->mcf, &channel, &payload);
}

static void
lt_redis_on_greeting(redisAsyncContext *ac, void *answer, void *data)
{
    lt_redis_link_t *link = ac->data;
    redisReply *reply = answer;

    (void) data;

    if (reply == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_log_error(NGX_LOG_ERR, link->redis->log, 0,
            "lt: event=redis_refused address=\"%V\" reason=\"%s\"",
            &link->redis->mcf->redis_conf.name, reply->str);
        redisAsyncDisconnect(ac);
        return;
    }

    link->step++;
    lt_redis_greet(link);
}

static void
lt_redis_send(lt_redis_link_t *link, redisCallbackFn *fn, int argc,
    const char **argv, const size_t *lens)
{
    (void) redisAsyncCommandArgv(link->ac, fn, NULL, argc, argv, lens);
}

/* The channel that nobody publishes to: its confirmation is our ping. */
static void
lt_redis_ping(lt_redis_link_t *link)
{
    u_char key[LT_STATE_KEY_MAX];
    lt_out_t out;
    const char *argv[2] = { link->is_subscriber ? "SUBSCRIBE" : "PING",
                            (char *) key };
    size_t lens[2] = { ngx_strlen(argv[0]), 0 };

    lt_out_init(&out, key, sizeof(key));
    (void) lt_state_key(&out, LT_STATE_KEY_PROCESS,
        lt_str((char *) link->redis->mcf->process_id));
    lens[1] = lt_out_len(&out);

    link->ping_at_ms = ngx_current_msec + LT_REDIS_PING_MS;

    if (link->is_subscriber) {
        lt_redis_send(link, lt_redis_on_message, 2, argv, lens);
    } else {
        lt_redis_send(link, lt_redis_on_greeting, 1, argv, lens);
    }
}

static void
lt_redis_greet(lt_redis_link_t *link)
{
    u_char number[NGX_INT_T_LEN];
    const char *argv[2];
    size_t lens[2];
    ngx_http_lt_redis_conf_t *conf = &link->redis->mcf->redis_conf;

    if (link->state != LT_REDIS_GREETING) {
        return;     /* the answer to a ping */
    }

    if (link->step == LT_REDIS_AUTH && conf->password.len == 0) {
        link->step = LT_REDIS_SELECT;
    }

    if (link->step == LT_REDIS_SELECT && conf->db == 0) {
        link->step = LT_REDIS_HELLO;
    }

    switch (link->step) {

    case LT_REDIS_AUTH:
        argv[0] = "AUTH";
        lens[0] = 4;
        argv[1] = (char *) conf->password.data;
        lens[1] = conf->password.len;
        lt_redis_send(link, lt_redis_on_greeting, 2, argv, lens);
        return;

    case LT_REDIS_SELECT:
        argv[0] = "SELECT";
        lens[0] = 6;
        argv[1] = (char *) number;
        lens[1] = ngx_sprintf(number, "%i", conf->db) - number;
        lt_redis_send(link, lt_redis_on_greeting, 2, argv, lens);
        return;

    case LT_REDIS_HELLO:
        lt_redis_ping(link);
        return;
    }

    link->state = LT_REDIS_UP;
    link->backoff = LT_REDIS_BACKOFF_MIN_MS;
    link->heard_at_ms = ngx_current_msec;
    ngx_add_timer(&link->timer, LT_REDIS_TICK_MS);
    NGX_HTTP_LT_COUNT(redis_connects, 1);

    ngx_log_error(NGX_LOG_NOTICE, link->redis->log, 0,
        "lt: event=redis_up connection=%s address=\"%V\"",
        link->is_subscriber ? "subscriber" : "commands", &conf->name);

    if (link->is_subscriber) {
        ngx_http_lt_push_resubscribe(link->redis->mcf);
    } else {
        ngx_http_lt_commands_up(link->redis->queue);
        ngx_http_lt_registry_redis_up(link->redis->mcf);
    }
}

static void
lt_redis_tick(lt_redis_link_t *link)
{
    if (link->is_subscriber) {
        if (ngx_current_msec - link->heard_at_ms
            > LT_REDIS_PING_MS + NGX_HTTP_LT_REDIS_TIMEOUT_MS)
        {
            NGX_HTTP_LT_COUNT(redis_timeouts, 1);
            lt_redis_fail(link, "no answer to a ping");
            return;
        }

    } else if (ngx_http_lt_commands_are_overdue(link->redis->queue)) {
        NGX_HTTP_LT_COUNT(redis_timeouts, 1);
        lt_redis_fail(link, "no answer to a command in time");
        return;
    }

    if ((ngx_msec_int_t) (ngx_current_msec - link->ping_at_ms) >= 0) {
        lt_redis_ping(link);
    }

    ngx_add_timer(&link->timer, LT_REDIS_TICK_MS);
}

static void
lt_redis_timer_handler(ngx_event_t *ev)
{
    lt_redis_link_t *link = ev->data;

    switch (link->state) {

    case LT_REDIS_DOWN:
        lt_redis_connect(link);
        break;

    case LT_REDIS_CONNECTING:
        lt_redis_fail(link, "no connection in time");
        break;

    case LT_REDIS_GREETING:
        lt_redis_fail(link, "no greeting in time");
        break;

    case LT_REDIS_UP:
        lt_redis_tick(link);
        break;
    }
}

static void
lt_redis_connect(lt_redis_link_t *link)
{
    ngx_connection_t *c;
    redisAsyncContext *ac;
    ngx_http_lt_redis_t *redis = link->redis;

    ac = redis->port != 0 ? redisAsyncConnect(redis->host, redis->port)
                          : redisAsyncConnectUnix(redis->host);
    if (ac == NULL || ac->err) {
        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
            "lt: event=redis_connect_failed address=\"%V\" reason=\"%s\"",
            &redis->mcf->redis_conf.name,
            ac != NULL ? ac->errstr : "no memory");

        if (ac != NULL) {
            redisAsyncFree(ac);
        }

        lt_redis_schedule(link);
        return;
    }

    c = ngx_get_connection(ac->c.fd, redis->log);
    if (c == NULL) {
        redisAsyncFree(ac);
        lt_redis_schedule(link);
        return;
    }

    c->data = link;
    c->log = redis->log;
    c->read->log = redis->log;
    c->write->log = redis->log;
    c->read->handler = lt_redis_read_handler;
    c->write->handler = lt_redis_write_handler;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    ac->data = link;
    ac->ev.data = link;
    ac->ev.addRead = lt_redis_nothing;
    ac->ev.delRead = lt_redis_nothing;
    ac->ev.addWrite = lt_redis_want_write;
    ac->ev.delWrite = lt_redis_nothing;
    ac->ev.cleanup = lt_redis_cleanup;

    link->ac = ac;
    link->c = c;
    link->state = LT_REDIS_CONNECTING;

    if (ngx_add_conn(c) != NGX_OK) {
        redisAsyncFree(ac);
        return;
    }

    ngx_add_timer(&link->timer, NGX_HTTP_LT_REDIS_TIMEOUT_MS);
    (void) redisAsyncSetConnectCallback(ac, lt_redis_on_connect);
    (void) redisAsyncSetDisconnectCallback(ac, lt_redis_on_disconnect);
}

static void
lt_redis_link_init(lt_redis_link_t *link, ngx_http_lt_redis_t *redis,
    ngx_uint_t is_subscriber)
{
    link->redis = redis;
    link->is_subscriber = is_subscriber;
    link->backoff = LT_REDIS_BACKOFF_MIN_MS;
    link->timer.handler = lt_redis_timer_handler;
    link->timer.data = link;
    link->timer.log = redis->log;
    link->timer.cancelable = 1;
}

static ngx_int_t
lt_redis_address(ngx_http_lt_redis_t *redis, ngx_log_t *log)
{
    size_t len;
    ngx_http_lt_redis_conf_t *conf = &redis->mcf->redis_conf;

    len = ngx_sock_ntop(conf->sockaddr, conf->socklen, (u_char *) redis->host,
        LT_REDIS_HOST_MAX - 1, 0);
    redis->host[len] = '\0';
    redis->port = ngx_inet_get_port(conf->sockaddr);

#if (NGX_HAVE_UNIX_DOMAIN)
    if (conf->sockaddr->sa_family == AF_UNIX) {
        struct sockaddr_un *un = (struct sockaddr_un *) conf->sockaddr;

        ngx_cpystrn((u_char *) redis->host, (u_char *) un->sun_path,
            sizeof(redis->host));
        redis->port = 0;
    }
#endif

    if (ngx_add_conn == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
            "lt: the event method must be epoll or kqueue");
        return NGX_ERROR;
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_redis_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_redis_t *redis;

    if (mcf->redis_conf.sockaddr == NULL) {
        return NGX_OK;
    }

    redis = ngx_pcalloc(cycle->pool, sizeof(ngx_http_lt_redis_t));
    if (redis == NULL) {
        return NGX_ERROR;
    }

    redis->mcf = mcf;
    redis->log = cycle->log;
    redis->queue = ngx_http_lt_commands_new(redis, cycle->pool);
    if (redis->queue == NULL) {
        return NGX_ERROR;
    }

    if (lt_redis_address(redis, cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    mcf->redis = redis;
    lt_redis_link_init(&redis->commands, redis, 0);
    lt_redis_link_init(&redis->subscriber, redis, 1);
    lt_redis_connect(&redis->commands);
    lt_redis_connect(&redis->subscriber);

    return NGX_OK;
}

static void
lt_redis_link_exit(lt_redis_link_t *link)
{
    if (link->ac != NULL) {
        link->state = LT_REDIS_DOWN;
        redisAsyncFree(link->ac);
    }

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }
}

void
ngx_http_lt_redis_exit_process(ngx_http_lt_main_conf_t *mcf)
{
    if (mcf->redis != NULL) {
        lt_redis_link_exit(&mcf->redis->commands);
        lt_redis_link_exit(&mcf->redis->subscriber);
    }
}

ngx_uint_t
ngx_http_lt_redis_is_up(ngx_http_lt_redis_t *redis)
{
    return redis != NULL && redis->commands.state == LT_REDIS_UP;
}

ngx_uint_t
ngx_http_lt_redis_is_coming(ngx_http_lt_redis_t *redis)
{
    return redis->commands.state == LT_REDIS_CONNECTING
           || redis->commands.state == LT_REDIS_GREETING;
}

ngx_http_lt_commands_t *
ngx_http_lt_redis_commands(ngx_http_lt_redis_t *redis)
{
    return redis->queue;
}

void
ngx_http_lt_redis_hold(ngx_http_lt_redis_t *redis, ngx_uint_t is_held)
{
    redis->commands.timer.cancelable = !is_held;
}

static void
lt_redis_on_reply(redisAsyncContext *ac, void *reply, void *data)
{
    (void) ac;

    ngx_http_lt_commands_reply(data, reply);
}

ngx_int_t
ngx_http_lt_redis_write(ngx_http_lt_redis_t *redis,
    ngx_http_lt_command_t *cmd, int argc, const char **argv,
    const size_t *lens)
{
    return redisAsyncCommandArgv(redis->commands.ac, lt_redis_on_reply, cmd,
               argc, argv, lens) == REDIS_OK ? NGX_OK : NGX_ERROR;
}

static void
lt_redis_channel(ngx_http_lt_redis_t *redis, const char *verb,
    const ngx_str_t *session_id, redisCallbackFn *fn)
{
    u_char key[LT_STATE_KEY_MAX];
    lt_out_t out;
    const char *argv[2] = { verb, (char *) key };
    size_t lens[2] = { ngx_strlen(verb), 0 };

    lt_out_init(&out, key, sizeof(key));

    if (redis == NULL || redis->subscriber.state != LT_REDIS_UP
        || lt_state_key(&out, LT_STATE_KEY_EVENTS,
               ngx_http_lt_view(session_id)) != LT_OK)
    {
        return;
    }

    lens[1] = lt_out_len(&out);
    lt_redis_send(&redis->subscriber, fn, 2, argv, lens);
}

void
ngx_http_lt_redis_subscribe(ngx_http_lt_redis_t *redis,
    const ngx_str_t *session_id)
{
    lt_redis_channel(redis, "SUBSCRIBE", session_id, lt_redis_on_message);
}

void
ngx_http_lt_redis_unsubscribe(ngx_http_lt_redis_t *redis,
    const ngx_str_t *session_id)
{
    lt_redis_channel(redis, "UNSUBSCRIBE", session_id, NULL);
}

const char *
ngx_http_lt_reply_error(const ngx_http_lt_reply_t *reply)
{
    return reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;
}

ngx_uint_t
ngx_http_lt_reply_size(const ngx_http_lt_reply_t *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY
           ? reply->elements : 0;
}

const ngx_http_lt_reply_t *
ngx_http_lt_reply_at(const ngx_http_lt_reply_t *reply, ngx_uint_t i)
{
    return i < ngx_http_lt_reply_size(reply) ? reply->element[i] : NULL;
}

ngx_str_t
ngx_http_lt_reply_text(const ngx_http_lt_reply_t *reply, ngx_uint_t i)
{
    ngx_str_t text = ngx_null_string;
    const ngx_http_lt_reply_t *item = ngx_http_lt_reply_at(reply, i);

    if (item != NULL && item->type == REDIS_REPLY_STRING) {
        text.data = (u_char *) item->str;
        text.len = item->len;
    }

    return text;
}

int64_t
ngx_http_lt_reply_number(const ngx_http_lt_reply_t *reply, ngx_uint_t i)
{
    const ngx_http_lt_reply_t *item = ngx_http_lt_reply_at(reply, i);

    if (item == NULL) {
        return 0;
    }

    return item->type == REDIS_REPLY_STRING ? strtoll(item->str, NULL, 10)
                                            : item->integer;
}

int64_t
ngx_http_lt_reply_value(const ngx_http_lt_reply_t *reply)
{
    switch (reply->type) {

    case REDIS_REPLY_INTEGER:
        return reply->integer;

    case REDIS_REPLY_STATUS:
        return 1;

    case REDIS_REPLY_NIL:
        return 0;

    default:
        return -1;
    }
}
