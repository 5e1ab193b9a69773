/*
 * When a failed AWS call is tried again: standard retry mode, version 2.1
 * (delays: lt_aws.h).  A token bucket for each client keeps retries from
 * feeding an outage: a retry takes tokens, success gives them back.
 *
 * Here retries have no number: audio has a deadline of its own.  Without
 * tokens the caller waits for its longest pause, so nothing waits for ever.
 */
#ifndef LT_RETRY_H
#define LT_RETRY_H

#include "lt_aws.h"

#define LT_RETRY_TOKENS 500
#define LT_RETRY_COST_TRANSIENT 14      /* no answer, timeouts, 5xx */
#define LT_RETRY_COST_THROTTLE 5
#define LT_RETRY_REFUND_FIRST 1         /* a success that was no retry */
#define LT_RETRY_HINT_MAX_MS 5000

typedef struct {
    unsigned tokens;
} lt_retry_bucket_t;

void lt_retry_init(lt_retry_bucket_t *bucket);

/* What a retry after a failure of this class costs, taken from the bucket;
   0: not enough is left, nothing is taken. */
unsigned lt_retry_take(lt_retry_bucket_t *bucket, lt_aws_class_t cls);

/* A call succeeded; cost: what its retry took, 0 for a first try. */
void lt_retry_refund(lt_retry_bucket_t *bucket, unsigned cost);

/*
 * The delay, moved by the service's x-amz-retry-after (decimal ms): never
 * shorter than delay_ms, never more than 5 s longer.  hint len 0 or not a
 * number: delay_ms.
 */
unsigned lt_retry_hinted_ms(unsigned delay_ms, lt_str_t hint);

#endif
