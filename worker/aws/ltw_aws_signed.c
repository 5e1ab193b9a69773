#include "aws/ltw_aws_signed.h"

#include "lt_text.h"

#include <string.h>

static void
ltw_signed_add(ltw_aws_signed_t *s, const char *name, lt_str_t value)
{
    s->headers[s->http.headers_n++] = (lt_header_t) { lt_str(name), value };
}

/* Host, date, token and hash, then the caller's; all of it is signed. */
static void
ltw_signed_headers(ltw_aws_signed_t *s, const ltw_aws_try_t *what,
    lt_str_t host)
{
    const ltw_aws_request_t *request = what->request;

    lt_amz_date(s->date, what->time_s);
    ltw_signed_add(s, "Host", host);
    ltw_signed_add(s, "X-Amz-Date", lt_str(s->date));
    if (what->keys.session_token.len > 0) {
        ltw_signed_add(s, "X-Amz-Security-Token", what->keys.session_token);
    }
    if (request->service == LTW_AWS_S3) {
        ltw_signed_add(s, "X-Amz-Content-Sha256", what->payload_hash);
    }
    if (request->headers_n > 0) {
        memcpy(s->headers + s->http.headers_n, request->headers,
            request->headers_n * sizeof(s->headers[0]));
        s->http.headers_n += request->headers_n;
    }
}

static lt_result_t
ltw_signed_url(ltw_aws_signed_t *s, const ltw_aws_try_t *what, lt_str_t *host)
{
    const ltw_aws_request_t *request = what->request;
    lt_out_t url, out;

    lt_out_init(&out, s->host, sizeof(s->host));
    lt_out_str(&out, request->host_prefix);
    lt_out_cstr(&out, what->endpoint->authority);
    *host = (lt_str_t) { s->host, lt_out_len(&out) };

    lt_out_init(&url, s->url, sizeof(s->url));
    lt_out_cstr(&url, what->endpoint->is_tls ? "https://" : "http://");
    lt_out_str(&url, *host);
    lt_out_str(&url, request->path);
    if (request->query.len > 0) {
        lt_out_cstr(&url, "?");
        lt_out_str(&url, request->query);
    }
    s->http.url = (lt_str_t) { s->url, lt_out_len(&url) };
    return lt_out_result(&out) == LT_OK ? lt_out_result(&url) : LT_NOSPACE;
}

static lt_result_t
ltw_signed_authorization(ltw_aws_signed_t *s, const ltw_aws_try_t *what)
{
    lt_sigv4_request_t request = {
        .method = lt_str(what->request->method),
        .path = what->request->path,
        .query = what->request->query,
        .headers = s->headers,
        .headers_n = s->http.headers_n,
        .payload_hash = what->payload_hash,
    };
    lt_sigv4_scope_t scope = {
        .region = lt_str(what->region),
        .service = lt_str(what->service),
        .time_s = what->time_s,
    };
    lt_out_t out;

    lt_out_init(&out, s->authorization, sizeof(s->authorization));
    if (lt_sigv4_authorization(&out, NULL, &request, &scope, &what->keys)
        != LT_OK)
    {
        return LT_ERROR;
    }
    ltw_signed_add(s, "Authorization",
        (lt_str_t) { s->authorization, lt_out_len(&out) });
    return LT_OK;
}

lt_result_t
ltw_aws_sign(ltw_aws_signed_t *s, const ltw_aws_try_t *what)
{
    lt_str_t host;

    s->http = (ltw_http_request_t) {
        .method = what->request->method,
        .headers = s->headers,
        .body = what->request->body,
        .timeout_ms = what->request->timeout_ms,
        .response_max_bytes = what->request->response_max_bytes,
    };
    if (ltw_signed_url(s, what, &host) != LT_OK) {
        return LT_NOSPACE;
    }
    ltw_signed_headers(s, what, host);
    if (ltw_signed_authorization(s, what) != LT_OK) {
        return LT_ERROR;
    }
    s->trace = (ltw_trace_t) { 0 };
    ltw_trace_request(&s->trace, what->trace);
    memcpy(s->headers + s->http.headers_n, s->trace.headers,
        s->trace.headers_n * sizeof(s->headers[0]));
    s->http.headers_n += s->trace.headers_n;
    return LT_OK;
}
