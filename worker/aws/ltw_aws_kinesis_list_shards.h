/*
 * ListShards of Kinesis Data Streams: one page a call.
 * A page has at most 1000 shards; expired shards are not listed.
 */
#ifndef LTW_AWS_KINESIS_LIST_SHARDS_H
#define LTW_AWS_KINESIS_LIST_SHARDS_H

#include "aws/ltw_aws_call.h"
#include "kinesis/ltw_hash_range.h"

#define LTW_SHARD_ID_MAX 128

typedef struct {
    char id[LTW_SHARD_ID_MAX + 1];
    char parents[2][LTW_SHARD_ID_MAX + 1];  /* "" = none */
    int is_closed;                          /* takes no more records */
    ltw_hash_range_t range;                 /* of hash keys */
    int has_range;
} ltw_shard_info_t;

/* token: of the page before, or len 0.  As ltw_aws_call(). */
ltw_aws_id_t ltw_aws_kinesis_list_shards(ltw_aws_t *aws, lt_str_t stream,
    lt_str_t token, ltw_aws_handler_t handler, void *data);

/*
 * Appends the page's shards to *list (grown by realloc, the caller's) and
 * fills token (size bytes) for the next page, "" after the last.
 * LT_INVALID: not the answer that AWS documents; LT_TOOBIG: more than max.
 */
lt_result_t ltw_aws_kinesis_shards_read(ltw_shard_info_t **list, size_t *n,
    size_t max, char *token, size_t token_size, lt_str_t body,
    lt_error_t *err);

#endif
