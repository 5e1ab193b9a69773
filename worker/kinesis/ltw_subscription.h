/*
 * One SubscribeToShard: its request, its events, its end.  API reference,
 * SubscribeToShard.  Not here: when to subscribe, and again (ltw_fanout.h).
 *
 * States, and what ends each:
 *   OPENING  until the answer's headers, 10 s
 *   LIVE     asked for a sign of life each 5 s; over after 10 s without one
 *   HELD     an event waits until it may be taken, asked each 100 ms; the
 *            server may send no more than a window of HTTP/2 meanwhile
 *   OVER     told to the owner
 * Memory: one event, LTW_GET_RECORDS_BODY_MAX, and LTW_H2_WINDOW.
 * Callbacks run on the loop only, never inside a function of this header;
 * after ltw_subscription_close none runs, also when called from inside one.
 */
#ifndef LTW_SUBSCRIPTION_H
#define LTW_SUBSCRIPTION_H

#include "aws/ltw_aws_kinesis_get_records.h"
#include "edge/ltw_tls.h"
#include "ltw_services.h"

typedef struct ltw_subscription_s ltw_subscription_t;

typedef struct {
    void (*on_open)(void *data);
    int (*is_ready)(void *data);    /* 0: hold the next event back */
    /* next: where to go on, "" when the shard has been read out.  0: could
       not be taken; on_over follows. */
    int (*on_event)(void *data, const ltw_records_t *records, lt_str_t next);
    /* There is a connection, and nothing came that was not taken. */
    void (*on_alive)(void *data);
    /* The last call.  answer NULL: the server ended it properly. */
    void (*on_over)(void *data, const ltw_aws_answer_t *answer);
} ltw_subscription_events_t;

/* position: as ltw_aws_kinesis_get_iterator(); all but services, tls and
   events is copied.  NULL: err says why. */
ltw_subscription_t *ltw_subscription_open(const ltw_services_t *services,
    ltw_tls_context_t *tls, lt_str_t consumer_arn, lt_str_t shard,
    lt_str_t position, const ltw_subscription_events_t *events, void *data,
    lt_error_t *err);
void ltw_subscription_close(ltw_subscription_t **subscription);

#endif
