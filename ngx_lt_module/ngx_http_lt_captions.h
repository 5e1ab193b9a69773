/*
 * What a listener asks of captions in its query: captions=only (it plays no
 * voice, so none need be made for it), live (it shows what the speaker is just
 * saying, too), or both.  docs/protocol/, "Connecting".
 */
#ifndef NGX_HTTP_LT_CAPTIONS_H
#define NGX_HTTP_LT_CAPTIONS_H

#include "ngx_http_lt_socket.h"

#define NGX_HTTP_LT_CAPTIONS_ONLY 1     /* bits of a socket's captions */
#define NGX_HTTP_LT_CAPTIONS_LIVE 2

/* As lt_state_script_t LT_STATE_JOIN wants a listener's language. */
#define NGX_HTTP_LT_WISH_MAX                                                  \
    (NGX_HTTP_LT_LANGUAGE_MAX + sizeof(" only,live") - 1)

/* NGX_DECLINED: it asks for something else; NGX_ERROR: no memory. */
ngx_int_t ngx_http_lt_captions_ask(ngx_http_request_t *r,
    ngx_uint_t *captions);

/* The language and what is asked, in buf. */
ngx_str_t ngx_http_lt_captions_wish(u_char buf[NGX_HTTP_LT_WISH_MAX],
    const ngx_str_t *language, ngx_uint_t captions);

#endif
