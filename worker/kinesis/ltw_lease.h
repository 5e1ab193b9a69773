/*
 * Who reads a shard: an owner, a counter, a token and a checkpoint in Redis,
 * one hash a shard (lt:shard:<stream>:<shard>).  The owner raises the counter
 * each second; a worker that sees owner and counter unchanged for 3 s by its
 * own clock, having looked all the time, takes over and raises the token: what
 * the owner before it still writes is refused.  The model is the lease table
 * of the Kinesis Client Library.
 *
 * States, and what ends each:
 *   WAITING    looks three times a second, more often when a renewal is late, until
 *              the shard is free or its owner dead and others were let go first
 *              (yields_ms)
 *   HELD       renews each second, until Redis says that another owns it
 *   RELEASING  one command, until its reply or its timeout
 *   RELEASED   the end
 *
 * A lease that somebody had and that Redis does not know any more is left to
 * him for 6 s: Redis has lost its memory, he has not.
 *
 * A checkpoint is text: a sequence number; "@<Unix ms>" or "TRIM_HORIZON" when
 * nothing is done yet; or "SHARD_END".  It is written with the next renewal, at
 * once where possible, again until Redis has it, and never by who is not the
 * owner.
 */
#ifndef LTW_LEASE_H
#define LTW_LEASE_H

#include "kinesis/ltw_tenure.h"
#include "ltw_services.h"

#define LTW_CHECKPOINT_MAX 160
#define LTW_SHARD_END "SHARD_END"

typedef struct ltw_lease_s ltw_lease_t;

typedef struct {
    const ltw_services_t *services;
    const char *stream;
    const char *shard;          /* all three outlive the lease */
    const char *owner;          /* this process */
    /* So long a free one is left to others; asked each time. */
    int64_t (*yields_ms)(void *data);
    void (*taken)(void *data, lt_str_t checkpoint);     /* "" = none yet */
    void (*lost)(void *data);   /* then it is claimed again by itself */
    void (*released)(void *data);
    void *data;
} ltw_lease_options_t;

ltw_lease_t *ltw_lease_new(const ltw_lease_options_t *options);
void ltw_lease_free(ltw_lease_t **lease);   /* without a release */

void ltw_lease_claim(ltw_lease_t *lease);   /* begins; once */
void ltw_lease_checkpoint(ltw_lease_t *lease, lt_str_t checkpoint);
/* Its talks finish: it will be given to another worker. */
void ltw_lease_leave(ltw_lease_t *lease);
/* Gives the shard back with the last checkpoint, to anybody (NULL) or to that
   worker, which has 3 s to come; released() follows. */
void ltw_lease_release(ltw_lease_t *lease, const char *heir);

/* NULL while it is not held; the lease's reference. */
ltw_tenure_t *ltw_lease_tenure(const ltw_lease_t *lease);

/* Renewed so lately that nobody can have taken it.  While not: do not read. */
int ltw_lease_is_fresh(const ltw_lease_t *lease);
/* The worker that holds it and lives, as far as can be seen; "": none, or we.
   Until the next turn of the loop. */
const char *ltw_lease_other(const ltw_lease_t *lease);
/* The last checkpoint given is in Redis. */
int ltw_lease_is_stored(const ltw_lease_t *lease);

#endif
