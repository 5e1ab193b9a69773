/*
 * HTTP answers with a JSON body, with CORS headers on every one: a page from
 * elsewhere must be able to read errors too.
 */
#ifndef NGX_HTTP_LT_ANSWER_H
#define NGX_HTTP_LT_ANSWER_H

#include "ngx_http_lt_module.h"

#include "lt_message.h"

#define NGX_HTTP_LT_ANSWER_MAX LT_MESSAGE_MAX

ngx_int_t ngx_http_lt_answer_header(ngx_http_request_t *r, const char *key,
    const char *value);

/* Results as ngx_http_output_filter(); body is copied.  len 0: no body. */
ngx_int_t ngx_http_lt_answer(ngx_http_request_t *r, ngx_uint_t status,
    const u_char *body, size_t len);

/* The error body of docs/protocol/. */
ngx_int_t ngx_http_lt_answer_error(ngx_http_request_t *r, ngx_uint_t status,
    const lt_message_error_t *error);

/* The preflight of a browser: 204. */
ngx_int_t ngx_http_lt_answer_preflight(ngx_http_request_t *r);

/* Ends a request from outside of its own events. */
void ngx_http_lt_answer_finish(ngx_http_request_t *r, ngx_int_t rc);

/*
 * The body of a request that ngx_http_read_client_request_body() has read, in
 * one piece.  NGX_DECLINED: longer than max; NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_lt_answer_body(ngx_http_request_t *r, size_t max,
    ngx_str_t *body);

/* The value of a query parameter, decoded, spaces around it cut; NGX_DECLINED:
   it is not there (value is empty); NGX_ERROR: no memory. */
ngx_int_t ngx_http_lt_answer_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);

/* Overwrites the values of a parameter with stars, wherever nginx would show
   them: $request, $request_uri, $args, the error log. */
void ngx_http_lt_answer_hide_arg(ngx_http_request_t *r, const char *name);

/* A header of the request that may come once; *n counts. */
ngx_str_t ngx_http_lt_answer_request_header(ngx_http_request_t *r,
    const char *name, ngx_uint_t *n);

/* What follows "Authorization: Bearer"; len 0 = none. */
ngx_str_t ngx_http_lt_answer_bearer(ngx_http_request_t *r);

#endif
