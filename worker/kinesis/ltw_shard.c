#include "kinesis/ltw_shard.h"

#include "kinesis/ltw_batcher.h"
#include "kinesis/ltw_intake.h"
#include "kinesis/ltw_lease.h"
#include "kinesis/ltw_parents.h"
#include "kinesis/ltw_reader.h"
#include "ltw_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LTW_SHARD_PAUSE_MS 100          /* SHARD_END is not stored yet */
#define LTW_SHARD_MOVE_MS 10000         /* for its talks to finish */
#define LTW_SHARD_YIELD_MS 1200         /* to who has less than its share */
#define LTW_SHARD_YIELD_STUCK_MS 4000   /* to who may be able to read it */
#define LTW_SHARD_SHY_MS 60000          /* how long that counts */
#define LTW_SHARD_SETTLED_MS 10000      /* then it may be moved */
#define LTW_SHARD_TIP_MS 1000           /* nearer to it: we have caught up */

typedef enum {
    LTW_SHARD_PARENTS, LTW_SHARD_CLAIMING, LTW_SHARD_READING,
    LTW_SHARD_FINISHING, LTW_SHARD_MOVING, LTW_SHARD_GIVING,
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
    ltw_reader_t *reader;
    int has_read_parents;               /* they were read by this product */
    int is_read;                        /* to its end, in this tenure */
    int has_backlog;                    /* records wait since before we read */
    char heir[LTW_FLEET_ID_MAX];        /* while MOVING and GIVING */
    int64_t taken_at_ms;
    int64_t stuck_at_ms;                /* 0: never */
    uint64_t bytes;                     /* since the last weighing */
    int64_t weighed_at_ms;
    int64_t load;                       /* bytes a second, averaged */
};

/* ---- ends ---- */

static void
ltw_shard_end(ltw_shard_t *shard)
{
    shard->state = LTW_SHARD_ENDED;
    ltw_timer_stop(shard->timer);
    shard->options.ended(shard->options.data, shard);
}

static void
ltw_shard_give(ltw_shard_t *shard)
{
    shard->state = LTW_SHARD_GIVING;
    ltw_timer_stop(shard->timer);
    ltw_lease_release(shard->lease, shard->heir);
}

/* FINISHING, MOVING and DRAINING go on when the last batch is done and stored. */
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
            ltw_lease_release(shard->lease, NULL);
        } else {
            ltw_timer_start(shard->timer, LTW_SHARD_PAUSE_MS);
        }
    } else if (shard->state == LTW_SHARD_MOVING) {
        ltw_shard_give(shard);
    } else if (shard->state == LTW_SHARD_DRAINING) {
        shard->state = LTW_SHARD_RELEASING;
        ltw_lease_release(shard->lease, NULL);
    }
}

/* To its heir; whoever looks at it from then on as all others do. */
static void
ltw_shard_released(void *data)
{
    ltw_shard_t *shard = data;

    ltw_batcher_reset(shard->batcher);
    if (shard->state == LTW_SHARD_GIVING) {
        shard->state = LTW_SHARD_CLAIMING;
        ltw_lease_claim(shard->lease);
    } else {
        ltw_shard_end(shard);
    }
}

static void
ltw_shard_progress(void *data, lt_str_t sequence_number)
{
    ltw_shard_t *shard = data;

    const ltw_tenure_t *tenure = ltw_lease_tenure(shard->lease);

    if (tenure != NULL && !tenure->is_frozen) {
        ltw_lease_checkpoint(shard->lease, sequence_number);
    }
    ltw_shard_check_idle(shard);
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
        ltw_reader_start(shard->reader, lt_str(checkpoint));
    } else {
        ltw_reader_start(shard->reader, LT_STR("LATEST"));
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
        ltw_lease_release(shard->lease, NULL);
        return;
    }
    shard->state = LTW_SHARD_READING;
    shard->has_backlog = 1;
    shard->taken_at_ms = ltw_loop_now_ms(shard->options.services->loop);
    ltw_batcher_begin(shard->batcher, ltw_lease_tenure(shard->lease));
    if (checkpoint.len == 0) {
        ltw_shard_begin_anew(shard);
    } else {
        ltw_reader_start(shard->reader, checkpoint);
    }
}

static void
ltw_shard_lost(void *data)
{
    ltw_shard_t *shard = data;

    ltw_reader_stop(shard->reader);
    shard->is_read = 0;
    ltw_batcher_reset(shard->batcher);
    if (shard->state == LTW_SHARD_DRAINING) {
        shard->state = LTW_SHARD_RELEASING;
        ltw_lease_release(shard->lease, NULL);
    } else if (shard->state < LTW_SHARD_GIVING) {
        shard->state = LTW_SHARD_CLAIMING;
    }
}

/* ---- reading ---- */

/* 0: no memory for all of them; the rest must be read again. */
static int
ltw_shard_take(void *data, const ltw_records_t *records)
{
    ltw_shard_t *shard = data;
    const ltw_intake_t intake = { shard->options.services, shard->info.id,
        shard->batcher };
    const ltw_config_t *config = shard->options.services->config;
    ltw_intake_skipped_t skipped = { 0 };
    ltw_kinesis_record_t record;
    lt_result_t result = LT_OK;
    size_t i;

    ltw_batcher_resize(shard->batcher, config->batch_window,
        (size_t) config->batch_size);
    for (i = 0; i < records->n && result == LT_OK; i++) {
        ltw_records_at(records, i, &record);
        result = ltw_intake_take(&intake, &record, &skipped);
        if (result == LT_OK && record.sequence_number.len > 0) {
            shard->bytes += record.data_base64.len / 4 * 3;
            ltw_reader_pass(shard->reader, record.sequence_number);
        }
    }
    ltw_intake_tell(&intake, &skipped);
    if (shard->has_backlog && records->behind_ms < LTW_SHARD_TIP_MS) {
        shard->has_backlog = 0;
        ltw_batcher_flush(shard->batcher);  /* they have waited enough */
    }
    return result == LT_OK;
}

static int
ltw_shard_is_ready(void *data)
{
    ltw_shard_t *shard = data;
    int is_ready = !ltw_batcher_is_full(shard->batcher)
        && ltw_lease_is_fresh(shard->lease);

    shard->has_backlog |= !is_ready;
    return is_ready;
}

static void
ltw_shard_read_out(void *data)
{
    ltw_shard_t *shard = data;

    shard->state = LTW_SHARD_FINISHING;
    shard->is_read = 1;
    ltw_batcher_flush(shard->batcher);
    shard->options.read_out(shard->options.data);
    ltw_shard_check_idle(shard);
}

/* A checkpoint of another life of the stream: begin as if there were none. */
static void
ltw_shard_unusable(void *data, const ltw_aws_answer_t *answer)
{
    ltw_shard_t *shard = data;

    ltw_log(LTW_WARN, "checkpoint_unusable", ltw_cstr("shard", shard->info.id),
        ltw_cstr("checkpoint", ltw_reader_position(shard->reader)),
        ltw_cstr("message", answer->message),
        ltw_cstr("hint", "the stream was made anew?  Reading begins at "
            "starting_position"));
    shard->has_read_parents = 0;
    ltw_shard_begin_anew(shard);
}

static void
ltw_shard_timer_ready(void *data)
{
    ltw_shard_t *shard = data;

    if (shard->state == LTW_SHARD_MOVING) {
        ltw_shard_give(shard);          /* the heir reads the rest again */
    } else {
        ltw_shard_check_idle(shard);    /* until it is done and stored */
    }
}

/* ---- what the stream asks for ---- */

const char *
ltw_shard_id(const ltw_shard_t *shard)
{
    return shard->info.id;
}

int
ltw_shard_is_read(const ltw_shard_t *shard)
{
    return shard->is_read;
}

void
ltw_shard_look(ltw_shard_t *shard)
{
    if (shard->state == LTW_SHARD_PARENTS) {
        ltw_parents_look(shard->parents);
    }
}

void
ltw_shard_update(ltw_shard_t *shard, const ltw_shard_info_t *info)
{
    shard->info = *info;                /* ltw_parents.h looks there */
}

const ltw_shard_info_t *
ltw_shard_waits(const ltw_shard_t *shard)
{
    return shard->state == LTW_SHARD_PARENTS ? &shard->info : NULL;
}

const char *
ltw_shard_other(const ltw_shard_t *shard)
{
    return shard->state == LTW_SHARD_CLAIMING ? ltw_lease_other(shard->lease)
        : "";
}

int
ltw_shard_is_unread(const ltw_shard_t *shard)
{
    return shard->state == LTW_SHARD_PARENTS
        || (shard->state == LTW_SHARD_CLAIMING
            && ltw_shard_other(shard)[0] == '\0');
}

void
ltw_shard_watch(ltw_shard_t *shard, int has_others)
{
    char position[LTW_POSITION_MAX];

    if (shard->state != LTW_SHARD_READING
        || ltw_reader_stuck_ms(shard->reader) < LTW_SHARD_STUCK_MS)
    {
        return;
    }
    ltw_count(shard->options.services->metrics, shards_stuck, 1);
    ltw_log(LTW_WARN, "shard_stuck", ltw_cstr("shard", shard->info.id),
        ltw_int("ms", ltw_reader_stuck_ms(shard->reader)),
        ltw_cstr("hint", has_others ? "another worker shall try"
            : "read anew from where we are"));
    shard->stuck_at_ms = ltw_loop_now_ms(shard->options.services->loop);
    if (has_others) {
        ltw_shard_move(shard, "-");
    } else {
        snprintf(position, sizeof(position), "%s",
            ltw_reader_position(shard->reader));
        ltw_reader_start(shard->reader, lt_str(position));
    }
}

int
ltw_shard_is_ended(const ltw_shard_t *shard)
{
    return shard->state == LTW_SHARD_ENDED;
}

int
ltw_shard_is_owned(const ltw_shard_t *shard)
{
    return shard->state >= LTW_SHARD_READING
        && shard->state <= LTW_SHARD_DRAINING
        && shard->state != LTW_SHARD_GIVING;
}

int64_t
ltw_shard_behind_ms(const ltw_shard_t *shard)
{
    return ltw_reader_behind_ms(shard->reader);
}

int64_t
ltw_shard_weigh(ltw_shard_t *shard)
{
    int64_t now = ltw_loop_now_ms(shard->options.services->loop);
    int64_t ms = now - shard->weighed_at_ms;

    if (ms >= LTW_SHARD_WEIGH_MS) {
        shard->load = (shard->load
            + (int64_t) shard->bytes * 1000 / ms) / 2;
        shard->bytes = 0;
        shard->weighed_at_ms = now;
    }
    return shard->load + LTW_FLEET_SHARD_LOAD;
}

int
ltw_shard_is_settled(const ltw_shard_t *shard)
{
    return shard->state == LTW_SHARD_READING
        && ltw_loop_now_ms(shard->options.services->loop)
            - shard->taken_at_ms >= LTW_SHARD_SETTLED_MS;
}

int
ltw_shard_is_moving(const ltw_shard_t *shard)
{
    return shard->state == LTW_SHARD_MOVING
        || shard->state == LTW_SHARD_GIVING;
}

void
ltw_shard_move(ltw_shard_t *shard, const char *heir)
{
    ltw_log(LTW_INFO, "shard_moving", ltw_cstr("shard", shard->info.id),
        ltw_cstr("heir", heir), ltw_int("load", shard->load));
    snprintf(shard->heir, sizeof(shard->heir), "%s", heir);
    ltw_reader_stop(shard->reader);
    shard->is_read = 0;
    shard->state = LTW_SHARD_MOVING;
    ltw_batcher_drop_open(shard->batcher);      /* the heir reads it */
    ltw_lease_leave(shard->lease);
    ltw_timer_start(shard->timer, LTW_SHARD_MOVE_MS);
    ltw_shard_check_idle(shard);
}

void
ltw_shard_drain(ltw_shard_t *shard)
{
    if (shard->state == LTW_SHARD_GIVING) {
        shard->state = LTW_SHARD_RELEASING;
    }
    if (shard->state >= LTW_SHARD_DRAINING) {
        return;
    }
    ltw_reader_stop(shard->reader);
    ltw_parents_free(&shard->parents);
    shard->state = LTW_SHARD_DRAINING;
    ltw_batcher_drop_open(shard->batcher);
    ltw_timer_start(shard->timer, 0);
}

void
ltw_shard_hurry(ltw_shard_t *shard)
{
    ltw_shard_drain(shard);
    if (shard->state == LTW_SHARD_DRAINING) {
        shard->state = LTW_SHARD_RELEASING;
        ltw_lease_release(shard->lease, NULL);
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
        .lanes = (unsigned) services->config->parallelization_factor,
        .handler = shard->options.handler,
        .handler_data = shard->options.handler_data,
        .progress = ltw_shard_progress,
        .progress_data = shard,
    };

    return ltw_batcher_new(&options);
}

static ltw_reader_t *
ltw_shard_reader(ltw_shard_t *shard)
{
    ltw_reader_options_t options = {
        .services = shard->options.services,
        .stream = shard->options.stream,
        .shard = shard->info.id,
        .is_ready = ltw_shard_is_ready,
        .take = ltw_shard_take,
        .read_out = ltw_shard_read_out,
        .unusable = ltw_shard_unusable,
        .data = shard,
    };

    return ltw_reader_new(&options);
}

static int64_t
ltw_shard_yields_ms(void *data)
{
    const ltw_shard_t *shard = data;
    int64_t now = ltw_loop_now_ms(shard->options.services->loop);

    if (shard->stuck_at_ms != 0
        && now - shard->stuck_at_ms < LTW_SHARD_SHY_MS)
    {
        return LTW_SHARD_YIELD_STUCK_MS;
    }
    return shard->options.has_share(shard->options.data)
        ? LTW_SHARD_YIELD_MS : 0;
}

static ltw_lease_t *
ltw_shard_lease(ltw_shard_t *shard)
{
    ltw_lease_options_t options = {
        .services = shard->options.services,
        .stream = shard->options.stream,
        .shard = shard->info.id,
        .owner = shard->options.owner,
        .yields_ms = ltw_shard_yields_ms,
        .taken = ltw_shard_taken,
        .lost = ltw_shard_lost,
        .released = ltw_shard_released,
        .data = shard,
    };

    return ltw_lease_new(&options);
}

static int
ltw_shard_is_parent_read(void *data, const char *parent)
{
    const ltw_shard_t *shard = data;

    return shard->options.is_read(shard->options.data, parent);
}

static ltw_parents_t *
ltw_shard_parents(ltw_shard_t *shard)
{
    ltw_parents_options_t options = {
        .services = shard->options.services,
        .stream = shard->options.stream,
        .shard = &shard->info,
        .is_read = ltw_shard_is_parent_read,
        .handler = ltw_shard_claim,
        .data = shard,
    };

    return ltw_parents_new(&options);
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
    shard->reader = ltw_shard_reader(shard);
    shard->lease = ltw_shard_lease(shard);
    shard->parents = ltw_shard_parents(shard);
    shard->state = LTW_SHARD_PARENTS;
    if (shard->timer == NULL || shard->batcher == NULL
        || shard->reader == NULL || shard->lease == NULL
        || shard->parents == NULL)
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
    ltw_reader_free(&(*shard)->reader);
    ltw_parents_free(&(*shard)->parents);
    ltw_batcher_free(&(*shard)->batcher);
    ltw_lease_free(&(*shard)->lease);
    ltw_timer_free(&(*shard)->timer);
    free(*shard);
    *shard = NULL;
}
