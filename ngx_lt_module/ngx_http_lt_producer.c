#include "ngx_http_lt_producer.h"
#include "ngx_http_lt_credentials.h"
#include "lt_audio_record.h"


/* Ours, of the 10 MiB that a call may have. */
#define NGX_HTTP_LT_BODY_MAX           (4 * 1024 * 1024)
#define NGX_HTTP_LT_EXIT_LINGER_MS     1
#define NGX_HTTP_LT_TELL_MS            1000
/* A stored record takes 120 bytes; a throttled one names account, stream and
   shard: up to 350. */
#define NGX_HTTP_LT_ANSWER_MAX(n)      (512 + 512 * (n))


static void ngx_http_lt_producer_watch_exit(ngx_http_lt_producer_t *p);
static void ngx_http_lt_producer_expire(ngx_http_lt_producer_t *p);
static void ngx_http_lt_stream_expire(ngx_http_lt_ingest_t *in,
    ngx_uint_t is_over);
static ngx_int_t ngx_http_lt_producer_send(ngx_http_lt_producer_t *p);
static size_t ngx_http_lt_producer_choose(ngx_http_lt_producer_t *p,
    size_t *body_size);
static size_t ngx_http_lt_producer_body_max(ngx_http_lt_producer_t *p,
    ngx_http_conf_ctx_t *ctx);
static ngx_int_t ngx_http_lt_stream_take(ngx_http_lt_ingest_t *in,
    size_t *size, size_t size_max, ngx_uint_t is_first);
static ngx_int_t ngx_http_lt_producer_post(ngx_http_lt_producer_t *p,
    size_t streams_n, size_t body_size);
static ngx_int_t ngx_http_lt_producer_fill(ngx_http_lt_producer_t *p,
    ngx_http_lt_ingest_batch_t *b, size_t body_size, size_t *body_len);
static void ngx_http_lt_producer_add(ngx_http_lt_producer_t *p,
    ngx_http_lt_kinesis_t *call, lt_kinesis_put_t *put,
    ngx_http_lt_ingest_t *in);
static void ngx_http_lt_producer_tell(ngx_http_lt_producer_t *p);


void
ngx_http_lt_producer_schedule(ngx_http_lt_producer_t *p)
{
    if (p->timer.timer_set) {
        if (!ngx_exiting) {
            return;
        }

        ngx_del_timer(&p->timer);
    }

    ngx_add_timer(&p->timer, ngx_exiting ? NGX_HTTP_LT_EXIT_LINGER_MS
                                         : p->mcf->kinesis_linger);
}


void
ngx_http_lt_producer_hurry(ngx_http_lt_producer_t *p)
{
    if (p->inflight < p->mcf->kinesis_inflight) {
        ngx_post_event(&p->timer, &ngx_posted_events);
    }
}


void
ngx_http_lt_producer_tick(ngx_event_t *ev)
{
    ngx_http_lt_ingest_t    *in;
    ngx_http_lt_producer_t  *p = ev->data;

    ngx_http_lt_producer_watch_exit(p);
    ngx_http_lt_producer_expire(p);
    ngx_http_lt_producer_tell(p);

    if (!ngx_queue_empty(&p->ready)
        && ngx_http_lt_credentials_are_ready(p->mcf))
    {
        in = ngx_queue_data(ngx_queue_head(&p->ready), ngx_http_lt_ingest_t,
                            ready);
        ngx_http_lt_shards_use(p->shards, in->ctx);
    }

    while (p->inflight < p->mcf->kinesis_inflight
           && ngx_http_lt_credentials_are_ready(p->mcf))
    {
        if (ngx_http_lt_producer_send(p) != NGX_OK) {
            break;
        }
    }

    if ((!ngx_queue_empty(&p->ready) || !ngx_queue_empty(&p->untold))
        && !p->timer.timer_set)
    {
        ngx_add_timer(&p->timer, p->mcf->kinesis_linger);
    }
}


/* Speakers hear of what was dropped, each at most once a second. */
static void
ngx_http_lt_producer_tell(ngx_http_lt_producer_t *p)
{
    size_t                 bytes;
    ngx_queue_t           *q;
    ngx_http_lt_ingest_t  *in;

    q = ngx_queue_head(&p->untold);

    while (q != ngx_queue_sentinel(&p->untold)) {
        in = ngx_queue_data(q, ngx_http_lt_ingest_t, untold);

        if (!ngx_exiting
            && in->told_at_ms
            && ngx_current_msec - in->told_at_ms < NGX_HTTP_LT_TELL_MS)
        {
            q = ngx_queue_next(q);
            continue;
        }

        ngx_queue_remove(&in->untold);
        bytes = in->untold_bytes;
        in->untold_bytes = 0;
        in->told_at_ms = ngx_current_msec;
        in->loss(in->loss_data, bytes, in->untold_reason);

        /* it may have closed streams */
        q = ngx_queue_head(&p->untold);
    }
}


/* The timer is what keeps an exiting process alive: until all is stored, has
   expired, or worker_shutdown_timeout has passed. */
static void
ngx_http_lt_producer_watch_exit(ngx_http_lt_producer_t *p)
{
    ngx_core_conf_t  *ccf;

    if (!ngx_exiting || p->is_exiting) {
        return;
    }

    p->is_exiting = 1;
    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->shutdown_timeout) {
        p->exit_at_ms = ngx_current_msec + ccf->shutdown_timeout;
    }
}


static void
ngx_http_lt_producer_expire(ngx_http_lt_producer_t *p)
{
    ngx_uint_t    is_over;
    ngx_queue_t  *q, *next;

    is_over = p->exit_at_ms
              && (ngx_msec_int_t) (ngx_current_msec - p->exit_at_ms) >= 0;

    for (q = ngx_queue_head(&p->ready);
         q != ngx_queue_sentinel(&p->ready);
         q = next)
    {
        next = ngx_queue_next(q);
        ngx_http_lt_stream_expire(ngx_queue_data(q, ngx_http_lt_ingest_t,
                                                 ready),
                                  is_over);
    }
}


/* May free it. */
static void
ngx_http_lt_stream_expire(ngx_http_lt_ingest_t *in, ngx_uint_t is_over)
{
    size_t                   n;
    ngx_msec_t               age;
    ngx_http_lt_producer_t  *p = in->producer;

    if (is_over) {
        n = ngx_http_lt_audio_drop(&in->pending, &p->store, in->pending.bytes);
        ngx_http_lt_stream_dropped(in, n, NGX_HTTP_LT_DROP_SHUTDOWN);

    } else if (in->is_void || !in->is_awaited) {
        n = ngx_http_lt_audio_expire(&in->pending, &p->store,
                                     ngx_current_msec - p->mcf->audio_buffer);

        /* all of it will come once more, maybe through another process: what
           is behind a hole would be in its way */
        if (in->is_void || (n && in->is_replayed)) {
            n += ngx_http_lt_audio_drop(&in->pending, &p->store,
                                        in->pending.bytes);
        }

        ngx_http_lt_stream_dropped(in, n, NGX_HTTP_LT_DROP_EXPIRED);
    }

    age = ngx_current_msec - in->closed_at_ms;

    if (in->is_last_due && (is_over || age > p->mcf->audio_buffer)) {
        in->is_last_due = 0;
        NGX_HTTP_LT_COUNT(last_dropped, 1);
    }

    ngx_http_lt_stream_settle(in);
}


/* NGX_DECLINED: nothing to send, or not now. */
static ngx_int_t
ngx_http_lt_producer_send(ngx_http_lt_producer_t *p)
{
    size_t     n, body_size;
    ngx_str_t  none = ngx_null_string;

    n = ngx_http_lt_producer_choose(p, &body_size);
    if (n == 0) {
        return NGX_DECLINED;
    }

    if (ngx_http_lt_producer_post(p, n, body_size) == NGX_OK) {
        return NGX_OK;
    }

    NGX_HTTP_LT_COUNT(kinesis_errors_internal, 1);
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "lt: event=kinesis_put_failed records=%uz "
                  "cause=\"no memory\"", n);
    ngx_http_lt_streams_failed(p, p->chosen, n, LT_AWS_THROTTLE, &none);

    return NGX_DECLINED;
}


/* Moves what the next call carries into flight; returns how many streams. */
static size_t
ngx_http_lt_producer_choose(ngx_http_lt_producer_t *p, size_t *body_size)
{
    size_t                 n = 0, size_max = 0;
    lt_pace_t             *pace;
    ngx_queue_t           *q, *next;
    ngx_http_lt_ingest_t  *in;

    *body_size = lt_kinesis_envelope_size(p->mcf->kinesis_protocol,
                                          p->mcf->kinesis_stream.len);

    for (q = ngx_queue_head(&p->ready);
         q != ngx_queue_sentinel(&p->ready) && n < LT_KINESIS_RECORDS_MAX;
         q = next)
    {
        next = ngx_queue_next(q);
        in = ngx_queue_data(q, ngx_http_lt_ingest_t, ready);

        if (in->before
            || in->is_void
            || (in->attempt
                && (ngx_msec_int_t) (ngx_current_msec - in->retry_at_ms) < 0))
        {
            continue;
        }

        pace = ngx_http_lt_shards_find(p->shards, in->shard_key);

        if (pace && !lt_pace_is_open(pace, ngx_current_msec)) {
            continue;
        }

        if (n == 0) {
            size_max = ngx_http_lt_producer_body_max(p, in->ctx);

        } else if (in->ctx != p->chosen[0]->ctx) {
            continue;
        }

        if (ngx_http_lt_stream_take(in, body_size, size_max, n == 0)
            == NGX_OK)
        {
            p->chosen[n++] = in;

            if (pace) {
                lt_pace_sent(pace, in->flight.bytes);
            }
        }
    }

    return n;
}


static size_t
ngx_http_lt_producer_body_max(ngx_http_lt_producer_t *p,
    ngx_http_conf_ctx_t *ctx)
{
    size_t  max = ngx_http_lt_kinesis_body_max(p->mcf, ctx);

    return (max && max < NGX_HTTP_LT_BODY_MAX) ? max : NGX_HTTP_LT_BODY_MAX;
}


/* NGX_DECLINED: does not fit into what is left of the body.  The first record
   always does: the location says what it thinks of it. */
static ngx_int_t
ngx_http_lt_stream_take(ngx_http_lt_ingest_t *in, size_t *size,
    size_t size_max, ngx_uint_t is_first)
{
    size_t                   fixed, head, room = 0, first = 0;
    ngx_http_lt_block_t     *block;
    ngx_http_lt_producer_t  *p = in->producer;
    lt_kinesis_protocol_t    protocol = p->mcf->kinesis_protocol;

    head = p->mcf->kinesis_record == NGX_HTTP_LT_RECORD_FRAMED
           ? LT_AUDIO_RECORD_HEADER_LEN : 0;
    fixed = *size + lt_kinesis_record_size(protocol, in->session.len,
                                           head + 2);

    if (fixed < size_max) {
        room = size_max - fixed;
        room = protocol == LT_KINESIS_CBOR ? room : room / 4 * 3;
    }

    block = ngx_http_lt_audio_head(&in->pending);
    if (block) {
        first = block->last - block->pos;
    }

    if (!is_first && (fixed > size_max || first > room)) {
        return NGX_DECLINED;
    }

    ngx_http_lt_audio_take(&in->flight, &in->pending,
                           ngx_min(room, NGX_HTTP_LT_RECORD_BYTES_MAX));

    ngx_queue_remove(&in->ready);
    in->is_ready = 0;
    in->is_in_flight = 1;
    in->is_last_in_flight = in->is_last_due && in->pending.bytes == 0;

    *size += lt_kinesis_record_size(protocol, in->session.len,
                                    head + in->flight.bytes);

    return NGX_OK;
}


static ngx_int_t
ngx_http_lt_producer_post(ngx_http_lt_producer_t *p, size_t streams_n,
    size_t body_size)
{
    size_t                       body_len;
    ngx_http_lt_ingest_batch_t  *b;

    b = ngx_alloc(sizeof(ngx_http_lt_ingest_batch_t)
                  + streams_n * sizeof(b->streams[0]), ngx_cycle->log);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->producer = p;
    b->streams_n = streams_n;

    b->call = ngx_http_lt_kinesis_new(p->mcf, p->chosen[0]->ctx, "PutRecords",
                                      body_size);
    if (b->call == NULL) {
        ngx_free(b);
        return NGX_ERROR;
    }

    if (ngx_http_lt_producer_fill(p, b, body_size, &body_len) != NGX_OK
        || ngx_http_lt_kinesis_send(b->call, body_len,
                                    NGX_HTTP_LT_ANSWER_MAX(streams_n),
                                    ngx_http_lt_producer_answered, b)
           != NGX_OK)
    {
        ngx_http_lt_kinesis_free(b->call);
        ngx_free(b);
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&p->batches, &b->queue);
    p->inflight++;
    NGX_HTTP_LT_GAUGE(kinesis_inflight, 1);
    NGX_HTTP_LT_COUNT(kinesis_batches, 1);
    NGX_HTTP_LT_COUNT(kinesis_records, streams_n);

    return NGX_OK;
}


static ngx_int_t
ngx_http_lt_producer_fill(ngx_http_lt_producer_t *p,
    ngx_http_lt_ingest_batch_t *b, size_t body_size, size_t *body_len)
{
    size_t             i;
    lt_kinesis_put_t   put;

    lt_kinesis_put_init(&put, p->mcf->kinesis_protocol,
                        ngx_http_lt_kinesis_body(b->call), body_size,
                        ngx_http_lt_view(&p->mcf->kinesis_stream),
                        b->streams_n);

    for (i = 0; i < b->streams_n; i++) {
        b->streams[i] = p->chosen[i];
        ngx_http_lt_producer_add(p, b->call, &put, p->chosen[i]);
    }

    if (lt_kinesis_put_end(&put) != LT_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "lt: event=kinesis_body_wrong records=%uz", b->streams_n);
        return NGX_ERROR;
    }

    *body_len = lt_out_len(&put.out);

    return NGX_OK;
}


static void
ngx_http_lt_producer_add(ngx_http_lt_producer_t *p,
    ngx_http_lt_kinesis_t *call, lt_kinesis_put_t *put,
    ngx_http_lt_ingest_t *in)
{
    size_t                head_len = 0;
    uint8_t               head[LT_AUDIO_RECORD_HEADER_LEN];
    ngx_queue_t          *q;
    lt_audio_record_t     record;
    ngx_http_lt_block_t  *block = ngx_http_lt_audio_head(&in->flight);

    if (p->mcf->kinesis_record == NGX_HTTP_LT_RECORD_FRAMED) {
        record.epoch = in->epoch;
        record.offset = block ? block->offset : in->offset;
        record.capture_ms = block ? block->capture_ms : ngx_http_lt_wall_ms();
        record.flags = 0;

        if (record.offset != in->settled) {
            record.flags |= LT_AUDIO_FLAG_GAP;
        }

        if (in->is_last_in_flight) {
            record.flags |= LT_AUDIO_FLAG_LAST;
        }

        lt_audio_record_encode(head, &record);
        head_len = sizeof(head);

    } else if (block) {
        lt_audio_record_disclaim(block->pos, block->last - block->pos);
    }

    lt_kinesis_put_record(put, ngx_http_lt_view(&in->session),
                          head_len + in->flight.bytes);
    lt_kinesis_put_data(put, head, head_len);

    for (q = ngx_queue_head(&in->flight.blocks);
         q != ngx_queue_sentinel(&in->flight.blocks);
         q = ngx_queue_next(q))
    {
        block = ngx_queue_data(q, ngx_http_lt_block_t, queue);
        lt_kinesis_put_data(put, block->pos, block->last - block->pos);
        ngx_http_lt_kinesis_hash(call, lt_out_len(&put->out));
    }
}


void
ngx_http_lt_producer_abort(ngx_http_lt_producer_t *p)
{
    ngx_queue_t                 *q;
    ngx_http_lt_ingest_batch_t  *b;

    if (p->timer.timer_set) {
        ngx_del_timer(&p->timer);
    }

    if (p->timer.posted) {
        ngx_delete_posted_event(&p->timer);
    }

    while (!ngx_queue_empty(&p->batches)) {
        q = ngx_queue_head(&p->batches);
        ngx_queue_remove(q);
        b = ngx_queue_data(q, ngx_http_lt_ingest_batch_t, queue);
        ngx_http_lt_kinesis_free(b->call);
        ngx_free(b);
    }
}
