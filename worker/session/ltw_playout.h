/*
 * How far the listeners of one language are: until when they play what they
 * were sent, and how long a text takes to be spoken there.  Pure; times are
 * Unix ms.
 */
#ifndef LTW_PLAYOUT_H
#define LTW_PLAYOUT_H

#include "lt_base.h"

typedef struct {
    int64_t until_wall_ms;      /* 0: nothing was sent */
    double ms_per_byte;         /* of text, at the voice's normal rate */
} ltw_playout_t;

void ltw_playout_init(ltw_playout_t *playout);

/* A clip was sent just now. */
void ltw_playout_sent(ltw_playout_t *playout, int64_t duration_ms,
    int64_t now_wall_ms);

/* What is left to play; 0: the listeners are in time. */
int64_t ltw_playout_left_ms(const ltw_playout_t *playout,
    int64_t now_wall_ms);

/* When the next clip can be heard. */
int64_t ltw_playout_next_wall_ms(const ltw_playout_t *playout,
    int64_t now_wall_ms);

/* That text took so long at that rate. */
void ltw_playout_learn(ltw_playout_t *playout, size_t text_len,
    int64_t duration_ms, unsigned rate_percent);
int64_t ltw_playout_estimate_ms(const ltw_playout_t *playout,
    size_t text_len, unsigned rate_percent);

#endif
