/*
 * A shard's records into its batcher: what is poison or too old is set aside
 * (ltw_failures.h), said once an answer.
 */
#ifndef LTW_INTAKE_H
#define LTW_INTAKE_H

#include "kinesis/ltw_batcher.h"
#include "ltw_services.h"

typedef struct {
    const ltw_services_t *services;
    const char *shard;
    ltw_batcher_t *batcher;
} ltw_intake_t;

/* Of one answer; begins as zeros. */
typedef struct {
    size_t skipped_n;
    char first[LTW_SEQUENCE_MAX];       /* of the skipped, and why */
    lt_error_t why;
} ltw_intake_skipped_t;

/* LT_OK: taken or set aside.  LT_ERROR: no memory; read it again. */
lt_result_t ltw_intake_take(const ltw_intake_t *intake,
    const ltw_kinesis_record_t *record, ltw_intake_skipped_t *skipped);
/* One line for all of an answer: a broken writer must not flood the log. */
void ltw_intake_tell(const ltw_intake_t *intake,
    const ltw_intake_skipped_t *skipped);

#endif
