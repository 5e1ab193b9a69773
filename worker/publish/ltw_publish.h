/*
 * Results to nginx: POST to any of results_urls, the next one when it fails
 * (docs/design.md, "Results").  Kept-alive connections by ltw_http.
 *
 * A lane is one order: its posts go out one after the other, each is over
 * (delivered, refused or given up) before the next begins.  Nothing is posted
 * while another worker might have the talk (ltw_talk_may_speak): it waits until
 * the lease is renewed, or its owner frees the lane because it was lost.
 * Limits: LTW_LANE_MAX posts wait in a lane, each for at most
 * LTW_PUBLISH_DEADLINE_MS once it is its turn.
 *
 * A handler runs exactly once for each post that was taken, on the loop only,
 * never inside a function of this header; after ltw_lane_free none runs.
 */
#ifndef LTW_PUBLISH_H
#define LTW_PUBLISH_H

#include "ltw_services.h"
#include "session/ltw_talk.h"

#define LTW_LANE_MAX 64
#define LTW_PUBLISH_DEADLINE_MS 5000

typedef struct ltw_publisher_s ltw_publisher_t;
typedef struct ltw_lane_s ltw_lane_t;

/* NULL: no URL, or no memory. */
ltw_publisher_t *ltw_publisher_new(const ltw_services_t *services,
    lt_error_t *err);
void ltw_publisher_free(ltw_publisher_t **publisher);   /* no lane is left */

/* The lane must not be freed inside; lane posts may. */
typedef void (*ltw_posted_t)(void *data, int is_delivered,
    unsigned elapsed_ms);

ltw_lane_t *ltw_lane_new(ltw_publisher_t *publisher, const ltw_talk_t *talk);
void ltw_lane_free(ltw_lane_t **lane);

/* query: what follows "?session=<id>", e.g. "&language=es"; copied as body
   is.  LT_NOSPACE: the lane is full, counted (results_dropped). */
lt_result_t ltw_lane_post(ltw_lane_t *lane, lt_str_t query, lt_str_t body,
    ltw_posted_t handler, void *data);
int ltw_lane_is_empty(const ltw_lane_t *lane);

#endif
