/*
 * What a fleet of workers shares of an account's quota, in Redis: streams at
 * once, starts a second, and a limit below the quota while AWS throttles
 * (raised by one each 10 s, lowered to four fifths of what is open by each
 * throttle, at most once a second).  docs/design.md, "Redis".
 *
 * Who waits gets a stream in the order of the first question.  Who has a place
 * and opens another stream with it (the one before broke, or grew old) waits
 * for the starts only.  A stream that
 * is not asked for again within its time, and a question that is not repeated
 * within 5 s, are forgotten: their worker is dead.
 */
#ifndef LT_STATE_QUOTA_H
#define LT_STATE_QUOTA_H

#include "lt_base.h"

/* KEYS of all, in one slot: who has a stream, who waits, who waits and lives,
   the figures. */
#define LT_STATE_QUOTA_KEYS 4
#define LT_STATE_QUOTA_STREAMS "lt:quota:{transcribe}:streams"
#define LT_STATE_QUOTA_WAITING "lt:quota:{transcribe}:waiting"
#define LT_STATE_QUOTA_LIVING "lt:quota:{transcribe}:living"
#define LT_STATE_QUOTA_FIGURES "lt:quota:{transcribe}:figures"

/* ARGV id, streams at most, starts a second at most, ms that it is given for,
   '1' = to open a stream, '0' = to go on with it
   -> 1, until when (Unix ms), limit; or 0, place in the line, limit; place 0:
   it is kept, there were too many starts */
const char *lt_state_quota_take(void);

/* ARGV id, '1' = AWS has throttled it, until when it was given: another worker
   that has it for longer by now keeps it -> 1 */
const char *lt_state_quota_give(void);

#endif
