/*
 * One shard's life in this worker.
 *
 * States, and what ends each (all have a timer or a call with a timeout):
 *   PARENTS    asks Redis each second, until its parents are read out
 *   CLAIMING   the lease, for as long as another worker holds it
 *   READING    ltw_reader.h, until the shard is read out
 *   FINISHING  closed and read out: until its batches are done and Redis has
 *              the checkpoint SHARD_END
 *   MOVING     another worker shall have it, that one or any: until its talks have finished, 10 s
 *              at most
 *   GIVING     the lease is made the other's; then CLAIMING
 *   DRAINING   told to end: until its batches are done
 *   RELEASING  the lease is given back
 *   ENDED      read out, or not to be read at all, or drained
 *
 * Where reading begins: at the checkpoint; without one, a child whose parents
 * were read here at TRIM_HORIZON, any other at starting_position.
 */
#ifndef LTW_SHARD_H
#define LTW_SHARD_H

#include "aws/ltw_aws_kinesis_list_shards.h"
#include "kinesis/ltw_batch.h"
#include "kinesis/ltw_fleet.h"
#include "ltw_services.h"

typedef struct ltw_shard_s ltw_shard_t;

typedef struct {
    const ltw_services_t *services;
    const char *stream;                 /* outlives the shard */
    const char *owner;                  /* this process; outlives it too */
    ltw_batch_handler_t handler;
    void *handler_data;
    void (*ended)(void *data, ltw_shard_t *shard);  /* now ENDED, once; the
                                                       shard may be freed */
    int (*has_share)(void *data);       /* as many shards as others have */
    int (*is_read)(void *data, const char *shard);  /* ltw_parents.h */
    void (*read_out)(void *data);       /* its children may begin */
    void *data;
} ltw_shard_options_t;

#define LTW_SHARD_WEIGH_MS 5000
#define LTW_SHARD_STUCK_MS 10000

/* Starts at once.  parents: those that are still listed. */
ltw_shard_t *ltw_shard_new(const ltw_shard_options_t *options,
    const ltw_shard_info_t *info);
void ltw_shard_free(ltw_shard_t **shard);

const char *ltw_shard_id(const ltw_shard_t *shard);
int ltw_shard_is_read(const ltw_shard_t *shard);    /* here, to its end */
/* Its listing while it waits for its parents; NULL otherwise. */
const ltw_shard_info_t *ltw_shard_waits(const ltw_shard_t *shard);
/* Another shard has been read to its end. */
void ltw_shard_look(ltw_shard_t *shard);
/* As it is listed now: closed meanwhile, a parent expired. */
void ltw_shard_update(ltw_shard_t *shard, const ltw_shard_info_t *info);

/* Once a second: gives a shard back that cannot be read for
   LTW_SHARD_STUCK_MS, while there are others to read it; else begins anew. */
void ltw_shard_watch(ltw_shard_t *shard, int has_others);
/* Nobody reads it, as far as this worker can see. */
int ltw_shard_is_unread(const ltw_shard_t *shard);

/* Reads no more, hands over what it has, gives its lease back: ended(). */
void ltw_shard_drain(ltw_shard_t *shard);
/* The time for that is over: gives the lease back as far as it got. */
void ltw_shard_hurry(ltw_shard_t *shard);

/* Its load for the fleet; once a second or so. */
int64_t ltw_shard_weigh(ltw_shard_t *shard);
/* Read by us for a while: it may be moved. */
int ltw_shard_is_settled(const ltw_shard_t *shard);
int ltw_shard_is_moving(const ltw_shard_t *shard);
/* The worker that reads it, or "": this one, or nobody. */
const char *ltw_shard_other(const ltw_shard_t *shard);
/* A settled one, or one that was read here, goes to that worker. */
void ltw_shard_move(ltw_shard_t *shard, const char *heir);

int ltw_shard_is_ended(const ltw_shard_t *shard);
int ltw_shard_is_owned(const ltw_shard_t *shard);
int64_t ltw_shard_behind_ms(const ltw_shard_t *shard);  /* 0 unless owned */

#endif
