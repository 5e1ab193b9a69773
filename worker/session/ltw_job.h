/*
 * One segment in one language: Translate, Polly, S3, and what became of it.
 *
 * States, each with its time:
 *   waiting      LTW_LANGUAGE_BUSY_MAX others are under way
 *   translating  not when the language is the talk's own
 *   translated   its turn for a voice comes (ltw_language.h)
 *   voicing      alone, or spoken in the clip of an earlier one: then that one
 *                is its leader
 *   storing      not when the clip goes in its message (ltw_inline.h)
 *   ready        done, or dropped: then it is a caption with the reason
 *   posting      its turn in the lane; ltw_publish.h bounds it
 * Whatever is not ready LTW_SEGMENT_DEADLINE_MS after its commit becomes a
 * caption with reason "late".
 *
 * A job's functions change it and call nobody; on_change runs on the loop when
 * a stage has ended, and may do with the job what it likes.
 */
#ifndef LTW_JOB_H
#define LTW_JOB_H

#include "ltw_services.h"
#include "mt/ltw_mt.h"
#include "publish/ltw_publish.h"
#include "session/ltw_governor.h"
#include "session/ltw_playout.h"
#include "session/ltw_segment.h"
#include "store/ltw_store.h"
#include "tts/ltw_tts.h"

#define LTW_SEGMENT_DEADLINE_MS 10000
#define LTW_JOB_MERGE_MAX 4         /* segments in one clip */

/* What a talk needs; outlives all talks. */
typedef struct {
    const ltw_services_t *services;
    ltw_mt_engine_t *mt;
    ltw_tts_engine_t *tts;
    ltw_store_t *store;
    ltw_publisher_t *publisher;
    ltw_price_list_t prices;
} ltw_pipeline_t;

/* What the jobs of a language share: the language's; outlives them. */
typedef struct {
    const ltw_pipeline_t *pipeline;
    ltw_talk_t *talk;
    char source[3];
    char code[3];
    ltw_playout_t playout;
    ltw_handler_t on_change;
    void *data;
} ltw_job_room_t;

typedef enum {
    LTW_JOB_WAITING, LTW_JOB_TRANSLATING, LTW_JOB_TRANSLATED,
    LTW_JOB_VOICING, LTW_JOB_STORING, LTW_JOB_READY, LTW_JOB_POSTING
} ltw_job_state_t;

typedef struct ltw_job_s ltw_job_t;

struct ltw_job_s {
    ltw_job_t *next;            /* the language's list, by segment */
    ltw_job_room_t *room;
    ltw_segment_t *segment;
    ltw_job_state_t state;
    ltw_job_t *leader;          /* NULL: itself; an earlier one */
    ltw_pace_t pace;
    ltw_timer_t *deadline;
    int64_t due_at_ms;
    int64_t added_wall_ms;
    ltw_mt_call_t *mt;
    ltw_tts_call_t *tts;
    ltw_store_call_t *store;
    char *text;                 /* the translation; NULL: none */
    size_t text_len;
    size_t spoken_len;          /* with that of those it leads */
    char *url;                  /* of the MP3, or itself; NULL: a caption */
    size_t url_len;
    const char *reason;         /* of a caption */
    int64_t duration_ms;
    int64_t translated_wall_ms;
    int64_t voiced_wall_ms;
    int64_t stored_wall_ms;
};

ltw_job_t *ltw_job_new(ltw_job_room_t *room, ltw_segment_t *segment);
void ltw_job_free(ltw_job_t *job);

void ltw_job_translate(ltw_job_t *job);         /* of a waiting one */

/* Of a translated one; those that follow it and have it as leader are spoken
   with it. */
void ltw_job_voice(ltw_job_t *job, ltw_pace_t pace);

/* Not ready: a caption, as it was decided; with what is known of its text. */
void ltw_job_caption(ltw_job_t *job, const char *reason);

/* Not ready: a caption, because its stage has failed.  reason NULL: the
   stage's own. */
void ltw_job_fail(ltw_job_t *job, const char *code, const char *reason);

/* How long it will be heard, as far as that is known; 0: it has no voice. */
int64_t ltw_job_sound_ms(const ltw_job_t *job);

/* Of a ready one: what its listeners are told. */
lt_result_t ltw_job_message(lt_out_t *out, const ltw_job_t *job);

void ltw_job_log_failed(const ltw_job_t *job, const char *code);

#endif
