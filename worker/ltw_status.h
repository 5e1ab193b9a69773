/*
 * The status page: GET / on status_listen answers with ltw_metrics_json().
 * For operators and their collectors on a private address: no TLS, no
 * authentication, nothing secret in it.
 * Limits: 16 connections, 4 KiB a request, 5 s each.
 */
#ifndef LTW_STATUS_H
#define LTW_STATUS_H

#include "edge/ltw_loop.h"
#include "ltw_metrics.h"

typedef struct ltw_status_s ltw_status_t;

/* address:port or [v6]:port, numeric.  NULL: err says why (port taken, …).
   refresh runs before each answer: to bring gauges up to date. */
ltw_status_t *ltw_status_new(ltw_loop_t *loop, ltw_metrics_t *metrics,
    const char *listen, ltw_handler_t refresh, void *data, lt_error_t *err);
void ltw_status_free(ltw_status_t **status);

/* LT_INVALID: not a numeric address with port. */
lt_result_t ltw_status_address(ltw_address_t *address, const char *listen,
    lt_error_t *err);

#endif
