/*
 * Which voice speaks a language: the table of ltw_voice.c in its order, less
 * what the account's region does not have (Polly, DescribeVoices).  Pure.
 */
#ifndef LTW_VOICE_H
#define LTW_VOICE_H

#include "cost/ltw_cost.h"

#define LTW_VOICES_MAX 64
#define LTW_VOICES_TOKEN_MAX 4096

typedef struct {
    const char *language;       /* "es" */
    const char *voice;          /* VoiceId */
    const char *engine;         /* "neural", "standard" */
    const char *locale;         /* LanguageCode */
} ltw_voice_t;

typedef struct {
    int is_known;               /* 0: the region was not asked yet */
    uint8_t is_there[LTW_VOICES_MAX];       /* by row of the table */
} ltw_voices_t;

/* The first of its rows that is there; NULL: none. */
const ltw_voice_t *ltw_voice_find(const ltw_voices_t *voices,
    lt_str_t language);

ltw_price_t ltw_voice_price(const ltw_voice_t *voice);

/* Adds what one answer of DescribeVoices has.  next: its NextToken, "" at the
   end.  LT_INVALID: no such answer. */
lt_result_t ltw_voices_add(ltw_voices_t *voices,
    char next[LTW_VOICES_TOKEN_MAX], lt_str_t body);

#endif
