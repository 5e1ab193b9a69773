#include "aws/ltw_aws_kinesis.h"

#include "lt_kinesis.h"

#include <stdio.h>

#define LTW_KINESIS_TIMEOUT_MS 5000

void
ltw_aws_kinesis_begin(ltw_kinesis_call_t *call, const char *operation)
{
    call->operation = operation;
    call->response_max_bytes = 0;
    lt_out_init(&call->out, call->storage, sizeof(call->storage));
    lt_json_begin(&call->json, &call->out);
    lt_json_open_object(&call->json, NULL);
}

ltw_aws_id_t
ltw_aws_kinesis_send(ltw_kinesis_call_t *call, ltw_aws_t *aws,
    ltw_aws_handler_t handler, void *data)
{
    char target[80];
    const lt_header_t headers[] = {
        { LT_STR("Content-Type"), LT_STR(LT_KINESIS_CONTENT_TYPE) },
        { LT_STR("X-Amz-Target"), { target, (size_t) snprintf(target,
            sizeof(target), LT_KINESIS_TARGET "%s", call->operation) } },
    };
    ltw_aws_request_t request = {
        .service = LTW_AWS_KINESIS, .operation = call->operation,
        .method = "POST", .path = LT_STR("/"),
        .headers = headers, .headers_n = sizeof(headers) / sizeof(headers[0]),
        .timeout_ms = LTW_KINESIS_TIMEOUT_MS, .attempts_max = 1,
        .response_max_bytes = call->response_max_bytes,
    };

    lt_json_close_object(&call->json);
    if (lt_out_result(&call->out) != LT_OK) {
        return 0;
    }
    request.body = (lt_str_t) { call->storage, lt_out_len(&call->out) };
    return ltw_aws_call(aws, &request, handler, data);
}
