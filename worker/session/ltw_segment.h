/*
 * A segment: some words of a talk, committed once and never changed.
 * Its number is the talk's: 1, 2, 3, … over all languages and workers.
 *
 * Shared by the languages that work on it: ltw_segment_ref, _unref.  Its text
 * is wiped when the last one lets go.
 */
#ifndef LTW_SEGMENT_H
#define LTW_SEGMENT_H

#include "lt_base.h"
#include "lt_crypto.h"

typedef struct {
    int64_t number;
    int64_t start_ms;               /* on the line: first word's start */
    int64_t end_ms;                 /* last word's end */
    int64_t captured_wall_ms;       /* when that was at the microphone */
    int64_t arrived_wall_ms;        /* its record at Kinesis */
    int64_t batched_wall_ms;        /* its batch was handed over */
    int64_t transcribed_wall_ms;    /* committed */
    unsigned words;
} ltw_segment_facts_t;

typedef struct {
    ltw_segment_facts_t facts;
    uint8_t hash[LT_SHA256_LEN];    /* of the text */
    lt_str_t text;

    unsigned refs;
    unsigned untold;                /* languages that work on it */
} ltw_segment_t;

/* One reference; NULL: no memory. */
ltw_segment_t *ltw_segment_new(const ltw_segment_facts_t *facts,
    lt_str_t text);
ltw_segment_t *ltw_segment_ref(ltw_segment_t *segment);
void ltw_segment_unref(ltw_segment_t **segment);

#endif
