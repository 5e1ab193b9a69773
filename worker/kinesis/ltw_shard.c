#include "kinesis/ltw_shard.h"

#include "aws/ltw_aws_kinesis_get_iterator.h"
#include "aws/ltw_aws_kinesis_get_records.h"
#include "kinesis/ltw_batcher.h"
#include "kinesis/ltw_lease.h"
#include "kinesis/ltw_parents.h"
#include "ltw_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LTW_SHARD_GAP_MS 200            /* 5 GetRecords a second */
#define LTW_SHARD_PAUSE_MS 100          /* too much is not done yet */
#define LTW_SHARD_THROTTLE_MS 1000
#define LTW_SHARD_BACKOFF_MAX_MS 10000
#define LTW_SHARD_REMIND_MS 30000       /* "still failing", in the log */
#define LTW_SHARD_RECORDS_MIN 500       /* asked for in one call */

typedef enum {
    LTW_SHARD_PARENTS, LTW_SHARD_CLAIMING, LTW_SHARD_ITERATOR,
    LTW_SHARD_POLLING, LTW_SHARD_FETCHING, LTW_SHARD_FINISHING,
    LTW_SHARD_DRAINING, LTW_SHARD_RELEASING, LTW_SHARD_ENDED
} ltw_shard_state_t;

struct ltw_shard_s {
    ltw_shard_options_t options;
    ltw_shard_info_t info;
    ltw_shard_state_t state;
    ltw_lease_t *lease;
    ltw_batcher_t *batcher;
    ltw_timer_t *timer;
    ltw_parents_t *parents;             /* in PARENTS only */
    ltw_aws_id_t call;
    int has_read_parents;               /* they were read by this product */
    char position[LTW_CHECKPOINT_MAX];  /* read up to here */
    char iterator[LTW_ITERATOR_MAX];
    int64_t fetched_at_ms;              /* begin of the last GetRecords */
    int64_t behind_ms;
    unsigned failures;                  /* in a row */
    int64_t told_at_ms;
};

static void ltw_shard_get_iterator(ltw_shard_t *shard);

static ltw_loop_t *
ltw_shard_loop(const ltw_shard_t *shard)
{
    return shard->options.services->loop;
}

static void
ltw_shard_set_position(ltw_shard_t *shard, lt_str_t position)
{
    size_t len = position.len < sizeof(shard->position)
        ? position.len : sizeof(shard->position) - 1;

    memcpy(shard->position, position.data, len);
    shard->position[len] = '\0';
}

/* ---- ends ---- */

static void
ltw_shard_end(ltw_shard_t *shard)
{
    shard->state = LTW_SHARD_ENDED;
    ltw_timer_stop(shard->timer);
    shard->options.ended(shard->options.data, shard);
}

static void
ltw_shard_stop_reading(ltw_shard_t *shard)
{
    ltw_timer_stop(shard->timer);
    ltw_aws_cancel(shard->options.services->aws, shard->call);
    shard->call = 0;
}

/* FINISHING and DRAINING go on when the last batch is done and stored. */
static void
ltw_shard_check_idle(ltw_shard_t *shard)
{
    if (!ltw_batcher_is_idle(shard->batcher)) {
        return;
    }
    if (shard->state == LTW_SHARD_FINISHING) {
        ltw_lease_checkpoint(shard->lease, LT_STR(LTW_SHARD_END));
        if (ltw_lease_is_stored(shard->lease)) {
            ltw_log(LTW_INFO, "shard_read_out",
                ltw_cstr("shard", shard->info.id));
            shard->state = LTW_SHARD_RELEASING;
            ltw_lease_release(shard->lease);
        } else {
            ltw_timer_start(shard->timer, LTW_SHARD_PAUSE_MS);
        }
    } else if (shard->state == LTW_SHARD_DRAINING) {
        shard->state = LTW_SHARD_RELEASING;
        ltw_lease_release(shard->lease);
    }
}

static void
ltw_shard_released(void *data)
{
    ltw_shard_end(data);
}

static void
ltw_shard_progress(void *data, lt_str_t sequence_number)
{
    ltw_shard_t *shard = data;

    ltw_lease_checkpoint(shard->lease, sequence_number);
    ltw_shard_check_idle(shard);
}

/* ---- failures ---- */

/* Waits longer each time, and says so once and then twice a minute. */
static void
ltw_shard_failed(ltw_shard_t *shard, const char *operation,
    const ltw_aws_answer_t *answer)
{
    int64_t now = ltw_loop_now_ms(ltw_shard_loop(shard));
    int64_t wait_ms = LTW_SHARD_THROTTLE_MS;

    if (answer->class != LT_AWS_THROTTLE || answer->status == 0) {
        shard->failures++;
        if (shard->told_at_ms == 0
            || now - shard->told_at_ms >= LTW_SHARD_REMIND_MS)
        {
            shard->told_at_ms = now;
            ltw_aws_log(LTW_AWS_KINESIS, operation, answer);
        }
        wait_ms = LTW_SHARD_PAUSE_MS
            << (shard->failures < 10 ? shard->failures : 10);
        wait_ms = wait_ms < LTW_SHARD_BACKOFF_MAX_MS
            ? wait_ms : LTW_SHARD_BACKOFF_MAX_MS;
    }
    ltw_timer_start(shard->timer, (int64_t) ((double) wait_ms
        * (1 + ltw_loop_random(ltw_shard_loop(shard)) / 4)));
}

static void
ltw_shard_worked(ltw_shard_t *shard)
{
    if (shard->told_at_ms != 0) {
        ltw_log(LTW_INFO, "kinesis_recovered",
            ltw_cstr("shard", shard->info.id),
            ltw_int("failures", shard->failures));
    }
    shard->failures = 0;
    shard->told_at_ms = 0;
}

/* An answer that we cannot read, or a call that could not be sent. */
static void
ltw_shard_broken(ltw_shard_t *shard, const char *operation, const char *why)
{
    ltw_aws_answer_t answer = { .class = LT_AWS_TRANSIENT };

    snprintf(answer.message, sizeof(answer.message), "%s", why);
    ltw_shard_failed(shard, operation, &answer);
}

/* ---- the lease ---- */

static void
ltw_shard_claim(void *data, int were_parents_read)
{
    ltw_shard_t *shard = data;

    shard->has_read_parents = were_parents_read;
    ltw_parents_free(&shard->parents);
    shard->state = LTW_SHARD_CLAIMING;
    ltw_lease_claim(shard->lease);
}

/* Nobody reads a closed shard that nobody began, when latest is wanted. */
static int
ltw_shard_is_of_the_past(const ltw_shard_t *shard)
{
    return shard->info.is_closed && !shard->has_read_parents
        && shard->options.services->config->starting_position
            == LTW_START_LATEST;
}

/* The checkpoint at once: a successor must not skip what comes before the
   first batch is done. */
static void
ltw_shard_begin_anew(ltw_shard_t *shard)
{
    char checkpoint[32] = "TRIM_HORIZON";

    if (shard->has_read_parents
        || shard->options.services->config->starting_position
            != LTW_START_LATEST)
    {
        ltw_shard_set_position(shard, lt_str(checkpoint));
    } else {
        ltw_shard_set_position(shard, LT_STR("LATEST"));
        snprintf(checkpoint, sizeof(checkpoint), "@%lld",
            (long long) ltw_aws_time_ms(shard->options.services->aws));
    }
    ltw_lease_checkpoint(shard->lease, lt_str(checkpoint));
}

static void
ltw_shard_taken(void *data, lt_str_t checkpoint)
{
    ltw_shard_t *shard = data;

    if (shard->state != LTW_SHARD_CLAIMING) {
        return;                         /* told to end meanwhile */
    }
    if (lt_str_is(checkpoint, LTW_SHARD_END)
        || (checkpoint.len == 0 && ltw_shard_is_of_the_past(shard)))
    {
        shard->state = LTW_SHARD_RELEASING;
        ltw_lease_release(shard->lease);
        return;
    }
    if (checkpoint.len == 0) {
        ltw_shard_begin_anew(shard);
    } else {
        ltw_shard_set_position(shard, checkpoint);
    }
    ltw_shard_get_iterator(shard);
}

static void
ltw_shard_lost(void *data)
{
    ltw_shard_t *shard = data;

    ltw_shard_stop_reading(shard);
    ltw_batcher_reset(shard->batcher);
    shard->behind_ms = 0;
    if (shard->state == LTW_SHARD_DRAINING) {
        shard->state = LTW_SHARD_RELEASING;
        ltw_lease_release(shard->lease);
    } else if (shard->state != LTW_SHARD_RELEASING) {
        shard->state = LTW_SHARD_CLAIMING;
    }
}

/* ---- iterator ---- */

/* A checkpoint of another life of the stream: begin as if there were none. */
static int
ltw_shard_is_unusable(const ltw_shard_t *shard,
    const ltw_aws_answer_t *answer)
{
    return strcmp(answer->code, "InvalidArgumentException") == 0
        && strcmp(shard->position, "LATEST") != 0
        && strcmp(shard->position, "TRIM_HORIZON") != 0;
}

static void
ltw_shard_on_iterator(void *data, const ltw_aws_answer_t *answer)
{
    ltw_shard_t *shard = data;
    lt_error_t err = { 0 };

    shard->call = 0;
    if (!ltw_aws_is_ok(answer)) {
        if (ltw_shard_is_unusable(shard, answer)) {
            ltw_log(LTW_WARN, "checkpoint_unusable",
                ltw_cstr("shard", shard->info.id),
                ltw_cstr("checkpoint", shard->position),
                ltw_cstr("message", answer->message),
                ltw_cstr("hint", "the stream was made anew?  Reading begins "
                    "at starting_position"));
            shard->has_read_parents = 0;
            ltw_shard_begin_anew(shard);
        }
        ltw_shard_failed(shard, "GetShardIterator", answer);
        return;
    }
    if (ltw_aws_kinesis_iterator_read(shard->iterator,
            sizeof(shard->iterator), answer->body, &err) != LT_OK)
    {
        ltw_shard_broken(shard, "GetShardIterator", err.text);
        return;
    }
    ltw_log(LTW_INFO, "shard_reading", ltw_cstr("shard", shard->info.id),
        ltw_cstr("position", shard->position));
    shard->state = LTW_SHARD_POLLING;
    ltw_timer_start(shard->timer, 0);
}

static void
ltw_shard_get_iterator(ltw_shard_t *shard)
{
    shard->state = LTW_SHARD_ITERATOR;
    shard->call = ltw_aws_kinesis_get_iterator(shard->options.services->aws,
        lt_str(shard->options.stream), lt_str(shard->info.id),
        lt_str(shard->position), ltw_shard_on_iterator, shard);
    if (shard->call == 0) {
        ltw_shard_broken(shard, "GetShardIterator", "could not be sent");
    }
}

/* ---- reading ---- */

/* One line for all that were skipped: a broken writer must not flood it. */
static void
ltw_shard_tell_skipped(ltw_shard_t *shard, size_t n, lt_str_t first,
    const lt_error_t *why)
{
    if (n > 0) {
        ltw_log(LTW_WARN, "records_skipped",
            ltw_cstr("shard", shard->info.id), ltw_int("records", (int64_t) n),
            ltw_str("first_sequence_number", first),
            ltw_cstr("first_error", why->text));
    }
}

/* 0: no memory for all of them; the rest must be read again. */
static int
ltw_shard_take(ltw_shard_t *shard, const ltw_records_t *records)
{
    ltw_kinesis_record_t record;
    lt_str_t first_skipped = { NULL, 0 };
    lt_error_t err, why = { 0 };
    lt_result_t result = LT_OK;
    size_t i, skipped_n = 0;

    for (i = 0; i < records->n; i++) {
        ltw_records_at(records, i, &record);
        result = ltw_batcher_add(shard->batcher, &record, &err);
        if (result == LT_ERROR) {
            break;
        }
        if (result != LT_OK && skipped_n++ == 0) {
            first_skipped = record.sequence_number;
            why = err;
        }
        if (record.sequence_number.len > 0) {
            ltw_shard_set_position(shard, record.sequence_number);
        }
    }
    ltw_shard_tell_skipped(shard, skipped_n, first_skipped, &why);
    return result != LT_ERROR;
}

/* The interval counts from the last begin; a tenth of it is jitter. */
static void
ltw_shard_poll_later(ltw_shard_t *shard, int is_behind)
{
    ltw_loop_t *loop = ltw_shard_loop(shard);
    int64_t interval = shard->options.services->config->poll_interval;
    int64_t wait;

    wait = is_behind ? LTW_SHARD_GAP_MS
        : (int64_t) ((double) interval * (1 + ltw_loop_random(loop) / 10));
    wait -= ltw_loop_now_ms(loop) - shard->fetched_at_ms;
    shard->state = LTW_SHARD_POLLING;
    ltw_timer_start(shard->timer, wait > 0 ? wait : 0);
}

static void
ltw_shard_use(ltw_shard_t *shard, const ltw_records_t *records)
{
    if (!ltw_shard_take(shard, records)) {
        ltw_shard_broken(shard, "GetRecords", "no memory for the records");
        shard->state = LTW_SHARD_ITERATOR;
        return;
    }
    if (records->next_iterator.len == 0) {
        shard->state = LTW_SHARD_FINISHING;
        shard->behind_ms = 0;
        ltw_batcher_flush(shard->batcher);
        ltw_shard_check_idle(shard);
        return;
    }
    if (records->next_iterator.len >= sizeof(shard->iterator)) {
        ltw_shard_broken(shard, "GetRecords", "the next iterator is too long");
        shard->state = LTW_SHARD_ITERATOR;
        return;
    }
    memcpy(shard->iterator, records->next_iterator.data,
        records->next_iterator.len);
    shard->iterator[records->next_iterator.len] = '\0';
    shard->behind_ms = records->behind_ms;
    ltw_inflow_read(shard->options.services->inflow, shard->behind_ms,
        ltw_loop_now_ms(ltw_shard_loop(shard)));
    ltw_shard_poll_later(shard,
        records->behind_ms > 1000 || records->n >= LTW_SHARD_RECORDS_MIN);
}

static void
ltw_shard_on_records(void *data, const ltw_aws_answer_t *answer)
{
    ltw_shard_t *shard = data;
    ltw_metrics_t *metrics = shard->options.services->metrics;
    ltw_records_t records;
    lt_error_t err = { 0 };

    shard->call = 0;
    shard->state = LTW_SHARD_POLLING;
    if (strcmp(answer->code, "ExpiredIteratorException") == 0) {
        ltw_count(metrics, kinesis_iterator_expired, 1);
        ltw_shard_get_iterator(shard);
        return;
    }
    if (!ltw_aws_is_ok(answer)) {
        if (answer->class == LT_AWS_FATAL) {
            shard->state = LTW_SHARD_ITERATOR;  /* it may be this one's */
        }
        ltw_shard_failed(shard, "GetRecords", answer);
        return;
    }
    if (ltw_records_read(&records, answer->body, &err) != LT_OK) {
        ltw_shard_broken(shard, "GetRecords", err.text);
        return;
    }
    ltw_shard_worked(shard);
    ltw_observe(metrics, get_records_ms, answer->elapsed_ms);
    ltw_shard_use(shard, &records);
    ltw_records_deinit(&records);
}

static void
ltw_shard_fetch(ltw_shard_t *shard)
{
    const ltw_config_t *config = shard->options.services->config;
    unsigned limit = config->batch_size > LTW_SHARD_RECORDS_MIN
        ? (unsigned) config->batch_size : LTW_SHARD_RECORDS_MIN;

    if (ltw_batcher_is_full(shard->batcher)
        || !ltw_lease_is_fresh(shard->lease))
    {
        ltw_timer_start(shard->timer, LTW_SHARD_PAUSE_MS);
        return;
    }
    shard->fetched_at_ms = ltw_loop_now_ms(ltw_shard_loop(shard));
    shard->call = ltw_aws_kinesis_get_records(shard->options.services->aws,
        lt_str(shard->iterator), limit, ltw_shard_on_records, shard);
    if (shard->call == 0) {
        ltw_shard_broken(shard, "GetRecords", "could not be sent");
        return;
    }
    shard->state = LTW_SHARD_FETCHING;
}

static void
ltw_shard_timer_ready(void *data)
{
    ltw_shard_t *shard = data;

    switch (shard->state) {
    case LTW_SHARD_ITERATOR:
        ltw_shard_get_iterator(shard);
        break;
    case LTW_SHARD_POLLING:
        ltw_shard_fetch(shard);
        break;
    case LTW_SHARD_FINISHING:
    case LTW_SHARD_DRAINING:
        ltw_shard_check_idle(shard);
        break;
    case LTW_SHARD_PARENTS:
    case LTW_SHARD_CLAIMING:
    case LTW_SHARD_FETCHING:
    case LTW_SHARD_RELEASING:
    case LTW_SHARD_ENDED:
        break;
    }
}

/* ---- what the stream asks for ---- */

const char *
ltw_shard_id(const ltw_shard_t *shard)
{
    return shard->info.id;
}

void
ltw_shard_set_closed(ltw_shard_t *shard)
{
    shard->info.is_closed = 1;
}

int
ltw_shard_is_ended(const ltw_shard_t *shard)
{
    return shard->state == LTW_SHARD_ENDED;
}

int
ltw_shard_is_owned(const ltw_shard_t *shard)
{
    return shard->state >= LTW_SHARD_ITERATOR
        && shard->state <= LTW_SHARD_DRAINING;
}

int64_t
ltw_shard_behind_ms(const ltw_shard_t *shard)
{
    return ltw_shard_is_owned(shard) ? shard->behind_ms : 0;
}

void
ltw_shard_drain(ltw_shard_t *shard)
{
    if (shard->state >= LTW_SHARD_DRAINING) {
        return;
    }
    ltw_shard_stop_reading(shard);
    ltw_parents_free(&shard->parents);
    shard->state = LTW_SHARD_DRAINING;
    ltw_batcher_flush(shard->batcher);
    ltw_timer_start(shard->timer, 0);
}

void
ltw_shard_hurry(ltw_shard_t *shard)
{
    ltw_shard_drain(shard);
    if (shard->state == LTW_SHARD_DRAINING) {
        shard->state = LTW_SHARD_RELEASING;
        ltw_lease_release(shard->lease);
    }
}

static ltw_batcher_t *
ltw_shard_batcher(ltw_shard_t *shard)
{
    const ltw_services_t *services = shard->options.services;
    ltw_batcher_options_t options = {
        .loop = services->loop,
        .metrics = services->metrics,
        .shard = shard->info.id,
        .window_ms = services->config->batch_window,
        .size = (size_t) services->config->batch_size,
        .handler = shard->options.handler,
        .handler_data = shard->options.handler_data,
        .progress = ltw_shard_progress,
        .progress_data = shard,
    };

    return ltw_batcher_new(&options);
}

static ltw_lease_t *
ltw_shard_lease(ltw_shard_t *shard)
{
    ltw_lease_options_t options = {
        .services = shard->options.services,
        .stream = shard->options.stream,
        .shard = shard->info.id,
        .owner = shard->options.owner,
        .taken = ltw_shard_taken,
        .lost = ltw_shard_lost,
        .released = ltw_shard_released,
        .data = shard,
    };

    return ltw_lease_new(&options);
}

ltw_shard_t *
ltw_shard_new(const ltw_shard_options_t *options,
    const ltw_shard_info_t *info)
{
    ltw_shard_t *shard = calloc(1, sizeof(*shard));

    if (shard == NULL) {
        return NULL;
    }
    shard->options = *options;
    shard->info = *info;
    shard->timer = ltw_timer_new(options->services->loop,
        ltw_shard_timer_ready, shard);
    shard->batcher = ltw_shard_batcher(shard);
    shard->lease = ltw_shard_lease(shard);
    shard->parents = ltw_parents_new(options->services, options->stream,
        &shard->info, ltw_shard_claim, shard);
    shard->state = LTW_SHARD_PARENTS;
    if (shard->timer == NULL || shard->batcher == NULL
        || shard->lease == NULL || shard->parents == NULL)
    {
        ltw_shard_free(&shard);
    }
    return shard;
}

void
ltw_shard_free(ltw_shard_t **shard)
{
    if (*shard == NULL) {
        return;
    }
    ltw_aws_cancel((*shard)->options.services->aws, (*shard)->call);
    ltw_parents_free(&(*shard)->parents);
    ltw_batcher_free(&(*shard)->batcher);
    ltw_lease_free(&(*shard)->lease);
    ltw_timer_free(&(*shard)->timer);
    free(*shard);
    *shard = NULL;
}
