/*
 * GetRecords of Kinesis Data Streams.  5 calls a second and shard, 10 MiB an
 * answer: pacing is the shard's (kinesis/ltw_shard.h), and so are retries.
 */
#ifndef LTW_AWS_KINESIS_GET_RECORDS_H
#define LTW_AWS_KINESIS_GET_RECORDS_H

#include "aws/ltw_aws_call.h"
#include "lt_json.h"

/* 10 MiB of data in base64, and what is around it */
#define LTW_GET_RECORDS_BODY_MAX (15 * 1024 * 1024)

/* As ltw_aws_call(). */
ltw_aws_id_t ltw_aws_kinesis_get_records(ltw_aws_t *aws, lt_str_t iterator,
    unsigned limit, ltw_aws_handler_t handler, void *data);

/* An answer; its views live until ltw_records_deinit(). */
typedef struct {
    lt_json_t *doc;
    const lt_json_t *list;
    size_t n;
    lt_str_t next_iterator;     /* len 0: the shard is closed and read out */
    int64_t behind_ms;
} ltw_records_t;

typedef struct {
    lt_str_t sequence_number;
    lt_str_t partition_key;     /* may be null on the wire */
    lt_str_t data_base64;
    int64_t arrived_wall_ms;
} ltw_kinesis_record_t;

lt_result_t ltw_records_read(ltw_records_t *records, lt_str_t body,
    lt_error_t *err);
void ltw_records_deinit(ltw_records_t *records);

/* What is absent reads as len 0 or 0. */
void ltw_records_at(const ltw_records_t *records, size_t i,
    ltw_kinesis_record_t *record);

#endif
