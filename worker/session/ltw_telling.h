/*
 * Who is told what a talk says: its languages, its speaker, those who want the
 * words that may still change; and its end.
 */
#ifndef LTW_TELLING_H
#define LTW_TELLING_H

#include "session/ltw_audience.h"
#include "session/ltw_farewell.h"
#include "session/ltw_tail.h"

typedef struct {
    const ltw_talk_t *talk;
    const char *source;
    ltw_audience_t audience;
    ltw_lane_t *speaker;        /* captions, and the end */
    ltw_tail_t *tail;
    ltw_farewell_t farewell;
} ltw_telling_t;

/* source: the talk's language, may be filled in later.  on_turn: a language
   has become dry, or the end was told.  0: no memory. */
int ltw_telling_init(ltw_telling_t *telling, const ltw_pipeline_t *pipeline,
    ltw_talk_t *talk, const char *source, const ltw_speech_t *speech,
    ltw_handler_t on_turn, void *data);
void ltw_telling_deinit(ltw_telling_t *telling);        /* drops its work */

void ltw_telling_segment(ltw_telling_t *telling, ltw_segment_t *segment,
    const ltw_mark_t *mark);

/* Words have changed; is_asked 0: nobody wants to know. */
void ltw_telling_words(ltw_telling_t *telling, int is_asked);

/* The speaker waits for a recogniser; segment: the next one's number. */
void ltw_telling_waits(ltw_telling_t *telling, int64_t segment,
    int64_t place);

#endif
