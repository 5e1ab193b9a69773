/*
 * From this process to the others: what is published, what all processes keep
 * of it in Redis, and what waits here while Redis is away.
 */
#include "ngx_http_lt_push.h"
#include "ngx_http_lt_metrics.h"

/* A message, until Redis has it. */
struct ngx_http_lt_published_s {
    ngx_queue_t queue;              /* while Redis is away */
    ngx_http_lt_push_done_pt done;
    void *done_data;
    ngx_http_lt_main_conf_t *mcf;
    ngx_msec_t since_ms;
    ngx_str_t channel;
    ngx_str_t recent;               /* len 0: is not kept in Redis */
    ngx_str_t payload;
    u_char data[];
};

static void lt_publish_done(void *data, const ngx_http_lt_reply_t *reply);

void
ngx_http_lt_push_init_process(ngx_http_lt_main_conf_t *mcf)
{
    ngx_queue_init(&mcf->kept);
}

ngx_http_lt_command_t *
ngx_http_lt_push_send(ngx_http_lt_main_conf_t *mcf, const ngx_str_t *id,
    lt_state_event_t *ev, ngx_http_lt_command_done_pt done, void *data)
{
    size_t size = LT_STATE_HEAD_MAX + ev->json.len;
    u_char *payload, key[LT_STATE_KEY_MAX];
    lt_out_t out, name;
    ngx_str_t words[3];
    ngx_http_lt_command_t *cmd = NULL;

    payload = ngx_http_lt_redis_is_up(mcf->redis)
              ? ngx_alloc(size, ngx_cycle->log) : NULL;
    if (payload == NULL) {
        NGX_HTTP_LT_COUNT(publishes_failed, 1);
        return NULL;
    }

    ev->origin.data = (char *) mcf->process_id;
    ev->origin.len = NGX_HTTP_LT_PROCESS_ID_LEN;

    lt_out_init(&out, payload, size);
    lt_out_init(&name, key, sizeof(key));

    if (lt_state_event_encode(&out, ev) == LT_OK
        && lt_state_key(&name, LT_STATE_KEY_EVENTS, ngx_http_lt_view(id))
           == LT_OK)
    {
        ngx_str_set(&words[0], "PUBLISH");
        words[1].data = key;
        words[1].len = lt_out_len(&name);
        words[2].data = payload;
        words[2].len = lt_out_len(&out);

        cmd = ngx_http_lt_command_send(mcf->redis, 3, words, done, data);
    }

    ngx_free(payload);

    if (cmd != NULL) {
        NGX_HTTP_LT_COUNT(publishes_sent, 1);
    } else {
        NGX_HTTP_LT_COUNT(publishes_failed, 1);
    }

    return cmd;
}

static ngx_http_lt_published_t *
lt_publish_new(ngx_http_lt_main_conf_t *mcf, const ngx_str_t *session_id,
    lt_state_event_t *ev)
{
    size_t size = 2 * LT_STATE_KEY_MAX + LT_STATE_HEAD_MAX + ev->json.len;
    u_char *p;
    lt_out_t out;
    ngx_http_lt_published_t *m;

    m = ngx_calloc(sizeof(ngx_http_lt_published_t) + size, ngx_cycle->log);
    if (m == NULL) {
        return NULL;
    }

    m->mcf = mcf;
    m->since_ms = ngx_current_msec;
    ev->origin.data = (char *) mcf->process_id;
    ev->origin.len = NGX_HTTP_LT_PROCESS_ID_LEN;

    p = m->data;
    m->channel.data = p;
    lt_out_init(&out, p, LT_STATE_KEY_MAX);
    (void) lt_state_key(&out, LT_STATE_KEY_EVENTS,
        ngx_http_lt_view(session_id));
    m->channel.len = lt_out_len(&out);

    p += LT_STATE_KEY_MAX;
    m->recent.data = p;

    if (ev->number != 0 && ev->language.len != 0) {
        lt_out_init(&out, p, LT_STATE_KEY_MAX);
        (void) lt_state_recent_key(&out, ngx_http_lt_view(session_id),
            ev->language);
        m->recent.len = lt_out_len(&out);
    }

    p += LT_STATE_KEY_MAX;
    m->payload.data = p;
    lt_out_init(&out, p, LT_STATE_HEAD_MAX + ev->json.len);

    if (lt_state_event_encode(&out, ev) != LT_OK) {
        ngx_free(m);
        return NULL;
    }

    m->payload.len = lt_out_len(&out);

    return m;
}

/* The oldest waits no more. */
static void
lt_publish_drop(ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_published_t *m;

    m = ngx_queue_data(ngx_queue_head(&mcf->kept), ngx_http_lt_published_t, queue);
    ngx_queue_remove(&m->queue);
    mcf->kept_n--;
    mcf->kept_bytes -= m->payload.len;
    NGX_HTTP_LT_COUNT(publishes_dropped, 1);
    ngx_free(m);
}

static void
lt_publish_keep(ngx_http_lt_published_t *m)
{
    ngx_http_lt_main_conf_t *mcf = m->mcf;

    NGX_HTTP_LT_COUNT(publishes_failed, 1);
    ngx_queue_insert_tail(&mcf->kept, &m->queue);
    mcf->kept_n++;
    mcf->kept_bytes += m->payload.len;

    while (mcf->kept_n > NGX_HTTP_LT_KEPT_MAX
           || mcf->kept_bytes > NGX_HTTP_LT_KEPT_BYTES_MAX)
    {
        lt_publish_drop(mcf);
    }
}

/* In Redis first: who comes back and hears the channel misses nothing. */
static void
lt_publish_remember(ngx_http_lt_published_t *m)
{
    u_char last[NGX_INT_T_LEN], ttl[NGX_INT_T_LEN];
    ngx_str_t words[4];

    ngx_str_set(&words[0], "LPUSH");
    words[1] = m->recent;
    words[2] = m->payload;
    (void) ngx_http_lt_command_send(m->mcf->redis, 3, words, NULL, NULL);

    ngx_str_set(&words[0], "LTRIM");
    ngx_str_set(&words[2], "0");
    words[3].data = last;
    words[3].len = ngx_sprintf(last, "%d", LT_STATE_RECENT_MAX - 1) - last;
    (void) ngx_http_lt_command_send(m->mcf->redis, 4, words, NULL, NULL);

    ngx_str_set(&words[0], "EXPIRE");
    words[2].data = ttl;
    words[2].len = ngx_sprintf(ttl, "%d", LT_STATE_RECENT_S) - ttl;
    (void) ngx_http_lt_command_send(m->mcf->redis, 3, words, NULL, NULL);
}

static ngx_int_t
lt_publish_send(ngx_http_lt_published_t *m)
{
    ngx_str_t words[3];

    if (!ngx_http_lt_redis_is_up(m->mcf->redis)) {
        return NGX_DECLINED;
    }

    if (m->recent.len != 0) {
        lt_publish_remember(m);
    }

    ngx_str_set(&words[0], "PUBLISH");
    words[1] = m->channel;
    words[2] = m->payload;

    if (ngx_http_lt_command_send(m->mcf->redis, 3, words, lt_publish_done, m)
        == NULL)
    {
        return NGX_DECLINED;
    }

    NGX_HTTP_LT_COUNT(publishes_sent, 1);

    return NGX_OK;
}

static void
lt_publish_done(void *data, const ngx_http_lt_reply_t *reply)
{
    void *done_data;
    ngx_http_lt_push_done_pt done;
    ngx_http_lt_published_t *m = data;

    done = m->done;
    done_data = m->done_data;
    m->done = NULL;

    if (reply == NULL) {
        lt_publish_keep(m);
    } else {
        ngx_free(m);
    }

    if (done != NULL) {
        done(done_data, reply != NULL);
    }
}

void
ngx_http_lt_push_forget(ngx_http_lt_published_t *published)
{
    published->done = NULL;
}

ngx_http_lt_published_t *
ngx_http_lt_push_publish(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, lt_state_event_t *ev,
    ngx_http_lt_push_done_pt done, void *data)
{
    ngx_http_lt_published_t *m;

    m = lt_publish_new(mcf, session_id, ev);
    if (m == NULL) {
        NGX_HTTP_LT_COUNT(publishes_failed, 1);
        return NULL;
    }

    /* after those that wait */
    if (!ngx_queue_empty(&mcf->kept) || lt_publish_send(m) != NGX_OK) {
        lt_publish_keep(m);
        return NULL;
    }

    m->done = done;
    m->done_data = data;

    return m;
}

void
ngx_http_lt_push_exit_process(ngx_http_lt_main_conf_t *mcf)
{
    while (!ngx_queue_empty(&mcf->kept)) {
        lt_publish_drop(mcf);
    }
}

void
ngx_http_lt_push_kept(ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_published_t *m;

    while (!ngx_queue_empty(&mcf->kept)
           && ngx_http_lt_redis_is_up(mcf->redis))
    {
        m = ngx_queue_data(ngx_queue_head(&mcf->kept), ngx_http_lt_published_t, queue);

        if (ngx_current_msec - m->since_ms > NGX_HTTP_LT_KEPT_MS) {
            lt_publish_drop(mcf);
            continue;
        }

        if (lt_publish_send(m) != NGX_OK) {
            return;
        }

        ngx_queue_remove(&m->queue);
        mcf->kept_n--;
        mcf->kept_bytes -= m->payload.len;
    }
}

ngx_int_t
ngx_http_lt_push_control(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const char *name, int64_t number)
{
    lt_state_event_t ev;

    ngx_memzero(&ev, sizeof(ev));
    ev.to = LT_STATE_TO_CONTROL;
    ev.name = lt_str(name);
    ev.number = number;

    return ngx_http_lt_push_send(mcf, session_id, &ev, NULL, NULL) != NULL
           ? NGX_OK : NGX_DECLINED;
}
