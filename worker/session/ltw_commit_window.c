#include "session/ltw_commit.h"

#define CATCH_UP_MS 1500
/* Partial results come in steps: what ends so shortly before the batch's end
   covers it; words in the rest are not stable yet anyway. */
#define TOLERANCE_MS 400
/* After a final result there may be silence up to the batch's end, of which
   nothing is heard. */
#define PAUSE_MS 500
/* A late final with fewer words waits for the next batch. */
#define LATE_WORDS_MIN 3
#define IDLE_EXTRA_MS 1000
/* Players that hear two clips announced at once talk over each other. */
#define SPACING_MS 1000


static void
init(ltw_commit_t *c, lt_str_t language, int64_t batch_window_ms)
{
    (void) language;
    *c = (ltw_commit_t) { .until = LTW_WORDS_STABLE,
        .idle_after_ms = batch_window_ms + IDLE_EXTRA_MS };
}


static void
batch(ltw_commit_t *c, int64_t position_ms, int64_t now_ms)
{
    c->is_open = 1;
    c->has_due = 1;
    c->target_ms = position_ms;
    c->due_at_ms = now_ms + CATCH_UP_MS;
    c->batch_at_ms = now_ms;
}


static int
is_idle(const ltw_commit_t *c, int64_t now_ms)
{
    return !c->is_open && now_ms - c->batch_at_ms >= c->idle_after_ms;
}


/* A final that comes after its batch was committed does not wait for the next
   batch: these words are late already. */
static ltw_commit_verdict_t
late_final(ltw_commit_t *c, const ltw_words_t *words, int64_t now_ms)
{
    if (ltw_words_ready(words) < LATE_WORDS_MIN) {
        return LTW_COMMIT_WAIT;
    }
    if (now_ms - c->committed_at_ms >= SPACING_MS) {
        return LTW_COMMIT_NOW;
    }
    c->is_open = 1;
    c->has_due = 1;
    c->target_ms = INT64_MAX;
    c->due_at_ms = c->committed_at_ms + SPACING_MS;
    return LTW_COMMIT_WAIT;
}


static ltw_commit_verdict_t
result(ltw_commit_t *c, const ltw_asr_result_t *r, const ltw_words_t *words,
    int64_t now_ms)
{
    if (!c->is_open) {
        return r->is_partial ? LTW_COMMIT_WAIT
                             : late_final(c, words, now_ms);
    }
    if (!r->is_partial && now_ms + PAUSE_MS < c->due_at_ms) {
        c->due_at_ms = now_ms + PAUSE_MS;
    }
    return r->end_ms + TOLERANCE_MS >= c->target_ms ? LTW_COMMIT_NOW
                                                    : LTW_COMMIT_WAIT;
}


static ltw_commit_verdict_t
tick(ltw_commit_t *c, const ltw_words_t *words, int64_t now_ms)
{
    if (c->is_open) {
        return now_ms >= c->due_at_ms ? LTW_COMMIT_NOW : LTW_COMMIT_WAIT;
    }
    return is_idle(c, now_ms) && ltw_words_ready(words) > 0 ? LTW_COMMIT_NOW
                                                            : LTW_COMMIT_WAIT;
}


static void
committed(ltw_commit_t *c, int64_t now_ms)
{
    c->is_open = 0;
    c->has_due = 0;
    c->committed_at_ms = now_ms;
}


const ltw_commit_policy_t ltw_commit_window = {
    "window", init, batch, result, tick, committed
};
