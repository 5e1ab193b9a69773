/*
 * lt_health live: 200 while the event loop runs.
 * lt_health ready: 200 while this nginx worker process can do its work, else
 * 503; a JSON object says of each part "ok" or what is wrong.
 *
 * Ready: Redis and Kinesis have answered within NGX_HTTP_LT_HEALTH_LATE_MS,
 * there are AWS keys, and the process is not leaving.  Real calls of Kinesis
 * count; only while there are none a ListShards every
 * NGX_HTTP_LT_HEALTH_PROBE_MS asks, and Redis is pinged as often.  Both stop
 * NGX_HTTP_LT_HEALTH_ASKED_MS after the last question; who asks first after
 * that is told what was known, for NGX_HTTP_LT_HEALTH_LATE_MS.  Without
 * lt_websocket Kinesis and keys are not looked at.
 */
#ifndef NGX_HTTP_LT_HEALTH_H
#define NGX_HTTP_LT_HEALTH_H

#include "ngx_http_lt_module.h"

#define NGX_HTTP_LT_HEALTH_PROBE_MS 500
#define NGX_HTTP_LT_HEALTH_LATE_MS 1500
#define NGX_HTTP_LT_HEALTH_ASKED_MS 120000

/* Without it (no memory) nothing is ready. */
void ngx_http_lt_health_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf);
void ngx_http_lt_health_exit_process(ngx_http_lt_main_conf_t *mcf);

/* Kinesis has answered. */
void ngx_http_lt_health_kinesis(ngx_http_lt_main_conf_t *mcf);

/* Content handlers. */
ngx_int_t ngx_http_lt_health_live_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_lt_health_ready_handler(ngx_http_request_t *r);

#endif
