#include "kinesis/ltw_batcher.h"

#include "ltw_log.h"

#include <stdlib.h>
#include <string.h>

/* One batch and its records. */
typedef struct ltw_batch_box_s ltw_batch_box_t;
struct ltw_batch_box_s {
    ltw_batch_t batch;
    ltw_batch_box_t *next;
    ltw_batcher_t *batcher;
    size_t size;                /* room for records */
    size_t unreleased;          /* bytes of records that no talk has taken */
    int64_t opened_at_ms;
    int64_t closed_at_ms;
    char before[LTW_SEQUENCE_MAX];  /* the record before its first; "": none */
    int is_done;
    int is_orphan;              /* its shard was lost meanwhile */
};

typedef struct {
    ltw_batcher_t *batcher;
    ltw_batch_box_t *open;
    ltw_timer_t *window;        /* the open batch's */
} ltw_lane_of_batches_t;

struct ltw_batcher_s {
    ltw_batcher_options_t options;
    ltw_tenure_t *tenure;
    ltw_lane_of_batches_t lanes[LTW_BATCHER_LANES_MAX];
    ltw_batch_box_t *handed;    /* over, in any order */
    char last[LTW_SEQUENCE_MAX];        /* record taken */
    char progress[LTW_SEQUENCE_MAX];    /* told */
    size_t waiting_n;           /* handed over, not done, not orphans */
    ltw_timer_t *sweep;         /* 0 ms after a batch is done */
};

static void ltw_lane_flush(ltw_lane_of_batches_t *lane);

/* ---- boxes ---- */

static void
ltw_box_free(ltw_batch_box_t *box)
{
    size_t i;

    if (box == NULL) {
        return;
    }
    box->batcher->options.metrics->batch_bytes_held -= box->batch.bytes;
    for (i = 0; i < box->batch.n; i++) {
        ltw_record_release(&box->batch.records[i]);
    }
    free(box->batch.records);
    ltw_tenure_unref(&box->batch.tenure);
    free(box);
}

/* It may wait for long: only as much memory as it needs. */
static void
ltw_box_close(ltw_batch_box_t *box)
{
    ltw_record_t *records = realloc(box->batch.records,
        box->batch.n * sizeof(*records));

    if (records != NULL) {
        box->batch.records = records;
        box->size = box->batch.n;
    }
}

/* Room for one more record; doubles. */
static int
ltw_box_reserve(ltw_batch_box_t *box)
{
    size_t size = box->size > 0 ? box->size * 2 : 64;
    ltw_record_t *records;

    if (box->batch.n < box->size) {
        return 1;
    }
    records = realloc(box->batch.records, size * sizeof(*records));
    if (records == NULL) {
        return 0;
    }
    box->batch.records = records;
    box->size = size;
    return 1;
}

static int
ltw_box_compare(const void *a, const void *b)
{
    const lt_str_t *x = a, *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->data, y->data, len);

    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static size_t
ltw_box_count_sessions(const ltw_batch_box_t *box)
{
    lt_str_t *ids = malloc(box->batch.n * sizeof(*ids));
    size_t i, n = 1;

    if (ids == NULL) {
        return 0;               /* it is only for the log */
    }
    for (i = 0; i < box->batch.n; i++) {
        ids[i] = box->batch.records[i].session_id;
    }
    qsort(ids, box->batch.n, sizeof(*ids), ltw_box_compare);
    for (i = 1; i < box->batch.n; i++) {
        n += ltw_box_compare(&ids[i - 1], &ids[i]) != 0;
    }
    free(ids);
    return n;
}

/* ---- records ---- */

static ltw_lane_of_batches_t *
ltw_batcher_lane(ltw_batcher_t *batcher, lt_str_t session_id)
{
    uint32_t hash = 2166136261u;                /* FNV-1a */
    size_t i;

    for (i = 0; i < session_id.len; i++) {
        hash = (hash ^ (uint8_t) session_id.data[i]) * 16777619u;
    }
    return &batcher->lanes[hash % batcher->options.lanes];
}

static int
ltw_lane_open(ltw_lane_of_batches_t *lane)
{
    ltw_batcher_t *batcher = lane->batcher;
    ltw_batch_box_t *box;

    if (lane->open == NULL) {
        box = calloc(1, sizeof(*box));
        if (box == NULL) {
            return 0;
        }
        box->batcher = batcher;
        box->batch.shard = batcher->options.shard;
        box->batch.tenure = ltw_tenure_ref(batcher->tenure);
        box->opened_at_ms = ltw_loop_now_ms(batcher->options.loop);
        memcpy(box->before, batcher->last, sizeof(box->before));
        lane->open = box;
    }
    return ltw_box_reserve(lane->open);
}

void
ltw_batcher_resize(ltw_batcher_t *batcher, int64_t window_ms, size_t size)
{
    batcher->options.window_ms = window_ms;
    batcher->options.size = size;
}

void
ltw_batcher_begin(ltw_batcher_t *batcher, ltw_tenure_t *tenure)
{
    ltw_tenure_unref(&batcher->tenure);
    batcher->tenure = ltw_tenure_ref(tenure);
}

lt_result_t
ltw_batcher_add(ltw_batcher_t *batcher, const ltw_kinesis_record_t *from,
    lt_error_t *err)
{
    ltw_metrics_t *metrics = batcher->options.metrics;
    ltw_lane_of_batches_t *lane;
    ltw_batch_box_t *box;
    ltw_record_t record;
    lt_result_t result = ltw_record_read(&record, from, err);

    if (result != LT_OK) {
        ltw_count(metrics, records_poison, result == LT_INVALID);
        return result;
    }
    lane = ltw_batcher_lane(batcher, record.session_id);
    if (lane->open != NULL
        && lane->open->batch.bytes + record.pcm.len > LTW_BATCH_BYTES_MAX)
    {
        ltw_lane_flush(lane);
    }
    if (!ltw_lane_open(lane)) {
        ltw_record_release(&record);
        lt_error_set(err, 0, "no memory");
        return LT_ERROR;
    }
    box = lane->open;
    record.unreleased = &box->unreleased;
    box->batch.records[box->batch.n++] = record;
    box->batch.bytes += record.pcm.len;
    box->unreleased += record.pcm.len;
    memcpy(batcher->last, record.sequence_number.data,
        record.sequence_number.len);
    batcher->last[record.sequence_number.len] = '\0';
    metrics->batch_bytes_held += record.pcm.len;
    ltw_count(metrics, records_read, 1);
    ltw_count(metrics, record_bytes_read, record.pcm.len);
    if (record.arrived_wall_ms > 0) {
        ltw_observe(metrics, record_age_ms,
            ltw_loop_wall_ms(batcher->options.loop) - record.arrived_wall_ms);
    }
    if (box->batch.n >= batcher->options.size) {
        ltw_lane_flush(lane);
    } else if (box->batch.n == 1) {
        ltw_timer_start(lane->window, batcher->options.window_ms);
    }
    return LT_OK;
}

/* ---- handing over, and getting back ---- */

static void
ltw_lane_window_ready(void *data)
{
    ltw_lane_flush(data);
}

static void
ltw_batcher_done(void *data)
{
    ltw_batch_box_t *box = data;

    /* freed from the loop: the caller may be inside our hand-over */
    box->is_done = 1;
    ltw_timer_start(box->batcher->sweep, 0);
}

static void
ltw_batcher_swept(ltw_batcher_t *batcher, ltw_batch_box_t *box)
{
    if (!box->is_orphan) {
        batcher->waiting_n--;
        ltw_observe(batcher->options.metrics, batch_done_ms,
            ltw_loop_now_ms(batcher->options.loop) - box->closed_at_ms);
    }
    ltw_box_free(box);
}

/* Decimal numbers without leading zeros; "" is the smallest. */
static int
ltw_sequence_is_less(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);

    return a_len != b_len ? a_len < b_len : strcmp(a, b) < 0;
}

/* All before the first record that is not done. */
static const char *
ltw_batcher_done_until(const ltw_batcher_t *batcher)
{
    const ltw_batch_box_t *box;
    const char *until = batcher->last;
    unsigned i;

    for (i = 0; i < batcher->options.lanes; i++) {
        box = batcher->lanes[i].open;
        if (box != NULL && ltw_sequence_is_less(box->before, until)) {
            until = box->before;
        }
    }
    for (box = batcher->handed; box != NULL; box = box->next) {
        if (!box->is_orphan && ltw_sequence_is_less(box->before, until)) {
            until = box->before;
        }
    }
    return until;
}

static void
ltw_batcher_sweep_ready(void *data)
{
    ltw_batcher_t *batcher = data;
    ltw_batch_box_t **at = &batcher->handed, *box;
    const char *until;
    int was_ours = 0;

    while ((box = *at) != NULL) {
        if (box->is_done) {
            *at = box->next;
            was_ours |= !box->is_orphan;
            ltw_batcher_swept(batcher, box);
        } else {
            at = &box->next;
        }
    }
    until = ltw_batcher_done_until(batcher);
    if (was_ours && ltw_sequence_is_less(batcher->progress, until)) {
        memcpy(batcher->progress, until, sizeof(batcher->progress));
    } else if (!was_ours || !ltw_batcher_is_idle(batcher)) {
        return;
    }
    batcher->options.progress(batcher->options.progress_data,
        lt_str(batcher->progress));
}

static void
ltw_lane_flush(ltw_lane_of_batches_t *lane)
{
    ltw_batcher_t *batcher = lane->batcher;
    ltw_batch_box_t *box = lane->open;
    ltw_metrics_t *metrics = batcher->options.metrics;

    ltw_timer_stop(lane->window);
    if (box == NULL || box->batch.n == 0) {
        return;
    }
    lane->open = NULL;
    ltw_box_close(box);
    box->closed_at_ms = ltw_loop_now_ms(batcher->options.loop);
    box->batch.closed_wall_ms = ltw_loop_wall_ms(batcher->options.loop);
    box->batch.sessions_n = ltw_box_count_sessions(box);
    box->next = batcher->handed;
    batcher->handed = box;
    batcher->waiting_n++;
    ltw_count(metrics, batches_closed, 1);
    ltw_count(metrics, batch_records, box->batch.n);
    ltw_observe(metrics, batch_wait_ms,
        box->closed_at_ms - box->opened_at_ms);
    ltw_log(LTW_INFO, "batch_closed", ltw_cstr("shard", box->batch.shard),
        ltw_int("records", (int64_t) box->batch.n),
        ltw_int("sessions", (int64_t) box->batch.sessions_n),
        ltw_int("bytes", (int64_t) box->batch.bytes),
        ltw_int("wait_ms", box->closed_at_ms - box->opened_at_ms));
    batcher->options.handler(batcher->options.handler_data, &box->batch,
        ltw_batcher_done, box);
}

void
ltw_batcher_flush(ltw_batcher_t *batcher)
{
    unsigned i;

    for (i = 0; i < batcher->options.lanes; i++) {
        ltw_lane_flush(&batcher->lanes[i]);
    }
}

void
ltw_batcher_drop_open(ltw_batcher_t *batcher)
{
    ltw_batch_box_t *box;
    unsigned i;

    for (i = 0; i < batcher->options.lanes; i++) {
        box = batcher->lanes[i].open;
        if (box != NULL
            && ltw_sequence_is_less(box->before, batcher->last))
        {
            memcpy(batcher->last, box->before, sizeof(batcher->last));
        }
        ltw_timer_stop(batcher->lanes[i].window);
        ltw_box_free(box);
        batcher->lanes[i].open = NULL;
    }
}

void
ltw_batcher_reset(ltw_batcher_t *batcher)
{
    ltw_batch_box_t *box;

    ltw_batcher_drop_open(batcher);
    batcher->last[0] = '\0';
    batcher->progress[0] = '\0';
    for (box = batcher->handed; box != NULL; box = box->next) {
        box->is_orphan = 1;
    }
    batcher->waiting_n = 0;
}

int
ltw_batcher_is_full(const ltw_batcher_t *batcher)
{
    const ltw_batch_box_t *box;
    size_t bytes = 0;

    for (box = batcher->handed; box != NULL; box = box->next) {
        bytes += box->is_orphan ? 0 : box->unreleased;
    }
    return batcher->waiting_n >= LTW_BATCHES_MAX
        || bytes >= LTW_BATCHES_BYTES_MAX;
}

int
ltw_batcher_is_idle(const ltw_batcher_t *batcher)
{
    unsigned i;

    for (i = 0; i < batcher->options.lanes; i++) {
        if (batcher->lanes[i].open != NULL) {
            return 0;
        }
    }
    return batcher->waiting_n == 0;
}

/* ---- life ---- */

ltw_batcher_t *
ltw_batcher_new(const ltw_batcher_options_t *options)
{
    ltw_batcher_t *batcher = calloc(1, sizeof(*batcher));
    int has_timers = 1;
    unsigned i;

    if (batcher == NULL) {
        return NULL;
    }
    batcher->options = *options;
    batcher->sweep = ltw_timer_new(options->loop, ltw_batcher_sweep_ready,
        batcher);
    for (i = 0; i < options->lanes; i++) {
        batcher->lanes[i].batcher = batcher;
        batcher->lanes[i].window = ltw_timer_new(options->loop,
            ltw_lane_window_ready, &batcher->lanes[i]);
        has_timers &= batcher->lanes[i].window != NULL;
    }
    if (!has_timers || batcher->sweep == NULL) {
        ltw_batcher_free(&batcher);
    }
    return batcher;
}

void
ltw_batcher_free(ltw_batcher_t **batcher)
{
    ltw_batch_box_t *box;
    unsigned i;

    if (*batcher == NULL) {
        return;
    }
    for (i = 0; i < (*batcher)->options.lanes; i++) {
        ltw_timer_free(&(*batcher)->lanes[i].window);
        ltw_box_free((*batcher)->lanes[i].open);
    }
    ltw_timer_free(&(*batcher)->sweep);
    ltw_tenure_unref(&(*batcher)->tenure);
    while ((box = (*batcher)->handed) != NULL) {
        (*batcher)->handed = box->next;
        ltw_box_free(box);
    }
    free(*batcher);
    *batcher = NULL;
}
