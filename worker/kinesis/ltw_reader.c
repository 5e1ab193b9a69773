#include "kinesis/ltw_reader.h"

#include "aws/ltw_aws_kinesis_get_iterator.h"
#include "kinesis/ltw_fanout.h"
#include "ltw_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LTW_READER_GAP_MS 200           /* 5 GetRecords a second */
#define LTW_READER_PAUSE_MS 100         /* not now */
#define LTW_READER_THROTTLE_MS 1000
#define LTW_READER_BACKOFF_MAX_MS 10000
#define LTW_READER_REMIND_MS 30000      /* "still failing", in the log */
#define LTW_READER_RECORDS_MIN 500      /* asked for in one call */
#define LTW_READER_QUIET_MS 2000        /* between two answers, or it fails */
#define LTW_READER_SKEW_MS 5000         /* our clock may be ahead of AWS's */

typedef enum {
    LTW_READER_STOPPED, LTW_READER_ITERATOR, LTW_READER_POLLING,
    LTW_READER_FETCHING, LTW_READER_PUSHED
} ltw_reader_state_t;

struct ltw_reader_s {
    ltw_reader_options_t options;
    ltw_reader_state_t state;
    ltw_timer_t *timer;
    ltw_aws_id_t call;
    ltw_fanout_t *fanout;               /* NULL: always polled */
    int64_t asked_wall_ms;              /* for the iterator */
    char position[LTW_POSITION_MAX];    /* read up to here */
    char iterator[LTW_ITERATOR_MAX];
    int64_t fetched_at_ms;              /* begin of the last GetRecords */
    int64_t behind_ms;                  /* as it was */
    int64_t behind_at_ms;               /* at that time */
    int64_t moved_at_ms;                /* started, read, or not ready */
    unsigned failures;                  /* in a row */
    int64_t told_at_ms;
};

static void ltw_reader_get_iterator(ltw_reader_t *reader);

static ltw_loop_t *
ltw_reader_loop(const ltw_reader_t *reader)
{
    return reader->options.services->loop;
}

static void
ltw_reader_set_position(ltw_reader_t *reader, lt_str_t position)
{
    size_t len = position.len < sizeof(reader->position)
        ? position.len : sizeof(reader->position) - 1;

    memcpy(reader->position, position.data, len);
    reader->position[len] = '\0';
}

/* ---- failures ---- */

/* Waits longer each time, and says so once and then twice a minute. */
static void
ltw_reader_failed(ltw_reader_t *reader, const char *operation,
    const ltw_aws_answer_t *answer)
{
    int64_t now = ltw_loop_now_ms(ltw_reader_loop(reader));
    int64_t wait_ms = LTW_READER_THROTTLE_MS;

    if (answer->class != LT_AWS_THROTTLE || answer->status == 0) {
        reader->failures++;
        if (reader->told_at_ms == 0
            || now - reader->told_at_ms >= LTW_READER_REMIND_MS)
        {
            reader->told_at_ms = now;
            ltw_aws_log(LTW_AWS_KINESIS, operation, answer);
        }
        wait_ms = LTW_READER_PAUSE_MS
            << (reader->failures < 10 ? reader->failures : 10);
        wait_ms = wait_ms < LTW_READER_BACKOFF_MAX_MS
            ? wait_ms : LTW_READER_BACKOFF_MAX_MS;
    }
    ltw_timer_start(reader->timer, (int64_t) ((double) wait_ms
        * (1 + ltw_loop_random(ltw_reader_loop(reader)) / 4)));
}

static void
ltw_reader_worked(ltw_reader_t *reader)
{
    if (reader->told_at_ms != 0) {
        ltw_log(LTW_INFO, "kinesis_recovered",
            ltw_cstr("shard", reader->options.shard),
            ltw_int("failures", reader->failures));
    }
    reader->failures = 0;
    reader->told_at_ms = 0;
    reader->moved_at_ms = ltw_loop_now_ms(ltw_reader_loop(reader));
}

/* An answer that we cannot read, or a call that could not be sent. */
static void
ltw_reader_broken(ltw_reader_t *reader, const char *operation,
    const char *why)
{
    ltw_aws_answer_t answer = { .class = LT_AWS_TRANSIENT };

    snprintf(answer.message, sizeof(answer.message), "%s", why);
    ltw_reader_failed(reader, operation, &answer);
}

/* ---- iterator ---- */

/* A position of another life of the stream. */
static int
ltw_reader_is_unusable(const ltw_reader_t *reader,
    const ltw_aws_answer_t *answer)
{
    return strcmp(answer->code, "InvalidArgumentException") == 0
        && strcmp(reader->position, "LATEST") != 0
        && strcmp(reader->position, "TRIM_HORIZON") != 0;
}

/* LATEST was then: what comes from now on must come, however often we ask. */
static void
ltw_reader_settle(ltw_reader_t *reader)
{
    char since[32];
    int len = snprintf(since, sizeof(since), "@%lld",
        (long long) (reader->asked_wall_ms - LTW_READER_SKEW_MS));

    ltw_reader_set_position(reader, (lt_str_t) { since, (size_t) len });
}

static void
ltw_reader_on_iterator(void *data, const ltw_aws_answer_t *answer)
{
    ltw_reader_t *reader = data;
    lt_error_t err = { 0 };

    reader->call = 0;
    if (!ltw_aws_is_ok(answer)) {
        if (ltw_reader_is_unusable(reader, answer)) {
            reader->state = LTW_READER_STOPPED;
            reader->options.unusable(reader->options.data, answer);
            return;
        }
        ltw_reader_failed(reader, "GetShardIterator", answer);
        return;
    }
    if (ltw_aws_kinesis_iterator_read(reader->iterator,
            sizeof(reader->iterator), answer->body, &err) != LT_OK)
    {
        ltw_reader_broken(reader, "GetShardIterator", err.text);
        return;
    }
    ltw_log(LTW_INFO, "shard_reading",
        ltw_cstr("shard", reader->options.shard),
        ltw_cstr("position", reader->position));
    if (strcmp(reader->position, "LATEST") == 0) {
        ltw_reader_settle(reader);
    }
    reader->state = LTW_READER_POLLING;
    ltw_timer_start(reader->timer, 0);
}

static void
ltw_reader_get_iterator(ltw_reader_t *reader)
{
    reader->state = LTW_READER_ITERATOR;
    reader->asked_wall_ms = ltw_aws_time_ms(reader->options.services->aws);
    reader->call = ltw_aws_kinesis_get_iterator(reader->options.services->aws,
        lt_str(reader->options.stream), lt_str(reader->options.shard),
        lt_str(reader->position), ltw_reader_on_iterator, reader);
    if (reader->call == 0) {
        ltw_reader_broken(reader, "GetShardIterator", "could not be sent");
    }
}

/* ---- reading ---- */

/* The interval counts from the last begin; a tenth of it is jitter. */
static void
ltw_reader_poll_later(ltw_reader_t *reader, int is_behind)
{
    ltw_loop_t *loop = ltw_reader_loop(reader);
    int64_t interval = reader->options.services->config->poll_interval;
    int64_t wait;

    wait = is_behind ? LTW_READER_GAP_MS
        : (int64_t) ((double) interval * (1 + ltw_loop_random(loop) / 10));
    wait -= ltw_loop_now_ms(loop) - reader->fetched_at_ms;
    reader->state = LTW_READER_POLLING;
    ltw_timer_start(reader->timer, wait > 0 ? wait : 0);
}

static void
ltw_reader_use(ltw_reader_t *reader, const ltw_records_t *records)
{
    if (!reader->options.take(reader->options.data, records)) {
        ltw_reader_broken(reader, "GetRecords", "no memory for the records");
        reader->state = LTW_READER_ITERATOR;
        return;
    }
    if (records->next_iterator.len == 0) {
        reader->state = LTW_READER_STOPPED;
        reader->behind_ms = 0;
        reader->options.read_out(reader->options.data);
        return;
    }
    if (records->next_iterator.len >= sizeof(reader->iterator)) {
        ltw_reader_broken(reader, "GetRecords",
            "the next iterator is too long");
        reader->state = LTW_READER_ITERATOR;
        return;
    }
    memcpy(reader->iterator, records->next_iterator.data,
        records->next_iterator.len);
    reader->iterator[records->next_iterator.len] = '\0';
    reader->behind_ms = records->behind_ms;
    reader->behind_at_ms = ltw_loop_now_ms(ltw_reader_loop(reader));
    ltw_inflow_read(reader->options.services->inflow, reader->behind_ms,
        ltw_loop_now_ms(ltw_reader_loop(reader)));
    ltw_reader_poll_later(reader,
        records->behind_ms > 1000 || records->n >= LTW_READER_RECORDS_MIN);
}

static void
ltw_reader_on_records(void *data, const ltw_aws_answer_t *answer)
{
    ltw_reader_t *reader = data;
    ltw_metrics_t *metrics = reader->options.services->metrics;
    ltw_records_t records;
    lt_error_t err = { 0 };

    reader->call = 0;
    reader->state = LTW_READER_POLLING;
    if (strcmp(answer->code, "ExpiredIteratorException") == 0) {
        ltw_count(metrics, kinesis_iterator_expired, 1);
        ltw_reader_get_iterator(reader);
        return;
    }
    if (!ltw_aws_is_ok(answer)) {
        if (answer->class == LT_AWS_FATAL) {
            reader->state = LTW_READER_ITERATOR;  /* it may be this one's */
        }
        ltw_reader_failed(reader, "GetRecords", answer);
        return;
    }
    if (ltw_records_read(&records, answer->body, &err) != LT_OK) {
        ltw_reader_broken(reader, "GetRecords", err.text);
        return;
    }
    ltw_reader_worked(reader);
    ltw_observe(metrics, get_records_ms, answer->elapsed_ms);
    ltw_reader_use(reader, &records);
    ltw_records_deinit(&records);
}

/* ---- pushed ---- */

/* 1: it is. */
static int
ltw_reader_subscribe(ltw_reader_t *reader)
{
    if (reader->fanout == NULL
        || !ltw_fanout_start(reader->fanout, lt_str(reader->position)))
    {
        return 0;
    }
    reader->state = LTW_READER_PUSHED;
    return 1;
}

static int
ltw_reader_is_ready(void *data)
{
    ltw_reader_t *reader = data;

    return reader->options.is_ready(reader->options.data);
}

static void
ltw_reader_alive(void *data)
{
    ltw_reader_t *reader = data;

    ltw_inflow_read(reader->options.services->inflow, reader->behind_ms,
        ltw_loop_now_ms(ltw_reader_loop(reader)));
}

static int
ltw_reader_pushed(void *data, const ltw_records_t *records)
{
    ltw_reader_t *reader = data;

    ltw_reader_worked(reader);
    reader->behind_ms = records->behind_ms;
    reader->behind_at_ms = ltw_loop_now_ms(ltw_reader_loop(reader));
    ltw_reader_alive(reader);
    return reader->options.take(reader->options.data, records);
}

static void
ltw_reader_pushed_out(void *data)
{
    ltw_reader_t *reader = data;

    reader->state = LTW_READER_STOPPED;
    reader->behind_ms = 0;
    reader->options.read_out(reader->options.data);
}

static void
ltw_reader_polled(void *data)
{
    ltw_reader_t *reader = data;

    reader->moved_at_ms = ltw_loop_now_ms(ltw_reader_loop(reader));
    ltw_reader_get_iterator(reader);
}

/* ---- polled ---- */

static void
ltw_reader_fetch(ltw_reader_t *reader)
{
    const ltw_config_t *config = reader->options.services->config;
    unsigned limit = config->batch_size > LTW_READER_RECORDS_MIN
        ? (unsigned) config->batch_size : LTW_READER_RECORDS_MIN;

    if (!reader->options.is_ready(reader->options.data)) {
        reader->moved_at_ms = ltw_loop_now_ms(ltw_reader_loop(reader));
        ltw_timer_start(reader->timer, LTW_READER_PAUSE_MS);
        return;
    }
    if (ltw_reader_subscribe(reader)) {
        return;
    }
    reader->fetched_at_ms = ltw_loop_now_ms(ltw_reader_loop(reader));
    reader->call = ltw_aws_kinesis_get_records(reader->options.services->aws,
        lt_str(reader->iterator), limit, ltw_reader_on_records, reader);
    if (reader->call == 0) {
        ltw_reader_broken(reader, "GetRecords", "could not be sent");
        return;
    }
    reader->state = LTW_READER_FETCHING;
}


static void
ltw_reader_timer_ready(void *data)
{
    ltw_reader_t *reader = data;

    switch (reader->state) {
    case LTW_READER_ITERATOR:
        ltw_reader_get_iterator(reader);
        break;
    case LTW_READER_POLLING:
        ltw_reader_fetch(reader);
        break;
    case LTW_READER_FETCHING:
    case LTW_READER_PUSHED:
    case LTW_READER_STOPPED:
        break;
    }
}

/* ---- outside ---- */

void
ltw_reader_start(ltw_reader_t *reader, lt_str_t position)
{
    ltw_reader_stop(reader);
    ltw_reader_set_position(reader, position);
    reader->moved_at_ms = ltw_loop_now_ms(ltw_reader_loop(reader));
    reader->behind_at_ms = reader->moved_at_ms;
    ltw_reader_get_iterator(reader);
}

void
ltw_reader_stop(ltw_reader_t *reader)
{
    ltw_timer_stop(reader->timer);
    if (reader->fanout != NULL) {
        ltw_fanout_stop(reader->fanout);
    }
    ltw_aws_cancel(reader->options.services->aws, reader->call);
    reader->call = 0;
    reader->behind_ms = 0;
    reader->state = LTW_READER_STOPPED;
}

void
ltw_reader_pass(ltw_reader_t *reader, lt_str_t sequence_number)
{
    ltw_reader_set_position(reader, sequence_number);
}

const char *
ltw_reader_position(const ltw_reader_t *reader)
{
    return reader->position;
}

/* What is not told any more grows with time; who is pushed may hear nothing
   for seconds. */
int64_t
ltw_reader_behind_ms(const ltw_reader_t *reader)
{
    int64_t since_ms = ltw_loop_now_ms(ltw_reader_loop(reader))
        - reader->behind_at_ms;

    if (reader->state == LTW_READER_STOPPED
        || reader->state == LTW_READER_PUSHED
        || since_ms < LTW_READER_QUIET_MS)
    {
        return reader->behind_ms;
    }
    return reader->behind_ms + since_ms;
}

int64_t
ltw_reader_stuck_ms(const ltw_reader_t *reader)
{
    return reader->state == LTW_READER_STOPPED
        || reader->state == LTW_READER_PUSHED ? 0
        : ltw_loop_now_ms(ltw_reader_loop(reader)) - reader->moved_at_ms;
}

static ltw_fanout_t *
ltw_reader_fanout(ltw_reader_t *reader)
{
    ltw_fanout_options_t options = {
        .services = reader->options.services,
        .shard = reader->options.shard,
        .is_ready = ltw_reader_is_ready,
        .take = ltw_reader_pushed,
        .alive = ltw_reader_alive,
        .read_out = ltw_reader_pushed_out,
        .polled = ltw_reader_polled,
        .data = reader,
    };

    return ltw_fanout_new(&options);
}

ltw_reader_t *
ltw_reader_new(const ltw_reader_options_t *options)
{
    ltw_reader_t *reader = calloc(1, sizeof(*reader));

    if (reader == NULL) {
        return NULL;
    }
    reader->options = *options;
    reader->timer = ltw_timer_new(options->services->loop,
        ltw_reader_timer_ready, reader);
    if (options->services->consumer != NULL) {
        reader->fanout = ltw_reader_fanout(reader);
    }
    if (reader->timer == NULL || (reader->fanout == NULL
            && options->services->consumer != NULL))
    {
        ltw_reader_free(&reader);
    }
    return reader;
}

void
ltw_reader_free(ltw_reader_t **reader)
{
    if (*reader != NULL) {
        ltw_aws_cancel((*reader)->options.services->aws, (*reader)->call);
        ltw_timer_free(&(*reader)->timer);
        ltw_fanout_free(&(*reader)->fanout);
        free(*reader);
        *reader = NULL;
    }
}
