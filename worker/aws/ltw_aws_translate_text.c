#include "aws/ltw_aws_translate_text.h"

#define ANSWER_MAX (128 * 1024)         /* 20,000 characters, escaped */
#define TIMEOUT_MS 2500

static const lt_header_t headers[] = {
    { { "Content-Type", 12 }, { "application/x-amz-json-1.1", 26 } },
    { { "X-Amz-Target", 12 },
      { "AWSShineFrontendService_20170701.TranslateText", 46 } },
};


ltw_aws_id_t
ltw_aws_translate_text(ltw_aws_t *aws, const ltw_mt_request_t *request,
    ltw_aws_handler_t handler, void *data)
{
    char body[6 * LTW_MT_TEXT_MAX + 1024];       /* \u00xx: six times */
    lt_json_writer_t w;
    lt_out_t out;
    ltw_aws_request_t call = { .service = LTW_AWS_TRANSLATE,
        .operation = "TranslateText", .method = "POST",
        .path = LT_STR("/"), .headers = headers,
        .headers_n = sizeof(headers) / sizeof(headers[0]),
        .timeout_ms = TIMEOUT_MS, .deadline_ms = request->deadline_ms,
        .response_max_bytes = ANSWER_MAX };

    if (request->text.len > LTW_MT_TEXT_MAX) {
        return 0;
    }
    lt_out_init(&out, body, sizeof(body));
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_str(&w, "Text", request->text);
    lt_json_put_str(&w, "SourceLanguageCode", request->source);
    lt_json_put_str(&w, "TargetLanguageCode", request->target);
    if (request->terminology.len > 0) {
        lt_json_open_array(&w, "TerminologyNames");
        lt_json_put_str(&w, NULL, request->terminology);
        lt_json_close_array(&w);
    }
    lt_json_close_object(&w);
    if (lt_out_result(&out) != LT_OK) {
        return 0;
    }
    call.body = (lt_str_t) { body, lt_out_len(&out) };
    return ltw_aws_call(aws, &call, handler, data);
}


lt_result_t
ltw_aws_translate_text_decode(lt_json_t **doc, lt_str_t *text, lt_str_t body)
{
    lt_result_t rc = lt_json_parse(doc, body, ANSWER_MAX, NULL);

    if (rc != LT_OK) {
        return rc;
    }
    if (!lt_json_string(*doc, "TranslatedText", text)) {
        lt_json_free(doc);
        return LT_INVALID;
    }
    return LT_OK;
}


size_t
ltw_aws_characters(lt_str_t text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        n += ((unsigned char) text.data[i] & 0xc0) != 0x80;
    }
    return n;
}
