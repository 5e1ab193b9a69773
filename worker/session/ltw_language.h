/*
 * One language of one talk: its segments in order, each a job (ltw_job.h),
 * posted in order, spoken as fast as ltw_governor.h says.
 *
 * Stages of different segments overlap; posting does not.  Listeners do not
 * wait for a segment that is late: it becomes a caption with reason "late"
 * when they could have heard it for voice_patience.  While they still have
 * much to listen to, translated segments wait, LTW_LANGUAGE_AHEAD_MS ahead of
 * their turn, and are then spoken in one clip.
 *
 * Limits: LTW_LANGUAGE_JOBS_MAX segments; more are dropped and counted
 * (segments_failed, stage "queue").
 */
#ifndef LTW_LANGUAGE_H
#define LTW_LANGUAGE_H

#include "session/ltw_job.h"

#define LTW_LANGUAGE_JOBS_MAX 32
#define LTW_LANGUAGE_BUSY_MAX 4
#define LTW_LANGUAGE_AHEAD_MS 2500

typedef struct ltw_language_s ltw_language_t;

/* on_dry runs on the loop or in ltw_language_add when nothing is left to do;
   it must not free the language.  NULL: no memory. */
ltw_language_t *ltw_language_new(const ltw_pipeline_t *pipeline,
    ltw_talk_t *talk, lt_str_t source, lt_str_t code,
    ltw_handler_t on_dry, void *data);
void ltw_language_free(ltw_language_t **language);      /* drops its work */

const char *ltw_language_code(const ltw_language_t *language);
void ltw_language_add(ltw_language_t *language, ltw_segment_t *segment);
int ltw_language_is_dry(const ltw_language_t *language);

/* 0: its listeners want captions only. */
void ltw_language_set_voiced(ltw_language_t *language, int is_voiced);

/* Until when, Unix ms, a listener plays what was posted; 0: nothing was. */
int64_t ltw_language_plays_until_wall_ms(const ltw_language_t *language);

#endif
