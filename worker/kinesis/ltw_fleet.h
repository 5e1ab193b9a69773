/*
 * The workers of one stream: who is there, how much each reads, and whether a
 * shard of ours should go to another.  Each tells the others once a second
 * (lt:workers:<stream> in Redis); who has said nothing new for 3 s by our own
 * clock is not counted, and struck out after a minute.
 *
 * Load: bytes a second, averaged over some 10 s, and LTW_FLEET_SHARD_LOAD for
 * each shard, so that silent ones are spread too.
 * Limits: LTW_FLEET_MAX workers; more are not seen.
 */
#ifndef LTW_FLEET_H
#define LTW_FLEET_H

#include "ltw_services.h"

#define LTW_FLEET_MAX 256
#define LTW_FLEET_ID_MAX 40
#define LTW_FLEET_SHARD_LOAD 2000

typedef struct ltw_fleet_s ltw_fleet_t;

/* on_beat: once a second, before the next word to the others: for
   ltw_fleet_report().  owner: this process; outlives the fleet. */
ltw_fleet_t *ltw_fleet_new(const ltw_services_t *services, const char *stream,
    const char *owner, ltw_handler_t on_beat, void *data);
void ltw_fleet_free(ltw_fleet_t **fleet);

/* What goes out with the next beat. */
void ltw_fleet_report(ltw_fleet_t *fleet, size_t shards, int64_t load);
void ltw_fleet_leave(ltw_fleet_t *fleet);       /* tells the others, once */

size_t ltw_fleet_size(const ltw_fleet_t *fleet);        /* this one too */

typedef struct {
    int64_t load;
    int is_fixed;               /* may not be moved now */
} ltw_fleet_shard_t;

/*
 * Which of our shards should go: the one whose move to the worker with the
 * least load makes the greater of the two loads smallest, if that is less by a
 * tenth of the mean.  -1: none; else its index, and *heir is valid until the
 * next beat.
 */
int ltw_fleet_pick(const ltw_fleet_t *fleet, const ltw_fleet_shard_t *ours,
    size_t n, const char **heir);

#endif
