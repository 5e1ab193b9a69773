#include "ngx_http_lt_health.h"
#include "ngx_http_lt_command.h"
#include "ngx_http_lt_credentials.h"
#include "ngx_http_lt_kinesis.h"
#include "ngx_http_lt_page.h"

#include "lt_json.h"

#define LT_HEALTH_SIZE 512
#define LT_HEALTH_ANSWER_MAX (1024 * 1024)      /* 1000 shards of 450 bytes */

struct ngx_http_lt_health_s {
    ngx_http_lt_main_conf_t *mcf;
    ngx_http_conf_ctx_t *ctx;       /* of lt_websocket; NULL: there is none */
    ngx_event_t timer;              /* set while somebody asks */
    ngx_msec_t asked_ms;
    ngx_msec_t began_ms;            /* probing did */
    ngx_msec_t redis_ms;            /* the last answer; 0: none yet */
    ngx_msec_t kinesis_ms;
    ngx_http_lt_command_t *ping;    /* NULL: none is under way */
    ngx_http_lt_kinesis_t *probe;
};

/* ---- asking ---- */

static void
lt_health_pinged(void *data, const ngx_http_lt_reply_t *reply)
{
    ngx_http_lt_health_t *health = data;

    health->ping = NULL;

    if (reply != NULL) {
        health->redis_ms = ngx_current_msec;
    }
}

static void
lt_health_ping(ngx_http_lt_health_t *health)
{
    ngx_str_t ping = ngx_string("PING");

    if (health->ping == NULL) {
        health->ping = ngx_http_lt_command_send(health->mcf->redis, 1, &ping,
            lt_health_pinged, health);
    }
}

/* An answer was noted by ngx_http_lt_health_kinesis(). */
static void
lt_health_probed(void *data, ngx_http_lt_kinesis_result_t *result)
{
    ngx_http_lt_health_t *health = data;
    ngx_http_lt_kinesis_t *probe = health->probe;

    (void) result;

    health->probe = NULL;
    ngx_http_lt_kinesis_free(probe);
}

static void
lt_health_probe(ngx_http_lt_health_t *health)
{
    size_t size;
    lt_out_t out;
    ngx_http_lt_kinesis_t *probe;
    ngx_http_lt_main_conf_t *mcf = health->mcf;

    if (health->ctx == NULL || health->probe != NULL
        || ngx_current_msec - health->kinesis_ms < NGX_HTTP_LT_HEALTH_PROBE_MS
        || !ngx_http_lt_credentials_are_ready(mcf))
    {
        return;
    }

    size = 64 + mcf->kinesis_stream.len;
    probe = ngx_http_lt_kinesis_new(mcf, health->ctx, "ListShards", size);
    if (probe == NULL) {
        return;
    }

    lt_out_init(&out, ngx_http_lt_kinesis_body(probe), size);
    lt_kinesis_list_shards(&out, mcf->kinesis_protocol,
        ngx_http_lt_view(&mcf->kinesis_stream), (lt_str_t) { NULL, 0 });

    if (lt_out_result(&out) != LT_OK
        || ngx_http_lt_kinesis_send(probe, lt_out_len(&out),
               LT_HEALTH_ANSWER_MAX, lt_health_probed, health)
           != NGX_OK)
    {
        ngx_http_lt_kinesis_free(probe);
        return;
    }

    health->probe = probe;
}

static void
lt_health_tick(ngx_event_t *ev)
{
    ngx_http_lt_health_t *health = ev->data;

    if (ngx_exiting || ngx_current_msec - health->asked_ms
                       > NGX_HTTP_LT_HEALTH_ASKED_MS)
    {
        return;
    }

    ngx_add_timer(ev, NGX_HTTP_LT_HEALTH_PROBE_MS);
    lt_health_ping(health);
    lt_health_probe(health);
}

static void
lt_health_asked(ngx_http_lt_health_t *health)
{
    health->asked_ms = ngx_current_msec;

    if (!health->timer.timer_set && !ngx_exiting) {
        health->began_ms = ngx_current_msec;
        ngx_add_timer(&health->timer, 1);
    }
}

/* ---- the life of a process ---- */

static ngx_http_conf_ctx_t *
lt_health_find_ctx(ngx_http_lt_main_conf_t *mcf)
{
    ngx_uint_t i;
    ngx_http_lt_place_t *place = mcf->places.elts;

    for (i = 0; i < mcf->places.nelts; i++) {
        if (place[i].location->handler == ngx_http_lt_websocket_handler) {
            return place[i].server->ctx;
        }
    }

    return NULL;
}

void
ngx_http_lt_health_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_health_t *health;

    health = ngx_pcalloc(cycle->pool, sizeof(ngx_http_lt_health_t));
    if (health == NULL) {
        return;
    }

    health->mcf = mcf;
    health->ctx = lt_health_find_ctx(mcf);
    health->timer.handler = lt_health_tick;
    health->timer.data = health;
    health->timer.log = cycle->log;
    health->timer.cancelable = 1;       /* a leaving process does not wait */
    mcf->health = health;
}

void
ngx_http_lt_health_exit_process(ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_health_t *health = mcf->health;

    if (health == NULL) {
        return;
    }

    if (health->probe != NULL) {
        ngx_http_lt_kinesis_free(health->probe);
    }

    ngx_http_lt_command_forget(health->ping);
    mcf->health = NULL;
}

void
ngx_http_lt_health_kinesis(ngx_http_lt_main_conf_t *mcf)
{
    if (mcf->health != NULL) {
        mcf->health->kinesis_ms = ngx_current_msec;
    }
}

/* ---- answering ---- */

/* 1: ok. */
static ngx_uint_t
lt_health_put(lt_json_writer_t *w, const ngx_http_lt_health_t *health,
    const char *name, ngx_msec_t ok_ms)
{
    u_char text[64];
    ngx_msec_t late_ms;

    late_ms = ngx_current_msec - ok_ms;
    late_ms = ngx_min(late_ms, ngx_current_msec - health->began_ms);

    if (late_ms < NGX_HTTP_LT_HEALTH_LATE_MS) {
        lt_json_put_cstr(w, name, "ok");
        return 1;
    }

    *ngx_snprintf(text, sizeof(text) - 1, "no answer for %M ms", late_ms) = 0;
    lt_json_put_cstr(w, name, (char *) text);

    return 0;
}

static ngx_uint_t
lt_health_put_all(lt_json_writer_t *w, ngx_http_lt_health_t *health)
{
    ngx_uint_t is_ready, has_keys;

    is_ready = lt_health_put(w, health, "redis", health->redis_ms);

    if (health->ctx != NULL) {
        has_keys = ngx_http_lt_credentials_are_ready(health->mcf);
        is_ready &= lt_health_put(w, health, "kinesis", health->kinesis_ms);
        is_ready &= has_keys;
        lt_json_put_cstr(w, "credentials", has_keys ? "ok" : "no AWS keys");
    }

    lt_json_put_cstr(w, "process", ngx_exiting ? "leaving" : "ok");

    return is_ready && !ngx_exiting;
}

static ngx_int_t
lt_health_send(ngx_http_request_t *r, ngx_http_lt_health_t *health)
{
    lt_out_t out;
    ngx_int_t rc;
    ngx_buf_t *b;
    ngx_uint_t is_ready;
    lt_json_writer_t w;

    b = ngx_http_lt_page_new(r, LT_HEALTH_SIZE, &rc);
    if (b == NULL) {
        return rc;
    }

    lt_out_init(&out, b->pos, LT_HEALTH_SIZE);
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    is_ready = lt_health_put_all(&w, health);
    lt_json_put_cstr(&w, "status", is_ready ? "ready" : "not_ready");
    lt_json_close_object(&w);
    lt_out_cstr(&out, "\n");

    return ngx_http_lt_page_send(r, is_ready ? NGX_HTTP_OK
            : NGX_HTTP_SERVICE_UNAVAILABLE, "application/json", b, &out);
}

ngx_int_t
ngx_http_lt_health_ready_handler(ngx_http_request_t *r)
{
    ngx_http_lt_health_t *health = ngx_http_lt_main_conf(r)->health;

    if (health == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    lt_health_asked(health);

    return lt_health_send(r, health);
}

ngx_int_t
ngx_http_lt_health_live_handler(ngx_http_request_t *r)
{
    lt_out_t out;
    ngx_int_t rc;
    ngx_buf_t *b;

    b = ngx_http_lt_page_new(r, LT_HEALTH_SIZE, &rc);
    if (b == NULL) {
        return rc;
    }

    lt_out_init(&out, b->pos, LT_HEALTH_SIZE);
    lt_out_cstr(&out, "{\"status\":\"live\"}\n");

    return ngx_http_lt_page_send(r, NGX_HTTP_OK, "application/json", b, &out);
}
