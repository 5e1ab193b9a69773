/*
 * What Redis answered, without hiredis in sight: views that live as long as
 * the answer.
 */
#ifndef NGX_HTTP_LT_REPLY_H
#define NGX_HTTP_LT_REPLY_H

#include "ngx_http_lt_module.h"

typedef struct redisReply ngx_http_lt_reply_t;      /* a view, in done() */

/* NULL: it is none. */
const char *ngx_http_lt_reply_error(const ngx_http_lt_reply_t *reply);

/* Items of an array answer; 0, empty or NULL when absent. */
ngx_uint_t ngx_http_lt_reply_size(const ngx_http_lt_reply_t *reply);
const ngx_http_lt_reply_t *ngx_http_lt_reply_at(
    const ngx_http_lt_reply_t *reply, ngx_uint_t i);
ngx_str_t ngx_http_lt_reply_text(const ngx_http_lt_reply_t *reply,
    ngx_uint_t i);
/* An integer, or text that is one. */
int64_t ngx_http_lt_reply_number(const ngx_http_lt_reply_t *reply,
    ngx_uint_t i);
/* The answer itself, not an item: an integer, else -1; "OK" as 1, nil as 0. */
int64_t ngx_http_lt_reply_value(const ngx_http_lt_reply_t *reply);
/* The answer itself; empty: it is no string. */
ngx_str_t ngx_http_lt_reply_string(const ngx_http_lt_reply_t *reply);

#endif
