/*
 * When a session's words become a segment, and how many of them.  A policy
 * decides, ltw_words.h knows the words; one file a policy:
 * ltw_commit_window.c, ltw_commit_live.c.  Pure: time is a parameter, now_ms
 * monotonic, positions ms on the session's line.
 */
#ifndef LTW_COMMIT_H
#define LTW_COMMIT_H

#include "asr/ltw_asr.h"
#include "session/ltw_clause.h"
#include "session/ltw_words.h"

typedef struct {
    int is_open;                /* a batch's words are awaited */
    int has_due;                /* tick() is wanted at due_at_ms */
    int64_t due_at_ms;
    size_t until;               /* what to take: ltw_words_take() */

    /* window */
    int64_t target_ms;          /* the end of their batch */
    int64_t idle_after_ms;      /* without a batch for that long, words are
                                   committed as they come */
    int64_t batch_at_ms;        /* the last one's */
    int64_t committed_at_ms;

    /* live */
    const ltw_clause_rules_t *rules;
    int64_t heard_ms;           /* where the last change of the words ended */
    size_t heard_n;             /* and how many they were */
} ltw_commit_t;

typedef enum { LTW_COMMIT_WAIT, LTW_COMMIT_NOW } ltw_commit_verdict_t;

typedef struct {
    const char *name;
    void (*init)(ltw_commit_t *commit, lt_str_t language,
        int64_t batch_window_ms);
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

/*
 * As soon as words can stand for themselves.  Of the stable words in front
 * those are taken that end
 *   a sentence;
 *   a clause, by a comma or its like, of five words or more;
 *   before a word that opens a clause, or else where the next word is known,
 *   when as many wait as the language allows (ltw_clause.h), or when the first
 *   of three or more was said 2.5 s ago;
 * all of them when nothing new was heard for 0.5 s (for 1.5 s if it is one
 * word, or if more follows that is not stable, or may follow), and what a
 * final result leaves.  Never between two words that belong together.
 */
extern const ltw_commit_policy_t ltw_commit_live;

#endif
