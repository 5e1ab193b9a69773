/*
 * The words that are in no segment yet, for listeners that asked for them
 * (captions=live): a caption message with its text in "tail", when they have
 * changed, once in LTW_TAIL_EVERY_MS at most.  One that nginx does not take is
 * not sent again: the next one has all of it.
 */
#ifndef LTW_TAIL_H
#define LTW_TAIL_H

#include "publish/ltw_publish.h"
#include "session/ltw_speech.h"

#define LTW_TAIL_EVERY_MS 333
#define LTW_TAIL_MAX 2000       /* bytes; of more only the front is sent */

typedef struct ltw_tail_s ltw_tail_t;

/* language: of the talk, may be filled in later. */
ltw_tail_t *ltw_tail_new(ltw_publisher_t *publisher,
    const ltw_services_t *services, const ltw_talk_t *talk,
    const char *language, const ltw_speech_t *speech);
void ltw_tail_free(ltw_tail_t **tail);

/* The words have changed; is_asked 0: nobody wants them. */
void ltw_tail_touch(ltw_tail_t *tail, int is_asked);

#endif
