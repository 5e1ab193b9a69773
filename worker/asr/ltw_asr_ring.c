#include "asr/ltw_asr_ring.h"

#include <stdlib.h>
#include <string.h>

struct ltw_asr_block_s {
    ltw_asr_block_t *next;
    uint8_t audio[LTW_ASR_BLOCK_BYTES];
};


static size_t
min(size_t a, size_t b)
{
    return a < b ? a : b;
}


static void
blocks_free(ltw_asr_block_t *block)
{
    ltw_asr_block_t *next;

    for (; block != NULL; block = next) {
        next = block->next;
        explicit_bzero(block->audio, sizeof(block->audio));
        free(block);
    }
}


/* n of them, one after the other; NULL: no memory. */
static ltw_asr_block_t *
blocks_new(size_t n)
{
    ltw_asr_block_t *blocks = NULL, *block;

    while (n-- > 0) {
        block = malloc(sizeof(*block));
        if (block == NULL) {
            blocks_free(blocks);
            return NULL;
        }
        block->next = blocks;
        blocks = block;
    }
    return blocks;
}


int64_t
ltw_asr_ring_head(const ltw_asr_ring_t *ring)
{
    return ring->base + (int64_t) ring->len;
}


/* How much the last block still takes. */
static size_t
room(const ltw_asr_ring_t *ring)
{
    size_t end = (ring->skipped + ring->len) % LTW_ASR_BLOCK_BYTES;

    return ring->last == NULL || end == 0 ? 0 : LTW_ASR_BLOCK_BYTES - end;
}


static void
fill(ltw_asr_ring_t *ring, const lt_str_t *pcm, size_t from, size_t n)
{
    uint8_t *to = ring->last->audio
        + (ring->skipped + ring->len) % LTW_ASR_BLOCK_BYTES;

    if (pcm->data != NULL) {
        memcpy(to, pcm->data + from, n);
    } else {
        memset(to, 0, n);
    }
    ring->len += n;
}


lt_result_t
ltw_asr_ring_append(ltw_asr_ring_t *ring, lt_str_t pcm)
{
    size_t done = min(room(ring), pcm.len), n;
    ltw_asr_block_t *blocks = NULL;

    if (pcm.len > done) {
        blocks = blocks_new((pcm.len - done + LTW_ASR_BLOCK_BYTES - 1)
            / LTW_ASR_BLOCK_BYTES);
        if (blocks == NULL) {
            return LT_ERROR;
        }
    }
    if (done > 0) {
        fill(ring, &pcm, 0, done);
    }
    if (ring->last != NULL) {
        ring->last->next = blocks;
    } else {
        ring->first = blocks;
    }
    for (; blocks != NULL; blocks = blocks->next) {
        ring->last = blocks;
        n = min(pcm.len - done, LTW_ASR_BLOCK_BYTES);
        fill(ring, &pcm, done, n);
        done += n;
    }
    return LT_OK;
}


size_t
ltw_asr_ring_read(const ltw_asr_ring_t *ring, int64_t position, void *to,
    size_t max)
{
    size_t from = (size_t) (position - ring->base);
    size_t at = ring->skipped + from;
    size_t len = min(max, ring->len - from), done = 0, n;

    for (const ltw_asr_block_t *block = ring->first; done < len;
         block = block->next)
    {
        if (at < LTW_ASR_BLOCK_BYTES) {
            n = min(len - done, LTW_ASR_BLOCK_BYTES - at);
            memcpy((uint8_t *) to + done, block->audio + at, n);
            done += n;
            at = 0;
        } else {
            at -= LTW_ASR_BLOCK_BYTES;
        }
    }
    return len;
}


void
ltw_asr_ring_drop_before(ltw_asr_ring_t *ring, int64_t position)
{
    ltw_asr_block_t *block;
    size_t n;

    if (position <= ring->base) {
        return;
    }
    n = (size_t) (position - ring->base);
    ring->base = position;
    ring->len -= n;
    ring->skipped += n;
    if (ring->len == 0) {
        ltw_asr_ring_deinit(ring);
        return;
    }
    while (ring->skipped >= LTW_ASR_BLOCK_BYTES) {
        block = ring->first;
        ring->first = block->next;
        block->next = NULL;
        blocks_free(block);
        ring->skipped -= LTW_ASR_BLOCK_BYTES;
    }
}


void
ltw_asr_ring_deinit(ltw_asr_ring_t *ring)
{
    blocks_free(ring->first);
    *ring = (ltw_asr_ring_t) { .base = ring->base + (int64_t) ring->len };
}
