#include "ngx_http_lt_audio.h"
#include "ngx_http_lt_metrics.h"
#include "lt_audio_record.h"


#define NGX_HTTP_LT_BYTES_PER_MS  (LT_AUDIO_BYTES_PER_S / 1000)


void
ngx_http_lt_block_store_init(ngx_http_lt_block_store_t *store,
    size_t memory_max)
{
    ngx_queue_init(&store->spare);
    store->spare_n = 0;
    store->memory = 0;
    store->memory_max = memory_max;
}


void
ngx_http_lt_block_store_deinit(ngx_http_lt_block_store_t *store)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&store->spare)) {
        q = ngx_queue_head(&store->spare);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_lt_block_t, queue));
    }

    store->spare_n = 0;
}


ngx_int_t
ngx_http_lt_block_is_full(const ngx_http_lt_block_store_t *store, size_t size)
{
    size = ngx_max(size, NGX_HTTP_LT_BLOCK_SIZE);

    return store->memory + sizeof(ngx_http_lt_block_t) + size
           > store->memory_max;
}


ngx_http_lt_block_t *
ngx_http_lt_block_get(ngx_http_lt_block_store_t *store, size_t size)
{
    ngx_queue_t          *q;
    ngx_http_lt_block_t  *block;

    size = ngx_max(size, NGX_HTTP_LT_BLOCK_SIZE);

    if (ngx_http_lt_block_is_full(store, size)) {
        return NULL;
    }

    if (size == NGX_HTTP_LT_BLOCK_SIZE && store->spare_n) {
        q = ngx_queue_head(&store->spare);
        ngx_queue_remove(q);
        store->spare_n--;
        block = ngx_queue_data(q, ngx_http_lt_block_t, queue);

    } else {
        block = ngx_alloc(sizeof(ngx_http_lt_block_t) + size, ngx_cycle->log);
        if (block == NULL) {
            return NULL;
        }
    }

    block->pos = block->data;
    block->last = block->data;
    block->end = block->data + size;
    store->memory += sizeof(ngx_http_lt_block_t) + size;
    NGX_HTTP_LT_GAUGE(ingest_memory_bytes, sizeof(*block) + size);

    return block;
}


void
ngx_http_lt_block_put(ngx_http_lt_block_store_t *store,
    ngx_http_lt_block_t *block)
{
    size_t  size = block->end - block->data;

    store->memory -= sizeof(ngx_http_lt_block_t) + size;
    NGX_HTTP_LT_GAUGE(ingest_memory_bytes,
                      -(ngx_atomic_int_t) (sizeof(*block) + size));

    if (size == NGX_HTTP_LT_BLOCK_SIZE
        && store->spare_n < NGX_HTTP_LT_BLOCKS_SPARE)
    {
        ngx_queue_insert_head(&store->spare, &block->queue);
        store->spare_n++;
        return;
    }

    ngx_free(block);
}


void
ngx_http_lt_audio_init(ngx_http_lt_audio_t *audio)
{
    ngx_queue_init(&audio->blocks);
    audio->bytes = 0;
}


ngx_http_lt_block_t *
ngx_http_lt_audio_head(const ngx_http_lt_audio_t *audio)
{
    if (ngx_queue_empty(&audio->blocks)) {
        return NULL;
    }

    return ngx_queue_data(ngx_queue_head(&audio->blocks),
                          ngx_http_lt_block_t, queue);
}


ngx_http_lt_block_t *
ngx_http_lt_audio_tail(const ngx_http_lt_audio_t *audio)
{
    if (ngx_queue_empty(&audio->blocks)) {
        return NULL;
    }

    return ngx_queue_data(ngx_queue_last(&audio->blocks),
                          ngx_http_lt_block_t, queue);
}


size_t
ngx_http_lt_audio_drop(ngx_http_lt_audio_t *audio,
    ngx_http_lt_block_store_t *store, size_t len)
{
    size_t                n, dropped = 0;
    ngx_http_lt_block_t  *block;

    while (dropped < len) {
        block = ngx_http_lt_audio_head(audio);
        if (block == NULL) {
            break;
        }

        n = ngx_min(len - dropped, (size_t) (block->last - block->pos));

        block->pos += n;
        block->offset += n;
        block->capture_ms += n / NGX_HTTP_LT_BYTES_PER_MS;
        dropped += n;

        if (block->pos == block->last) {
            ngx_queue_remove(&block->queue);
            ngx_http_lt_block_put(store, block);
        }
    }

    audio->bytes -= dropped;

    return dropped;
}


size_t
ngx_http_lt_audio_expire(ngx_http_lt_audio_t *audio,
    ngx_http_lt_block_store_t *store, ngx_msec_t at_ms)
{
    size_t                dropped = 0;
    ngx_http_lt_block_t  *block;

    for ( ;; ) {
        block = ngx_http_lt_audio_head(audio);

        if (block == NULL || (ngx_msec_int_t) (block->at_ms - at_ms) >= 0) {
            return dropped;
        }

        dropped += ngx_http_lt_audio_drop(audio, store,
                                          block->last - block->pos);
    }
}


void
ngx_http_lt_audio_take(ngx_http_lt_audio_t *to, ngx_http_lt_audio_t *from,
    size_t max)
{
    size_t                n;
    ngx_http_lt_block_t  *block, *last;

    for ( ;; ) {
        block = ngx_http_lt_audio_head(from);
        if (block == NULL) {
            return;
        }

        n = block->last - block->pos;
        last = ngx_http_lt_audio_tail(to);

        if (last
            && (to->bytes + n > max
                || last->offset + (last->last - last->pos) != block->offset))
        {
            return;
        }

        ngx_queue_remove(&block->queue);
        ngx_queue_insert_tail(&to->blocks, &block->queue);
        from->bytes -= n;
        to->bytes += n;
    }
}


void
ngx_http_lt_audio_give_back(ngx_http_lt_audio_t *to, ngx_http_lt_audio_t *from)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&from->blocks)) {
        q = ngx_queue_last(&from->blocks);
        ngx_queue_remove(q);
        ngx_queue_insert_head(&to->blocks, q);
    }

    to->bytes += from->bytes;
    from->bytes = 0;
}
