/*
 * The status page on status_listen: GET
 *   /          the metrics as JSON, ltw_metrics_json()
 *   /metrics   the same for Prometheus
 *   /live      200 while the event loop runs
 *   /ready     200, or 503 and why not: ltw_health.h
 * For operators and their collectors on a private address: no TLS, no
 * authentication, nothing secret in it.
 * Limits: 16 connections, of which the oldest gives way; 4 KiB a request, 5 s
 * each.
 */
#ifndef LTW_STATUS_H
#define LTW_STATUS_H

#include "ltw_services.h"

typedef struct ltw_status_s ltw_status_t;

/* address:port or [v6]:port, numeric.  NULL: err says why (port taken, …).
   refresh runs before each answer: to bring gauges up to date. */
ltw_status_t *ltw_status_new(const ltw_services_t *services,
    const char *listen, ltw_handler_t refresh, void *data, lt_error_t *err);
void ltw_status_free(ltw_status_t **status);

/* The worker is leaving: not ready any more.  status may be NULL. */
void ltw_status_leave(ltw_status_t *status);

/* LT_INVALID: not a numeric address with port. */
lt_result_t ltw_status_address(ltw_address_t *address, const char *listen,
    lt_error_t *err);

#endif
