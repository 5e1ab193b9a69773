/*
 * What is done when a language needs longer than its speaker: a voice that
 * speaks faster, segments spoken in one clip, captions without a voice, no
 * translation.  One table in ltw_governor.c says when.  Pure.
 *
 * The backlog is how long listeners still have to listen to what they were
 * sent or is being made, in ms.  Each level begins at one backlog and ends
 * below a smaller one, so that it does not flutter.
 */
#ifndef LTW_GOVERNOR_H
#define LTW_GOVERNOR_H

#include "lt_base.h"

typedef enum {
    LTW_PACE_NORMAL,
    LTW_PACE_FASTER,
    LTW_PACE_CAPTIONS,          /* no voice until the backlog is played */
    LTW_PACE_SKIP               /* not even translated */
} ltw_pace_action_t;

typedef struct {
    ltw_pace_action_t action;
    unsigned rate_percent;      /* of the voice, 100 to 125 */
    int is_merging;             /* waiting segments are spoken in one clip */
} ltw_pace_t;

typedef struct {
    int is_live;                /* window: the voice is only made faster */
    size_t level;
} ltw_governor_t;

void ltw_governor_init(ltw_governor_t *governor, int is_live);

/* Of the next segment to be voiced. */
ltw_pace_t ltw_governor_voice(ltw_governor_t *governor, int64_t backlog_ms);

/* So many wait for a translation: the first is not even translated. */
int ltw_governor_is_skipping(size_t waiting_n);

const char *ltw_pace_name(ltw_pace_action_t action);

#endif
