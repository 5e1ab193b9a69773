#include "ltw_health.h"

#include "aws/ltw_aws_kinesis_list_shards.h"

#include "lt_json.h"

#include <stdio.h>
#include <stdlib.h>

struct ltw_health_s {
    const ltw_services_t *services;
    ltw_timer_t *timer;         /* active while somebody asks */
    int64_t asked_at_ms;
    int64_t began_at_ms;        /* probing did */
    int64_t redis_ok_at_ms;
    ltw_redis_id_t ping;        /* 0: none is under way */
    ltw_aws_id_t probe;
    int is_leaving;
};

static int64_t
ltw_health_now(const ltw_health_t *health)
{
    return ltw_loop_now_ms(health->services->loop);
}

static void
ltw_health_on_ping(void *data, const ltw_reply_t *reply,
    const lt_error_t *err)
{
    ltw_health_t *health = data;

    (void) err;
    health->ping = 0;
    if (reply != NULL) {
        health->redis_ok_at_ms = ltw_health_now(health);
    }
}

/* The call layer has noted how it went. */
static void
ltw_health_on_probe(void *data, const ltw_aws_answer_t *answer)
{
    ltw_health_t *health = data;

    (void) answer;
    health->probe = 0;
}

static void
ltw_health_probe(ltw_health_t *health)
{
    const ltw_services_t *s = health->services;
    const lt_str_t ping = LT_STR("PING");

    if (health->ping == 0) {
        health->ping = ltw_redis_command(s->redis, &ping, 1,
            ltw_health_on_ping, health);
    }
    if (health->probe == 0 && ltw_health_now(health)
            - s->metrics->kinesis_ok_at_ms >= LTW_HEALTH_PROBE_MS)
    {
        health->probe = ltw_aws_kinesis_list_shards(s->aws,
            lt_str(s->config->kinesis_stream), (lt_str_t) { NULL, 0 },
            ltw_health_on_probe, health);
    }
}

static void
ltw_health_tick(void *data)
{
    ltw_health_t *health = data;

    if (ltw_health_now(health) - health->asked_at_ms < LTW_HEALTH_ASKED_MS) {
        ltw_timer_start(health->timer, LTW_HEALTH_PROBE_MS);
        ltw_health_probe(health);
    }
}

ltw_health_t *
ltw_health_new(const ltw_services_t *services)
{
    ltw_health_t *health = calloc(1, sizeof(*health));

    if (health == NULL) {
        return NULL;
    }
    health->services = services;
    health->timer = ltw_timer_new(services->loop, ltw_health_tick, health);
    if (health->timer == NULL) {
        ltw_health_free(&health);
    }
    return health;
}

void
ltw_health_free(ltw_health_t **health)
{
    if (*health == NULL) {
        return;
    }
    ltw_redis_cancel((*health)->services->redis, (*health)->ping);
    ltw_aws_cancel((*health)->services->aws, (*health)->probe);
    ltw_timer_free(&(*health)->timer);
    free(*health);
    *health = NULL;
}

void
ltw_health_leave(ltw_health_t *health)
{
    health->is_leaving = 1;
}

/* Puts "ok", or since when it is not; 1: ok. */
static int
ltw_health_put(const ltw_health_t *health, lt_json_writer_t *w,
    const char *name, int64_t ok_at_ms)
{
    int64_t since = ok_at_ms > health->began_at_ms
        ? ok_at_ms : health->began_at_ms;
    int64_t late_ms = ltw_health_now(health) - since;
    char text[64];

    if (late_ms < LTW_HEALTH_LATE_MS) {
        lt_json_put_cstr(w, name, "ok");
        return 1;
    }
    snprintf(text, sizeof(text), "no answer for %lld ms",
        (long long) late_ms);
    lt_json_put_cstr(w, name, text);
    return 0;
}

int
ltw_health_ready(ltw_health_t *health, lt_out_t *out)
{
    const ltw_metrics_t *m = health->services->metrics;
    lt_json_writer_t w;
    int has_keys = m->credentials_ready != 0, is_ready = !health->is_leaving;

    health->asked_at_ms = ltw_health_now(health);
    if (!ltw_timer_is_active(health->timer)) {
        health->began_at_ms = health->asked_at_ms;
        ltw_timer_start(health->timer, 0);
    }
    lt_json_begin(&w, out);
    lt_json_open_object(&w, NULL);
    is_ready &= ltw_health_put(health, &w, "redis", health->redis_ok_at_ms);
    is_ready &= ltw_health_put(health, &w, "kinesis", m->kinesis_ok_at_ms);
    is_ready &= has_keys;
    lt_json_put_cstr(&w, "credentials", has_keys ? "ok" : "no AWS keys");
    lt_json_put_cstr(&w, "worker", health->is_leaving ? "leaving" : "ok");
    lt_json_put_cstr(&w, "status", is_ready ? "ready" : "not_ready");
    lt_json_close_object(&w);
    return is_ready;
}
