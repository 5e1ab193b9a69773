/*
 * A rate of calls that a fleet of workers shares, in Redis: who asks is given a
 * time, in the order of asking, so that no more than the rate come (the generic cell rate
 * algorithm of ATM: one number holds it).  A pause lets a quarter of a second's
 * calls come at once.  While AWS throttles nevertheless the rate is lower: four
 * fifths after each throttle, at most once a second, and a twentieth of the
 * most more each 10 s.  docs/design.md, "Redis".
 */
#ifndef LT_STATE_RATE_H
#define LT_STATE_RATE_H

#define LT_STATE_RATE_TRANSLATE "lt:quota:{translate}:rate"
#define LT_STATE_RATE_POLLY "lt:quota:{polly}:rate"

/* KEYS one of these.  ARGV calls a second at most, ms that can be waited
   -> 1, ms to wait, rate in use; or 0, ms that it would be: no turn was taken */
const char *lt_state_rate_take(void);

/* The same ARGV: AWS has throttled a call -> 1 */
const char *lt_state_rate_cut(void);

#endif
