/*
 * The speaker's audio on its way to Kinesis: a bounded buffer for each
 * session, one producer for each nginx worker process.
 *
 * Not here: sockets and messages (connection, actions), the PutRecords call
 * (ngx_http_lt_kinesis.h), the request it travels in (ngx_http_lt_batch.h).
 *
 * A stream is the audio of one speaker connection.  It belongs to the producer
 * and outlives the socket: after _close() until all is stored, or older than
 * lt_audio_buffer.  Streams of one session are sent one after the other: a new
 * one replaces the one before, whose socket may then add nothing more.
 *
 * Limits: lt_audio_buffer of PCM waiting for one stream, and at most as much
 * in flight; lt_audio_buffer_total of memory over all streams of a process;
 * lt_kinesis_inflight calls.  What passes them is dropped, the oldest first,
 * and counted in audio_dropped_*_bytes.
 */
#ifndef NGX_HTTP_LT_INGEST_H
#define NGX_HTTP_LT_INGEST_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_lt_module.h"


#define NGX_HTTP_LT_INGEST_CHUNK_MAX  (64 * 1024)


typedef struct ngx_http_lt_ingest_s     ngx_http_lt_ingest_t;

/* What _settled() or _lost() say has changed.  Runs within any call below and
   must call none of them. */
typedef void (*ngx_http_lt_ingest_ack_pt)(void *data);


/* Bytes that were accepted and are lost, since it was told before; reason is
   the middle of the counter's name.  At most once a second; runs from an event
   of its own; may call anything below. */
typedef void (*ngx_http_lt_ingest_loss_pt)(void *data, size_t bytes,
    const char *reason);


/* Once for each nginx worker process; needs mcf complete. */
ngx_int_t ngx_http_lt_ingest_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf);

/* Counts and logs what is lost, frees all. */
void ngx_http_lt_ingest_exit_process(ngx_http_lt_main_conf_t *mcf);

/*
 * ctx: the configuration of the server that holds lt_kinesis_location
 * (cscf->ctx); session_id is copied; epoch is that of the numbering, in which
 * the first byte has the number offset, or that at which a stream of the same
 * epoch ends that is still here.  NULL: no memory, or
 * lt_audio_buffer_total is reached.
 */
ngx_http_lt_ingest_t *ngx_http_lt_ingest_open(ngx_http_lt_main_conf_t *mcf,
    ngx_http_conf_ctx_t *ctx, ngx_str_t *session_id, uint64_t epoch,
    uint64_t offset, ngx_log_t *log);

/*
 * Copies len bytes of PCM (even, at most NGX_HTTP_LT_INGEST_CHUNK_MAX);
 * capture_ms is the Unix time at which its first byte was spoken.
 *   NGX_OK        kept (older audio may have been dropped for it)
 *   NGX_DECLINED  dropped, counted and logged
 *   NGX_ERROR     odd length or too long; nothing is counted
 */
ngx_int_t ngx_http_lt_ingest_append(ngx_http_lt_ingest_t *in,
    const u_char *pcm, size_t len, int64_t capture_ms);

/*
 * The same without the copy: write up to len bytes at what _reserve() returns,
 * then _commit() how many they are (0 = none; results as _append()).  Nothing
 * else may be called in between.  NULL: no place; dropped bytes are counted
 * by _commit(), which must follow in any case.
 */
u_char *ngx_http_lt_ingest_reserve(ngx_http_lt_ingest_t *in, size_t len);
ngx_int_t ngx_http_lt_ingest_commit(ngx_http_lt_ingest_t *in, size_t len,
    int64_t capture_ms);

/* For a speaker that keeps what is not settled: while it is there its audio
   has no deadline.  handler NULL: it has gone. */
void ngx_http_lt_ingest_on_ack(ngx_http_lt_ingest_t *in,
    ngx_http_lt_ingest_ack_pt handler, void *data);

/* The same for losses. */
void ngx_http_lt_ingest_on_loss(ngx_http_lt_ingest_t *in,
    ngx_http_lt_ingest_loss_pt handler, void *data);

/* The number of the byte that is accepted next. */
uint64_t ngx_http_lt_ingest_offset(const ngx_http_lt_ingest_t *in);

/* The next byte has that number: what lies between never comes.  One that is
   not greater than _offset() changes nothing. */
void ngx_http_lt_ingest_skip(ngx_http_lt_ingest_t *in, uint64_t offset);

/* Every byte of the epoch before it is in Kinesis, dropped, or never came. */
uint64_t ngx_http_lt_ingest_settled(const ngx_http_lt_ingest_t *in);

/* Of these dropped and counted: since _open(), and of the stream before it in
   the epoch since that was closed. */
uint64_t ngx_http_lt_ingest_lost(const ngx_http_lt_ingest_t *in);

/* in must not be used again.  is_last: the talk has ended (framed records
   then say so). */
void ngx_http_lt_ingest_close(ngx_http_lt_ingest_t *in, int is_last);


#endif
