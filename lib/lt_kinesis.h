/*
 * Calls of Kinesis Data Streams: request out, answer in, in the JSON 1.1 and
 * the CBOR 1.1 protocol.  API reference, PutRecords and ListShards.
 * Limits: 500 records and 10 MiB a PutRecords; ours: 4 MiB.
 */
#ifndef LT_KINESIS_H
#define LT_KINESIS_H

#include "lt_base.h"

#define LT_KINESIS_RECORDS_MAX 500
#define LT_KINESIS_CONTENT_TYPE "application/x-amz-json-1.1"
#define LT_KINESIS_CBOR_CONTENT_TYPE "application/x-amz-cbor-1.1"
#define LT_KINESIS_TARGET "Kinesis_20131202."

typedef enum {
    LT_KINESIS_JSON = 0,
    LT_KINESIS_CBOR             /* a quarter less to hash, encrypt, send */
} lt_kinesis_protocol_t;

/* Upper bound of one record, and of all the rest. */
size_t lt_kinesis_record_size(lt_kinesis_protocol_t protocol, size_t key_len,
    size_t data_len);
size_t lt_kinesis_envelope_size(lt_kinesis_protocol_t protocol,
    size_t stream_len);

/* A PutRecords request that is being written. */
typedef struct {
    lt_out_t out;
    lt_kinesis_protocol_t protocol;
    size_t records_left;
    size_t data_left;           /* of the record that is being written */
    uint8_t carry[3];           /* bytes that base64 has no group for yet */
    size_t carry_n;
} lt_kinesis_put_t;

/*
 * init once with exactly 1..500 records to come; each is one _record() and
 * its data_len bytes in any number of _data(); then _end().  The partition key
 * is a session id, so it needs no escaping.
 * _end: LT_OK; LT_NOSPACE; LT_INVALID: records or data are missing.
 */
void lt_kinesis_put_init(lt_kinesis_put_t *put, lt_kinesis_protocol_t protocol,
    void *storage, size_t size, lt_str_t stream, size_t records_n);
void lt_kinesis_put_record(lt_kinesis_put_t *put, lt_str_t key,
    size_t data_len);
void lt_kinesis_put_data(lt_kinesis_put_t *put, const void *data, size_t len);
lt_result_t lt_kinesis_put_end(lt_kinesis_put_t *put);

/* A page of ListShards: the first with token len 0, then with the token of
   the page before. */
void lt_kinesis_list_shards(lt_out_t *out, lt_kinesis_protocol_t protocol,
    lt_str_t stream, lt_str_t token);

typedef enum {
    LT_KINESIS_STORED = 0,
    LT_KINESIS_THROTTLED,       /* ProvisionedThroughputExceededException */
    LT_KINESIS_FAILED           /* InternalFailure and whatever else */
} lt_kinesis_outcome_t;

typedef struct {
    lt_kinesis_outcome_t outcome;
    uint64_t shard;             /* lt_shard_hash() of where it is stored; 0:
                                   not said */
} lt_kinesis_record_t;

/*
 * The outcome of each record, in request order; records has sent_n places.
 * body is JSON, or what lt_cbor_to_json() made.
 * LT_INVALID: not JSON, or not exactly sent_n records: the whole call counts
 * as failed.
 */
lt_result_t lt_kinesis_answer(lt_kinesis_record_t *records, size_t sent_n,
    size_t *failed_n, lt_str_t body, lt_error_t *err);

#endif
