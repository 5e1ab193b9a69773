#include "aws/ltw_aws_kinesis_consumer.h"

#include "lt_json.h"
#include "lt_kinesis.h"

#include <stdio.h>
#include <string.h>

/* A call with one or two strings; the second may be NULL. */
static ltw_aws_id_t
ltw_consumer_call(ltw_aws_t *aws, const char *operation, const char *name1,
    lt_str_t value1, const char *name2, lt_str_t value2,
    ltw_aws_handler_t handler, void *data)
{
    char storage[LTW_ARN_MAX + 1024], target[80];
    const lt_header_t headers[] = {
        { LT_STR("Content-Type"), LT_STR(LT_KINESIS_CONTENT_TYPE) },
        { LT_STR("X-Amz-Target"), { target, (size_t) snprintf(target,
            sizeof(target), LT_KINESIS_TARGET "%s", operation) } },
    };
    ltw_aws_request_t request = {
        .service = LTW_AWS_KINESIS, .operation = operation,
        .method = "POST", .path = LT_STR("/"),
        .headers = headers, .headers_n = 2,
        .timeout_ms = 5000, .attempts_max = 1,
    };
    lt_json_writer_t w;
    lt_out_t out;

    lt_out_init(&out, storage, sizeof(storage));
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_str(&w, name1, value1);
    if (name2 != NULL) {
        lt_json_put_str(&w, name2, value2);
    }
    lt_json_close_object(&w);
    if (lt_out_result(&out) != LT_OK) {
        return 0;
    }
    request.body = (lt_str_t) { storage, lt_out_len(&out) };
    return ltw_aws_call(aws, &request, handler, data);
}

ltw_aws_id_t
ltw_aws_kinesis_describe_stream(ltw_aws_t *aws, lt_str_t stream,
    ltw_aws_handler_t handler, void *data)
{
    return ltw_consumer_call(aws, "DescribeStreamSummary", "StreamName",
        stream, NULL, stream, handler, data);
}

ltw_aws_id_t
ltw_aws_kinesis_describe_consumer(ltw_aws_t *aws, lt_str_t stream_arn,
    lt_str_t name, ltw_aws_handler_t handler, void *data)
{
    return ltw_consumer_call(aws, "DescribeStreamConsumer", "StreamARN",
        stream_arn, "ConsumerName", name, handler, data);
}

ltw_aws_id_t
ltw_aws_kinesis_register_consumer(ltw_aws_t *aws, lt_str_t stream_arn,
    lt_str_t name, ltw_aws_handler_t handler, void *data)
{
    return ltw_consumer_call(aws, "RegisterStreamConsumer", "StreamARN",
        stream_arn, "ConsumerName", name, handler, data);
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
