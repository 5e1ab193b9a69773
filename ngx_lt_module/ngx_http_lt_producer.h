/*
 * Inside the ingest room: what ingest (a stream's life) and producer (which
 * audio goes when, and what became of it) share.  Nobody else includes this.
 *
 * A stream is in producer->ready while it has something to send and nothing
 * in flight; then never both "ready" and "in flight".
 */
#ifndef NGX_HTTP_LT_PRODUCER_H
#define NGX_HTTP_LT_PRODUCER_H

#include "ngx_http_lt_ingest.h"
#include "ngx_http_lt_audio.h"
#include "ngx_http_lt_kinesis.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_shards.h"
#include "lt_kinesis.h"
#include "lt_retry.h"
#include "lt_session_id.h"


/* Of the 1 MiB that a record may have: 8 s of speech. */
#define NGX_HTTP_LT_RECORD_BYTES_MAX   (256 * 1024)


typedef struct {
    ngx_queue_t                  streams;   /* all of them */
    ngx_queue_t                  ready;
    ngx_queue_t                  batches;   /* on their way */
    ngx_queue_t                  untold;    /* streams whose speaker is to
                                               hear of a loss */
    ngx_uint_t                   inflight;
    ngx_http_lt_block_store_t    store;
    ngx_event_t                  timer;
    ngx_http_lt_main_conf_t     *mcf;
    size_t                       stream_bytes_max;
    lt_retry_bucket_t            retry;
    ngx_http_lt_shards_t        *shards;
    ngx_msec_t                   exit_at_ms;    /* 0: no end to the exit */
    ngx_uint_t                   is_exiting;
    time_t                       failing_since_s;   /* 0: it works */
    ngx_http_lt_log_limit_t      failed_log;
    ngx_http_lt_log_limit_t      dropped_log;

    /* within one event handler only */
    ngx_http_lt_ingest_t        *chosen[LT_KINESIS_RECORDS_MAX];
    lt_kinesis_record_t          records[LT_KINESIS_RECORDS_MAX];
} ngx_http_lt_producer_t;


typedef struct {
    ngx_queue_t                  queue;     /* in producer->batches */
    ngx_http_lt_producer_t      *producer;
    ngx_http_lt_kinesis_t       *call;
    size_t                       streams_n;
    ngx_http_lt_ingest_t        *streams[];
} ngx_http_lt_ingest_batch_t;


typedef enum {
    NGX_HTTP_LT_STREAM_OPEN = 0,
    NGX_HTTP_LT_STREAM_REPLACED,            /* takes nothing more */
    NGX_HTTP_LT_STREAM_CLOSED               /* ends when drained */
} ngx_http_lt_stream_state_e;


typedef enum {
    NGX_HTTP_LT_DROP_FULL = 0,
    NGX_HTTP_LT_DROP_TOTAL,
    NGX_HTTP_LT_DROP_EXPIRED,
    NGX_HTTP_LT_DROP_SHUTDOWN,
    NGX_HTTP_LT_DROP_REPLACED,
    NGX_HTTP_LT_DROP_MEMORY
} ngx_http_lt_drop_e;


struct ngx_http_lt_ingest_s {
    ngx_queue_t                  queue;     /* in streams */
    ngx_queue_t                  ready;     /* in ready, if is_ready */
    ngx_http_lt_producer_t      *producer;
    ngx_http_conf_ctx_t         *ctx;
    ngx_http_lt_ingest_t        *before;    /* of the same session, and not
                                               drained yet */
    ngx_http_lt_audio_t          pending;
    ngx_http_lt_audio_t          flight;
    ngx_http_lt_block_t         *reserved;  /* between reserve and commit */
    uint64_t                     epoch;
    uint64_t                     offset;    /* end of what was accepted */
    uint64_t                     settled;   /* end of the last stored record */
    uint64_t                     lost;      /* dropped bytes, to be told */
    lt_hash_key_t                shard_key;
    ngx_uint_t                   attempt;   /* failed ones in a row */
    ngx_msec_t                   retry_at_ms;   /* if attempt > 0 */
    unsigned                     retry_cost;    /* tokens that come back */
    ngx_msec_t                   closed_at_ms;
    ngx_http_lt_ingest_ack_pt    ack;
    void                        *ack_data;
    ngx_http_lt_ingest_loss_pt   loss;
    void                        *loss_data;
    ngx_queue_t                  untold;    /* if untold_bytes > 0 */
    size_t                       untold_bytes;
    const char                  *untold_reason;
    ngx_msec_t                   told_at_ms;    /* 0: never */
    ngx_http_lt_stream_state_e   state;
    unsigned                     is_ready:1;
    unsigned                     is_in_flight:1;
    unsigned                     is_last_due:1;         /* an end mark is to
                                                           be sent */
    unsigned                     is_last_in_flight:1;
    unsigned                     is_replayed:1;         /* its speaker keeps
                                                           what is not settled */
    unsigned                     is_awaited:1;          /* and is here, and
                                                           waits with more */
    unsigned                     is_void:1;             /* what came before
                                                           it is lost */
    ngx_str_t                    session;
    u_char                       session_data[LT_SESSION_ID_MAX];
};


/* Arms the timer, if it is not. */
void ngx_http_lt_producer_schedule(ngx_http_lt_producer_t *p);

/* Sends as soon as the present event handler has returned. */
void ngx_http_lt_producer_hurry(ngx_http_lt_producer_t *p);
void ngx_http_lt_producer_tick(ngx_event_t *ev);
void ngx_http_lt_producer_abort(ngx_http_lt_producer_t *p);

/* The done handler of a batch. */
void ngx_http_lt_producer_answered(void *data,
    ngx_http_lt_kinesis_result_t *result);

/* A call with n streams has failed as a whole: back to their buffers.  Without
   tokens for a retry they wait for the longest pause. */
void ngx_http_lt_streams_failed(ngx_http_lt_producer_t *p,
    ngx_http_lt_ingest_t **streams, size_t n, lt_aws_class_t class,
    const ngx_str_t *retry_after);

/* After anything that changes what is pending or in flight: ready, idle or
   ended.  A closed stream may be freed. */
void ngx_http_lt_stream_settle(ngx_http_lt_ingest_t *in);

/* Tells who waits for it that something is settled. */
void ngx_http_lt_stream_note(ngx_http_lt_ingest_t *in);

/* Counts and logs bytes that are dropped already. */
void ngx_http_lt_stream_dropped(ngx_http_lt_ingest_t *in, size_t bytes,
    ngx_http_lt_drop_e reason);

/* Drops the oldest of what is pending, down to lt_audio_buffer. */
void ngx_http_lt_stream_trim(ngx_http_lt_ingest_t *in);


#endif
