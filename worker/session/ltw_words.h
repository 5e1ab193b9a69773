/*
 * The words of a talk that were heard and not committed yet.  Pure.
 *
 * Each word is handed out once: an item that was taken stays taken when its
 * result is revised, and a word that a new stream hears again is known by its
 * time.  Words are never cut.  One or two words that begin a sentence are kept
 * back once: alone they translate badly.
 *
 * Limits: LTW_WORDS_TEXT_MAX bytes of text wait; more, and what there is no
 * memory for, is dropped and counted in dropped.
 * Memory: grows with a result; what a long one took is given back with its
 * final.
 */
#ifndef LTW_WORDS_H
#define LTW_WORDS_H

#include "asr/ltw_asr.h"

#define LTW_WORDS_TEXT_MAX 8000
#define LTW_WORDS_ID_MAX 64

typedef struct {
    uint16_t at;                /* in texts */
    uint16_t len;
    uint8_t is_word;
    uint8_t is_stable;
    int64_t start_ms;
    int64_t end_ms;
} ltw_word_t;

typedef struct {
    int has_spaces;             /* between words: not in zh, ja */
    int64_t taken_until_ms;     /* end of the last word that was taken */
    int64_t heard_until_ms;     /* the same at the last restart */
    uint64_t dropped;           /* words */

    /* what finals have brought */
    char *pending;
    size_t pending_len;
    size_t pending_size;
    unsigned pending_words;
    int64_t pending_start_ms;

    /* the result that is under way */
    char id[LTW_WORDS_ID_MAX];
    size_t id_len;
    int is_final;
    size_t taken_n;             /* items of it */
    ltw_word_t *items;
    size_t items_n;
    size_t items_size;
    char *texts;
    size_t texts_len;
    size_t texts_size;
    int has_kept_back;          /* its first words, at the last take */
} ltw_words_t;

void ltw_words_init(ltw_words_t *words, lt_str_t language);
void ltw_words_deinit(ltw_words_t *words);      /* wipes it; zeros: nothing */
void ltw_words_add(ltw_words_t *words, const ltw_asr_result_t *result);
void ltw_words_restart(ltw_words_t *words);     /* another stream */

typedef struct {
    lt_str_t text;              /* lives until the next call here */
    unsigned words;             /* 0: nothing to commit */
    int64_t start_ms;
    int64_t end_ms;
} ltw_taken_t;

#define LTW_WORDS_STABLE (SIZE_MAX - 1)     /* without a fragment, see above */
#define LTW_WORDS_ALL SIZE_MAX

/* What finals brought and the items of the result under way up to until: one
   of these, or so many of them. */
void ltw_words_take(ltw_words_t *words, size_t until, ltw_taken_t *taken);

/* Of the result under way: items in front that are stable; one's text. */
size_t ltw_words_stable_n(const ltw_words_t *words);
lt_str_t ltw_words_text(const ltw_words_t *words, size_t i);

/* Where the first word begins that was not taken; INT64_MAX: there is none. */
int64_t ltw_words_left_ms(const ltw_words_t *words);

/* Words are known that were not taken yet, stable or not. */
int ltw_words_are_left(const ltw_words_t *words);

/* All of them, as text; as lt_out_*(). */
void ltw_words_tail(const ltw_words_t *words, lt_out_t *out);

/* How many words two takes without flush would give. */
unsigned ltw_words_ready(const ltw_words_t *words);

#endif
