/*
 * Collects one shard's records into batches (ltw_batch.h), hands them over,
 * and tells how far the shard is done: batches may be done in any order, the
 * progress stands before the first record that is not done.
 *
 * Lanes: as many batches are open at once; all of a talk's records are in the
 * same one, so their order is kept.
 *
 * Not here: reading, leases, checkpoints.
 */
#ifndef LTW_BATCHER_H
#define LTW_BATCHER_H

#include "edge/ltw_loop.h"
#include "kinesis/ltw_batch.h"
#include "ltw_metrics.h"

#define LTW_BATCHER_LANES_MAX 10

typedef struct ltw_batcher_s ltw_batcher_t;

/* All up to this sequence number is done.  Runs from the loop, not from
   inside a function of this header. */
typedef void (*ltw_batcher_progress_t)(void *data, lt_str_t sequence_number);

typedef struct {
    ltw_loop_t *loop;
    ltw_metrics_t *metrics;
    const char *shard;                  /* outlives the batcher */
    int64_t window_ms;
    size_t size;
    unsigned lanes;                     /* 1 to LTW_BATCHER_LANES_MAX */
    ltw_batch_handler_t handler;
    void *handler_data;
    ltw_batcher_progress_t progress;
    void *progress_data;
} ltw_batcher_options_t;

ltw_batcher_t *ltw_batcher_new(const ltw_batcher_options_t *options);
/* Whoever took the batches is gone: those not done are freed too. */
void ltw_batcher_free(ltw_batcher_t **batcher);

/* For batches that are begun from now on. */
void ltw_batcher_resize(ltw_batcher_t *batcher, int64_t window_ms,
    size_t size);

/* Before the first record, and after each reset. */
void ltw_batcher_begin(ltw_batcher_t *batcher, ltw_tenure_t *tenure);

/*
 * LT_INVALID: a poison record (bad base64, no session id as partition key,
 * no or half samples), counted, skipped; err says which.  LT_ERROR: no
 * memory; the record was not taken: stop here and read it again.
 */
lt_result_t ltw_batcher_add(ltw_batcher_t *batcher,
    const ltw_kinesis_record_t *record, lt_error_t *err);

void ltw_batcher_flush(ltw_batcher_t *batcher);     /* closes what is open */

/* Closed by nobody: what is open is not handed over; it is read again. */
void ltw_batcher_drop_open(ltw_batcher_t *batcher);

/* The shard is another's now: what is open is dropped, what is handed over
   does not count as progress. */
void ltw_batcher_reset(ltw_batcher_t *batcher);

int ltw_batcher_is_full(const ltw_batcher_t *batcher);  /* read no further */
int ltw_batcher_is_idle(const ltw_batcher_t *batcher);  /* nothing in it */

#endif
