/*
 * One talk: its audio to the recogniser, its words to segments, its segments
 * to the languages that have listeners.
 *
 * States, and how each is left:
 *   joining   what Redis knows is being read; tried again every second until
 *             it answers (its batches wait, so the shard waits too)
 *   quiet     nobody listens: audio is skipped and counted
 *   live      a recogniser's line is open; 10 s without a listener: closing
 *   closing   the line is finishing (15 s at most), then quiet, or draining
 *             when the talk has ended
 *   draining  the languages finish what they have, nginx is told
 *             (ltw_farewell.h)
 *   over      on_over was called
 * A talk has ended when a record says so (LT_AUDIO_FLAG_LAST), or Redis does
 * and no audio came for batch_window + 1.5 s, or nothing came for 15 minutes.
 *
 * Batches are taken one after the other; a batch that comes while words of
 * the one before are awaited ends that waiting.  When a batch is done:
 * ltw_parts.h.  A talk whose lease was lost, or that a later worker has, is left
 * at once, in any state; one whose shard moves to another worker tells what it
 * has committed and leaves the rest to it.
 * What a worker before this one left untold (ltw_ledger.h) is
 * told first.  Records that come once more after the end are counted as
 * duplicates, whoever reads them.
 */
#ifndef LTW_SESSION_H
#define LTW_SESSION_H

#include "asr/ltw_asr.h"
#include "kinesis/ltw_batch.h"
#include "session/ltw_commit.h"
#include "session/ltw_language.h"
#include "session/ltw_parts.h"

typedef struct ltw_session_s ltw_session_t;

typedef struct {
    ltw_pipeline_t pipeline;
    ltw_asr_engine_t *asr;
    const ltw_commit_policy_t *policy;
    ltw_settings_t settings;    /* of talks without their own */
} ltw_session_rooms_t;

/* on_over: free it there or later; it takes nothing more.  Runs on the loop,
   never inside a function of this header.  NULL: no memory. */
ltw_session_t *ltw_session_new(const ltw_session_rooms_t *rooms, lt_str_t id,
    ltw_handler_t on_over, void *data);
/* Before on_over: the done()s of its parts do not run. */
void ltw_session_free(ltw_session_t **session);

lt_str_t ltw_session_id(const ltw_session_t *session);

/* It takes nothing more: another one has to be made. */
int ltw_session_is_lost(const ltw_session_t *session);

/* The part stays the caller's and lives until done(). */
void ltw_session_add(ltw_session_t *session, ltw_session_part_t *part);

/* Its recogniser waits for a place in the account's quota. */
void ltw_session_waits(ltw_session_t *session, int64_t place);

/* The worker ends, the talk does not: its segments are told, its last audio is
   left to the next worker (tenure->is_frozen), then on_over. */
void ltw_session_leave(ltw_session_t *session);

#endif
