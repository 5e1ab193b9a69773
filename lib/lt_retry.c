#include "lt_retry.h"

void
lt_retry_init(lt_retry_bucket_t *bucket)
{
    bucket->tokens = LT_RETRY_TOKENS;
}

unsigned
lt_retry_take(lt_retry_bucket_t *bucket, lt_aws_class_t cls)
{
    unsigned cost = cls == LT_AWS_THROTTLE ? LT_RETRY_COST_THROTTLE
                                           : LT_RETRY_COST_TRANSIENT;

    if (bucket->tokens < cost) {
        return 0;
    }
    bucket->tokens -= cost;
    return cost;
}

void
lt_retry_refund(lt_retry_bucket_t *bucket, unsigned cost)
{
    bucket->tokens += cost == 0 ? LT_RETRY_REFUND_FIRST : cost;
    if (bucket->tokens > LT_RETRY_TOKENS) {
        bucket->tokens = LT_RETRY_TOKENS;
    }
}

unsigned
lt_retry_hinted_ms(unsigned delay_ms, lt_str_t hint)
{
    unsigned most = delay_ms + LT_RETRY_HINT_MAX_MS, ms = 0;

    if (hint.len == 0) {
        return delay_ms;
    }
    for (size_t i = 0; i < hint.len; i++) {
        if (hint.data[i] < '0' || hint.data[i] > '9') {
            return delay_ms;
        }
        ms = ms * 10 + (unsigned)(hint.data[i] - '0');
        if (ms > most) {
            return most;
        }
    }
    return ms < delay_ms ? delay_ms : ms;
}
