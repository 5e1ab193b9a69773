#include "asr/ltw_asr_ring.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE (128 * 1024)


int64_t
ltw_asr_ring_head(const ltw_asr_ring_t *ring)
{
    return ring->base + (int64_t) ring->len;
}


lt_result_t
ltw_asr_ring_append(ltw_asr_ring_t *ring, lt_str_t pcm)
{
    size_t size = ring->size > 0 ? ring->size : FIRST_SIZE;
    uint8_t *grown;

    while (size < ring->len + pcm.len) {
        size *= 2;
    }
    if (size > ring->size) {
        grown = realloc(ring->audio, size);
        if (grown == NULL) {
            return LT_ERROR;
        }
        ring->audio = grown;
        ring->size = size;
    }
    if (pcm.data != NULL) {
        memcpy(ring->audio + ring->len, pcm.data, pcm.len);
    } else {
        memset(ring->audio + ring->len, 0, pcm.len);
    }
    ring->len += pcm.len;
    return LT_OK;
}


lt_str_t
ltw_asr_ring_view(const ltw_asr_ring_t *ring, int64_t position, size_t max)
{
    size_t at = (size_t) (position - ring->base);
    size_t n = ring->len - at;

    return (lt_str_t) { (const char *) ring->audio + at, n < max ? n : max };
}


void
ltw_asr_ring_drop_before(ltw_asr_ring_t *ring, int64_t position)
{
    size_t n;

    if (position > ring->base) {
        n = (size_t) (position - ring->base);
        memmove(ring->audio, ring->audio + n, ring->len - n);
        ring->len -= n;
        ring->base = position;
    }
}


void
ltw_asr_ring_deinit(ltw_asr_ring_t *ring)
{
    if (ring->audio != NULL) {
        explicit_bzero(ring->audio, ring->size);
        free(ring->audio);
        ring->audio = NULL;
    }
}
