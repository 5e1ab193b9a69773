#include "ngx_http_lt_captions.h"
#include "ngx_http_lt_answer.h"

/* By what they are as bits. */
static const ngx_str_t lt_captions_words[] = {
    ngx_string(""), ngx_string("only"), ngx_string("live"),
    ngx_string("only,live")
};

#define LT_CAPTIONS_WORDS                                                     \
    (sizeof(lt_captions_words) / sizeof(lt_captions_words[0]))

ngx_int_t
ngx_http_lt_captions_ask(ngx_http_request_t *r, ngx_uint_t *captions)
{
    ngx_str_t asked;
    ngx_uint_t i;

    if (ngx_http_lt_answer_arg(r, "captions", &asked) == NGX_ERROR) {
        return NGX_ERROR;
    }

    for (i = 0; i < LT_CAPTIONS_WORDS; i++) {
        if (asked.len == lt_captions_words[i].len
            && (asked.len == 0
                || ngx_strncmp(asked.data, lt_captions_words[i].data,
                       asked.len) == 0))
        {
            *captions = i;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}

ngx_str_t
ngx_http_lt_captions_wish(u_char buf[NGX_HTTP_LT_WISH_MAX],
    const ngx_str_t *language, ngx_uint_t captions)
{
    ngx_str_t wish;
    u_char *p = ngx_http_lt_copy(buf, language->data, language->len);

    if (captions != 0) {
        *p++ = ' ';
        p = ngx_http_lt_copy(p, lt_captions_words[captions].data,
            lt_captions_words[captions].len);
    }

    wish.data = buf;
    wish.len = p - buf;

    return wish;
}
