/*
 * The sockets of a process that is leaving (reload, upgrade, quit).  It stays
 * as long as it has some.  Clients that come back by themselves (listeners
 * with resume=1, speakers with ack=1) are sent to its successors, evenly over
 * lt_drain: 1012.  The others never come back: they are left alone until they
 * end, or worker_shutdown_timeout does.
 *
 * Who is sent away as the last of its language here counts as a listener of it
 * for NGX_HTTP_LT_DRAIN_KEEP_MS more: what is said until it is back is
 * translated.  So long its talk stays, and so the session among those that are
 * swept if this process is killed.
 */
#ifndef NGX_HTTP_LT_DRAIN_H
#define NGX_HTTP_LT_DRAIN_H

#include "ngx_http_lt_talk.h"

#define NGX_HTTP_LT_DRAIN_LOOK_MS 500       /* is this process leaving? */
#define NGX_HTTP_LT_DRAIN_STEP_MS 100
#define NGX_HTTP_LT_DRAIN_KEEP_MS 3000

typedef struct {
    ngx_event_t timer;
    ngx_http_lt_main_conf_t *mcf;
    ngx_msec_t window_ms;
    ngx_msec_t end_ms;                      /* 0: it is not leaving */
} ngx_http_lt_drain_t;

/* lt_drain against worker_shutdown_timeout; NGX_ERROR: reported. */
ngx_int_t ngx_http_lt_drain_check(ngx_conf_t *cf,
    ngx_http_lt_main_conf_t *mcf);

ngx_int_t ngx_http_lt_drain_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf);

/* s leaves its talk, in Redis too: at once or, if it is moving, later. */
void ngx_http_lt_drain_leave(ngx_http_lt_talk_t *talk,
    ngx_http_lt_socket_t *s);

#endif
