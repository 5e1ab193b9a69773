/*
 * Variables of a request for log_format: what we know of it.
 *   $lt_session     session id
 *   $lt_connection  connection id, of a socket that was opened
 *   $lt_role        speaker or listener
 *   $lt_language    that a listener asked for, or a result is in
 *   $lt_code        why it was refused: the code of docs/protocol/
 *   $lt_trace       traceparent of the speaker's talk (lib/lt_trace.h)
 * The access log of a socket is written when it opens, with its 101; how it
 * ended is in the event socket_closed, with the same connection id.
 *
 * Values live in the request's pool, or for ever.
 */
#ifndef NGX_HTTP_LT_VARIABLES_H
#define NGX_HTTP_LT_VARIABLES_H

#include "ngx_http_lt_module.h"

/* Before any directive is read. */
ngx_int_t ngx_http_lt_variables_add(ngx_conf_t *cf);

/* value: lives as long as the request; empty values are not set. */
void ngx_http_lt_variables_set(ngx_http_request_t *r,
    ngx_http_lt_variable_e which, const ngx_str_t *value);

/* The same with a copy; without memory it is not set. */
void ngx_http_lt_variables_copy(ngx_http_request_t *r,
    ngx_http_lt_variable_e which, const ngx_str_t *value);

/* The traceparent that came with the request, else a new one; given: which it
   was.  Empty: no random bytes, or no memory. */
ngx_str_t ngx_http_lt_variables_trace(ngx_http_request_t *r,
    ngx_uint_t *is_given);

#endif
