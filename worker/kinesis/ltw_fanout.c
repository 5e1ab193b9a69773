#include "kinesis/ltw_fanout.h"

#include "ltw_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LTW_FANOUT_RENEW_MS 285000      /* of AWS's 300 s; up to 10 s less */
#define LTW_FANOUT_RENEW_JITTER_MS 10000
#define LTW_FANOUT_GAP_MS 5100          /* from one to the next */
#define LTW_FANOUT_BACKOFF_MIN_MS 1000
#define LTW_FANOUT_BACKOFF_MAX_MS 60000
#define LTW_FANOUT_REMIND_MS 300000     /* "still refused", in the log */

struct ltw_fanout_s {
    ltw_fanout_options_t options;
    ltw_subscription_t *subscription;   /* NULL: POLLED */
    ltw_timer_t *timer;                 /* until it is renewed */
    int64_t opened_at_ms;               /* of the last one; 0: none was */
    int64_t retry_at_ms;
    int64_t told_at_ms;                 /* of failures; 0: not */
    unsigned failures;                  /* in a row */
    int is_open;                        /* the answer has begun */
    int is_proven;                      /* and an event has come */
    char position[LTW_FANOUT_POSITION_MAX];
};

static ltw_loop_t *
ltw_fanout_loop(const ltw_fanout_t *fanout)
{
    return fanout->options.services->loop;
}

static void
ltw_fanout_set_position(ltw_fanout_t *fanout, lt_str_t position)
{
    snprintf(fanout->position, sizeof(fanout->position), "%.*s",
        (int) position.len, position.data);
}

void
ltw_fanout_stop(ltw_fanout_t *fanout)
{
    ltw_metrics_t *metrics = fanout->options.services->metrics;

    ltw_timer_stop(fanout->timer);
    ltw_subscription_close(&fanout->subscription);
    if (fanout->is_open) {
        fanout->is_open = 0;
        ltw_gauge(metrics, shards_pushed, metrics->shards_pushed - 1);
    }
}

/* ---- failures ---- */

static int64_t
ltw_fanout_backoff_ms(const ltw_fanout_t *fanout,
    const ltw_aws_answer_t *answer)
{
    unsigned n = fanout->failures < 6 ? fanout->failures : 6;

    if (strcmp(answer->code, "ResourceInUseException") == 0) {
        return LTW_FANOUT_GAP_MS;       /* another's may still be young */
    }
    if (answer->class == LT_AWS_TRANSIENT || answer->class == LT_AWS_EXPIRED) {
        return (int64_t) LTW_FANOUT_BACKOFF_MIN_MS << n;
    }
    return LTW_FANOUT_BACKOFF_MAX_MS;
}

/* One line when it begins, and then each five minutes. */
static void
ltw_fanout_tell(ltw_fanout_t *fanout, const ltw_aws_answer_t *answer,
    int64_t retry_ms)
{
    int64_t now = ltw_loop_now_ms(ltw_fanout_loop(fanout));

    if (fanout->told_at_ms != 0
        && now - fanout->told_at_ms < LTW_FANOUT_REMIND_MS)
    {
        return;
    }
    fanout->told_at_ms = now;
    ltw_log(LTW_WARN, "fanout_refused",
        ltw_cstr("shard", fanout->options.shard),
        ltw_int("status", answer->status), ltw_cstr("code", answer->code),
        ltw_cstr("message", answer->message),
        ltw_str("request_id", answer->request_id),
        ltw_int("retry_ms", retry_ms),
        ltw_cstr("hint", strcmp(answer->code, "LimitExceededException") == 0
            ? "polled meanwhile; too many subscriptions or consumers"
            : "polled meanwhile; see code and message"));
}

static void
ltw_fanout_refused(ltw_fanout_t *fanout, const ltw_aws_answer_t *answer)
{
    const ltw_services_t *services = fanout->options.services;
    int64_t wait_ms = (int64_t) ((double) ltw_fanout_backoff_ms(fanout,
        answer) * (1 + ltw_loop_random(services->loop) / 4));

    fanout->failures++;
    ltw_count(services->metrics, subscriptions_refused, 1);
    ltw_fanout_tell(fanout, answer, wait_ms);
    if (answer->class == LT_AWS_EXPIRED) {
        ltw_aws_keys_refresh(services->aws);
    }
    if (strcmp(answer->code, "ResourceNotFoundException") == 0) {
        ltw_consumer_doubt(services->consumer);
    }
    fanout->retry_at_ms = ltw_loop_now_ms(services->loop) + wait_ms;
}

/* An answer that did not come from AWS. */
static void
ltw_fanout_unsent(ltw_fanout_t *fanout, const lt_error_t *err)
{
    ltw_aws_answer_t answer = { .class = LT_AWS_TRANSIENT };

    snprintf(answer.message, sizeof(answer.message), "%s", err->text);
    ltw_fanout_refused(fanout, &answer);
}

/* ---- a subscription's life ---- */

static void
ltw_fanout_on_open(void *data)
{
    ltw_fanout_t *fanout = data;
    const ltw_services_t *services = fanout->options.services;

    fanout->is_open = 1;
    fanout->opened_at_ms = ltw_loop_now_ms(services->loop);
    ltw_count(services->metrics, subscriptions_opened, 1);
    ltw_gauge(services->metrics, shards_pushed,
        services->metrics->shards_pushed + 1);
    ltw_log(LTW_INFO, "shard_subscribed",
        ltw_cstr("shard", fanout->options.shard),
        ltw_cstr("position", fanout->position));
    ltw_timer_start(fanout->timer, LTW_FANOUT_RENEW_MS
        - (int64_t) (LTW_FANOUT_RENEW_JITTER_MS
            * ltw_loop_random(services->loop)));
}

static int
ltw_fanout_is_ready(void *data)
{
    ltw_fanout_t *fanout = data;

    return fanout->options.is_ready(fanout->options.data);
}

static int
ltw_fanout_on_event(void *data, const ltw_records_t *records, lt_str_t next)
{
    ltw_fanout_t *fanout = data;

    fanout->is_proven = 1;
    fanout->failures = 0;
    fanout->told_at_ms = 0;
    if (!fanout->options.take(fanout->options.data, records)
        || next.len >= sizeof(fanout->position))
    {
        /* some may have been taken: only the owner knows where to go on */
        fanout->retry_at_ms = ltw_loop_now_ms(ltw_fanout_loop(fanout))
            + LTW_FANOUT_BACKOFF_MIN_MS;
        return 0;
    }
    if (next.len == 0) {
        ltw_fanout_stop(fanout);
        fanout->options.read_out(fanout->options.data);
    } else {
        ltw_fanout_set_position(fanout, next);
    }
    return 1;
}

static void
ltw_fanout_on_alive(void *data)
{
    ltw_fanout_t *fanout = data;

    fanout->options.alive(fanout->options.data);
}

static void ltw_fanout_on_over(void *data, const ltw_aws_answer_t *answer);

/* 1: one was begun. */
static int
ltw_fanout_open(ltw_fanout_t *fanout)
{
    static const ltw_subscription_events_t events = { ltw_fanout_on_open,
        ltw_fanout_is_ready, ltw_fanout_on_event, ltw_fanout_on_alive,
        ltw_fanout_on_over };
    const ltw_services_t *services = fanout->options.services;
    const char *arn = ltw_consumer_arn(services->consumer);
    int64_t now = ltw_loop_now_ms(services->loop);
    lt_error_t err = { 0 };

    if (arn[0] == '\0' || now < fanout->retry_at_ms
        || (fanout->opened_at_ms != 0
            && now - fanout->opened_at_ms < LTW_FANOUT_GAP_MS))
    {
        return 0;
    }
    fanout->is_proven = 0;
    fanout->subscription = ltw_subscription_open(services,
        ltw_consumer_tls(services->consumer), lt_str(arn),
        lt_str(fanout->options.shard), lt_str(fanout->position), &events,
        fanout, &err);
    if (fanout->subscription == NULL) {
        ltw_fanout_unsent(fanout, &err);
    }
    return fanout->subscription != NULL;
}

static void
ltw_fanout_on_over(void *data, const ltw_aws_answer_t *answer)
{
    ltw_fanout_t *fanout = data;

    if (answer != NULL && fanout->is_proven) {
        ltw_count(fanout->options.services->metrics, subscriptions_lost, 1);
        ltw_log(LTW_WARN, "subscription_lost",
            ltw_cstr("shard", fanout->options.shard),
            ltw_cstr("code", answer->code),
            ltw_cstr("message", answer->message),
            ltw_int("lived_ms", ltw_loop_now_ms(ltw_fanout_loop(fanout))
                - fanout->opened_at_ms));
    } else if (answer != NULL) {
        ltw_fanout_refused(fanout, answer);
    }
    ltw_fanout_stop(fanout);
    if (!ltw_fanout_open(fanout)) {
        fanout->options.polled(fanout->options.data);
    }
}

static void
ltw_fanout_renew(void *data)
{
    ltw_fanout_t *fanout = data;

    ltw_fanout_stop(fanout);
    if (!ltw_fanout_open(fanout)) {
        fanout->options.polled(fanout->options.data);
    }
}

/* ---- outside ---- */

int
ltw_fanout_start(ltw_fanout_t *fanout, lt_str_t position)
{
    ltw_fanout_stop(fanout);
    ltw_fanout_set_position(fanout, position);
    return ltw_fanout_open(fanout);
}

ltw_fanout_t *
ltw_fanout_new(const ltw_fanout_options_t *options)
{
    ltw_fanout_t *fanout = calloc(1, sizeof(*fanout));

    if (fanout == NULL) {
        return NULL;
    }
    fanout->options = *options;
    fanout->timer = ltw_timer_new(options->services->loop, ltw_fanout_renew,
        fanout);
    if (fanout->timer == NULL) {
        free(fanout);
        return NULL;
    }
    return fanout;
}

void
ltw_fanout_free(ltw_fanout_t **fanout)
{
    if (*fanout != NULL) {
        ltw_fanout_stop(*fanout);
        ltw_timer_free(&(*fanout)->timer);
        free(*fanout);
        *fanout = NULL;
    }
}
