/*
 * One worker's time with one shard, from taking its lease to the end: what a
 * talk must know before it says anything to anybody.  Made by the lease, held
 * by the shard's batches and by the talks that live on them.
 *
 *   HELD       ours; and FRESH until fresh_until_ms: till then nobody can have
 *              taken it, so what is said now nobody else says
 *   LEAVING    ours, given to another worker soon: talks tell what they have
 *              committed; words that are not are the next worker's
 *   READ_OUT   the shard is closed and all of it was done: its talks go on
 *              with another shard, here or elsewhere; for some seconds they
 *              may still say that they are over
 *   LOST       another worker's: talks stop at once, nothing more is said
 *
 * Limits: one allocation; freed with the last reference.
 */
#ifndef LTW_TENURE_H
#define LTW_TENURE_H

#include "lt_state_worker.h"

typedef enum {
    LTW_TENURE_HELD, LTW_TENURE_LEAVING, LTW_TENURE_READ_OUT, LTW_TENURE_LOST
} ltw_tenure_state_t;

typedef struct {
    ltw_tenure_state_t state;
    int64_t fresh_until_ms;             /* monotonic */
    int64_t token;
    int is_frozen;                      /* a talk stopped in the middle of a
                                           word: no checkpoint passes that */
    char fence[LT_STATE_FENCE_MAX];     /* for what is written to Redis */
    unsigned refs;
} ltw_tenure_t;

/* One reference; NULL: no memory, or a shard's name that is too long. */
ltw_tenure_t *ltw_tenure_new(const char *shard, int64_t token,
    int64_t fresh_until_ms);
ltw_tenure_t *ltw_tenure_ref(ltw_tenure_t *tenure);
void ltw_tenure_unref(ltw_tenure_t **tenure);           /* NULL is allowed */

/* It can be said: ours, and nobody can have taken it yet. */
int ltw_tenure_may_speak(const ltw_tenure_t *tenure, int64_t now_ms);

#endif
