/*
 * When a session's words become a segment.  A policy decides when, ltw_words.h
 * knows which; one file a policy: ltw_commit_window.c.  Pure: time is a
 * parameter, now_ms monotonic, positions ms on the session's line.
 */
#ifndef LTW_COMMIT_H
#define LTW_COMMIT_H

#include "asr/ltw_asr.h"
#include "session/ltw_words.h"

typedef struct {
    int is_open;                /* words are awaited */
    int64_t target_ms;          /* the end of their batch */
    int64_t due_at_ms;          /* wait no longer than that */
    int64_t idle_after_ms;      /* without a batch for that long, words are
                                   committed as they come */
    int64_t batch_at_ms;        /* the last one's */
    int64_t committed_at_ms;
} ltw_commit_t;

typedef enum { LTW_COMMIT_WAIT, LTW_COMMIT_NOW } ltw_commit_verdict_t;

typedef struct {
    const char *name;
    void (*init)(ltw_commit_t *commit, int64_t batch_window_ms);
    /* A batch was fed; its audio ends at position_ms. */
    void (*batch)(ltw_commit_t *commit, int64_t position_ms, int64_t now_ms);
    /* After words_add(). */
    ltw_commit_verdict_t (*result)(ltw_commit_t *commit,
        const ltw_asr_result_t *result, const ltw_words_t *words,
        int64_t now_ms);
    /* At due_at_ms, and now and then. */
    ltw_commit_verdict_t (*tick)(ltw_commit_t *commit,
        const ltw_words_t *words, int64_t now_ms);
    /* The session has committed, or had nothing to commit. */
    void (*committed)(ltw_commit_t *commit, int64_t now_ms);
} ltw_commit_policy_t;

/* One segment a batch: when the recogniser has caught up with the batch's
   end, 1.5 s after it was fed, or when nothing follows a final result for
   0.5 s.  One more when a final result with three words or more comes later
   than that, at least 1 s after. */
extern const ltw_commit_policy_t ltw_commit_window;

#endif
