#include "session/ltw_audience.h"

#include <string.h>


static int64_t
now_ms(const ltw_audience_t *a)
{
    return ltw_loop_now_ms(a->pipeline->services->loop);
}


/* a->n: there is none. */
static size_t
find_row(const ltw_audience_t *a, const char *code)
{
    size_t i = 0;

    while (i < a->n
           && strcmp(ltw_language_code(a->rows[i].language), code) != 0)
    {
        i++;
    }
    return i;
}


static void
add_row(ltw_audience_t *a, const char *code)
{
    ltw_language_t *language;

    if (a->n == LTW_SESSION_LANGUAGES_MAX) {
        return;
    }
    language = ltw_language_new(a->pipeline, a->talk,
        lt_str(a->source), lt_str(code), a->on_dry, a->data);
    if (language != NULL) {
        a->rows[a->n].language = language;
        a->n++;
    }
}


/* Who has nobody any more, and nothing left to do, is gone. */
static void
sweep(ltw_audience_t *a)
{
    for (size_t i = 0; i < a->n; ) {
        a->rows[i].is_heard =
            now_ms(a) - a->rows[i].heard_at_ms < LTW_AUDIENCE_LINGER_MS;
        if (!a->rows[i].is_heard
            && ltw_language_is_dry(a->rows[i].language))
        {
            ltw_language_free(&a->rows[i].language);
            a->rows[i] = a->rows[--a->n];
        } else {
            i++;
        }
    }
}


void
ltw_audience_update(ltw_audience_t *a, const ltw_session_view_t *view)
{
    for (size_t i = 0; i < view->heard_n; i++) {
        size_t row = find_row(a, view->heard[i].code);

        if (row == a->n) {
            add_row(a, view->heard[i].code);
        }
        if (row < a->n) {
            a->rows[row].heard_at_ms = now_ms(a);
            ltw_language_set_voiced(a->rows[row].language,
                view->heard[i].is_voiced);
        }
    }
    sweep(a);
}


size_t
ltw_audience_heard(const ltw_audience_t *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n; i++) {
        n += a->rows[i].is_heard != 0;
    }
    return n;
}


void
ltw_audience_add(ltw_audience_t *a, ltw_segment_t *segment,
    const ltw_ledger_t *ledger)
{
    int64_t number = segment->facts.number;

    segment->untold++;          /* ours: one that fails at once is not all */
    for (size_t i = 0; i < a->n; i++) {
        ltw_language_t *language = a->rows[i].language;

        if (a->rows[i].is_heard && (ledger == NULL
            || number > ltw_ledger_told_until(ledger,
                ltw_language_code(language))))
        {
            ltw_language_add(language, segment);
        }
    }
    if (--segment->untold == 0) {
        ltw_ledger_strike(a->pipeline->services->redis, a->talk, number);
    }
}


int
ltw_audience_is_dry(const ltw_audience_t *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!ltw_language_is_dry(a->rows[i].language)) {
            return 0;
        }
    }
    return 1;
}


int64_t
ltw_audience_plays_until_wall_ms(const ltw_audience_t *a)
{
    int64_t until = 0;

    for (size_t i = 0; i < a->n; i++) {
        int64_t t = ltw_language_plays_until_wall_ms(a->rows[i].language);

        until = t > until ? t : until;
    }
    return until;
}


void
ltw_audience_deinit(ltw_audience_t *a)
{
    while (a->n > 0) {
        ltw_language_free(&a->rows[--a->n].language);
    }
}
