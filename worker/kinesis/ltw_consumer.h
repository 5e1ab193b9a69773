/*
 * As whom the fleet subscribes to its stream: a registered consumer, by the
 * ARN of the configuration, or by its name.  Workers of one stream and name
 * share it; who comes first registers it.
 *
 * States, and what ends each (a failure: the same again after 1 to 60 s):
 *   STREAM       DescribeStreamSummary, for the stream's ARN
 *   LOOKING      DescribeStreamConsumer
 *   REGISTERING  RegisterStreamConsumer, when there is none; then LOOKING
 *   CREATING     LOOKING again after a second, until it is ACTIVE
 *   READY        the end
 * Nothing waits for it: shards are polled meanwhile.
 */
#ifndef LTW_CONSUMER_H
#define LTW_CONSUMER_H

#include "edge/ltw_tls.h"
#include "ltw_services.h"

typedef struct ltw_consumer_s ltw_consumer_t;

/* Starts at once.  NULL: err says why.  Blocking: at start only. */
ltw_consumer_t *ltw_consumer_new(const ltw_services_t *services,
    lt_error_t *err);
void ltw_consumer_free(ltw_consumer_t **consumer);

/* "" until it is READY; lives until the next turn of the loop. */
const char *ltw_consumer_arn(const ltw_consumer_t *consumer);

/* Whom its connections trust. */
ltw_tls_context_t *ltw_consumer_tls(const ltw_consumer_t *consumer);

/* Kinesis does not know it any more: back to LOOKING. */
void ltw_consumer_doubt(ltw_consumer_t *consumer);

#endif
