/*
 * Calls that the account has a rate for: each try takes a turn, which all
 * workers of a Redis share (lib/lt_state_rate.h).  Settings: translate_rate,
 * polly_rate.  A call waits for its turn for half of the time that it has; when
 * that is not enough it fails at once (code "RateExceeded").  Redis does not
 * answer: the call goes out, and AWS says what is too much.
 */
#ifndef LTW_AWS_TURN_H
#define LTW_AWS_TURN_H

#include "aws/ltw_aws_call.h"
#include "edge/ltw_redis.h"

typedef struct {
    ltw_redis_t *redis;         /* NULL: nothing is shared, nobody waits */
    const ltw_config_t *config;
} ltw_aws_turns_t;

/* 0: no turn is needed.  The handler's reply goes to ltw_aws_turn_wait_ms(). */
ltw_redis_id_t ltw_aws_turn(const ltw_aws_turns_t *turns,
    ltw_aws_service_t service, int64_t patience_ms,
    ltw_redis_handler_t handler, void *data);
/* How long until it is this call's turn; -1: longer than its patience. */
int64_t ltw_aws_turn_wait_ms(const ltw_reply_t *reply);

/* AWS has throttled a call: fewer from now on. */
void ltw_aws_turn_throttled(const ltw_aws_turns_t *turns,
    ltw_aws_service_t service);

#endif
