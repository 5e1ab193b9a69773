#include "aws/ltw_aws_polly_voices.h"

#include "lt_text.h"

#define ANSWER_MAX (512 * 1024)
#define TIMEOUT_MS 5000


ltw_aws_id_t
ltw_aws_polly_voices(ltw_aws_t *aws, lt_str_t token,
    ltw_aws_handler_t handler, void *data)
{
    char query[3 * 4096 + 16];
    ltw_aws_request_t call = { .service = LTW_AWS_POLLY,
        .operation = "DescribeVoices", .method = "GET",
        .path = LT_STR("/v1/voices"), .timeout_ms = TIMEOUT_MS,
        .deadline_ms = 2 * TIMEOUT_MS, .response_max_bytes = ANSWER_MAX };
    lt_out_t out;

    lt_out_init(&out, query, sizeof(query));
    if (token.len > 0) {
        lt_out_cstr(&out, "NextToken=");
        lt_uri_encode(&out, token, 0);
    }
    if (lt_out_result(&out) != LT_OK) {
        return 0;
    }
    call.query = (lt_str_t) { query, lt_out_len(&out) };
    return ltw_aws_call(aws, &call, handler, data);
}
