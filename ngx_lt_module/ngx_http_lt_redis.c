#include "ngx_http_lt_redis_link.h"
#include "ngx_http_lt_command.h"

static ngx_int_t
lt_redis_address(ngx_http_lt_redis_t *redis, ngx_log_t *log)
{
    size_t len;
    ngx_http_lt_redis_conf_t *conf = &redis->mcf->redis_conf;

    len = ngx_sock_ntop(conf->sockaddr, conf->socklen, (u_char *) redis->host,
        NGX_HTTP_LT_REDIS_HOST_MAX - 1, 0);
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
    ngx_http_lt_redis_link_init(&redis->commands, redis, 0);
    ngx_http_lt_redis_link_init(&redis->subscriber, redis, 1);
    ngx_http_lt_redis_link_connect(&redis->commands);
    ngx_http_lt_redis_link_connect(&redis->subscriber);

    return NGX_OK;
}

void
ngx_http_lt_redis_exit_process(ngx_http_lt_main_conf_t *mcf)
{
    if (mcf->redis != NULL) {
        ngx_http_lt_redis_link_exit(&mcf->redis->commands);
        ngx_http_lt_redis_link_exit(&mcf->redis->subscriber);
    }
}

ngx_uint_t
ngx_http_lt_redis_is_up(ngx_http_lt_redis_t *redis)
{
    return redis != NULL && redis->commands.state == NGX_HTTP_LT_REDIS_UP;
}

ngx_uint_t
ngx_http_lt_redis_is_coming(ngx_http_lt_redis_t *redis)
{
    return redis->commands.state == NGX_HTTP_LT_REDIS_CONNECTING
           || redis->commands.state == NGX_HTTP_LT_REDIS_GREETING;
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

    if (redis == NULL || redis->subscriber.state != NGX_HTTP_LT_REDIS_UP
        || lt_state_key(&out, LT_STATE_KEY_EVENTS,
               ngx_http_lt_view(session_id)) != LT_OK)
    {
        return;
    }

    lens[1] = lt_out_len(&out);
    ngx_http_lt_redis_link_send(&redis->subscriber, fn, 2, argv, lens);
}

void
ngx_http_lt_redis_subscribe(ngx_http_lt_redis_t *redis,
    const ngx_str_t *session_id)
{
    lt_redis_channel(redis, "SUBSCRIBE", session_id,
        ngx_http_lt_redis_link_on_message);
}

void
ngx_http_lt_redis_unsubscribe(ngx_http_lt_redis_t *redis,
    const ngx_str_t *session_id)
{
    lt_redis_channel(redis, "UNSUBSCRIBE", session_id, NULL);
}
