#include "ngx_http_lt_redis_link.h"
#include "ngx_http_lt_command.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_push.h"
#include "ngx_http_lt_registry.h"

#define LT_REDIS_BACKOFF_MIN_MS 100
#define LT_REDIS_BACKOFF_MAX_MS 5000
#define LT_REDIS_TICK_MS 250
#define LT_REDIS_PING_MS 5000

static void lt_redis_greet(ngx_http_lt_redis_link_t *link);

/* Ends a connection from outside of hiredis; the cleanup hook does the rest.
   Waiting commands get their NULL while the state is down already. */
static void
lt_redis_fail(ngx_http_lt_redis_link_t *link, const char *why)
{
    redisAsyncContext *ac = link->ac;

    ngx_log_error(NGX_LOG_ERR, link->redis->log, 0,
        "lt: event=redis_failed connection=%s address=\"%V\" reason=\"%s\"",
        link->is_subscriber ? "subscriber" : "commands",
        &link->redis->mcf->redis_conf.name, why);

    link->state = NGX_HTTP_LT_REDIS_DOWN;
    redisAsyncFree(ac);
}

static void
lt_redis_schedule(ngx_http_lt_redis_link_t *link)
{
    link->state = NGX_HTTP_LT_REDIS_DOWN;
    ngx_add_timer(&link->timer, link->backoff);
    link->backoff = ngx_min(link->backoff * 2, LT_REDIS_BACKOFF_MAX_MS);
}

/* The gauge says who is without the commands' connection. */
static void
lt_redis_count(ngx_http_lt_redis_link_t *link, ngx_uint_t is_there)
{
    if (!link->is_subscriber && link->is_there != is_there) {
        link->is_there = is_there;
        NGX_HTTP_LT_GAUGE(redis_missing, is_there ? -1 : 1);
    }
}

/* hiredis frees ac after this, and closes the descriptor itself. */
static void
lt_redis_cleanup(void *data)
{
    ngx_http_lt_redis_link_t *link = data;
    ngx_connection_t *c = link->c;

    link->state = NGX_HTTP_LT_REDIS_DOWN;
    lt_redis_count(link, 0);

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
    ngx_http_lt_redis_link_t *link = data;

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
    ngx_http_lt_redis_link_t *link = c->data;
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
    ngx_http_lt_redis_link_t *link = c->data;

    link->is_writing = 1;
    redisAsyncHandleWrite(link->ac);
    link->is_writing = 0;
}

static void
lt_redis_on_connect(const redisAsyncContext *ac, int status)
{
    ngx_http_lt_redis_link_t *link = ac->data;

    if (status != REDIS_OK) {
        ngx_log_error(NGX_LOG_ERR, link->redis->log, 0,
            "lt: event=redis_connect_failed address=\"%V\" reason=\"%s\"",
            &link->redis->mcf->redis_conf.name, ac->errstr);
        return;
    }

    link->state = NGX_HTTP_LT_REDIS_GREETING;
    link->step = NGX_HTTP_LT_REDIS_AUTH;
    ngx_add_timer(&link->timer, NGX_HTTP_LT_REDIS_TIMEOUT_MS);
    lt_redis_greet(link);
}

static void
lt_redis_on_disconnect(const redisAsyncContext *ac, int status)
{
    ngx_http_lt_redis_link_t *link = ac->data;

    if (status != REDIS_OK) {
        ngx_log_error(NGX_LOG_ERR, link->redis->log, 0,
            "lt: event=redis_lost connection=%s address=\"%V\" reason=\"%s\"",
            link->is_subscriber ? "subscriber" : "commands",
            &link->redis->mcf->redis_conf.name, ac->errstr);
    }
}

void
ngx_http_lt_redis_link_on_message(redisAsyncContext *ac, void *answer,
    void *data)
{
    ngx_str_t channel, payload;
    ngx_http_lt_redis_link_t *link = ac->data;
    redisReply *reply = answer, **e;

    (void) data;

    if (reply == NULL) {
        return;
    }

    if (link->state == NGX_HTTP_LT_REDIS_GREETING) {
        if (reply->type == REDIS_REPLY_ERROR) {
            return;     /* the timer ends it */
        }
        link->step = NGX_HTTP_LT_REDIS_HELLO + 1;
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
    ngx_http_lt_redis_link_t *link = ac->data;
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

void
ngx_http_lt_redis_link_send(ngx_http_lt_redis_link_t *link,
    redisCallbackFn *fn, int argc, const char **argv, const size_t *lens)
{
    (void) redisAsyncCommandArgv(link->ac, fn, NULL, argc, argv, lens);
}

/* The channel that nobody publishes to: its confirmation is our ping. */
static void
lt_redis_ping(ngx_http_lt_redis_link_t *link)
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
        ngx_http_lt_redis_link_send(link, ngx_http_lt_redis_link_on_message,
            2, argv, lens);
    } else {
        ngx_http_lt_redis_link_send(link, lt_redis_on_greeting, 1, argv, lens);
    }
}

static void
lt_redis_greet(ngx_http_lt_redis_link_t *link)
{
    u_char number[NGX_INT_T_LEN];
    const char *argv[2];
    size_t lens[2];
    ngx_http_lt_redis_conf_t *conf = &link->redis->mcf->redis_conf;

    if (link->state != NGX_HTTP_LT_REDIS_GREETING) {
        return;     /* the answer to a ping */
    }

    if (link->step == NGX_HTTP_LT_REDIS_AUTH && conf->password.len == 0) {
        link->step = NGX_HTTP_LT_REDIS_SELECT;
    }

    if (link->step == NGX_HTTP_LT_REDIS_SELECT && conf->db == 0) {
        link->step = NGX_HTTP_LT_REDIS_HELLO;
    }

    switch (link->step) {

    case NGX_HTTP_LT_REDIS_AUTH:
        argv[0] = "AUTH";
        lens[0] = 4;
        argv[1] = (char *) conf->password.data;
        lens[1] = conf->password.len;
        ngx_http_lt_redis_link_send(link, lt_redis_on_greeting, 2, argv, lens);
        return;

    case NGX_HTTP_LT_REDIS_SELECT:
        argv[0] = "SELECT";
        lens[0] = 6;
        argv[1] = (char *) number;
        lens[1] = ngx_sprintf(number, "%i", conf->db) - number;
        ngx_http_lt_redis_link_send(link, lt_redis_on_greeting, 2, argv, lens);
        return;

    case NGX_HTTP_LT_REDIS_HELLO:
        lt_redis_ping(link);
        return;
    }

    link->state = NGX_HTTP_LT_REDIS_UP;
    lt_redis_count(link, 1);
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
        ngx_http_lt_push_redis_up(link->redis->mcf);
    }
}

static void
lt_redis_tick(ngx_http_lt_redis_link_t *link)
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
    ngx_http_lt_redis_link_t *link = ev->data;

    switch (link->state) {

    case NGX_HTTP_LT_REDIS_DOWN:
        ngx_http_lt_redis_link_connect(link);
        break;

    case NGX_HTTP_LT_REDIS_CONNECTING:
        lt_redis_fail(link, "no connection in time");
        break;

    case NGX_HTTP_LT_REDIS_GREETING:
        lt_redis_fail(link, "no greeting in time");
        break;

    case NGX_HTTP_LT_REDIS_UP:
        lt_redis_tick(link);
        break;
    }
}

void
ngx_http_lt_redis_link_connect(ngx_http_lt_redis_link_t *link)
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
    link->state = NGX_HTTP_LT_REDIS_CONNECTING;

    if (ngx_add_conn(c) != NGX_OK) {
        redisAsyncFree(ac);
        return;
    }

    ngx_add_timer(&link->timer, NGX_HTTP_LT_REDIS_TIMEOUT_MS);
    (void) redisAsyncSetConnectCallback(ac, lt_redis_on_connect);
    (void) redisAsyncSetDisconnectCallback(ac, lt_redis_on_disconnect);
}

void
ngx_http_lt_redis_link_init(ngx_http_lt_redis_link_t *link,
    ngx_http_lt_redis_t *redis, ngx_uint_t is_subscriber)
{
    link->redis = redis;
    link->is_subscriber = is_subscriber;
    link->backoff = LT_REDIS_BACKOFF_MIN_MS;
    link->timer.handler = lt_redis_timer_handler;
    link->timer.data = link;
    link->timer.log = redis->log;
    link->timer.cancelable = 1;

    link->is_there = 1;
    lt_redis_count(link, 0);
}

void
ngx_http_lt_redis_link_exit(ngx_http_lt_redis_link_t *link)
{
    if (link->ac != NULL) {
        link->state = NGX_HTTP_LT_REDIS_DOWN;
        redisAsyncFree(link->ac);
    }

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }
}
