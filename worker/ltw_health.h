/*
 * Whether this worker can do its work: for GET /ready of the status page.
 *
 * Ready: Redis and Kinesis have answered within LTW_HEALTH_LATE_MS, there are
 * AWS keys, and the worker is not leaving.  Real calls to Kinesis count; only
 * while there are none a ListShards every LTW_HEALTH_PROBE_MS asks, and Redis
 * is pinged as often.  Both stop LTW_HEALTH_ASKED_MS after the last question,
 * and who asks first after that is told what was known, for LTW_HEALTH_LATE_MS.
 * A refusal (throttling, rights) is an answer: it has metrics of its own.
 */
#ifndef LTW_HEALTH_H
#define LTW_HEALTH_H

#include "ltw_services.h"

#define LTW_HEALTH_PROBE_MS 500
#define LTW_HEALTH_LATE_MS 1500
#define LTW_HEALTH_ASKED_MS 120000

typedef struct ltw_health_s ltw_health_t;

/* services outlive it; NULL: no memory. */
ltw_health_t *ltw_health_new(const ltw_services_t *services);
void ltw_health_free(ltw_health_t **health);

/* From now on not ready: the worker is leaving. */
void ltw_health_leave(ltw_health_t *health);

/* {"status":"ready"|"not_ready",…}, each part "ok" or what is wrong.
   1: ready. */
int ltw_health_ready(ltw_health_t *health, lt_out_t *out);

#endif
