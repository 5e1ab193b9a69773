#include "aws/ltw_aws_kinesis_list_shards.h"

#include "aws/ltw_aws_kinesis.h"

#include <stdlib.h>
#include <string.h>

#define LTW_LIST_SHARDS_BODY_MAX (2 * 1024 * 1024)

ltw_aws_id_t
ltw_aws_kinesis_list_shards(ltw_aws_t *aws, lt_str_t stream, lt_str_t token,
    ltw_aws_handler_t handler, void *data)
{
    ltw_kinesis_call_t call;

    ltw_aws_kinesis_begin(&call, "ListShards");
    call.response_max_bytes = LTW_LIST_SHARDS_BODY_MAX;
    /* a token must come alone */
    lt_json_put_str(&call.json, token.len > 0 ? "NextToken" : "StreamName",
        token.len > 0 ? token : stream);
    return ltw_aws_kinesis_send(&call, aws, handler, data);
}

/* Absent reads as "". */
static int
ltw_shard_text(char *to, size_t size, const lt_json_t *object,
    const char *key)
{
    lt_str_t text = { "", 0 };

    lt_json_string(object, key, &text);
    if (text.len >= size) {
        return 0;
    }
    memcpy(to, text.data, text.len);
    to[text.len] = '\0';
    return 1;
}

static int
ltw_shard_range(ltw_hash_range_t *range, const lt_json_t *v)
{
    const lt_json_t *keys = lt_json_get(v, "HashKeyRange");
    lt_str_t start = { "", 0 }, end = { "", 0 };

    lt_json_string(keys, "StartingHashKey", &start);
    lt_json_string(keys, "EndingHashKey", &end);
    return ltw_hash_key_parse(&range->start, start) == LT_OK
        && ltw_hash_key_parse(&range->end, end) == LT_OK;
}

static int
ltw_shard_read(ltw_shard_info_t *shard, const lt_json_t *v)
{
    lt_str_t ending;

    *shard = (ltw_shard_info_t) { 0 };
    shard->is_closed = lt_json_string(
        lt_json_get(v, "SequenceNumberRange"), "EndingSequenceNumber",
        &ending);
    shard->has_range = ltw_shard_range(&shard->range, v);
    return ltw_shard_text(shard->id, sizeof(shard->id), v, "ShardId")
        && shard->id[0] != '\0'
        && ltw_shard_text(shard->parents[0], sizeof(shard->parents[0]), v,
               "ParentShardId")
        && ltw_shard_text(shard->parents[1], sizeof(shard->parents[1]), v,
               "AdjacentParentShardId");
}

lt_result_t
ltw_aws_kinesis_shards_read(ltw_shard_info_t **list, size_t *n, size_t max,
    char *token, size_t token_size, lt_str_t body, lt_error_t *err)
{
    lt_json_t *doc = NULL;
    lt_result_t result = lt_json_parse(&doc, body, LTW_LIST_SHARDS_BODY_MAX,
        err);
    const lt_json_t *shards = lt_json_get(doc, "Shards");
    size_t page_n = lt_json_size(shards), i;
    ltw_shard_info_t *grown;

    if (result == LT_OK && !lt_json_is_array(shards)) {
        lt_error_set(err, 0, "ListShards: the answer has no Shards");
        result = LT_INVALID;
    } else if (result == LT_OK && *n + page_n > max) {
        lt_error_set(err, 0, "ListShards: more than %zu shards", max);
        result = LT_TOOBIG;
    }
    if (result == LT_OK && page_n > 0) {
        grown = realloc(*list, (*n + page_n) * sizeof(**list));
        if (grown == NULL) {
            lt_error_set(err, 0, "no memory");
            result = LT_ERROR;
        } else {
            *list = grown;
        }
    }
    for (i = 0; result == LT_OK && i < page_n; i++) {
        if (!ltw_shard_read(&(*list)[*n], lt_json_at(shards, i))) {
            lt_error_set(err, 0, "ListShards: a shard without usable id");
            result = LT_INVALID;
        } else {
            ++*n;
        }
    }
    if (result == LT_OK
        && !ltw_shard_text(token, token_size, doc, "NextToken"))
    {
        lt_error_set(err, 0, "ListShards: NextToken is too long");
        result = LT_INVALID;
    }
    lt_json_free(&doc);
    return result;
}
