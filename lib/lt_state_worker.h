/*
 * What workers keep in Redis: who reads which shard, who is in the fleet, what
 * a talk's next worker has to know.  docs/design.md, "Redis".
 *
 * Tenure: one worker's time with one shard.  Each claim of a lease gives a
 * token that is greater than all before; "<shard>/<16 digits of token>" is
 * the fence that goes with every write to a talk.  Fences are compared as
 * text: a later tenure of the same shard is greater, and so is any tenure of
 * a shard that came of it (Kinesis' shard ids rise).  Whoever comes with a
 * smaller fence than the one that is there writes nothing.
 */
#ifndef LT_STATE_WORKER_H
#define LT_STATE_WORKER_H

#include "lt_base.h"

#define LT_STATE_FENCE_MAX 160          /* with its zero byte */

/* "lt:workers:<stream>" */
lt_result_t lt_state_workers_key(lt_out_t *out, lt_str_t stream);

/* The zero-terminated fence; LT_NOSPACE: the shard's name is too long. */
lt_result_t lt_state_fence(char fence[LT_STATE_FENCE_MAX], lt_str_t shard,
    int64_t token);

typedef enum {
    /* KEYS lease.  ARGV me, the owner and the counter that I take for dead,
       '1' = only look, unless it was given to me, '1' = only look, unless Redis
       knows it -> 1, checkpoint, former owner, token; or 0, owner, counter */
    LT_STATE_LEASE_CLAIM,

    /* KEYS lease.  ARGV me, token, checkpoint or '', '' = keep it, '-' = give
       it back, or whose it is next -> 1; 0: it is not mine.  A lease that
       Redis has forgotten is still mine. */
    LT_STATE_LEASE_RENEW,

    /* KEYS workers.  ARGV me, what others are to know or '' = I go, then pairs
       of a dead worker and what it said last -> flat array of all */
    LT_STATE_WORKERS_ROLL,

    /* KEYS worker of a talk.  ARGV fence -> 1, flat array of all fields;
       0: another has it */
    LT_STATE_TALK_TAKE,

    /* KEYS worker of a talk.  ARGV fence, then fields and values -> 1 or 0 */
    LT_STATE_TALK_SET,

    /* KEYS worker of a talk.  ARGV fence, then fields -> 1 or 0 */
    LT_STATE_TALK_DELETE,

    /* KEYS session, listeners, languages, worker.  ARGV fence -> as
       LT_STATE_READ, with 1 for "mine" or 0 inserted before its code */
    LT_STATE_TALK_VIEW,

    LT_STATE_WORKER_SCRIPTS
} lt_state_worker_script_t;

/* Lua text; static, zero-terminated. */
const char *lt_state_worker_script(lt_state_worker_script_t script);

#endif
