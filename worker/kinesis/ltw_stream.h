/*
 * The stream: which shards there are.  Listed at start, each 10 s, and at once
 * when a shard has been read out (its children come next).  A failing listing
 * is tried again for ever, after 1 s to 30 s, and said in the log.  Once a
 * minute: do the open shards cover all hash keys, and is each read by a worker
 * (shards_audited in the log when not)?
 */
#ifndef LTW_STREAM_H
#define LTW_STREAM_H

#include "kinesis/ltw_batch.h"
#include "ltw_services.h"

#define LTW_SHARDS_MAX 4096

typedef struct ltw_stream_s ltw_stream_t;

/* Starts at once.  handler gets the batches of all shards. */
ltw_stream_t *ltw_stream_new(const ltw_services_t *services,
    ltw_batch_handler_t handler, void *data);
/* Whoever took the batches is gone. */
void ltw_stream_free(ltw_stream_t **stream);

/* Reads no more and hands over what it has before this returns; drained()
   once, when all batches are done, checkpoints stored, leases given back. */
void ltw_stream_drain(ltw_stream_t *stream, ltw_handler_t drained,
    void *data);
/* No longer wait for batches: leases are given back as they are. */
void ltw_stream_hurry(ltw_stream_t *stream);

/* Its name in the fleet. */
const char *ltw_stream_worker(const ltw_stream_t *stream);

/* Sets the gauges shards_owned and kinesis_behind_ms. */
void ltw_stream_measure(ltw_stream_t *stream);

#endif
