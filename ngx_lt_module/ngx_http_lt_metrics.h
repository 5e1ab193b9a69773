/*
 * What the module counts, for lt_status.
 *
 * Counters lie in the shared zone of lt_zone, are added to by all nginx
 * worker processes and survive a reload (not a restart).  Gauges are a row for
 * each process slot, so a killed process takes its share with it: its
 * successor in the slot starts from zero.
 * One row in a table below is one more counter, and one in docs/metrics.md;
 * nothing else to change.  For Prometheus lt_prometheus.h makes its name.
 * Limits: NGX_MAX_PROCESSES slots; zone of at least 256k.
 */
#ifndef NGX_HTTP_LT_METRICS_H
#define NGX_HTTP_LT_METRICS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "lt_language.h"


#define NGX_HTTP_LT_ZONE_SIZE_MIN  (256 * 1024)


/* field, text */
#define NGX_HTTP_LT_COUNTERS(X)                                               \
    X(sockets_opened_speaker, "speaker sockets opened")                       \
    X(sockets_opened_listener, "listener sockets opened")                     \
    X(sockets_closed_speaker, "speaker sockets closed")                       \
    X(sockets_closed_listener, "listener sockets closed")                     \
    X(handshakes_refused, "upgrades answered without a 101")                  \
    X(tokens_refused, "tokens that prove nothing: expired, forged, foreign") \
    X(sessions_created, "sessions made by POST")                              \
    X(sessions_ended, "sessions ended")                                       \
    X(frames_received, "WebSocket frames received")                           \
    X(messages_received, "whole WebSocket messages received")                 \
    X(messages_refused, "messages answered with an error")                    \
    X(messages_limited, "messages not looked at: over lt_control_rate")       \
    X(messages_delivered, "messages queued on a socket")                      \
    X(messages_dropped_audio, "audio dropped: a listener reads too slowly")   \
    X(messages_dropped_captions, "captions dropped: the same")                \
    X(messages_dropped_closed, "messages that waited for a socket that ended")\
    X(messages_dropped_memory, "messages dropped: no memory")                 \
    X(sockets_too_slow, "sockets closed (1013): they read too slowly")        \
    X(sockets_idle, "sockets closed (1001): no traffic for lt_idle_timeout")  \
    X(sockets_broken, "sockets that ended without a close frame")             \
    X(sockets_moved, "sockets sent to other processes (1012) by one leaving") \
    X(listeners_resumed, "listeners that came back with their last segment")  \
    X(segments_resumed, "segments sent again to listeners that missed them") \
    X(events_opened, "listeners that came by Server-Sent Events")             \
    X(segments_missed, "segments that listeners were told to have missed")    \
    X(addresses_limited, "upgrades refused: over lt_address_sockets")         \
    X(addresses_uncounted, "sockets not counted: no room for their address")  \
    X(audio_chunks, "audio chunks accepted")                                  \
    X(audio_chunks_silenced, "audio chunks not kept: paused, muted or ended") \
    X(audio_chunks_limited, "audio chunks not kept: over lt_audio_rate")      \
    X(audio_acks, "audioAck messages sent")                                   \
    X(audio_known_bytes, "PCM that came once more, and was not needed")       \
    X(audio_accepted_bytes, "PCM accepted from speakers")                     \
    X(audio_stored_bytes, "PCM that Kinesis has acknowledged")                \
    X(audio_dropped_full_bytes, "PCM dropped: lt_audio_buffer was full")      \
    X(audio_dropped_total_bytes, "PCM dropped: lt_audio_buffer_total reached")\
    X(audio_dropped_expired_bytes, "PCM dropped: older than lt_audio_buffer") \
    X(audio_dropped_shutdown_bytes, "PCM dropped: the process had to end")    \
    X(audio_dropped_replaced_bytes, "PCM dropped: sent after its successor")  \
    X(audio_dropped_memory_bytes, "PCM dropped: no memory")                   \
    X(last_dropped, "end marks of a talk that Kinesis did not take in time")  \
    X(kinesis_batches, "PutRecords calls sent")                               \
    X(kinesis_records, "records sent, retries included")                      \
    X(kinesis_records_stored, "records acknowledged")                         \
    X(kinesis_records_throttled, "records refused: shard over its limit")     \
    X(kinesis_records_failed, "records refused for another reason")           \
    X(kinesis_errors_no_answer, "calls without an answer")                    \
    X(kinesis_errors_bad_answer, "calls with a cut or senseless answer")      \
    X(kinesis_errors_throttle, "calls refused: too many")                     \
    X(kinesis_errors_transient, "calls answered 5xx")                         \
    X(kinesis_errors_credentials, "calls refused: keys, signature, rights")   \
    X(kinesis_errors_fatal, "calls refused for another reason")               \
    X(kinesis_errors_internal, "calls that could not be made: memory")        \
    X(credentials_taken, "AWS keys fetched, or read again")                   \
    X(credentials_failures, "times that this failed")                         \
    X(kinesis_retries, "failed calls whose records are tried again")          \
    X(kinesis_retries_delayed, "the same, after the longest pause: no tokens")\
    X(kinesis_shard_maps, "times the stream's shards were read")              \
    X(kinesis_shard_maps_failed, "times that failed")                         \
    X(kinesis_shard_misses, "records stored on another shard than expected")  \
    X(redis_commands, "Redis commands sent")                                  \
    X(redis_errors, "Redis commands that failed")                             \
    X(redis_timeouts, "Redis commands without an answer in time")             \
    X(redis_connects, "connections to Redis made")                            \
    X(results_accepted, "results taken from workers")                         \
    X(results_refused, "results refused")                                     \
    X(calls_done, "@connections calls done")                                  \
    X(calls_refused, "@connections calls answered with an error")             \
    X(publishes_sent, "messages published to other processes")                \
    X(publishes_failed, "messages that could not be published")               \
    X(publishes_dropped, "messages that waited for Redis too long, or too many")\
    X(publishes_received, "messages taken from other processes")              \
    X(logs_suppressed, "log lines left out by the limit of one a second")

#define NGX_HTTP_LT_GAUGES(X)                                                 \
    X(processes, "nginx worker processes, leaving ones too")                  \
    X(sockets_speaker, "speaker sockets open")                                \
    X(sockets_listener, "listener sockets open")                              \
    X(ingest_streams, "sessions whose audio is held or awaited")              \
    X(ingest_pending_bytes, "PCM accepted and not yet acknowledged")          \
    X(ingest_memory_bytes, "memory held for it")                              \
    X(kinesis_inflight, "PutRecords calls on their way")                      \
    X(credentials_missing, "processes without AWS keys: their audio waits")   \
    X(redis_missing, "processes without a connection to Redis")


/* field, text: milliseconds */
#define NGX_HTTP_LT_HISTOGRAMS(X)                                             \
    X(audio_stored_ms, "PCM accepted to Kinesis has acknowledged it")         \
    X(kinesis_call_ms, "one call of Kinesis")                                 \
    X(redis_command_ms, "one Redis command")                                  \
    X(result_ms, "last word of a segment said to its result taken here")      \
    X(played_ms, "last word of a segment said to a page plays it, as pages say")

/* Upper bounds in ms; the last bucket has none. */
#define NGX_HTTP_LT_BUCKETS                                                   \
    { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 3000, 5000, 7000,       \
      10000, 30000 }
#define NGX_HTTP_LT_BUCKETS_N  17

/* Moments, Unix seconds: the first of all processes; 0: there is none. */
#define NGX_HTTP_LT_MOMENTS(X)                                                \
    X(credentials_expire_timestamp_seconds, "when AWS keys in use expire")    \
    X(certificate_expire_timestamp_seconds,                                   \
      "when a certificate of a server with lt_websocket expires")


typedef struct {
    ngx_atomic_t  sum_ms;
    ngx_atomic_t  buckets[NGX_HTTP_LT_BUCKETS_N];   /* not cumulative */
} ngx_http_lt_histogram_t;


typedef struct {
#define NGX_HTTP_LT_FIELD(name, text)  ngx_atomic_t  name;
    NGX_HTTP_LT_COUNTERS(NGX_HTTP_LT_FIELD)
#define NGX_HTTP_LT_HISTOGRAM_FIELD(name, text)  ngx_http_lt_histogram_t  name;
    NGX_HTTP_LT_HISTOGRAMS(NGX_HTTP_LT_HISTOGRAM_FIELD)
#undef NGX_HTTP_LT_HISTOGRAM_FIELD
} ngx_http_lt_counters_t;


typedef struct {
    NGX_HTTP_LT_GAUGES(NGX_HTTP_LT_FIELD)
    NGX_HTTP_LT_MOMENTS(NGX_HTTP_LT_FIELD)
#undef NGX_HTTP_LT_FIELD
    ngx_atomic_t  listeners[LT_LANGUAGES_MAX];      /* by what they hear */
} ngx_http_lt_gauges_t;


/*
 * Like nginx's ngx_stat_*: where this process counts.  Never NULL: before
 * ngx_http_lt_metrics_init_process() they point to storage that nobody reads.
 */
extern ngx_http_lt_counters_t  *ngx_http_lt_counters;
extern ngx_http_lt_gauges_t    *ngx_http_lt_gauges;


#define NGX_HTTP_LT_COUNT(name, n)                                            \
    (void) ngx_atomic_fetch_add(&ngx_http_lt_counters->name, n)

/* n may be negative */
#define NGX_HTTP_LT_GAUGE(name, n)                                            \
    (void) ngx_atomic_fetch_add(&ngx_http_lt_gauges->name, n)


#define NGX_HTTP_LT_OBSERVE(name, ms)                                         \
    ngx_http_lt_metrics_observe(&ngx_http_lt_counters->name, ms)

/* ms < 0 counts as 0. */
void ngx_http_lt_metrics_observe(ngx_http_lt_histogram_t *histogram,
    int64_t ms);

/* n listeners more hear that language, or fewer; unknown ones are not
   counted. */
void ngx_http_lt_metrics_hear(const ngx_str_t *language, ngx_int_t n);

/* At the end of the http block; NULL: reported already.  Keep the result. */
ngx_shm_zone_t *ngx_http_lt_metrics_zone(ngx_conf_t *cf, size_t size);

/* zone NULL (no lt_ directive in use) is fine.  process: our id.  former: room
   for one, and len 0; the id of the process that had our slot before us, if it
   has not left in order. */
void ngx_http_lt_metrics_init_process(ngx_shm_zone_t *zone,
    ngx_str_t *process, ngx_str_t *former);
void ngx_http_lt_metrics_exit_process(ngx_shm_zone_t *zone);

/* All processes together; zone is one of ours. */
void ngx_http_lt_metrics_sum(ngx_shm_zone_t *zone,
    ngx_http_lt_counters_t *counters, ngx_http_lt_gauges_t *gauges);

/*
 * True at most once a second for each place: for log lines that a fault would
 * repeat.  Place is a static ngx_http_lt_log_limit_t of the caller's.
 */
typedef struct {
    time_t      last_s;
    ngx_uint_t  suppressed;     /* lines left out; the caller logs it and
                                   sets it to 0 */
} ngx_http_lt_log_limit_t;

ngx_int_t ngx_http_lt_log_is_due(ngx_http_lt_log_limit_t *limit);

#endif
