/*
 * Whether the parents of a shard have been read out, by whichever worker:
 * asks their leases in Redis each second until it is so.  What this worker has
 * read to the end counts before all of it is done: talks take the child's
 * audio after the parent's, and need it to say their last words.  With
 * starting_position latest a parent that nobody ever began does not count:
 * its talks are over.
 */
#ifndef LTW_PARENTS_H
#define LTW_PARENTS_H

#include "aws/ltw_aws_kinesis_list_shards.h"
#include "ltw_services.h"

typedef struct ltw_parents_s ltw_parents_t;

/* were_read: at least one of them was read by this product, so that the
   child has to be read from its beginning.  Once; may free the object. */
typedef void (*ltw_parents_handler_t)(void *data, int were_read);

typedef struct {
    const ltw_services_t *services;
    const char *stream;                 /* both outlive it; what the shard is */
    const ltw_shard_info_t *shard;      /* said to be may change */
    int (*is_read)(void *data, const char *parent);     /* here, to its end */
    ltw_parents_handler_t handler;
    void *data;
} ltw_parents_options_t;

ltw_parents_t *ltw_parents_new(const ltw_parents_options_t *options);
void ltw_parents_look(ltw_parents_t *parents);      /* now: one may be read */
void ltw_parents_free(ltw_parents_t **parents);

#endif
