#include "session/ltw_commit.h"

#define CLAUSE_WORDS_MIN 5
#define AGE_MS 2500
#define AGE_WORDS_MIN 3
#define PAUSE_MS 500
#define PAUSE_WORDS_MIN 2
#define SILENCE_MS 1500

/* The stable words that were not taken: items[first], …, items[end - 1]. */
typedef struct {
    const ltw_words_t *words;
    const ltw_clause_rules_t *rules;
    size_t first;
    size_t end;
} front_t;


static void
init(ltw_commit_t *c, lt_str_t language, int64_t batch_window_ms)
{
    (void) batch_window_ms;
    *c = (ltw_commit_t) { .rules = ltw_clause_rules(language) };
}


/* Its words need not be awaited: they are committed when they are there. */
static void
batch(ltw_commit_t *c, int64_t position_ms, int64_t now_ms)
{
    (void) c;
    (void) position_ms;
    (void) now_ms;
}


static int
is_word(const front_t *f, size_t i)
{
    return f->words->items[i].is_word;
}


static unsigned
words_n(const front_t *f, size_t until)
{
    unsigned n = 0;

    for (size_t i = f->first; i < until; i++) {
        n += is_word(f, i) != 0;
    }
    return n;
}


/* Between items[i - 1] and items[i], which need not be stable. */
static int
may_part(const front_t *f, size_t i)
{
    return i > f->first && i < f->words->items_n && is_word(f, i)
        && !(is_word(f, i - 1)
             && ltw_clause_binds(f->rules, ltw_words_text(f->words, i - 1),
                    ltw_words_text(f->words, i)));
}


/* After the last mark that ends something; 0: there is none. */
static size_t
after_mark(const front_t *f)
{
    for (size_t i = f->end; i > f->first; i--) {
        lt_str_t text = ltw_words_text(f->words, i - 1);

        if (is_word(f, i - 1)) {
            continue;
        }
        if (ltw_clause_ends_sentence(text)
            || (ltw_clause_ends_clause(text)
                && words_n(f, i) >= CLAUSE_WORDS_MIN))
        {
            return i;
        }
    }
    return 0;
}


/* The last place where a clause opens, else the last one at all, with so many
   words before it; 0: none. */
static size_t
before_opening(const front_t *f, unsigned words_min)
{
    size_t last = 0;

    for (size_t i = f->end; i > f->first; i--) {
        if (!may_part(f, i) || words_n(f, i) < words_min) {
            continue;
        }
        if (ltw_clause_opens(f->rules, ltw_words_text(f->words, i))) {
            return i;
        }
        last = last == 0 ? i : last;
    }
    return last;
}


static size_t
cut(const front_t *f, int64_t now_ms)
{
    size_t until = after_mark(f);
    unsigned n = words_n(f, f->end);

    if (until > 0 || n == 0) {
        return until;
    }
    if (n >= f->rules->words_max) {
        return before_opening(f, CLAUSE_WORDS_MIN);
    }
    if (n >= AGE_WORDS_MIN
        && now_ms - f->words->items[f->first].start_ms >= AGE_MS)
    {
        return before_opening(f, AGE_WORDS_MIN - 1);
    }
    return 0;
}


static front_t
front_of(const ltw_commit_t *c, const ltw_words_t *words)
{
    return (front_t) { words, c->rules, words->taken_n,
        ltw_words_stable_n(words) };
}


/* Nothing is heard any more: when is that a pause?  Words that may go on (a
   number, a name) and single ones are given more time. */
static void
await(ltw_commit_t *c, const front_t *f, int64_t now_ms)
{
    const ltw_words_t *w = f->words;
    int64_t heard_ms = w->items_n > 0 ? w->items[w->items_n - 1].end_ms : 0;
    int is_whole = f->end == w->items_n
        && words_n(f, f->end) >= PAUSE_WORDS_MIN
        && !ltw_clause_binds(c->rules, ltw_words_text(w, f->end - 1),
               (lt_str_t) { "", 0 });

    if (c->has_due && c->heard_ms == heard_ms && c->heard_n == w->items_n) {
        return;                 /* said again, not changed */
    }
    c->heard_ms = heard_ms;
    c->heard_n = w->items_n;
    c->has_due = f->end > f->first;
    c->due_at_ms = now_ms + (is_whole ? PAUSE_MS : SILENCE_MS);
}


static ltw_commit_verdict_t
result(ltw_commit_t *c, const ltw_asr_result_t *r, const ltw_words_t *words,
    int64_t now_ms)
{
    front_t f = front_of(c, words);

    c->until = cut(&f, r->end_ms);
    if (c->until > 0 || words->pending_words > 0) {
        return LTW_COMMIT_NOW;
    }
    await(c, &f, now_ms);
    return LTW_COMMIT_WAIT;
}


static ltw_commit_verdict_t
tick(ltw_commit_t *c, const ltw_words_t *words, int64_t now_ms)
{
    if (!c->has_due || now_ms < c->due_at_ms) {
        return LTW_COMMIT_WAIT;
    }
    c->until = ltw_words_stable_n(words);
    return LTW_COMMIT_NOW;
}


static void
committed(ltw_commit_t *c, int64_t now_ms)
{
    c->has_due = 0;
    c->committed_at_ms = now_ms;
}


const ltw_commit_policy_t ltw_commit_live = {
    "live", init, batch, result, tick, committed
};
