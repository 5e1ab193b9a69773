/*
 * What enhanced fan-out asks of Kinesis Data Streams before a shard can be
 * subscribed to: the stream's ARN (DescribeStreamSummary), and a consumer of
 * it (DescribeStreamConsumer, RegisterStreamConsumer: 5 calls a second, at
 * most 20 consumers a stream).
 */
#ifndef LTW_AWS_KINESIS_CONSUMER_H
#define LTW_AWS_KINESIS_CONSUMER_H

#include "aws/ltw_aws_call.h"

#define LTW_ARN_MAX 2048

/* All three: as ltw_aws_call(). */
ltw_aws_id_t ltw_aws_kinesis_describe_stream(ltw_aws_t *aws, lt_str_t stream,
    ltw_aws_handler_t handler, void *data);
ltw_aws_id_t ltw_aws_kinesis_describe_consumer(ltw_aws_t *aws,
    lt_str_t stream_arn, lt_str_t name, ltw_aws_handler_t handler, void *data);
ltw_aws_id_t ltw_aws_kinesis_register_consumer(ltw_aws_t *aws,
    lt_str_t stream_arn, lt_str_t name, ltw_aws_handler_t handler, void *data);

/* LT_INVALID: not the answer that AWS documents.  arn has size bytes. */
lt_result_t ltw_aws_kinesis_stream_arn_read(char *arn, size_t size,
    lt_str_t body, lt_error_t *err);
/* Of both calls about consumers. */
lt_result_t ltw_aws_kinesis_consumer_read(char *arn, size_t size,
    int *is_active, lt_str_t body, lt_error_t *err);

#endif
