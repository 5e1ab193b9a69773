/*
 * What all who work for one talk have to know: which it is, in which tenure
 * (kinesis/ltw_tenure.h) they do it, what is wished for it, what it costs.  The
 * session's; it outlives them.
 */
#ifndef LTW_TALK_H
#define LTW_TALK_H

#include "cost/ltw_cost.h"
#include "edge/ltw_loop.h"
#include "kinesis/ltw_tenure.h"
#include "session/ltw_settings.h"

typedef struct {
    const char *id;
    ltw_tenure_t *tenure;       /* of its latest audio; never NULL once it has
                                   any */
    ltw_settings_t settings;
    ltw_cost_t cost;
} ltw_talk_t;

/* What is said now, nobody else says. */
static inline int
ltw_talk_may_speak(const ltw_talk_t *talk, ltw_loop_t *loop)
{
    return talk->tenure != NULL
        && ltw_tenure_may_speak(talk->tenure, ltw_loop_now_ms(loop));
}

static inline int
ltw_talk_is(const ltw_talk_t *talk, ltw_tenure_state_t state)
{
    return talk->tenure != NULL && talk->tenure->state == state;
}

#endif
