#include "asr/ltw_transcribe_request.h"

#define PREFIX "x-amzn-transcribe-"


static void
add(ltw_transcribe_request_t *r, const char *name, lt_str_t value)
{
    r->headers[r->headers_n++] = (lt_header_t) { lt_str(name), value };
}


static void
add_parameters(ltw_transcribe_request_t *r, const ltw_transcribe_options_t *o)
{
    add(r, PREFIX "language-code", o->language);
    add(r, PREFIX "media-encoding", LT_STR("pcm"));
    add(r, PREFIX "sample-rate", LT_STR("16000"));
    add(r, PREFIX "session-id", o->stream_id);
    add(r, PREFIX "enable-partial-results-stabilization", LT_STR("true"));
    add(r, PREFIX "partial-results-stability", LT_STR("high"));
    if (o->vocabulary.len > 0) {
        add(r, PREFIX "vocabulary-name", o->vocabulary);
    }
}


lt_result_t
ltw_transcribe_request(ltw_transcribe_request_t *r,
    const ltw_transcribe_options_t *o)
{
    const lt_str_t payload = LT_STR("STREAMING-AWS4-HMAC-SHA256-EVENTS");
    lt_sigv4_scope_t scope = { o->region, LT_STR("transcribe"), o->time_s };
    lt_sigv4_request_t signing = { LT_STR("POST"),
        LT_STR(LTW_TRANSCRIBE_PATH), { NULL, 0 }, r->headers, 0, payload };
    lt_result_t rc;
    lt_out_t out;

    lt_amz_date(r->date, o->time_s);
    r->headers_n = 0;
    add(r, "content-type", LT_STR("application/vnd.amazon.eventstream"));
    add(r, "x-amz-content-sha256", payload);
    add(r, "x-amz-date", lt_str(r->date));
    add_parameters(r, o);
    if (o->keys.session_token.len > 0) {
        add(r, "x-amz-security-token", o->keys.session_token);
    }
    add(r, "host", o->authority);
    signing.headers_n = r->headers_n;

    lt_out_init(&out, r->authorization, sizeof(r->authorization));
    rc = lt_sigv4_authorization(&out, r->seed, &signing, &scope, &o->keys);
    r->headers_n--;                     /* host goes as :authority */
    add(r, "authorization",
        (lt_str_t) { r->authorization, lt_out_len(&out) });
    return rc == LT_OK ? lt_out_result(&out) : rc;
}
