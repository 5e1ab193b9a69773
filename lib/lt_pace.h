/*
 * How fast one shard may be written to.  Nothing holds it back until it
 * refuses a record; then it rests for a moment, and is given a rate that falls
 * by three tenths with each refusal and grows by 50 kB/s each second without
 * one (additive increase, multiplicative decrease): so the producers of a
 * fleet, which do not know each other, share what the shard takes.  Beyond a
 * shard's own limit the rate ends.
 *
 * Time is the caller's, monotonic ms.  Pure.
 */
#ifndef LT_PACE_H
#define LT_PACE_H

#include "lt_base.h"

#define LT_PACE_LIMIT 1000000       /* bytes a second: a shard's, AWS quotas */
#define LT_PACE_MIN 32000           /* one voice */
#define LT_PACE_STEP 50000          /* bytes a second, each second */
#define LT_PACE_CUT_MS 500          /* refusals within it count as one */

typedef struct {
    unsigned rate;              /* bytes a second; 0: any */
    unsigned attempt;           /* refusals in a row */
    int64_t level;              /* bytes that may go now; below 0: a debt */
    int64_t at_ms;              /* of level and rate */
    int64_t rest_until_ms;
    int64_t cut_at_ms;
} lt_pace_t;

void lt_pace_init(lt_pace_t *pace);

/* May a record go now?  Its bytes are told to _sent() afterwards, so one may
   be larger than the level. */
int lt_pace_is_open(lt_pace_t *pace, int64_t now_ms);
void lt_pace_sent(lt_pace_t *pace, size_t bytes);

void lt_pace_stored(lt_pace_t *pace);

/* A record was refused.  random in [0,1); the rest is at most max_ms, and
   like every delay of AWS's rules between 0 and twice the one before. */
void lt_pace_refused(lt_pace_t *pace, int64_t now_ms, double random,
    unsigned max_ms);

#endif
