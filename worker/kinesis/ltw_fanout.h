/*
 * One shard pushed to us instead of polled (enhanced fan-out), for as long as
 * that can be.  Not here: polling; who may read the shard.
 *
 * States, and what ends each:
 *   POLLED      ltw_fanout_start(), which says no until there is a consumer,
 *               5 s have passed since the last subscription began (AWS), and
 *               what a failure costs is over: 1 to 60 s
 *   SUBSCRIBED  the subscription is over: 285 s old and renewed, or lost;
 *               another one at once where that may be, else POLLED
 * Callbacks run on the loop, never inside a function of this header.
 */
#ifndef LTW_FANOUT_H
#define LTW_FANOUT_H

#include "kinesis/ltw_consumer.h"
#include "kinesis/ltw_subscription.h"

#define LTW_FANOUT_POSITION_MAX 160

typedef struct ltw_fanout_s ltw_fanout_t;

typedef struct {
    const ltw_services_t *services;
    const char *shard;                  /* outlives the object */
    int (*is_ready)(void *data);        /* 0: hold the records back */
    /* 0: no memory; then polled() follows. */
    int (*take)(void *data, const ltw_records_t *records);
    void (*alive)(void *data);          /* nothing waits to be taken */
    /* The shard is closed, all was taken: POLLED, and not to be read. */
    void (*read_out)(void *data);
    void (*polled)(void *data);         /* POLLED: after the last record */
    void *data;
} ltw_fanout_options_t;

ltw_fanout_t *ltw_fanout_new(const ltw_fanout_options_t *options);
void ltw_fanout_free(ltw_fanout_t **fanout);

/* 1: SUBSCRIBED from that position on (as ltw_aws_kinesis_get_iterator()). */
int ltw_fanout_start(ltw_fanout_t *fanout, lt_str_t position);
void ltw_fanout_stop(ltw_fanout_t *fanout);             /* POLLED */

#endif
