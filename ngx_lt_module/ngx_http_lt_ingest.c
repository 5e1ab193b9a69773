#include "ngx_http_lt_ingest.h"
#include "ngx_http_lt_producer.h"
#include "lt_audio_record.h"


typedef struct {
    const char  *name;
    size_t       counter;       /* offset in ngx_http_lt_counters_t */
} ngx_http_lt_drop_row_t;


static ngx_http_lt_ingest_t *ngx_http_lt_stream_find(
    ngx_http_lt_producer_t *p, ngx_str_t *session);
static ngx_int_t ngx_http_lt_stream_is_drained(const ngx_http_lt_ingest_t *in);
static ngx_int_t ngx_http_lt_stream_add_block(ngx_http_lt_ingest_t *in,
    ngx_http_lt_block_t *block, size_t len, int64_t capture_ms);
static void ngx_http_lt_stream_release_next(ngx_http_lt_ingest_t *in);
static void ngx_http_lt_stream_free(ngx_http_lt_ingest_t *in);


/* in the order of ngx_http_lt_drop_e */
static const ngx_http_lt_drop_row_t  ngx_http_lt_drops[] = {
#define NGX_HTTP_LT_DROP(name)                                                \
    { #name, offsetof(ngx_http_lt_counters_t, audio_dropped_##name##_bytes) }
    NGX_HTTP_LT_DROP(full),
    NGX_HTTP_LT_DROP(total),
    NGX_HTTP_LT_DROP(expired),
    NGX_HTTP_LT_DROP(shutdown),
    NGX_HTTP_LT_DROP(replaced),
    NGX_HTTP_LT_DROP(memory)
#undef NGX_HTTP_LT_DROP
};


ngx_int_t
ngx_http_lt_ingest_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_producer_t  *p;

    p = ngx_pcalloc(cycle->pool, sizeof(ngx_http_lt_producer_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    p->shards = ngx_http_lt_shards_new(mcf);
    if (p->shards == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&p->streams);
    ngx_queue_init(&p->ready);
    ngx_queue_init(&p->batches);
    ngx_queue_init(&p->untold);
    lt_retry_init(&p->retry);
    ngx_http_lt_block_store_init(&p->store, mcf->audio_buffer_total);

    p->mcf = mcf;
    p->stream_bytes_max = mcf->audio_buffer * (LT_AUDIO_BYTES_PER_S / 1000);
    p->timer.handler = ngx_http_lt_producer_tick;
    p->timer.data = p;
    p->timer.log = cycle->log;

    mcf->ingest = p;

    return NGX_OK;
}


void
ngx_http_lt_ingest_exit_process(ngx_http_lt_main_conf_t *mcf)
{
    size_t                   lost = 0;
    ngx_queue_t             *q;
    ngx_http_lt_ingest_t    *in;
    ngx_http_lt_producer_t  *p = mcf->ingest;

    if (p == NULL) {
        return;
    }

    ngx_http_lt_producer_abort(p);

    while (!ngx_queue_empty(&p->streams)) {
        q = ngx_queue_head(&p->streams);
        in = ngx_queue_data(q, ngx_http_lt_ingest_t, queue);
        lost += in->pending.bytes + in->flight.bytes;
        ngx_http_lt_stream_free(in);
    }

    ngx_http_lt_block_store_deinit(&p->store);
    ngx_http_lt_shards_free(p->shards);
    mcf->ingest = NULL;

    if (lost) {
        NGX_HTTP_LT_COUNT(audio_dropped_shutdown_bytes, lost);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "lt: event=audio_dropped session=* bytes=%uz "
                      "reason=shutdown",
                      lost);
    }
}


ngx_http_lt_ingest_t *
ngx_http_lt_ingest_open(ngx_http_lt_main_conf_t *mcf, ngx_http_conf_ctx_t *ctx,
    ngx_str_t *session_id, uint64_t epoch, uint64_t offset, ngx_log_t *log)
{
    ngx_http_lt_ingest_t    *in, *before;
    ngx_http_lt_producer_t  *p = mcf->ingest;

    if (session_id->len > LT_SESSION_ID_MAX
        || ngx_http_lt_block_is_full(&p->store, 0))
    {
        return NULL;
    }

    in = ngx_calloc(sizeof(ngx_http_lt_ingest_t), log);
    if (in == NULL) {
        return NULL;
    }

    in->producer = p;
    in->ctx = ctx;
    in->epoch = epoch;
    in->offset = offset;
    in->settled = offset;
    in->session.data = in->session_data;
    in->session.len = session_id->len;
    ngx_memcpy(in->session_data, session_id->data, session_id->len);
    ngx_http_lt_audio_init(&in->pending);
    ngx_http_lt_audio_init(&in->flight);

    if (lt_shard_key(&in->shard_key, ngx_http_lt_view(&in->session))
        != LT_OK)
    {
        ngx_free(in);
        return NULL;
    }

    before = ngx_http_lt_stream_find(p, session_id);

    if (before) {
        if (before->state == NGX_HTTP_LT_STREAM_OPEN) {
            before->state = NGX_HTTP_LT_STREAM_REPLACED;
        }

        in->before = ngx_http_lt_stream_is_drained(before) ? NULL : before;

        if (in->before && before->epoch == epoch && !before->is_void) {
            in->offset = ngx_max(offset, before->offset);
            in->settled = in->offset;
        }
    }

    ngx_queue_insert_tail(&p->streams, &in->queue);
    p->store.memory += sizeof(ngx_http_lt_ingest_t);
    NGX_HTTP_LT_GAUGE(ingest_streams, 1);

    return in;
}


/* The newest one. */
static ngx_http_lt_ingest_t *
ngx_http_lt_stream_find(ngx_http_lt_producer_t *p, ngx_str_t *session)
{
    ngx_queue_t           *q;
    ngx_http_lt_ingest_t  *in;

    for (q = ngx_queue_last(&p->streams);
         q != ngx_queue_sentinel(&p->streams);
         q = ngx_queue_prev(q))
    {
        in = ngx_queue_data(q, ngx_http_lt_ingest_t, queue);

        if (in->session.len == session->len
            && ngx_memcmp(in->session.data, session->data, session->len) == 0)
        {
            return in;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_lt_ingest_append(ngx_http_lt_ingest_t *in, const u_char *pcm,
    size_t len, int64_t capture_ms)
{
    u_char  *p;

    p = ngx_http_lt_ingest_reserve(in, len);
    if (p) {
        ngx_memcpy(p, pcm, len);
    }

    return ngx_http_lt_ingest_commit(in, len, capture_ms);
}


u_char *
ngx_http_lt_ingest_reserve(ngx_http_lt_ingest_t *in, size_t len)
{
    size_t                      n;
    ngx_http_lt_block_t        *block;
    ngx_http_lt_block_store_t  *store = &in->producer->store;

    in->reserved = NULL;

    if (len > NGX_HTTP_LT_INGEST_CHUNK_MAX
        || in->state != NGX_HTTP_LT_STREAM_OPEN)
    {
        return NULL;
    }

    block = ngx_http_lt_audio_tail(&in->pending);

    if (block
        && len <= (size_t) (block->end - block->last)
        && block->offset + (block->last - block->pos) == in->offset)
    {
        in->reserved = block;
        return block->last;
    }

    while (ngx_http_lt_block_is_full(store, len)) {
        block = ngx_http_lt_audio_head(&in->pending);
        if (block == NULL) {
            return NULL;
        }

        n = ngx_http_lt_audio_drop(&in->pending, store,
                                   block->last - block->pos);
        ngx_http_lt_stream_dropped(in, n, NGX_HTTP_LT_DROP_TOTAL);
    }

    in->reserved = ngx_http_lt_block_get(store, len);

    return in->reserved ? in->reserved->data : NULL;
}


ngx_int_t
ngx_http_lt_ingest_commit(ngx_http_lt_ingest_t *in, size_t len,
    int64_t capture_ms)
{
    ngx_http_lt_drop_e          reason;
    ngx_http_lt_block_t        *block = in->reserved;
    ngx_http_lt_block_store_t  *store = &in->producer->store;

    in->reserved = NULL;

    if (len == 0 || len % 2 || len > NGX_HTTP_LT_INGEST_CHUNK_MAX) {
        if (block && block->last == block->data) {
            ngx_http_lt_block_put(store, block);
        }

        ngx_http_lt_stream_settle(in);
        return len ? NGX_ERROR : NGX_OK;
    }

    NGX_HTTP_LT_COUNT(audio_chunks, 1);
    NGX_HTTP_LT_COUNT(audio_accepted_bytes, len);
    NGX_HTTP_LT_GAUGE(ingest_pending_bytes, len);

    if (block) {
        return ngx_http_lt_stream_add_block(in, block, len, capture_ms);
    }

    if (in->state != NGX_HTTP_LT_STREAM_OPEN) {
        reason = NGX_HTTP_LT_DROP_REPLACED;

    } else if (ngx_http_lt_block_is_full(store, len)) {
        reason = NGX_HTTP_LT_DROP_TOTAL;

    } else {
        reason = NGX_HTTP_LT_DROP_MEMORY;
    }

    in->offset += len;
    ngx_http_lt_stream_dropped(in, len, reason);
    ngx_http_lt_stream_settle(in);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_lt_stream_add_block(ngx_http_lt_ingest_t *in,
    ngx_http_lt_block_t *block, size_t len, int64_t capture_ms)
{
    if (block->last == block->data) {           /* not in the list yet */
        block->offset = in->offset;
        block->capture_ms = capture_ms;
        block->at_ms = ngx_current_msec;
        ngx_queue_insert_tail(&in->pending.blocks, &block->queue);
    }

    block->last += len;
    in->pending.bytes += len;
    in->offset += len;

    ngx_http_lt_stream_trim(in);
    ngx_http_lt_stream_settle(in);

    /* a burst does not wait for the linger, or it would fill the buffer */
    if (in->is_ready
        && in->attempt == 0
        && in->pending.bytes >= in->producer->stream_bytes_max / 4)
    {
        ngx_http_lt_producer_hurry(in->producer);
    }

    return NGX_OK;
}


void
ngx_http_lt_stream_trim(ngx_http_lt_ingest_t *in)
{
    size_t                   n;
    ngx_http_lt_producer_t  *p = in->producer;

    if (in->pending.bytes <= p->stream_bytes_max) {
        return;
    }

    n = ngx_http_lt_audio_drop(&in->pending, &p->store,
                               in->pending.bytes - p->stream_bytes_max);
    ngx_http_lt_stream_dropped(in, n, NGX_HTTP_LT_DROP_FULL);
}


void
ngx_http_lt_stream_dropped(ngx_http_lt_ingest_t *in, size_t bytes,
    ngx_http_lt_drop_e reason)
{
    ngx_atomic_t                  *counter;
    const ngx_http_lt_drop_row_t  *row = &ngx_http_lt_drops[reason];
    ngx_http_lt_log_limit_t       *limit = &in->producer->dropped_log;

    if (bytes == 0) {
        return;
    }

    if (in->loss) {
        if (in->untold_bytes == 0) {
            ngx_queue_insert_tail(&in->producer->untold, &in->untold);
            ngx_http_lt_producer_schedule(in->producer);
        }

        in->untold_bytes += bytes;
        in->untold_reason = row->name;
    }

    counter = (ngx_atomic_t *) ((u_char *) ngx_http_lt_counters
                                + row->counter);
    (void) ngx_atomic_fetch_add(counter, bytes);
    NGX_HTTP_LT_GAUGE(ingest_pending_bytes, -(ngx_atomic_int_t) bytes);
    in->lost += bytes;
    ngx_http_lt_stream_note(in);

    if (ngx_http_lt_log_is_due(limit)) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "lt: event=audio_dropped session=%V bytes=%uz reason=%s "
                      "suppressed=%ui", &in->session, bytes, row->name,
                      limit->suppressed);
        limit->suppressed = 0;
    }
}


void
ngx_http_lt_stream_note(ngx_http_lt_ingest_t *in)
{
    if (in->ack) {
        in->ack(in->ack_data);
    }
}


void
ngx_http_lt_ingest_on_ack(ngx_http_lt_ingest_t *in,
    ngx_http_lt_ingest_ack_pt handler, void *data)
{
    uint64_t  epoch = in->epoch;

    in->ack = handler;
    in->ack_data = data;

    for ( /* void */ ; in && in->epoch == epoch; in = in->before) {
        in->is_awaited = (handler != NULL);
        in->is_replayed |= in->is_awaited;
    }
}


void
ngx_http_lt_ingest_on_loss(ngx_http_lt_ingest_t *in,
    ngx_http_lt_ingest_loss_pt handler, void *data)
{
    in->loss = handler;
    in->loss_data = data;
}


uint64_t
ngx_http_lt_ingest_offset(const ngx_http_lt_ingest_t *in)
{
    return in->offset;
}


void
ngx_http_lt_ingest_skip(ngx_http_lt_ingest_t *in, uint64_t offset)
{
    in->offset = ngx_max(in->offset, offset);
}


uint64_t
ngx_http_lt_ingest_settled(const ngx_http_lt_ingest_t *in)
{
    ngx_http_lt_block_t  *block;

    while (in->before && in->before->epoch == in->epoch) {
        in = in->before;
    }

    block = ngx_http_lt_audio_head(&in->flight);

    if (block == NULL) {
        block = ngx_http_lt_audio_head(&in->pending);
    }

    return block ? block->offset : in->offset;
}


uint64_t
ngx_http_lt_ingest_lost(const ngx_http_lt_ingest_t *in)
{
    return in->lost;
}


void
ngx_http_lt_ingest_close(ngx_http_lt_ingest_t *in, int is_last)
{
    /* the end of a replaced stream is not the end of the talk */
    if (is_last
        && in->state == NGX_HTTP_LT_STREAM_OPEN
        && in->producer->mcf->kinesis_record == NGX_HTTP_LT_RECORD_FRAMED)
    {
        in->is_last_due = 1;
    }

    in->state = NGX_HTTP_LT_STREAM_CLOSED;
    in->closed_at_ms = ngx_current_msec;
    in->ack = NULL;
    in->lost = 0;
    in->loss = NULL;

    if (in->untold_bytes) {
        ngx_queue_remove(&in->untold);
        in->untold_bytes = 0;
    }

    ngx_http_lt_stream_settle(in);
}


static ngx_int_t
ngx_http_lt_stream_is_drained(const ngx_http_lt_ingest_t *in)
{
    return in->pending.bytes == 0 && !in->is_in_flight && !in->is_last_due;
}


void
ngx_http_lt_stream_settle(ngx_http_lt_ingest_t *in)
{
    ngx_http_lt_producer_t  *p = in->producer;

    if (in->is_in_flight) {
        return;
    }

    if (!ngx_http_lt_stream_is_drained(in)) {
        if (!in->is_ready) {
            ngx_queue_insert_tail(&p->ready, &in->ready);
            in->is_ready = 1;
        }

        ngx_http_lt_producer_schedule(p);
        return;
    }

    if (in->is_ready) {
        ngx_queue_remove(&in->ready);
        in->is_ready = 0;
    }

    if (in->state == NGX_HTTP_LT_STREAM_OPEN) {
        return;
    }

    ngx_http_lt_stream_release_next(in);

    if (in->state == NGX_HTTP_LT_STREAM_CLOSED) {
        ngx_http_lt_stream_free(in);
    }
}


static void
ngx_http_lt_stream_release_next(ngx_http_lt_ingest_t *in)
{
    ngx_queue_t           *q;
    ngx_http_lt_ingest_t  *next;

    for (q = ngx_queue_next(&in->queue);
         q != ngx_queue_sentinel(&in->producer->streams);
         q = ngx_queue_next(q))
    {
        next = ngx_queue_data(q, ngx_http_lt_ingest_t, queue);

        if (next->before == in) {
            next->before = NULL;

            if (next->epoch == in->epoch && !(in->is_void && next->is_awaited))
            {
                next->lost += in->lost;
                next->is_void = in->lost && in->is_replayed
                                && !next->is_awaited;
                ngx_http_lt_stream_note(next);
            }

            return;
        }
    }
}


/* What it holds is stored or counted. */
static void
ngx_http_lt_stream_free(ngx_http_lt_ingest_t *in)
{
    ngx_http_lt_producer_t  *p = in->producer;

    (void) ngx_http_lt_audio_drop(&in->pending, &p->store, in->pending.bytes);
    (void) ngx_http_lt_audio_drop(&in->flight, &p->store, in->flight.bytes);

    if (in->is_ready) {
        ngx_queue_remove(&in->ready);
    }

    if (in->untold_bytes) {
        ngx_queue_remove(&in->untold);
    }

    ngx_queue_remove(&in->queue);
    p->store.memory -= sizeof(ngx_http_lt_ingest_t);
    NGX_HTTP_LT_GAUGE(ingest_streams, -1);

    ngx_free(in);
}
