/* What becomes of a batch: the second half of the producer. */
#include "ngx_http_lt_producer.h"


/* A pause between two attempts is at most this part of lt_audio_buffer, so
   that what has waited is still there when Kinesis is back. */
#define NGX_HTTP_LT_PAUSE_PART    4
/* The same where Kinesis itself says how long. */
#define NGX_HTTP_LT_HINT_PART     2
#define NGX_HTTP_LT_ATTEMPT_MAX   16


static void ngx_http_lt_producer_note(ngx_http_lt_producer_t *p,
    const ngx_http_lt_kinesis_result_t *result);
static void ngx_http_lt_producer_log(ngx_http_lt_producer_t *p,
    const ngx_http_lt_kinesis_result_t *result, size_t records_n,
    size_t failed_n);
static void ngx_http_lt_producer_refund(ngx_http_lt_producer_t *p,
    ngx_http_lt_ingest_batch_t *b);
static void ngx_http_lt_producer_settle(ngx_http_lt_producer_t *p,
    ngx_http_lt_ingest_batch_t *b);
static void ngx_http_lt_stream_stored(ngx_http_lt_ingest_t *in,
    uint64_t shard);
static void ngx_http_lt_stream_throttled(ngx_http_lt_ingest_t *in,
    double random);
static void ngx_http_lt_stream_failed(ngx_http_lt_ingest_t *in,
    ngx_msec_t pause);
static ngx_msec_t ngx_http_lt_stream_pause(const ngx_http_lt_ingest_t *in,
    lt_aws_class_t class, double random);
static ngx_msec_t ngx_http_lt_producer_pause_max(
    const ngx_http_lt_producer_t *p);
static double ngx_http_lt_producer_random(void);


void
ngx_http_lt_producer_answered(void *data,
    ngx_http_lt_kinesis_result_t *result)
{
    size_t                       failed_n;
    ngx_http_lt_ingest_batch_t  *b = data;
    ngx_http_lt_producer_t      *p = b->producer;

    ngx_queue_remove(&b->queue);
    p->inflight--;
    NGX_HTTP_LT_GAUGE(kinesis_inflight, -1);

    failed_n = b->streams_n;

    if (result->is_ok
        && lt_kinesis_answer(p->records, b->streams_n, &failed_n,
                             ngx_http_lt_view(&result->body), NULL)
           != LT_OK)
    {
        ngx_http_lt_kinesis_refuse(result);
    }

    if (failed_n) {
        ngx_http_lt_producer_log(p, result, b->streams_n, failed_n);
    }

    ngx_http_lt_producer_note(p, result);

    if (result->is_ok) {
        ngx_http_lt_producer_refund(p, b);
        ngx_http_lt_producer_settle(p, b);

    } else {
        ngx_http_lt_streams_failed(p, b->streams, b->streams_n, result->class,
                                   &result->retry_after);
    }

    ngx_http_lt_kinesis_free(b->call);
    ngx_free(b);
}


/* Whether Kinesis works at all. */
static void
ngx_http_lt_producer_note(ngx_http_lt_producer_t *p,
    const ngx_http_lt_kinesis_result_t *result)
{
    if (!result->is_ok) {
        if (p->failing_since_s == 0) {
            p->failing_since_s = ngx_time();
        }

        return;
    }

    if (p->failing_since_s) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "lt: event=kinesis_recovered after_s=%T",
                      ngx_time() - p->failing_since_s);
        p->failing_since_s = 0;
    }
}


static void
ngx_http_lt_producer_log(ngx_http_lt_producer_t *p,
    const ngx_http_lt_kinesis_result_t *result, size_t records_n,
    size_t failed_n)
{
    if (!ngx_http_lt_log_is_due(&p->failed_log)) {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "lt: event=kinesis_put_failed status=%ui code=%s records=%uz "
                  "failed=%uz request_id=%V suppressed=%ui cause=\"%s\"",
                  result->status, result->code[0] ? result->code : "-",
                  records_n, failed_n, &result->request_id,
                  p->failed_log.suppressed,
                  result->cause ? result->cause : "some records were refused");

    p->failed_log.suppressed = 0;
}


/* The call has succeeded, whatever it says of its records. */
static void
ngx_http_lt_producer_refund(ngx_http_lt_producer_t *p,
    ngx_http_lt_ingest_batch_t *b)
{
    size_t    i;
    unsigned  cost = 0;

    for (i = 0; i < b->streams_n; i++) {
        cost += b->streams[i]->retry_cost;
        b->streams[i]->retry_cost = 0;
    }

    lt_retry_refund(&p->retry, cost);
}


static void
ngx_http_lt_producer_settle(ngx_http_lt_producer_t *p,
    ngx_http_lt_ingest_batch_t *b)
{
    double                 random;
    size_t                 i;
    ngx_http_lt_ingest_t  *in;

    /* one for all, so that they share their next batch too */
    random = ngx_http_lt_producer_random();

    for (i = 0; i < b->streams_n; i++) {
        in = b->streams[i];

        switch (p->records[i].outcome) {

        case LT_KINESIS_STORED:
            NGX_HTTP_LT_COUNT(kinesis_records_stored, 1);
            ngx_http_lt_stream_stored(in, p->records[i].shard);
            break;

        case LT_KINESIS_THROTTLED:
            NGX_HTTP_LT_COUNT(kinesis_records_throttled, 1);
            ngx_http_lt_stream_throttled(in, random);
            break;

        default:
            NGX_HTTP_LT_COUNT(kinesis_records_failed, 1);
            ngx_http_lt_stream_failed(in,
                ngx_http_lt_stream_pause(in, LT_AWS_TRANSIENT, random));
        }
    }
}


static void
ngx_http_lt_stream_stored(ngx_http_lt_ingest_t *in, uint64_t shard)
{
    size_t                   bytes = in->flight.bytes;
    uint64_t                 settled;
    ngx_http_lt_block_t     *head;
    ngx_http_lt_block_t     *tail = ngx_http_lt_audio_tail(&in->flight);
    ngx_http_lt_producer_t  *p = in->producer;

    settled = tail ? tail->offset + (tail->last - tail->pos) : in->offset;

    if (tail) {
        head = ngx_queue_data(ngx_queue_head(&in->flight.blocks),
                              ngx_http_lt_block_t, queue);
        NGX_HTTP_LT_OBSERVE(audio_stored_ms, (ngx_msec_int_t)
                            (ngx_current_msec - head->at_ms));
    }

    ngx_http_lt_shards_stored(p->shards, in->shard_key, shard);
    (void) ngx_http_lt_audio_drop(&in->flight, &p->store, bytes);
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


/* Its shard is over its limit: all who share it wait, nobody else does. */
static void
ngx_http_lt_stream_throttled(ngx_http_lt_ingest_t *in, double random)
{
    ngx_msec_t               pause = 0;
    lt_pace_t               *pace;
    ngx_http_lt_producer_t  *p = in->producer;

    pace = ngx_http_lt_shards_find(p->shards, in->shard_key);

    if (pace) {
        lt_pace_refused(pace, ngx_current_msec, random,
                        ngx_http_lt_producer_pause_max(p));
    } else {
        pause = ngx_http_lt_stream_pause(in, LT_AWS_THROTTLE, random);
    }

    ngx_http_lt_stream_failed(in, pause);
}


void
ngx_http_lt_streams_failed(ngx_http_lt_producer_t *p,
    ngx_http_lt_ingest_t **streams, size_t n, lt_aws_class_t class,
    const ngx_str_t *retry_after)
{
    double      random = ngx_http_lt_producer_random();
    size_t      i;
    unsigned    cost;
    ngx_msec_t  pause, pause_max = ngx_http_lt_producer_pause_max(p);

    /* what the AWS rules call hopeless is tried again too: keys and streams
       get mended, and the audio has its own deadline */
    if (class != LT_AWS_TRANSIENT) {
        class = LT_AWS_THROTTLE;
    }

    cost = lt_retry_take(&p->retry, class);

    if (cost) {
        NGX_HTTP_LT_COUNT(kinesis_retries, 1);
    } else {
        NGX_HTTP_LT_COUNT(kinesis_retries_delayed, 1);
    }

    for (i = 0; i < n; i++) {
        pause = ngx_http_lt_stream_pause(streams[i], class, random);

        if (cost == 0) {
            pause = pause_max / 2 + (ngx_msec_t) (pause_max / 2 * random);
        }

        pause = lt_retry_hinted_ms(pause, ngx_http_lt_view(retry_after));
        pause = ngx_min(pause, p->mcf->audio_buffer / NGX_HTTP_LT_HINT_PART);

        streams[i]->retry_cost = (i == 0) ? cost : 0;
        ngx_http_lt_stream_failed(streams[i], pause);
    }
}


/* Back to the head of its buffer. */
static void
ngx_http_lt_stream_failed(ngx_http_lt_ingest_t *in, ngx_msec_t pause)
{
    ngx_http_lt_audio_give_back(&in->pending, &in->flight);
    in->is_last_in_flight = 0;
    in->is_in_flight = 0;

    if (in->attempt < NGX_HTTP_LT_ATTEMPT_MAX) {
        in->attempt++;
    }

    in->retry_at_ms = ngx_current_msec + pause;

    ngx_http_lt_stream_trim(in);
    ngx_http_lt_stream_settle(in);
}


/* Before its next attempt, by the rules of AWS's clients. */
static ngx_msec_t
ngx_http_lt_stream_pause(const ngx_http_lt_ingest_t *in, lt_aws_class_t class,
    double random)
{
    ngx_msec_t  pause;

    pause = lt_aws_retry_delay_ms(class, in->attempt + 1, random);

    return ngx_min(pause, ngx_http_lt_producer_pause_max(in->producer));
}


static ngx_msec_t
ngx_http_lt_producer_pause_max(const ngx_http_lt_producer_t *p)
{
    return p->mcf->audio_buffer / NGX_HTTP_LT_PAUSE_PART;
}


static double
ngx_http_lt_producer_random(void)
{
    return (double) (ngx_random() & 0x7fffffff) / 0x80000000;
}
