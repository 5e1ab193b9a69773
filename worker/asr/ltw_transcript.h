/*
 * TranscriptEvent of Amazon Transcribe streaming: JSON in, results out.
 * Transcribe streaming API reference, TranscriptEvent.  Pure.
 */
#ifndef LTW_TRANSCRIPT_H
#define LTW_TRANSCRIPT_H

#include "asr/ltw_asr.h"

typedef struct ltw_transcript_s ltw_transcript_t;   /* owns the views */

/*
 * LT_INVALID: not the JSON that it should be.  At most LTW_ASR_ITEMS_MAX items
 * a result, more are counted in its cut_n; items of an unknown type are
 * skipped.  A final result's items are all stable.
 */
lt_result_t ltw_transcript_parse(ltw_transcript_t **transcript, lt_str_t json,
    lt_error_t *err);
void ltw_transcript_free(ltw_transcript_t **transcript);

size_t ltw_transcript_size(const ltw_transcript_t *transcript);
/* Valid until the next call of this function. */
const ltw_asr_result_t *ltw_transcript_at(ltw_transcript_t *transcript,
    size_t i);

#endif
