/*
 * What the calls of Kinesis Data Streams share: one JSON object, posted with
 * the operation's name.  Retries are the callers' (kinesis/): one try each.
 */
#ifndef LTW_AWS_KINESIS_H
#define LTW_AWS_KINESIS_H

#include "aws/ltw_aws_call.h"
#include "lt_json.h"

/* Must not be moved. */
typedef struct {
    lt_json_writer_t json;      /* the object is open: put what is in it */
    const char *operation;
    size_t response_max_bytes;  /* 0 = as ltw_aws_request_t says */

    lt_out_t out;
    char storage[4096];
} ltw_kinesis_call_t;

/* operation: literal, "GetRecords". */
void ltw_aws_kinesis_begin(ltw_kinesis_call_t *call, const char *operation);

/* As ltw_aws_call(); 0 also when the object is longer than storage. */
ltw_aws_id_t ltw_aws_kinesis_send(ltw_kinesis_call_t *call, ltw_aws_t *aws,
    ltw_aws_handler_t handler, void *data);

#endif
