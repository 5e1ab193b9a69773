/*
 * A line's last audio, by position: what waits for a stream, and what another
 * stream may have to hear again.  Pure; bytes since the line was opened.
 *
 * Memory: blocks of LTW_ASR_BLOCK_BYTES, wiped and given back when all in them
 * is dropped; they fit where the records were that the audio came in.
 */
#ifndef LTW_ASR_RING_H
#define LTW_ASR_RING_H

#include "lt_base.h"

#define LTW_ASR_BLOCK_BYTES 8000        /* 0.25 s */

typedef struct ltw_asr_block_s ltw_asr_block_t;

typedef struct {
    ltw_asr_block_t *first;
    ltw_asr_block_t *last;
    size_t skipped;             /* of the first block */
    size_t len;                 /* positions base..base + len */
    int64_t base;
} ltw_asr_ring_t;               /* begins as zeros */

int64_t ltw_asr_ring_head(const ltw_asr_ring_t *ring);
/* pcm.data NULL: zeros.  LT_ERROR: no memory, nothing was appended. */
lt_result_t ltw_asr_ring_append(ltw_asr_ring_t *ring, lt_str_t pcm);
/* Copies what is there from position on, at most max bytes; how many.
   base <= position <= head. */
size_t ltw_asr_ring_read(const ltw_asr_ring_t *ring, int64_t position,
    void *to, size_t max);
void ltw_asr_ring_drop_before(ltw_asr_ring_t *ring, int64_t position);
void ltw_asr_ring_deinit(ltw_asr_ring_t *ring);

#endif
