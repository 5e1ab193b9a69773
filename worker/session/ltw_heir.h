/*
 * A talk is taken over from the worker that had it before: Redis is asked what
 * that one left (ltw_ledger.h), the speech goes on where it ended, what it had
 * no time to tell is told.  And when the talk ends, who comes next finds that
 * nothing is left to read.
 */
#ifndef LTW_HEIR_H
#define LTW_HEIR_H

#include "session/ltw_audience.h"
#include "session/ltw_ledger.h"
#include "session/ltw_speech.h"

typedef struct {
    const ltw_services_t *services;
    ltw_talk_t *talk;
    ltw_speech_t *speech;
    /* is_ours 0: a later worker has the talk. */
    void (*on_taken)(void *data, int is_ours);
    void *data;

    ltw_redis_id_t taking;      /* 0: not under way */
    ltw_ledger_t ledger;
} ltw_heir_t;

/* on_taken follows; not when Redis does not answer. */
void ltw_heir_take(ltw_heir_t *heir);
int ltw_heir_is_taking(const ltw_heir_t *heir);
size_t ltw_heir_untold(const ltw_heir_t *heir);
void ltw_heir_tell(ltw_heir_t *heir, ltw_audience_t *audience);
void ltw_heir_end(ltw_heir_t *heir);
void ltw_heir_deinit(ltw_heir_t *heir);

#endif
