#include "kinesis/ltw_consumer.h"

#include "aws/ltw_aws_kinesis_consumer.h"
#include "ltw_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LTW_CONSUMER_LOOK_MS 1000
#define LTW_CONSUMER_BACKOFF_MIN_MS 1000
#define LTW_CONSUMER_BACKOFF_MAX_MS 60000
#define LTW_CONSUMER_REMIND_MS 300000   /* "still failing", in the log */

typedef enum {
    LTW_CONSUMER_STREAM, LTW_CONSUMER_LOOKING, LTW_CONSUMER_REGISTERING,
    LTW_CONSUMER_CREATING, LTW_CONSUMER_READY
} ltw_consumer_state_t;

struct ltw_consumer_s {
    const ltw_services_t *services;
    ltw_tls_context_t *tls;
    ltw_consumer_state_t state;
    ltw_timer_t *timer;
    ltw_aws_id_t call;
    unsigned failures;                  /* in a row */
    int64_t told_at_ms;                 /* 0: of none of them */
    char stream_arn[LTW_ARN_MAX + 1];
    char arn[LTW_ARN_MAX + 1];
};

/* ---- failures ---- */

static void
ltw_consumer_failed(ltw_consumer_t *consumer, const char *operation,
    const ltw_aws_answer_t *answer)
{
    ltw_loop_t *loop = consumer->services->loop;
    int64_t now = ltw_loop_now_ms(loop), wait_ms = LTW_CONSUMER_BACKOFF_MIN_MS;

    if (consumer->told_at_ms == 0
        || now - consumer->told_at_ms >= LTW_CONSUMER_REMIND_MS)
    {
        consumer->told_at_ms = now;
        ltw_aws_log(LTW_AWS_KINESIS, operation, answer);
    }
    wait_ms <<= consumer->failures < 6 ? consumer->failures : 6;
    if (wait_ms > LTW_CONSUMER_BACKOFF_MAX_MS
        || answer->class == LT_AWS_FATAL)
    {
        wait_ms = LTW_CONSUMER_BACKOFF_MAX_MS;
    }
    consumer->failures++;
    ltw_timer_start(consumer->timer, (int64_t) ((double) wait_ms
        * (1 + ltw_loop_random(loop) / 4)));
}

static void
ltw_consumer_broken(ltw_consumer_t *consumer, const char *operation,
    const char *why)
{
    ltw_aws_answer_t answer = { .class = LT_AWS_TRANSIENT };

    snprintf(answer.message, sizeof(answer.message), "%s", why);
    ltw_consumer_failed(consumer, operation, &answer);
}

static void
ltw_consumer_go_on(ltw_consumer_t *consumer, ltw_consumer_state_t state,
    int64_t after_ms)
{
    consumer->state = state;
    consumer->failures = 0;
    consumer->told_at_ms = 0;
    ltw_timer_start(consumer->timer, after_ms);
}

/* ---- answers ---- */

static void
ltw_consumer_on_stream(void *data, const ltw_aws_answer_t *answer)
{
    ltw_consumer_t *consumer = data;
    lt_error_t err = { 0 };

    consumer->call = 0;
    if (!ltw_aws_is_ok(answer)) {
        ltw_consumer_failed(consumer, "DescribeStreamSummary", answer);
    } else if (ltw_aws_kinesis_stream_arn_read(consumer->stream_arn,
            sizeof(consumer->stream_arn), answer->body, &err) != LT_OK)
    {
        ltw_consumer_broken(consumer, "DescribeStreamSummary", err.text);
    } else {
        ltw_consumer_go_on(consumer, LTW_CONSUMER_LOOKING, 0);
    }
}

static void
ltw_consumer_on_look(void *data, const ltw_aws_answer_t *answer)
{
    ltw_consumer_t *consumer = data;
    char arn[LTW_ARN_MAX + 1];
    lt_error_t err = { 0 };
    int is_active = 0;

    consumer->call = 0;
    if (strcmp(answer->code, "ResourceNotFoundException") == 0) {
        ltw_consumer_go_on(consumer, LTW_CONSUMER_REGISTERING, 0);
    } else if (!ltw_aws_is_ok(answer)) {
        ltw_consumer_failed(consumer, "DescribeStreamConsumer", answer);
    } else if (ltw_aws_kinesis_consumer_read(arn, sizeof(arn), &is_active,
            answer->body, &err) != LT_OK)
    {
        ltw_consumer_broken(consumer, "DescribeStreamConsumer", err.text);
    } else if (!is_active) {
        ltw_consumer_go_on(consumer, LTW_CONSUMER_CREATING,
            LTW_CONSUMER_LOOK_MS);
    } else {
        memcpy(consumer->arn, arn, sizeof(arn));
        consumer->state = LTW_CONSUMER_READY;
        ltw_log(LTW_INFO, "consumer_ready",
            ltw_cstr("consumer_arn", consumer->arn));
    }
}

static void
ltw_consumer_on_register(void *data, const ltw_aws_answer_t *answer)
{
    ltw_consumer_t *consumer = data;

    consumer->call = 0;
    if (ltw_aws_is_ok(answer)) {
        ltw_log(LTW_INFO, "consumer_registered", ltw_cstr("consumer_name",
            consumer->services->config->consumer_name));
        ltw_consumer_go_on(consumer, LTW_CONSUMER_CREATING,
            LTW_CONSUMER_LOOK_MS);
    } else if (strcmp(answer->code, "ResourceInUseException") == 0) {
        /* another worker was quicker */
        ltw_consumer_go_on(consumer, LTW_CONSUMER_CREATING,
            LTW_CONSUMER_LOOK_MS);
    } else {
        ltw_consumer_failed(consumer, "RegisterStreamConsumer", answer);
    }
}

/* ---- calls ---- */

static void
ltw_consumer_timer_ready(void *data)
{
    ltw_consumer_t *consumer = data;
    ltw_aws_t *aws = consumer->services->aws;
    lt_str_t stream_arn = lt_str(consumer->stream_arn);
    lt_str_t name = lt_str(consumer->services->config->consumer_name);

    switch (consumer->state) {
    case LTW_CONSUMER_STREAM:
        consumer->call = ltw_aws_kinesis_describe_stream(aws,
            lt_str(consumer->services->config->kinesis_stream),
            ltw_consumer_on_stream, consumer);
        break;
    case LTW_CONSUMER_CREATING:
    case LTW_CONSUMER_LOOKING:
        consumer->call = ltw_aws_kinesis_describe_consumer(aws, stream_arn,
            name, ltw_consumer_on_look, consumer);
        break;
    case LTW_CONSUMER_REGISTERING:
        consumer->call = ltw_aws_kinesis_register_consumer(aws, stream_arn,
            name, ltw_consumer_on_register, consumer);
        break;
    case LTW_CONSUMER_READY:
        return;
    }
    if (consumer->call == 0) {
        ltw_consumer_broken(consumer, "DescribeStreamConsumer",
            "could not be sent");
    }
}

/* ---- outside ---- */

const char *
ltw_consumer_arn(const ltw_consumer_t *consumer)
{
    return consumer->state == LTW_CONSUMER_READY ? consumer->arn : "";
}

void
ltw_consumer_doubt(ltw_consumer_t *consumer)
{
    if (consumer->state == LTW_CONSUMER_READY
        && consumer->services->config->consumer_arn == NULL)
    {
        ltw_consumer_go_on(consumer, LTW_CONSUMER_LOOKING, 0);
    }
}

ltw_tls_context_t *
ltw_consumer_tls(const ltw_consumer_t *consumer)
{
    return consumer->tls;
}

ltw_consumer_t *
ltw_consumer_new(const ltw_services_t *services, lt_error_t *err)
{
    ltw_consumer_t *consumer = calloc(1, sizeof(*consumer));

    lt_error_set(err, 0, "no memory");
    if (consumer == NULL) {
        return NULL;
    }
    consumer->services = services;
    consumer->timer = ltw_timer_new(services->loop, ltw_consumer_timer_ready,
        consumer);
    consumer->tls = ltw_tls_context_new(services->config->tls_ca_file, err);
    if (consumer->timer == NULL || consumer->tls == NULL) {
        ltw_consumer_free(&consumer);
    } else if (services->config->consumer_arn != NULL) {
        snprintf(consumer->arn, sizeof(consumer->arn), "%s",
            services->config->consumer_arn);
        consumer->state = LTW_CONSUMER_READY;
    } else {
        ltw_timer_start(consumer->timer, 0);
    }
    return consumer;
}

void
ltw_consumer_free(ltw_consumer_t **consumer)
{
    if (*consumer != NULL) {
        ltw_aws_cancel((*consumer)->services->aws, (*consumer)->call);
        ltw_timer_free(&(*consumer)->timer);
        ltw_tls_context_free(&(*consumer)->tls);
        free(*consumer);
        *consumer = NULL;
    }
}
