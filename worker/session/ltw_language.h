/*
 * One language of one talk: Translate, Polly, S3, then nginx, for each segment
 * in order.  Stages of different segments overlap; posting does not.
 *
 * A segment's states in its language:
 *   waiting      LTW_LANGUAGE_BUSY_MAX others are under way
 *   translating  not when the language is the talk's own
 *   voicing
 *   storing      not when the clip goes in its message (ltw_inline.h)
 *   ready        done, or failed: then it is a caption with the reason
 *   posting      its turn in the lane; ltw_publish.h bounds it
 * Whatever is not ready LTW_SEGMENT_DEADLINE_MS after its commit becomes a
 * caption with reason "late".  A failed stage never stalls the next segment.
 *
 * Limits: LTW_LANGUAGE_JOBS_MAX segments; more are dropped and counted
 * (segments_failed, stage "queue").
 */
#ifndef LTW_LANGUAGE_H
#define LTW_LANGUAGE_H

#include "ltw_services.h"
#include "mt/ltw_mt.h"
#include "publish/ltw_publish.h"
#include "session/ltw_segment.h"
#include "store/ltw_store.h"
#include "tts/ltw_tts.h"

#define LTW_LANGUAGE_JOBS_MAX 32
#define LTW_LANGUAGE_BUSY_MAX 4
#define LTW_SEGMENT_DEADLINE_MS 10000

/* What a talk needs; outlives all talks. */
typedef struct {
    const ltw_services_t *services;
    ltw_mt_engine_t *mt;
    ltw_tts_engine_t *tts;
    ltw_store_t *store;
    ltw_publisher_t *publisher;
} ltw_pipeline_t;

typedef struct ltw_language_s ltw_language_t;

/* on_dry runs on the loop when the last segment is over; it must not free the
   language.  NULL: no memory. */
ltw_language_t *ltw_language_new(const ltw_pipeline_t *pipeline,
    const ltw_talk_t *talk, lt_str_t source, lt_str_t code,
    ltw_handler_t on_dry, void *data);
void ltw_language_free(ltw_language_t **language);      /* drops its work */

const char *ltw_language_code(const ltw_language_t *language);
void ltw_language_add(ltw_language_t *language, ltw_segment_t *segment);
int ltw_language_is_dry(const ltw_language_t *language);

/* Until when, Unix ms, a listener plays what was posted; 0: nothing was. */
int64_t ltw_language_plays_until_wall_ms(const ltw_language_t *language);

#endif
