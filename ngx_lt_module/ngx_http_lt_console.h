/*
 * lt_console: what the page of apps/console/ asks for each second, as JSON
 *   {"now":ms,"nginx":{…as lt_status…},"state":{…}|null}
 * nginx: of this host's processes.  state: of Redis, lib/lt_state_console.h;
 * null while Redis does not answer.  GET only.
 *
 * Nothing is protected by itself: allow, deny and auth_basic say who may look.
 * Limits: NGX_HTTP_LT_CONSOLE_MAX questions under way in a process, more are
 * answered 503.
 */
#ifndef NGX_HTTP_LT_CONSOLE_H
#define NGX_HTTP_LT_CONSOLE_H

#include "ngx_http_lt_module.h"

#define NGX_HTTP_LT_CONSOLE_MAX 8

ngx_int_t ngx_http_lt_console_handler(ngx_http_request_t *r);

#endif
