#include "session/ltw_words.h"

#include "session/ltw_clause.h"

#include <stdlib.h>
#include <string.h>

#define FRAGMENT_MAX 2          /* words */
#define ITEMS_FIRST 64          /* a result seldom has more */
#define TEXT_FIRST 512


void
ltw_words_init(ltw_words_t *w, lt_str_t language)
{
    memset(w, 0, sizeof(*w));
    w->has_spaces = !lt_str_is(language, "zh") && !lt_str_is(language, "ja");
    w->taken_until_ms = -1;
    w->heard_until_ms = -1;
}


static void
text_free(char **text, size_t *size)
{
    if (*text != NULL) {
        explicit_bzero(*text, *size);
        free(*text);
    }
    *text = NULL;
    *size = 0;
}


static void
items_free(ltw_words_t *w)
{
    free(w->items);
    w->items = NULL;
    w->items_size = 0;
    text_free(&w->texts, &w->texts_size);
}


void
ltw_words_deinit(ltw_words_t *w)
{
    items_free(w);
    text_free(&w->pending, &w->pending_size);
    memset(w, 0, sizeof(*w));
}


/* Room for len bytes in all, the first used ones are kept.  0: too many, or no
   memory. */
static int
text_reserve(char **text, size_t *size, size_t used, size_t len)
{
    size_t grown_size = *size > 0 ? *size : TEXT_FIRST;
    char *grown;

    if (len > LTW_WORDS_TEXT_MAX) {
        return 0;
    }
    while (grown_size < len) {
        grown_size *= 2;
    }
    if (grown_size > *size) {
        grown = malloc(grown_size);
        if (grown == NULL) {
            return 0;
        }
        if (used > 0) {
            memcpy(grown, *text, used);
        }
        text_free(text, size);
        *text = grown;
        *size = grown_size;
    }
    return 1;
}


static int
items_reserve(ltw_words_t *w)
{
    size_t size = w->items_size > 0 ? 2 * w->items_size : ITEMS_FIRST;
    ltw_word_t *items;

    if (w->items_n < w->items_size) {
        return 1;
    }
    items = realloc(w->items, size * sizeof(*items));
    if (items == NULL) {
        return 0;
    }
    w->items = items;
    w->items_size = size;
    return 1;
}


void
ltw_words_restart(ltw_words_t *w)
{
    w->heard_until_ms = w->taken_until_ms;
    w->id_len = 0;
    w->is_final = 0;
    w->items_n = 0;
    w->taken_n = 0;
    w->texts_len = 0;
    w->has_kept_back = 0;
}


/* Copies the result's items; what does not fit is dropped, and counted when
   it can never come again. */
static void
keep_items(ltw_words_t *w, const ltw_asr_result_t *r)
{
    w->items_n = 0;
    w->texts_len = 0;
    w->dropped += r->is_partial ? 0 : r->cut_n;
    for (size_t i = 0; i < r->items_n; i++) {
        const ltw_asr_item_t *item = &r->items[i];

        if (!text_reserve(&w->texts, &w->texts_size, w->texts_len,
                w->texts_len + item->text.len)
            || !items_reserve(w))
        {
            w->dropped += r->is_partial ? 0 : r->items_n - i;
            return;
        }
        memcpy(w->texts + w->texts_len, item->text.data, item->text.len);
        w->items[w->items_n++] = (ltw_word_t) { (uint16_t) w->texts_len,
            (uint16_t) item->text.len, item->is_word, item->is_stable,
            item->start_ms, item->end_ms };
        w->texts_len += item->text.len;
    }
}


/* How many items in front were taken from an earlier stream: words whose
   middle lies before the last word that was taken of it. */
static size_t
heard_before(const ltw_words_t *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->items_n; i++) {
        const ltw_word_t *item = &w->items[i];

        if (!item->is_word) {
            n += n == i;
        } else if ((item->start_ms + item->end_ms) / 2 <= w->heard_until_ms) {
            n = i + 1;
        } else {
            break;
        }
    }
    return n;
}


static void
append(ltw_words_t *w, const ltw_word_t *item)
{
    int needs_space = item->is_word && w->has_spaces && w->pending_len > 0;

    if (!item->is_word && w->pending_words == 0) {
        return;                 /* nothing to punctuate */
    }
    if (!text_reserve(&w->pending, &w->pending_size, w->pending_len,
            w->pending_len + item->len + 1))
    {
        w->dropped += item->is_word;
        return;
    }
    if (needs_space) {
        w->pending[w->pending_len++] = ' ';
    }
    memcpy(w->pending + w->pending_len, w->texts + item->at, item->len);
    w->pending_len += item->len;
    if (item->is_word) {
        if (w->pending_words++ == 0) {
            w->pending_start_ms = item->start_ms;
        }
        if (item->end_ms > w->taken_until_ms) {
            w->taken_until_ms = item->end_ms;
        }
    }
}


static void
append_until(ltw_words_t *w, size_t n)
{
    while (w->taken_n < n) {
        append(w, &w->items[w->taken_n++]);
    }
}


void
ltw_words_add(ltw_words_t *w, const ltw_asr_result_t *r)
{
    size_t id_len = r->id.len < sizeof(w->id) ? r->id.len : sizeof(w->id);
    int is_same = id_len == w->id_len
        && (id_len == 0 || memcmp(w->id, r->id.data, id_len) == 0);

    size_t heard;

    if (is_same && w->is_final) {
        return;                 /* said twice */
    }
    if (w->pending_len == 0 && w->pending_size > TEXT_FIRST) {
        text_free(&w->pending, &w->pending_size);
    }
    keep_items(w, r);
    if (!is_same) {
        if (id_len > 0) {
            memcpy(w->id, r->id.data, id_len);
        }
        w->id_len = id_len;
        w->taken_n = 0;
    }
    heard = heard_before(w);
    w->taken_n = w->taken_n > heard ? w->taken_n : heard;
    w->is_final = !r->is_partial;
    if (w->is_final) {
        append_until(w, w->items_n);
        w->has_kept_back = 0;
        w->is_final = id_len > 0;       /* without ids each one is new */
        w->items_n = 0;
        w->taken_n = 0;
        if (w->items_size > ITEMS_FIRST || w->texts_size > TEXT_FIRST) {
            items_free(w);
        }
    }
}


/* The end of the stable front; it ends with a word or its punctuation. */
size_t
ltw_words_stable_n(const ltw_words_t *w)
{
    size_t i;

    for (i = 0; i < w->items_n && w->items[i].is_stable; i++) {
        /* counting */
    }
    return i;
}


lt_str_t
ltw_words_text(const ltw_words_t *w, size_t i)
{
    return (lt_str_t) { w->texts + w->items[i].at, w->items[i].len };
}


int64_t
ltw_words_left_ms(const ltw_words_t *w)
{
    if (w->pending_words > 0) {
        return w->pending_start_ms;
    }
    return w->taken_n < w->items_n ? w->items[w->taken_n].start_ms
                                   : INT64_MAX;
}


int
ltw_words_are_left(const ltw_words_t *w)
{
    return w->pending_words > 0 || w->taken_n < w->items_n;
}


void
ltw_words_tail(const ltw_words_t *w, lt_out_t *out)
{
    int has_text = w->pending_len > 0;

    lt_out_str(out, (lt_str_t) { w->pending, w->pending_len });
    for (size_t i = w->taken_n; i < w->items_n; i++) {
        if (!w->items[i].is_word && !has_text) {
            continue;           /* nothing to punctuate */
        }
        if (w->items[i].is_word && w->has_spaces && has_text) {
            lt_out_cstr(out, " ");
        }
        lt_out_str(out, ltw_words_text(w, i));
        has_text = 1;
    }
}


unsigned
ltw_words_ready(const ltw_words_t *w)
{
    size_t end = ltw_words_stable_n(w);
    unsigned n = w->pending_words;

    for (size_t i = w->taken_n; i < end; i++) {
        n += w->items[i].is_word;
    }
    return n;
}


static int
ends_sentence(const ltw_words_t *w, size_t i)
{
    return ltw_clause_ends_sentence(ltw_words_text(w, i));
}


/* The stable front without the fragment of a sentence at its end, unless it
   was kept back before. */
static size_t
whole_n(ltw_words_t *w)
{
    size_t end = ltw_words_stable_n(w);
    size_t begin = end;
    unsigned words = 0;

    while (begin > w->taken_n && !ends_sentence(w, begin - 1)) {
        words += w->items[--begin].is_word;
    }
    w->has_kept_back = words > 0 && words <= FRAGMENT_MAX
        && !w->has_kept_back && (begin == 0 || ends_sentence(w, begin - 1));
    return w->has_kept_back ? begin : end;
}


void
ltw_words_take(ltw_words_t *w, size_t until, ltw_taken_t *taken)
{
    if (until == LTW_WORDS_STABLE) {
        until = whole_n(w);
    }
    append_until(w, until < w->items_n ? until : w->items_n);
    *taken = (ltw_taken_t) { { w->pending, w->pending_len },
        w->pending_words, w->pending_start_ms, w->taken_until_ms };
    w->pending_len = 0;
    w->pending_words = 0;
}
