/*
 * A line's last audio, by position: what waits for a stream, and what another
 * stream may have to hear again.  Pure; bytes since the line was opened.
 */
#ifndef LTW_ASR_RING_H
#define LTW_ASR_RING_H

#include "lt_base.h"

typedef struct {
    uint8_t *audio;             /* positions base..base + len */
    size_t size;
    size_t len;
    int64_t base;
} ltw_asr_ring_t;

int64_t ltw_asr_ring_head(const ltw_asr_ring_t *ring);
/* pcm.data NULL: zeros.  LT_ERROR: no memory. */
lt_result_t ltw_asr_ring_append(ltw_asr_ring_t *ring, lt_str_t pcm);
/* From position on, at most max bytes; base <= position <= head. */
lt_str_t ltw_asr_ring_view(const ltw_asr_ring_t *ring, int64_t position,
    size_t max);
void ltw_asr_ring_drop_before(ltw_asr_ring_t *ring, int64_t position);
void ltw_asr_ring_deinit(ltw_asr_ring_t *ring);         /* wipes it */

#endif
