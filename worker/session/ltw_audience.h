/*
 * The languages of one talk: those with listeners get its segments, also
 * LTW_AUDIENCE_LINGER_MS after the last one left, for who comes back; then they
 * finish what they have and are gone.
 */
#ifndef LTW_AUDIENCE_H
#define LTW_AUDIENCE_H

#include "session/ltw_language.h"
#include "session/ltw_ledger.h"
#include "session/ltw_session_redis.h"

#define LTW_AUDIENCE_LINGER_MS 10000

typedef struct {
    const ltw_pipeline_t *pipeline;
    ltw_talk_t *talk;
    const char *source;
    ltw_handler_t on_dry;       /* of any language; must not free it */
    void *data;

    struct {
        ltw_language_t *language;
        int is_heard;
        int64_t heard_at_ms;
    } rows[LTW_SESSION_LANGUAGES_MAX];
    size_t n;
} ltw_audience_t;

void ltw_audience_update(ltw_audience_t *audience,
    const ltw_session_view_t *view);
size_t ltw_audience_heard(const ltw_audience_t *audience);
/* To all that are heard and were not told it before; ledger may be NULL. */
void ltw_audience_add(ltw_audience_t *audience, ltw_segment_t *segment,
    const ltw_ledger_t *ledger);
int ltw_audience_is_dry(const ltw_audience_t *audience);
/* Unix ms; 0: nothing was posted. */
int64_t ltw_audience_plays_until_wall_ms(const ltw_audience_t *audience);
void ltw_audience_deinit(ltw_audience_t *audience);

#endif
