/*
 * PCM that waits: lists of blocks, and the store they come from.
 *
 * A block holds PCM without a gap; between the blocks of a list there may be
 * gaps, which show in their offsets.  Each block is in one list or in none.
 *
 * Memory: blocks are heap memory, the usual size is kept for reuse (at most
 * NGX_HTTP_LT_BLOCKS_SPARE of them).  The store counts what is in use against
 * memory_max.
 */
#ifndef NGX_HTTP_LT_AUDIO_H
#define NGX_HTTP_LT_AUDIO_H

#include <ngx_config.h>
#include <ngx_core.h>


/* The usual chunk of 8192 bytes and the slack that base64 needs. */
#define NGX_HTTP_LT_BLOCK_SIZE    8256
#define NGX_HTTP_LT_BLOCKS_SPARE  1024      /* 8 MiB: what 2,500 speakers fill
                                               in a linger */


typedef struct {
    ngx_queue_t   queue;
    u_char       *pos;
    u_char       *last;
    u_char       *end;
    uint64_t      offset;       /* of pos in the stream, bytes */
    int64_t       capture_ms;   /* Unix time of pos */
    ngx_msec_t    at_ms;        /* when its first byte was added */
    u_char        data[];
} ngx_http_lt_block_t;


typedef struct {
    ngx_queue_t   spare;
    ngx_uint_t    spare_n;
    size_t        memory;       /* bytes in use, spare blocks not included */
    size_t        memory_max;
} ngx_http_lt_block_store_t;


typedef struct {
    ngx_queue_t   blocks;
    size_t        bytes;        /* of PCM */
} ngx_http_lt_audio_t;


void ngx_http_lt_block_store_init(ngx_http_lt_block_store_t *store,
    size_t memory_max);
void ngx_http_lt_block_store_deinit(ngx_http_lt_block_store_t *store);

/* NULL: memory_max reached or no memory; is_full tells which. */
ngx_http_lt_block_t *ngx_http_lt_block_get(ngx_http_lt_block_store_t *store,
    size_t size);
ngx_int_t ngx_http_lt_block_is_full(const ngx_http_lt_block_store_t *store,
    size_t size);
void ngx_http_lt_block_put(ngx_http_lt_block_store_t *store,
    ngx_http_lt_block_t *block);

void ngx_http_lt_audio_init(ngx_http_lt_audio_t *audio);

/* The first and last block; NULL when empty. */
ngx_http_lt_block_t *ngx_http_lt_audio_head(const ngx_http_lt_audio_t *audio);
ngx_http_lt_block_t *ngx_http_lt_audio_tail(const ngx_http_lt_audio_t *audio);

/* Drops the oldest len bytes (or all there are); returns how many. */
size_t ngx_http_lt_audio_drop(ngx_http_lt_audio_t *audio,
    ngx_http_lt_block_store_t *store, size_t len);

/* Drops the blocks added before at_ms. */
size_t ngx_http_lt_audio_expire(ngx_http_lt_audio_t *audio,
    ngx_http_lt_block_store_t *store, ngx_msec_t at_ms);

/* Moves whole blocks from the head of from, up to the first gap and at most
   max bytes, but at least one block, to the empty list to. */
void ngx_http_lt_audio_take(ngx_http_lt_audio_t *to,
    ngx_http_lt_audio_t *from, size_t max);

/* All of from goes before what is in to. */
void ngx_http_lt_audio_give_back(ngx_http_lt_audio_t *to,
    ngx_http_lt_audio_t *from);

#endif
