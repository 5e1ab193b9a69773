#include "ngx_http_lt_reply.h"

#include <hiredis/hiredis.h>

const char *
ngx_http_lt_reply_error(const ngx_http_lt_reply_t *reply)
{
    return reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;
}

ngx_uint_t
ngx_http_lt_reply_size(const ngx_http_lt_reply_t *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY
           ? reply->elements : 0;
}

const ngx_http_lt_reply_t *
ngx_http_lt_reply_at(const ngx_http_lt_reply_t *reply, ngx_uint_t i)
{
    return i < ngx_http_lt_reply_size(reply) ? reply->element[i] : NULL;
}

ngx_str_t
ngx_http_lt_reply_text(const ngx_http_lt_reply_t *reply, ngx_uint_t i)
{
    ngx_str_t text = ngx_null_string;
    const ngx_http_lt_reply_t *item = ngx_http_lt_reply_at(reply, i);

    if (item != NULL && item->type == REDIS_REPLY_STRING) {
        text.data = (u_char *) item->str;
        text.len = item->len;
    }

    return text;
}

int64_t
ngx_http_lt_reply_number(const ngx_http_lt_reply_t *reply, ngx_uint_t i)
{
    const ngx_http_lt_reply_t *item = ngx_http_lt_reply_at(reply, i);

    if (item == NULL) {
        return 0;
    }

    return item->type == REDIS_REPLY_STRING ? strtoll(item->str, NULL, 10)
                                            : item->integer;
}

int64_t
ngx_http_lt_reply_value(const ngx_http_lt_reply_t *reply)
{
    switch (reply->type) {

    case REDIS_REPLY_INTEGER:
        return reply->integer;

    case REDIS_REPLY_STATUS:
        return 1;

    case REDIS_REPLY_NIL:
        return 0;

    default:
        return -1;
    }
}

ngx_str_t
ngx_http_lt_reply_string(const ngx_http_lt_reply_t *reply)
{
    ngx_str_t text = ngx_null_string;

    if (reply->type == REDIS_REPLY_STRING) {
        text.data = (u_char *) reply->str;
        text.len = reply->len;
    }

    return text;
}
