/*
 * What every room of the worker may use; made by ltw_main.c, outlives all.
 *
 * What ltw_main.c asks of session/ltw_session_table.h:
 *   ltw_session_table_t *ltw_session_table_new(const ltw_services_t *);
 *   void ltw_session_table_batch(ltw_session_table_t *, const ltw_batch_t *,
 *       ltw_batch_done_t done, void *done_data);
 *   void ltw_session_table_drain(ltw_session_table_t *, ltw_handler_t drained,
 *       void *data);     no batch comes any more: finish all talks' segments,
 *                        then drained() once; main waits 8 s at most
 *   void ltw_session_table_free(ltw_session_table_t **);  at any time
 */
#ifndef LTW_SERVICES_H
#define LTW_SERVICES_H

#include "aws/ltw_aws_call.h"
#include "edge/ltw_http.h"
#include "edge/ltw_loop.h"
#include "edge/ltw_redis.h"
#include "kinesis/ltw_failures.h"
#include "kinesis/ltw_inflow.h"
#include "ltw_config.h"
#include "ltw_metrics.h"

typedef struct {
    const ltw_config_t *config;
    ltw_metrics_t *metrics;
    ltw_loop_t *loop;
    ltw_http_t *http;
    ltw_redis_t *redis;
    ltw_aws_t *aws;
    ltw_inflow_t *inflow;
    ltw_failures_t *failures;
    struct ltw_consumer_s *consumer;    /* kinesis/ltw_consumer.h; NULL:
                                           shards are polled */
} ltw_services_t;

#endif
