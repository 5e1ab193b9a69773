/*
 * A talk's audio made into segments: records in, the recogniser's line, words
 * that wait, the policy that commits them, the clock times they get.
 *
 * States: closed (no line), open, finishing (until on_closed, 15 s at most).
 * Callbacks run on the loop, or inside ltw_speech_commit and _tick.
 */
#ifndef LTW_SPEECH_H
#define LTW_SPEECH_H

#include "asr/ltw_asr_line.h"
#include "kinesis/ltw_batch.h"
#include "session/ltw_commit.h"
#include "session/ltw_ledger.h"
#include "session/ltw_parts.h"
#include "session/ltw_segment.h"
#include "session/ltw_talk.h"

typedef struct ltw_speech_s ltw_speech_t;

typedef struct {
    const ltw_services_t *services;
    ltw_asr_engine_t *asr;
    const ltw_commit_policy_t *policy;
    ltw_talk_t *talk;           /* outlives it */
} ltw_speech_options_t;

typedef struct {
    /* mark: where its audio ends.  Take a reference to keep the segment. */
    void (*on_segment)(void *data, ltw_segment_t *segment,
        const ltw_mark_t *mark);
    /* Words were heard or committed: look at is_awaiting, has_due and due_at_ms. */
    void (*on_change)(void *data);
    /* After finish: the last words were given; it is closed again. */
    void (*on_closed)(void *data);
} ltw_speech_events_t;

ltw_speech_t *ltw_speech_new(const ltw_speech_options_t *options,
    const ltw_speech_events_t *events, void *data);     /* NULL: no memory */
void ltw_speech_free(ltw_speech_t **speech);

/* Before the first record: what a worker before this one has done. */
void ltw_speech_resume(ltw_speech_t *speech,
    const ltw_ledger_t *ledger);
int64_t ltw_speech_segment(const ltw_speech_t *speech); /* last number given */

/* Words that were heard and are in no segment: an unfinished one, which may
   still change.  As lt_out_*(). */
void ltw_speech_tail(const ltw_speech_t *speech, lt_out_t *out);

/* 0: no memory (logged). */
int ltw_speech_open(ltw_speech_t *speech, const char *language);
void ltw_speech_finish(ltw_speech_t *speech);           /* open only */

/* At once: what was heard and not committed is forgotten. */
void ltw_speech_drop(ltw_speech_t *speech);

/* is_fed 0: the audio is skipped and counted, its offsets are checked.  The
   part is taken.  1: it was the talk's last. */
int ltw_speech_add(ltw_speech_t *speech, const ltw_session_part_t *part,
    int is_fed);

/* It has audio that was not read before. */
int ltw_speech_is_new(const ltw_speech_t *speech,
    const ltw_session_part_t *part);
/* As ltw_timeline_end(). */
int ltw_speech_end(const ltw_speech_t *speech, ltw_mark_t *mark);

/* The end of the audio, and how far it has come. */
int64_t ltw_speech_position_ms(const ltw_speech_t *speech);
ltw_parts_reach_t ltw_speech_reach(const ltw_speech_t *speech);
/* Words were heard that are in no segment yet. */
int ltw_speech_has_words(const ltw_speech_t *speech);

/* All of a batch was added: its words are awaited. */
void ltw_speech_batch(ltw_speech_t *speech);
int ltw_speech_is_awaiting(const ltw_speech_t *speech);
int ltw_speech_has_due(const ltw_speech_t *speech);
int64_t ltw_speech_due_at_ms(const ltw_speech_t *speech);
/* Commits when the policy says so: at due_at_ms, and now and then. */
void ltw_speech_tick(ltw_speech_t *speech);
void ltw_speech_commit(ltw_speech_t *speech);           /* what is stable */

#endif
