/* GetShardIterator of Kinesis Data Streams.  An iterator lives 5 minutes. */
#ifndef LTW_AWS_KINESIS_GET_ITERATOR_H
#define LTW_AWS_KINESIS_GET_ITERATOR_H

#include "aws/ltw_aws_call.h"
#include "lt_json.h"

#define LTW_ITERATOR_MAX 1024       /* documented: 512 */

/*
 * position: "LATEST", "TRIM_HORIZON", "@<Unix ms>" (AT_TIMESTAMP), or a
 * sequence number (AFTER_SEQUENCE_NUMBER).  As ltw_aws_call().
 */
ltw_aws_id_t ltw_aws_kinesis_get_iterator(ltw_aws_t *aws, lt_str_t stream,
    lt_str_t shard, lt_str_t position, ltw_aws_handler_t handler,
    void *data);

/* The members of an object that say a position; Timestamp has one name. */
void ltw_aws_kinesis_position(lt_json_writer_t *w, lt_str_t position,
    const char *type_name, const char *number_name);

/* LT_INVALID: the answer has no usable iterator. */
lt_result_t ltw_aws_kinesis_iterator_read(char *iterator, size_t size,
    lt_str_t body, lt_error_t *err);

#endif
