#include "session/ltw_playout.h"

#define FIRST_MS_PER_BYTE 65.0  /* 15 characters a second */
#define LEARNING 0.2            /* the weight of the newest clip */


void
ltw_playout_init(ltw_playout_t *p)
{
    *p = (ltw_playout_t) { 0, FIRST_MS_PER_BYTE };
}


int64_t
ltw_playout_next_wall_ms(const ltw_playout_t *p, int64_t now_wall_ms)
{
    return p->until_wall_ms > now_wall_ms ? p->until_wall_ms : now_wall_ms;
}


void
ltw_playout_sent(ltw_playout_t *p, int64_t duration_ms, int64_t now_wall_ms)
{
    p->until_wall_ms = ltw_playout_next_wall_ms(p, now_wall_ms)
        + duration_ms;
}


int64_t
ltw_playout_left_ms(const ltw_playout_t *p, int64_t now_wall_ms)
{
    return ltw_playout_next_wall_ms(p, now_wall_ms) - now_wall_ms;
}


void
ltw_playout_learn(ltw_playout_t *p, size_t text_len, int64_t duration_ms,
    unsigned rate_percent)
{
    if (text_len > 0) {
        double found = (double) duration_ms * rate_percent / 100
            / (double) text_len;

        p->ms_per_byte += LEARNING * (found - p->ms_per_byte);
    }
}


int64_t
ltw_playout_estimate_ms(const ltw_playout_t *p, size_t text_len,
    unsigned rate_percent)
{
    return (int64_t) (p->ms_per_byte * (double) text_len * 100
        / rate_percent);
}
