#include "lt_pace.h"

#include <string.h>

#include "lt_aws.h"

#define ATTEMPT_MAX 16

void
lt_pace_init(lt_pace_t *pace)
{
    memset(pace, 0, sizeof(*pace));
}

/* The level holds at most one second's worth. */
static void
pass_time(lt_pace_t *pace, int64_t now_ms)
{
    int64_t ms = now_ms - pace->at_ms;

    if (ms <= 0) {
        return;
    }
    if (ms > 60000) {
        ms = 60000;             /* by then the rate has ended */
    }
    pace->at_ms = now_ms;
    pace->level += ms * pace->rate / 1000;
    pace->rate += (unsigned)(ms * LT_PACE_STEP / 1000);

    if (pace->rate > LT_PACE_LIMIT) {
        pace->rate = 0;
        pace->level = 0;
    } else if (pace->level > pace->rate) {
        pace->level = pace->rate;
    }
}

int
lt_pace_is_open(lt_pace_t *pace, int64_t now_ms)
{
    if (pace->rate != 0) {
        pass_time(pace, now_ms);
    }
    return now_ms >= pace->rest_until_ms
           && (pace->rate == 0 || pace->level > 0);
}

void
lt_pace_sent(lt_pace_t *pace, size_t bytes)
{
    if (pace->rate != 0) {
        pace->level -= (int64_t)bytes;
    }
}

void
lt_pace_stored(lt_pace_t *pace)
{
    pace->attempt = 0;
}

static void
cut(lt_pace_t *pace, int64_t now_ms)
{
    unsigned rate = pace->rate != 0 ? pace->rate : LT_PACE_LIMIT;

    rate = rate / 10 * 7;
    pace->rate = rate < LT_PACE_MIN ? LT_PACE_MIN : rate;
    pace->at_ms = now_ms;
    pace->level = 0;
}

void
lt_pace_refused(lt_pace_t *pace, int64_t now_ms, double random,
    unsigned max_ms)
{
    unsigned rest_ms;

    if (pace->rate != 0 && now_ms - pace->cut_at_ms < LT_PACE_CUT_MS) {
        return;
    }
    pace->cut_at_ms = now_ms;
    cut(pace, now_ms);

    if (pace->attempt < ATTEMPT_MAX) {
        pace->attempt++;
    }
    rest_ms = lt_aws_retry_delay_ms(LT_AWS_THROTTLE, pace->attempt, random);
    pace->rest_until_ms = now_ms + (rest_ms < max_ms ? rest_ms : max_ms);
}
