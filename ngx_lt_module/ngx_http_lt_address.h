/*
 * How many sockets each client address has open, over all nginx worker
 * processes: lt_address_sockets.  limit_conn cannot do it: it counts requests,
 * and the request of a socket ends with its 101.
 *
 * In shared memory of its own.  Each process also keeps its own part, by its
 * slot: what a killed one held is taken off by its successor in the slot.
 *
 * Limits: NGX_HTTP_LT_ADDRESS_ZONE bytes, 20,000 addresses or more; when it is
 * full further addresses are let in uncounted.
 */
#ifndef NGX_HTTP_LT_ADDRESS_H
#define NGX_HTTP_LT_ADDRESS_H

#include "ngx_http_lt_module.h"

#define NGX_HTTP_LT_ADDRESS_ZONE (4 * 1024 * 1024)

typedef struct ngx_http_lt_address_s ngx_http_lt_address_t;

/* NULL: reported already. */
ngx_shm_zone_t *ngx_http_lt_address_zone(ngx_conf_t *cf);

/* zone NULL is fine. */
void ngx_http_lt_address_init_process(ngx_shm_zone_t *zone);
void ngx_http_lt_address_exit_process(ngx_shm_zone_t *zone);

/* One socket more from that address; *address NULL: it is not counted.
   NGX_DECLINED: it has as many as it may have. */
ngx_int_t ngx_http_lt_address_enter(ngx_http_lt_main_conf_t *mcf,
    ngx_connection_t *c, ngx_http_lt_address_t **address);

/* *address NULL is fine, and set. */
void ngx_http_lt_address_leave(ngx_http_lt_address_t **address);

#endif
