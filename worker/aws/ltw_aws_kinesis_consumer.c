#include "aws/ltw_aws_kinesis_consumer.h"

#include "aws/ltw_aws_kinesis.h"

#include <string.h>

static ltw_aws_id_t
ltw_consumer_call(ltw_aws_t *aws, const char *operation, lt_str_t stream_arn,
    lt_str_t name, ltw_aws_handler_t handler, void *data)
{
    ltw_kinesis_call_t call;

    ltw_aws_kinesis_begin(&call, operation);
    lt_json_put_str(&call.json, "StreamARN", stream_arn);
    lt_json_put_str(&call.json, "ConsumerName", name);
    return ltw_aws_kinesis_send(&call, aws, handler, data);
}

ltw_aws_id_t
ltw_aws_kinesis_describe_stream(ltw_aws_t *aws, lt_str_t stream,
    ltw_aws_handler_t handler, void *data)
{
    ltw_kinesis_call_t call;

    ltw_aws_kinesis_begin(&call, "DescribeStreamSummary");
    lt_json_put_str(&call.json, "StreamName", stream);
    return ltw_aws_kinesis_send(&call, aws, handler, data);
}

ltw_aws_id_t
ltw_aws_kinesis_describe_consumer(ltw_aws_t *aws, lt_str_t stream_arn,
    lt_str_t name, ltw_aws_handler_t handler, void *data)
{
    return ltw_consumer_call(aws, "DescribeStreamConsumer", stream_arn, name,
        handler, data);
}

ltw_aws_id_t
ltw_aws_kinesis_register_consumer(ltw_aws_t *aws, lt_str_t stream_arn,
    lt_str_t name, ltw_aws_handler_t handler, void *data)
{
    return ltw_consumer_call(aws, "RegisterStreamConsumer", stream_arn, name,
        handler, data);
}

/* ---- answers ---- */

static lt_result_t
ltw_consumer_arn(char *arn, size_t size, const lt_json_t *object,
    const char *name, lt_error_t *err)
{
    lt_str_t text = { NULL, 0 };

    if (!lt_json_string(object, name, &text) || text.len == 0
        || text.len >= size)
    {
        lt_error_set(err, 0, "the answer has no usable %s", name);
        return LT_INVALID;
    }
    memcpy(arn, text.data, text.len);
    arn[text.len] = '\0';
    return LT_OK;
}

lt_result_t
ltw_aws_kinesis_stream_arn_read(char *arn, size_t size, lt_str_t body,
    lt_error_t *err)
{
    lt_json_t *doc = NULL;
    lt_result_t result = lt_json_parse(&doc, body, 65536, err);

    if (result == LT_OK) {
        result = ltw_consumer_arn(arn, size,
            lt_json_get(doc, "StreamDescriptionSummary"), "StreamARN", err);
    }
    lt_json_free(&doc);
    return result;
}

lt_result_t
ltw_aws_kinesis_consumer_read(char *arn, size_t size, int *is_active,
    lt_str_t body, lt_error_t *err)
{
    lt_json_t *doc = NULL;
    const lt_json_t *consumer;
    lt_str_t status = LT_STR("");
    lt_result_t result = lt_json_parse(&doc, body, 65536, err);

    if (result == LT_OK) {
        consumer = lt_json_get(doc, "ConsumerDescription");
        consumer = consumer != NULL ? consumer : lt_json_get(doc, "Consumer");
        lt_json_string(consumer, "ConsumerStatus", &status);
        *is_active = lt_str_is(status, "ACTIVE");
        result = ltw_consumer_arn(arn, size, consumer, "ConsumerARN", err);
    }
    lt_json_free(&doc);
    return result;
}
