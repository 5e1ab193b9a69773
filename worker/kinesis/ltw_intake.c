#include "kinesis/ltw_intake.h"

#include "ltw_log.h"

#include <stdio.h>

static void
ltw_intake_skip(const ltw_intake_t *intake,
    const ltw_kinesis_record_t *record, const char *reason,
    ltw_intake_skipped_t *skipped, const lt_error_t *why)
{
    ltw_failed_record_t failed = { .reason = reason, .shard = intake->shard,
        .sequence_number = record->sequence_number,
        .partition_key = record->partition_key,
        .arrived_wall_ms = record->arrived_wall_ms,
        .data_base64 = record->data_base64 };

    ltw_failures_add(intake->services->failures, &failed);
    if (skipped->skipped_n++ == 0) {
        snprintf(skipped->first, sizeof(skipped->first), "%.*s",
            (int) record->sequence_number.len, record->sequence_number.data);
        skipped->why = *why;
    }
}

static int
ltw_intake_is_too_old(const ltw_intake_t *intake,
    const ltw_kinesis_record_t *record)
{
    int64_t max_ms = intake->services->config->maximum_record_age;

    return max_ms > 0 && record->arrived_wall_ms > 0
        && ltw_aws_time_ms(intake->services->aws) - record->arrived_wall_ms
            > max_ms;
}

lt_result_t
ltw_intake_take(const ltw_intake_t *intake,
    const ltw_kinesis_record_t *record, ltw_intake_skipped_t *skipped)
{
    lt_error_t err = { 0 };
    lt_result_t result;

    if (ltw_intake_is_too_old(intake, record)) {
        ltw_count(intake->services->metrics, records_too_old, 1);
        lt_error_set(&err, 0, "older than maximum_record_age");
        ltw_intake_skip(intake, record, "too_old", skipped, &err);
        return LT_OK;
    }
    result = ltw_batcher_add(intake->batcher, record, &err);
    if (result == LT_INVALID) {
        ltw_intake_skip(intake, record, "poison", skipped, &err);
        return LT_OK;
    }
    return result;
}

void
ltw_intake_tell(const ltw_intake_t *intake,
    const ltw_intake_skipped_t *skipped)
{
    if (skipped->skipped_n > 0) {
        ltw_log(LTW_WARN, "records_skipped", ltw_cstr("shard", intake->shard),
            ltw_int("records", (int64_t) skipped->skipped_n),
            ltw_cstr("first_sequence_number", skipped->first),
            ltw_cstr("first_error", skipped->why.text));
    }
}
