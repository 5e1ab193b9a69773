#include "ngx_http_lt_answer.h"

#include "lt_text.h"

ngx_int_t
ngx_http_lt_answer_header(ngx_http_request_t *r, const char *key,
    const char *value)
{
    ngx_table_elt_t *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    h->key.data = (u_char *) key;
    h->key.len = ngx_strlen(key);
    h->value.data = (u_char *) value;
    h->value.len = ngx_strlen(value);

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_answer(ngx_http_request_t *r, ngx_uint_t status,
    const u_char *body, size_t len)
{
    ngx_buf_t *b;
    ngx_int_t rc;
    ngx_chain_t out;

    /* what is not read now is not the next request */
    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_lt_answer_header(r, "Access-Control-Allow-Origin", "*")
            != NGX_OK
        || ngx_http_lt_answer_header(r, "Cache-Control", "no-store") != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = len;

    if (len == 0) {
        r->header_only = 1;
        return ngx_http_send_header(r);
    }

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    b = ngx_create_temp_buf(r->pool, len);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->last, body, len);
    b->last_buf = r == r->main;
    b->last_in_chain = 1;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}

ngx_int_t
ngx_http_lt_answer_error(ngx_http_request_t *r, ngx_uint_t status,
    const lt_message_error_t *error)
{
    u_char text[NGX_HTTP_LT_ANSWER_MAX];
    lt_out_t out;

    lt_out_init(&out, text, sizeof(text));
    if (lt_message_error(&out, error, ngx_http_lt_wall_ms()) != LT_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_lt_answer(r, status, text, lt_out_len(&out));
}

ngx_int_t
ngx_http_lt_answer_preflight(ngx_http_request_t *r)
{
    if (ngx_http_lt_answer_header(r, "Access-Control-Allow-Methods",
            "GET, POST, PATCH, DELETE, OPTIONS") != NGX_OK
        || ngx_http_lt_answer_header(r, "Access-Control-Allow-Headers",
               "Content-Type, Authorization, Idempotency-Key") != NGX_OK
        || ngx_http_lt_answer_header(r, "Access-Control-Max-Age", "3600")
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_lt_answer(r, NGX_HTTP_NO_CONTENT, NULL, 0);
}

void
ngx_http_lt_answer_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_connection_t *c = r->connection;

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}

ngx_int_t
ngx_http_lt_answer_body(ngx_http_request_t *r, size_t max, ngx_str_t *body)
{
    size_t len = 0;
    u_char *p;
    ngx_chain_t *cl;

    ngx_str_null(body);

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        /* in a file: above client_body_buffer_size, which is at least max */
        if (cl->buf->in_file) {
            return NGX_DECLINED;
        }
        len += cl->buf->last - cl->buf->pos;
    }

    if (len > max) {
        return NGX_DECLINED;
    }

    body->data = ngx_pnalloc(r->pool, len + 1);
    if (body->data == NULL) {
        return NGX_ERROR;
    }

    p = body->data;
    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        p = ngx_http_lt_copy(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    body->len = len;

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_answer_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    size_t len;
    u_char *copy;
    ngx_str_t raw;

    ngx_str_null(value);

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &raw) != NGX_OK) {
        return NGX_DECLINED;
    }

    copy = ngx_pnalloc(r->pool, raw.len + 1);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    /* a broken escape stays as it is and is refused by who reads the value */
    if (lt_uri_decode((char *) copy, &len, ngx_http_lt_view(&raw)) != LT_OK) {
        (void) ngx_http_lt_copy(copy, raw.data, raw.len);
        len = raw.len;
    }

    while (len != 0 && copy[0] == ' ') {
        copy++;
        len--;
    }

    while (len != 0 && copy[len - 1] == ' ') {
        len--;
    }

    value->data = copy;
    value->len = len;

    return NGX_OK;
}

ngx_str_t
ngx_http_lt_answer_request_header(ngx_http_request_t *r, const char *name,
    ngx_uint_t *n)
{
    size_t len = ngx_strlen(name);
    ngx_str_t value = ngx_null_string;
    ngx_uint_t i;
    ngx_list_part_t *part = &r->headers_in.headers.part;
    ngx_table_elt_t *h = part->elts;

    *n = 0;

    for (i = 0; /* void */ ; i++) {
        if (i == part->nelts) {
            if (part->next == NULL) {
                return value;
            }
            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == len
            && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
        {
            value = h[i].value;
            (*n)++;
        }
    }
}

ngx_str_t
ngx_http_lt_answer_bearer(ngx_http_request_t *r)
{
    ngx_str_t token = ngx_null_string;
    ngx_table_elt_t *h = r->headers_in.authorization;

    if (h != NULL && h->value.len > 7
        && ngx_strncasecmp(h->value.data, (u_char *) "Bearer ", 7) == 0)
    {
        token.data = h->value.data + 7;
        token.len = h->value.len - 7;

        while (token.len != 0 && token.data[0] == ' ') {
            token.data++;
            token.len--;
        }
    }

    return token;
}

/* In place: nginx logs the request line, and keeps it for the access log. */
static void
lt_answer_mask_arg(ngx_str_t *text, const char *name)
{
    size_t len = ngx_strlen(name);
    u_char *p = text->data, *end = p + text->len;

    for (; p + len < end; p++) {
        if ((p == text->data || p[-1] == '?' || p[-1] == '&')
            && p[len] == '='
            && ngx_strncasecmp(p, (u_char *) name, len) == 0)
        {
            for (p += len + 1; p < end && *p != '&' && *p != ' '; p++) {
                *p = '*';
            }
        }
    }
}

void
ngx_http_lt_answer_hide_arg(ngx_http_request_t *r, const char *name)
{
    lt_answer_mask_arg(&r->request_line, name);
    lt_answer_mask_arg(&r->unparsed_uri, name);
    lt_answer_mask_arg(&r->args, name);
}
