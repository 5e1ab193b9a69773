#include "ngx_http_lt_page.h"
#include "ngx_http_lt_answer.h"

ngx_buf_t *
ngx_http_lt_page_new(ngx_http_request_t *r, size_t size, ngx_int_t *rc)
{
    ngx_buf_t *b;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        *rc = NGX_HTTP_NOT_ALLOWED;
        return NULL;
    }

    *rc = ngx_http_discard_request_body(r);
    if (*rc != NGX_OK) {
        return NULL;
    }

    b = ngx_create_temp_buf(r->pool, size);
    if (b == NULL) {
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return b;
}

ngx_int_t
ngx_http_lt_page_send(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_buf_t *b, const lt_out_t *out)
{
    ngx_int_t rc;
    ngx_chain_t chain = { b, NULL };

    if (lt_out_result(out) != LT_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
            "lt: event=page_too_long uri=%V", &r->uri);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = b->pos + lt_out_len(out);
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.status = status;
    r->headers_out.content_length_n = b->last - b->pos;

    if (ngx_http_lt_answer_header(r, "Cache-Control", "no-store") != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &chain);
}
