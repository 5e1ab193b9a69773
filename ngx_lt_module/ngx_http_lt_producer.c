#include "ngx_http_lt_producer.h"
#include "lt_audio_record.h"


/* Ours, of the 10 MiB that a call may have. */
#define NGX_HTTP_LT_BODY_MAX           (4 * 1024 * 1024)
/* A pause between two attempts is at most this part of lt_audio_buffer, so
   that what has waited is still there when Kinesis is back. */
#define NGX_HTTP_LT_PAUSE_PART         4
#define NGX_HTTP_LT_ATTEMPT_MAX        16
#define NGX_HTTP_LT_EXIT_LINGER_MS     1
#define NGX_HTTP_LT_SKEW_MIN_S         60


typedef struct {
    ngx_queue_t              queue;         /* in producer->batches */
    ngx_http_lt_producer_t  *producer;
    ngx_http_lt_kinesis_t   *call;
    size_t                   streams_n;
    ngx_http_lt_ingest_t    *streams[];
} ngx_http_lt_ingest_batch_t;


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
static void ngx_http_lt_producer_add(ngx_http_lt_producer_t *p,
    ngx_http_lt_kinesis_t *call, ngx_http_lt_ingest_t *in);
static lt_str_t ngx_http_lt_producer_join(ngx_http_lt_producer_t *p,
    ngx_http_lt_ingest_t *in);
static void ngx_http_lt_producer_done(void *data,
    const ngx_http_lt_kinesis_result_t *result);
static void ngx_http_lt_producer_note(ngx_http_lt_producer_t *p,
    const ngx_http_lt_kinesis_result_t *result, size_t records_n);
static ngx_uint_t ngx_http_lt_producer_is_skewed(ngx_http_lt_producer_t *p,
    const ngx_http_lt_kinesis_result_t *result);
static void ngx_http_lt_producer_log(ngx_http_lt_producer_t *p,
    const ngx_http_lt_kinesis_result_t *result, size_t records_n);
static void ngx_http_lt_stream_stored(ngx_http_lt_ingest_t *in);
static void ngx_http_lt_stream_failed(ngx_http_lt_ingest_t *in,
    lt_aws_class_t class, double random);
static double ngx_http_lt_producer_random(void);


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
    ngx_http_lt_producer_t  *p = ev->data;

    ngx_http_lt_producer_watch_exit(p);
    ngx_http_lt_producer_expire(p);

    while (p->inflight < p->mcf->kinesis_inflight) {
        if (ngx_http_lt_producer_send(p) != NGX_OK) {
            break;
        }
    }

    if (!ngx_queue_empty(&p->ready) && !p->timer.timer_set) {
        ngx_add_timer(&p->timer, p->mcf->kinesis_linger);
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

    } else {
        n = ngx_http_lt_audio_expire(&in->pending, &p->store,
                                     ngx_current_msec - p->mcf->audio_buffer);
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
    double  random;
    size_t  i, n, body_size;

    n = ngx_http_lt_producer_choose(p, &body_size);
    if (n == 0) {
        return NGX_DECLINED;
    }

    if (ngx_http_lt_producer_post(p, n, body_size) == NGX_OK) {
        return NGX_OK;
    }

    NGX_HTTP_LT_COUNT(kinesis_errors_internal, 1);
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "kinesis_put_failed records=%uz cause=\"no memory\"", n);
    random = ngx_http_lt_producer_random();

    for (i = 0; i < n; i++) {
        ngx_http_lt_stream_failed(p->chosen[i], LT_AWS_THROTTLE, random);
    }

    return NGX_DECLINED;
}


/* Moves what the next call carries into flight; returns how many streams. */
static size_t
ngx_http_lt_producer_choose(ngx_http_lt_producer_t *p, size_t *body_size)
{
    size_t                 n = 0, size_max = 0;
    ngx_queue_t           *q, *next;
    ngx_http_lt_ingest_t  *in;

    *body_size = lt_kinesis_envelope_size(p->mcf->kinesis_stream.len);

    for (q = ngx_queue_head(&p->ready);
         q != ngx_queue_sentinel(&p->ready) && n < LT_KINESIS_RECORDS_MAX;
         q = next)
    {
        next = ngx_queue_next(q);
        in = ngx_queue_data(q, ngx_http_lt_ingest_t, ready);

        if (in->before
            || (in->attempt
                && (ngx_msec_int_t) (ngx_current_msec - in->retry_at_ms) < 0))
        {
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

    head = p->mcf->kinesis_record == NGX_HTTP_LT_RECORD_FRAMED
           ? LT_AUDIO_RECORD_HEADER_LEN : 0;
    fixed = *size + lt_kinesis_record_size(in->session.len, head + 2);

    if (fixed < size_max) {
        room = (size_max - fixed) / 4 * 3;
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

    *size += lt_kinesis_record_size(in->session.len, head + in->flight.bytes);

    return NGX_OK;
}


static ngx_int_t
ngx_http_lt_producer_post(ngx_http_lt_producer_t *p, size_t streams_n,
    size_t body_size)
{
    size_t                       i;
    ngx_http_lt_ingest_batch_t  *b;

    b = ngx_alloc(sizeof(ngx_http_lt_ingest_batch_t)
                  + streams_n * sizeof(b->streams[0]), ngx_cycle->log);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->call = ngx_http_lt_kinesis_new(p->mcf, p->chosen[0]->ctx, streams_n,
                                      body_size);
    if (b->call == NULL) {
        ngx_free(b);
        return NGX_ERROR;
    }

    b->producer = p;
    b->streams_n = streams_n;

    for (i = 0; i < streams_n; i++) {
        b->streams[i] = p->chosen[i];
        ngx_http_lt_producer_add(p, b->call, p->chosen[i]);
    }

    if (ngx_http_lt_kinesis_send(b->call, ngx_time() + p->skew_s,
                                 ngx_http_lt_producer_done, b)
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


static void
ngx_http_lt_producer_add(ngx_http_lt_producer_t *p,
    ngx_http_lt_kinesis_t *call, ngx_http_lt_ingest_t *in)
{
    uint8_t               head[LT_AUDIO_RECORD_HEADER_LEN];
    lt_str_t              head_view = { (char *) head, 0 };
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
        head_view.len = sizeof(head);
    }

    ngx_http_lt_kinesis_add(call, ngx_http_lt_view(&in->session), head_view,
                            ngx_http_lt_producer_join(p, in));
}


static lt_str_t
ngx_http_lt_producer_join(ngx_http_lt_producer_t *p, ngx_http_lt_ingest_t *in)
{
    ngx_http_lt_block_t  *block = ngx_http_lt_audio_head(&in->flight);

    if (block == NULL) {
        return LT_STR("");
    }

    if (block == ngx_http_lt_audio_tail(&in->flight)) {
        return (lt_str_t) { (char *) block->pos, in->flight.bytes };
    }

    ngx_http_lt_audio_copy(p->joined, &in->flight);

    return (lt_str_t) { (char *) p->joined, in->flight.bytes };
}


static void
ngx_http_lt_producer_done(void *data,
    const ngx_http_lt_kinesis_result_t *result)
{
    double                       random;
    size_t                       i;
    lt_aws_class_t               class = result->class;
    ngx_http_lt_ingest_batch_t  *b = data;
    ngx_http_lt_producer_t      *p = b->producer;

    ngx_queue_remove(&b->queue);
    p->inflight--;
    NGX_HTTP_LT_GAUGE(kinesis_inflight, -1);

    ngx_http_lt_producer_note(p, result, b->streams_n);

    if (ngx_http_lt_producer_is_skewed(p, result)) {
        class = LT_AWS_TRANSIENT;
    }

    /* one for all, so that they share their next batch too */
    random = ngx_http_lt_producer_random();

    for (i = 0; i < b->streams_n; i++) {
        if (result->outcomes == NULL) {
            ngx_http_lt_stream_failed(b->streams[i], class, random);

        } else if (result->outcomes[i] == LT_KINESIS_STORED) {
            NGX_HTTP_LT_COUNT(kinesis_records_stored, 1);
            ngx_http_lt_stream_stored(b->streams[i]);

        } else if (result->outcomes[i] == LT_KINESIS_THROTTLED) {
            NGX_HTTP_LT_COUNT(kinesis_records_throttled, 1);
            ngx_http_lt_stream_failed(b->streams[i], LT_AWS_THROTTLE, random);

        } else {
            NGX_HTTP_LT_COUNT(kinesis_records_failed, 1);
            ngx_http_lt_stream_failed(b->streams[i], LT_AWS_TRANSIENT, random);
        }
    }

    ngx_http_lt_kinesis_free(b->call);
    ngx_free(b);
}


/* What a call tells about Kinesis itself. */
static void
ngx_http_lt_producer_note(ngx_http_lt_producer_t *p,
    const ngx_http_lt_kinesis_result_t *result, size_t records_n)
{
    if (result->failed_n) {
        ngx_http_lt_producer_log(p, result, records_n);
    }

    if (result->outcomes) {
        if (p->failing_since_s) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "kinesis_recovered after_s=%T",
                          ngx_time() - p->failing_since_s);
            p->failing_since_s = 0;
        }

        return;
    }

    if (p->failing_since_s == 0) {
        p->failing_since_s = ngx_time();
    }

}


/* A signature may be refused because our clock is wrong: then Kinesis' own
   clock mends it.  AWS allows 5 minutes. */
static ngx_uint_t
ngx_http_lt_producer_is_skewed(ngx_http_lt_producer_t *p,
    const ngx_http_lt_kinesis_result_t *result)
{
    time_t  skew_s;

    if (result->outcomes
        || result->class != LT_AWS_SKEW
        || result->date_s == (time_t) -1)
    {
        return 0;
    }

    skew_s = result->date_s - ngx_time();

    if (ngx_abs(skew_s - p->skew_s) < NGX_HTTP_LT_SKEW_MIN_S) {
        return 0;
    }

    p->skew_s = skew_s;
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "clock_skew seconds=%T: this machine's clock is wrong",
                  skew_s);

    return 1;
}


static void
ngx_http_lt_producer_log(ngx_http_lt_producer_t *p,
    const ngx_http_lt_kinesis_result_t *result, size_t records_n)
{
    if (!ngx_http_lt_log_is_due(&p->failed_log)) {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "kinesis_put_failed status=%ui code=%s records=%uz "
                  "failed=%uz request_id=%V suppressed=%ui cause=\"%s\"",
                  result->status, result->code[0] ? result->code : "-",
                  records_n, result->failed_n, &result->request_id,
                  p->failed_log.suppressed,
                  result->cause ? result->cause : "some records were refused");

    p->failed_log.suppressed = 0;
}


static void
ngx_http_lt_stream_stored(ngx_http_lt_ingest_t *in)
{
    size_t                bytes = in->flight.bytes;
    uint64_t              settled;
    ngx_http_lt_block_t  *tail = ngx_http_lt_audio_tail(&in->flight);

    settled = tail ? tail->offset + (tail->last - tail->pos) : in->offset;

    (void) ngx_http_lt_audio_drop(&in->flight, &in->producer->store, bytes);
    NGX_HTTP_LT_COUNT(audio_stored_bytes, bytes);
    NGX_HTTP_LT_GAUGE(ingest_pending_bytes, -(ngx_atomic_int_t) bytes);

    if (in->is_last_in_flight) {
        in->is_last_due = 0;
        in->is_last_in_flight = 0;
    }

    in->settled = settled;
    in->attempt = 0;
    in->is_in_flight = 0;

    ngx_http_lt_stream_note(in);
    ngx_http_lt_stream_settle(in);              /* may free it */
}


/* Back to the head of its buffer. */
static void
ngx_http_lt_stream_failed(ngx_http_lt_ingest_t *in, lt_aws_class_t class,
    double random)
{
    ngx_msec_t  pause, pause_max;

    ngx_http_lt_audio_give_back(&in->pending, &in->flight);
    in->is_last_in_flight = 0;
    in->is_in_flight = 0;

    if (in->attempt < NGX_HTTP_LT_ATTEMPT_MAX) {
        in->attempt++;
    }

    /* what the AWS rules call hopeless is tried again too: keys and streams
       get mended, and the audio has its own deadline */
    if (class != LT_AWS_TRANSIENT) {
        class = LT_AWS_THROTTLE;
    }

    pause = lt_aws_retry_delay_ms(class, in->attempt, random);
    pause_max = in->producer->mcf->audio_buffer / NGX_HTTP_LT_PAUSE_PART;

    in->retry_at_ms = ngx_current_msec + ngx_min(pause, pause_max);

    ngx_http_lt_stream_trim(in);
    ngx_http_lt_stream_settle(in);
}


static double
ngx_http_lt_producer_random(void)
{
    return (double) (ngx_random() & 0x7fffffff) / 0x80000000;
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
