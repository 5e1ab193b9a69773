#include "asr/ltw_asr_ring.h"

#include <stdlib.h>
#include <string.h>

#define STEP (64 * 1024)        /* 2 s */
#define SPARE_MAX (4 * STEP)    /* more is given back */


/* LT_ERROR: no memory, and it is as it was. */
static lt_result_t
resize(ltw_asr_ring_t *ring, size_t size)
{
    uint8_t *audio = realloc(ring->audio, size);

    if (audio == NULL) {
        return LT_ERROR;
    }
    ring->audio = audio;
    ring->size = size;
    return LT_OK;
}


int64_t
ltw_asr_ring_head(const ltw_asr_ring_t *ring)
{
    return ring->base + (int64_t) ring->len;
}


lt_result_t
ltw_asr_ring_append(ltw_asr_ring_t *ring, lt_str_t pcm)
{
    size_t len = ring->len + pcm.len;

    if (len > ring->size
        && resize(ring, (len + STEP - 1) / STEP * STEP) != LT_OK)
    {
        return LT_ERROR;
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
        n = ring->size - ring->len;
        explicit_bzero(ring->audio + ring->len, n);
        if (n > SPARE_MAX) {
            (void) resize(ring, ring->size - n / STEP * STEP + STEP);
        }
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
