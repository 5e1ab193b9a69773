#include "aws/ltw_aws_turn.h"

#include "lt_state_rate.h"

#include <stdio.h>

/* NULL: a service whose calls are not counted. */
static const char *
ltw_aws_turn_key(const ltw_aws_turns_t *turns, ltw_aws_service_t service,
    int64_t *rate)
{
    if (turns->redis == NULL) {
        return NULL;
    }
    switch (service) {
    case LTW_AWS_TRANSLATE:
        *rate = turns->config->translate_rate;
        return LT_STATE_RATE_TRANSLATE;
    case LTW_AWS_POLLY:
        *rate = turns->config->polly_rate;
        return LT_STATE_RATE_POLLY;
    default:
        return NULL;
    }
}

static ltw_redis_id_t
ltw_aws_turn_run(const ltw_aws_turns_t *turns, ltw_aws_service_t service,
    const char *script, int64_t patience_ms, ltw_redis_handler_t handler,
    void *data)
{
    int64_t rate = 0;
    const char *key = ltw_aws_turn_key(turns, service, &rate);
    char max[24], patience[24];
    lt_str_t argv[] = { LT_STR("1"), lt_str(key != NULL ? key : ""),
        { max, (size_t) snprintf(max, sizeof(max), "%lld",
            (long long) rate) },
        { patience, (size_t) snprintf(patience, sizeof(patience), "%lld",
            (long long) patience_ms) } };

    return key == NULL ? 0
        : ltw_redis_script(turns->redis, script, argv, 4, handler, data);
}

ltw_redis_id_t
ltw_aws_turn(const ltw_aws_turns_t *turns, ltw_aws_service_t service,
    int64_t patience_ms, ltw_redis_handler_t handler, void *data)
{
    return ltw_aws_turn_run(turns, service, lt_state_rate_take(),
        patience_ms, handler, data);
}

int64_t
ltw_aws_turn_wait_ms(const ltw_reply_t *reply)
{
    if (reply == NULL) {
        return 0;
    }
    return ltw_reply_int(ltw_reply_at(reply, 0)) == 1
        ? ltw_reply_int(ltw_reply_at(reply, 1)) : -1;
}

void
ltw_aws_turn_throttled(const ltw_aws_turns_t *turns,
    ltw_aws_service_t service)
{
    (void) ltw_aws_turn_run(turns, service, lt_state_rate_cut(), 0, NULL,
        NULL);
}
