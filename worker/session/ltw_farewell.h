/*
 * The end of a talk: its languages finish what they have,
 * LTW_FAREWELL_MAX_MS at most, then nginx is told how long the last clip
 * plays (event=drained), if anybody is to be told.
 */
#ifndef LTW_FAREWELL_H
#define LTW_FAREWELL_H

#include "session/ltw_audience.h"

#define LTW_FAREWELL_MAX_MS 15000

typedef struct {
    const ltw_services_t *services;
    const ltw_talk_t *talk;
    ltw_audience_t *audience;
    ltw_lane_t *speaker;
    ltw_handler_t on_told;      /* look again: ltw_farewell_is_over() */
    void *data;

    int64_t until_ms;           /* 0: not begun */
    int is_telling;
} ltw_farewell_t;

void ltw_farewell_begin(ltw_farewell_t *farewell);
/* All segments were posted, the speaker's captions too. */
int ltw_farewell_is_dry(const ltw_farewell_t *farewell);
/* Tells nginx when it is time and is_to_tell.  1: all is said. */
int ltw_farewell_is_over(ltw_farewell_t *farewell, int is_to_tell,
    int64_t segments);

#endif
