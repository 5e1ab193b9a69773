/*
 * What Redis says of a talk when it is asked: its language, who listens,
 * whether it goes on, whether it is still ours.  Keeps the audience by it; no
 * answer: whoever listened before still does.
 */
#ifndef LTW_PRESENCE_H
#define LTW_PRESENCE_H

#include "session/ltw_audience.h"
#include "session/ltw_session_redis.h"

/* view NULL: no answer. */
typedef void (*ltw_presence_handler_t)(void *data,
    const ltw_session_view_t *view);

typedef struct {
    const ltw_services_t *services;
    ltw_talk_t *talk;
    const ltw_settings_t *settings;     /* of talks without their own */
    ltw_audience_t *audience;
    void *data;                 /* of the handlers */

    char source[3];             /* "" until it is known */
    int is_lost;                /* a later worker has it */
    int64_t heard_at_ms;        /* somebody listened */
    int64_t asked_at_ms;
    int is_live_asked;          /* somebody wants what may still change */
    int has_warned;             /* that Redis does not know it */
    int has_failed;             /* said that it has no language of ours */
    ltw_redis_id_t query;       /* 0: none under way */
    ltw_presence_handler_t handler;
} ltw_presence_t;

/* A question that is under way is answered to this handler instead.  Nothing
   when it cannot be asked. */
void ltw_presence_ask(ltw_presence_t *presence,
    ltw_presence_handler_t handler);
int ltw_presence_is_asking(const ltw_presence_t *presence);
void ltw_presence_deinit(ltw_presence_t *presence);

#endif
