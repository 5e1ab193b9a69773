#include "aws/ltw_aws_kinesis_get_iterator.h"

#include "aws/ltw_aws_kinesis.h"

#include <stdlib.h>
#include <string.h>

void
ltw_aws_kinesis_position(lt_json_writer_t *w, lt_str_t position,
    const char *type_name, const char *number_name)
{
    char ms_text[24] = "";

    if (lt_str_is(position, "LATEST") || lt_str_is(position, "TRIM_HORIZON")) {
        lt_json_put_str(w, type_name, position);
        return;
    }
    if (position.len > 1 && position.len < sizeof(ms_text)
        && position.data[0] == '@')
    {
        memcpy(ms_text, position.data + 1, position.len - 1);
        lt_json_put_cstr(w, type_name, "AT_TIMESTAMP");
        lt_json_put_number(w, "Timestamp", strtod(ms_text, NULL) / 1000);
        return;
    }
    lt_json_put_cstr(w, type_name, "AFTER_SEQUENCE_NUMBER");
    lt_json_put_str(w, number_name, position);
}

ltw_aws_id_t
ltw_aws_kinesis_get_iterator(ltw_aws_t *aws, lt_str_t stream, lt_str_t shard,
    lt_str_t position, ltw_aws_handler_t handler, void *data)
{
    ltw_kinesis_call_t call;

    ltw_aws_kinesis_begin(&call, "GetShardIterator");
    lt_json_put_str(&call.json, "StreamName", stream);
    lt_json_put_str(&call.json, "ShardId", shard);
    ltw_aws_kinesis_position(&call.json, position, "ShardIteratorType",
        "StartingSequenceNumber");
    return ltw_aws_kinesis_send(&call, aws, handler, data);
}

lt_result_t
ltw_aws_kinesis_iterator_read(char *iterator, size_t size, lt_str_t body,
    lt_error_t *err)
{
    lt_json_t *doc = NULL;
    lt_str_t text = { NULL, 0 };
    lt_result_t result = lt_json_parse(&doc, body, 65536, err);

    if (result == LT_OK
        && (!lt_json_string(doc, "ShardIterator", &text) || text.len == 0
            || text.len >= size))
    {
        lt_error_set(err, 0, "GetShardIterator: no usable iterator");
        result = LT_INVALID;
    }
    if (result == LT_OK) {
        memcpy(iterator, text.data, text.len);
        iterator[text.len] = '\0';
    }
    lt_json_free(&doc);
    return result;
}
