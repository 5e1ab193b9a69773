/*
 * Records of one shard, collected for at most batch_window or until there are
 * batch_size of them, whichever comes first: what the sessions get at once.
 * "batch of N records, M sessions" is the log event batch_closed.
 *
 * Memory: a batch owns its records; they live until its done callback, their
 * bytes until whoever has the batch releases them (ltw_record.h).
 * Limits: batch_size records, LTW_BATCH_BYTES_MAX bytes; reading of the shard
 * pauses while LTW_BATCHES_MAX batches of it are not done, or
 * LTW_BATCHES_BYTES_MAX bytes are not released.  A session holds its last
 * seconds (ltw_parts.h), a minute while it waits for a recogniser, and the
 * others have to go on: with a batch each 60 ms there is room for that.
 */
#ifndef LTW_BATCH_H
#define LTW_BATCH_H

#include "kinesis/ltw_record.h"
#include "kinesis/ltw_tenure.h"

#define LTW_BATCH_BYTES_MAX (6 * 1024 * 1024)
#define LTW_BATCHES_MAX 1024
#define LTW_BATCHES_BYTES_MAX (16 * 1024 * 1024)

typedef struct {
    ltw_record_t *records;      /* in the shard's order; may be released */
    size_t n;                       /* at least 1 */
    size_t bytes;
    size_t sessions_n;              /* different ones */
    const char *shard;
    ltw_tenure_t *tenure;           /* in which they were read */
    int64_t closed_wall_ms;
} ltw_batch_t;

/*
 * Who takes batches: ltw_session_table_batch() has this shape.
 * done() must be called exactly once for each batch, at any later time, not
 * before this function has returned; then the batch is freed and the
 * checkpoint may move past it.  The next batch may come before.
 */
typedef void (*ltw_batch_done_t)(void *done_data);
typedef void (*ltw_batch_handler_t)(void *data, const ltw_batch_t *batch,
    ltw_batch_done_t done, void *done_data);

#endif
