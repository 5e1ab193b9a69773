/*
 * Records that could not be worked on, set aside with everything in them: one
 * JSON object a line, in a file (mode 600) or in objects under an S3 prefix
 * (setting on_failure), so that somebody can look at them or send them again:
 *   {"time":s,"reason":"poison","shard":"…","sequenceNumber":"…",
 *    "partitionKey":"…","approximateArrivalTimestamp":s,"data":"<base64>"}
 * This is audio: the destination has to be kept as such.
 *
 * Lines are collected for LTW_FAILURES_LINGER_MS, then written without making
 * anybody wait.  Limits: LTW_FAILURES_BYTES_MAX wait; more, and what cannot be
 * written, is counted (records_lost) and logged.  Without a destination they
 * are only counted (records_failed), as with one.
 */
#ifndef LTW_FAILURES_H
#define LTW_FAILURES_H

#include "aws/ltw_aws_call.h"
#include "edge/ltw_loop.h"
#include "ltw_config.h"
#include "ltw_metrics.h"

#define LTW_FAILURES_BYTES_MAX (8 * 1024 * 1024)
#define LTW_FAILURES_LINGER_MS 200

typedef struct ltw_failures_s ltw_failures_t;

typedef struct {
    const char *reason;         /* poison, too_old, refused */
    const char *shard;
    lt_str_t sequence_number;
    lt_str_t partition_key;
    int64_t arrived_wall_ms;
    lt_str_t data_base64;       /* this or */
    lt_str_t data;
} ltw_failed_record_t;

/* LT_INVALID: no s3://bucket[/prefix] and no path that can be appended to. */
lt_result_t ltw_failures_check(const char *on_failure, lt_error_t *err);

/* All outlive it.  NULL: no memory. */
ltw_failures_t *ltw_failures_new(ltw_loop_t *loop, ltw_aws_t *aws,
    ltw_metrics_t *metrics, const ltw_config_t *config);
void ltw_failures_free(ltw_failures_t **failures);

/* Nothing more comes: drained() once, when all is written or given up. */
void ltw_failures_drain(ltw_failures_t *failures, ltw_handler_t drained,
    void *data);

void ltw_failures_add(ltw_failures_t *failures,
    const ltw_failed_record_t *record);

#endif
