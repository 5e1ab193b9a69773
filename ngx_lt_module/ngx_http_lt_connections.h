/*
 * POST, GET and DELETE /{stage}/@connections/{id}: what a Lambda does with
 * ApiGatewayManagementApi, with its answers.  "@connections commands", Amazon
 * API Gateway Developer Guide.  docs/protocol/, "@connections".
 *
 * A socket of another process is reached through Redis: a call is published
 * on that process's channel and answered on ours.  A call that nobody hears
 * is answered with 410, one that is not answered in NGX_HTTP_LT_CALL_MS 504.
 *
 *   call:    <origin> control * call <n>\n<method> <connection id>\n<body>
 *   answer:  <origin> control * answer <n>\n<status>\n<JSON>
 *
 * Limits: NGX_HTTP_LT_CALLS_MAX calls to other processes under way;
 * lt_message_max bytes of body.
 */
#ifndef NGX_HTTP_LT_CONNECTIONS_H
#define NGX_HTTP_LT_CONNECTIONS_H

#include "ngx_http_lt_module.h"

#include "lt_state.h"

#define NGX_HTTP_LT_CALLS_MAX 1024
#define NGX_HTTP_LT_CALL_MS 2000

/* Content handlers: by SigV4, or by whoever the location lets in. */
ngx_int_t ngx_http_lt_connections_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_lt_connections_trusted_handler(ngx_http_request_t *r);

/* From the push room: something on this process's channel. */
void ngx_http_lt_connections_received(ngx_http_lt_main_conf_t *mcf,
    const lt_state_event_t *ev);

#endif
