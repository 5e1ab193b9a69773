/*
 * PutRecords of Kinesis Data Streams, JSON 1.1: request out, answer in.
 * API reference, PutRecords.  500 records and 10 MiB a call; ours: 4 MiB.
 */
#ifndef LT_KINESIS_H
#define LT_KINESIS_H

#include "lt_base.h"

#define LT_KINESIS_RECORDS_MAX 500
#define LT_KINESIS_CONTENT_TYPE "application/x-amz-json-1.1"
#define LT_KINESIS_TARGET "Kinesis_20131202."

/* Upper bound of one record's JSON, and of all the rest. */
size_t lt_kinesis_record_size(size_t key_len, size_t data_len);
size_t lt_kinesis_envelope_size(size_t stream_len);

/* begin, add 1..500 times, end.  The partition key is a session id, so it
   needs no escaping; head (may be len 0) and pcm are joined, then base64. */
void lt_kinesis_begin(lt_out_t *out, lt_str_t stream);
void lt_kinesis_add(lt_out_t *out, int is_first, lt_str_t key, lt_str_t head,
    lt_str_t pcm);
void lt_kinesis_end(lt_out_t *out);

typedef enum {
    LT_KINESIS_STORED = 0,
    LT_KINESIS_THROTTLED,       /* ProvisionedThroughputExceededException */
    LT_KINESIS_FAILED           /* InternalFailure and whatever else */
} lt_kinesis_outcome_t;

/*
 * The outcome of each record, in request order; outcomes has sent_n places.
 * LT_INVALID: not JSON, or not exactly sent_n records: the whole call counts
 * as failed.
 */
lt_result_t lt_kinesis_answer(lt_kinesis_outcome_t *outcomes, size_t sent_n,
    size_t *failed_n, lt_str_t body, lt_error_t *err);

#endif
