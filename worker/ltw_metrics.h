/*
 * Counters, gauges and histograms: a struct made from the tables below.
 * A new one is one row here and one in docs/metrics.md; ltw_status shows it by
 * its name, and to Prometheus by what lt_prometheus.h makes of it.
 *
 *   ltw_count(metrics, records_read, n);
 *   ltw_gauge(metrics, sessions_live, table->n);
 *   ltw_observe(metrics, translate_ms, ended - began);
 *
 * One thread writes: the loop's.
 */
#ifndef LTW_METRICS_H
#define LTW_METRICS_H

#include "lt_base.h"

/* name, text: only ever grow */
#define LTW_COUNTERS(X)                                                     \
    X(log_lines_dropped, "log lines that the reader of stderr did not take")\
    X(memory_trims, "times that free memory was given back to the system")  \
    X(http_requests, "HTTP requests started")                               \
    X(http_failures, "HTTP requests without an answer")                     \
    X(aws_retries, "AWS calls tried again")                                 \
    X(aws_throttles, "AWS answers that asked us to slow down")              \
    X(aws_failures, "AWS calls given up")                                   \
    X(calls_waited, "AWS calls that waited for their turn in the rate")     \
    X(calls_refused, "AWS calls given up: the rate was used up")            \
    X(credentials_taken, "AWS keys fetched, or read again")                 \
    X(credentials_failures, "times that this failed")                       \
    X(redis_connects, "connections made to Redis")                          \
    X(redis_commands, "commands handed to Redis")                           \
    X(redis_failures, "commands without a reply, or with an error reply")   \
    X(redis_queue_full, "commands refused: too many were waiting")          \
    X(kinesis_iterator_expired, "shard iterators that expired")             \
    X(subscriptions_opened, "times that a shard was subscribed to")         \
    X(subscriptions_refused, "times that it could not be: polled meanwhile")\
    X(subscriptions_lost, "subscriptions that ended with an error")         \
    X(leases_taken, "shards that this worker began to own")                 \
    X(leases_lost, "shards that another worker took over")                  \
    X(shards_stuck, "shards given back or begun anew: no answer for 10 s")  \
    X(records_read, "records read from Kinesis")                            \
    X(record_bytes_read, "bytes in them")                                   \
    X(records_poison, "records skipped: undecodable data or key")           \
    X(records_too_old, "records skipped: older than maximum_record_age")    \
    X(records_refused, "times that a record was offered to a talk in vain") \
    X(records_failed, "records set aside: poison, too old or refused")      \
    X(records_lost, "records set aside that could not be written")          \
    X(batches_closed, "batches handed to the sessions")                     \
    X(batch_records, "records in them")                                     \
    X(checkpoints_written, "checkpoints stored")                            \
    X(checkpoints_failed, "checkpoints not stored: tried again")            \
    X(pcm_bytes_fed, "audio handed to the recogniser")                      \
    X(pcm_bytes_no_listener, "audio not transcribed: nobody listens")       \
    X(pcm_bytes_duplicate, "audio skipped: had been read before")           \
    X(pcm_bytes_gap, "audio missing according to the records' offsets")     \
    X(pcm_bytes_overflow, "audio dropped: the recogniser did not take it")  \
    X(sessions_opened, "talks begun")                                       \
    X(sessions_ended, "talks ended")                                        \
    X(sessions_abandoned, "talks left at once: another worker has them")    \
    X(streams_opened, "Transcribe streams opened")                          \
    X(streams_failed, "Transcribe streams that ended with an error")        \
    X(streams_waited, "streams that waited for a place in the quota")       \
    X(streams_throttled, "streams that AWS refused: the limit was lowered") \
    X(streams_rotated, "Transcribe streams replaced before their end")      \
    X(streams_silent, "Transcribe streams given back by silent talks")      \
    X(silence_sent, "times silence was sent to keep a stream")              \
    X(words_dropped, "words for which a transcript had no room")            \
    X(segments_committed, "segments of transcripts")                        \
    X(segments_published, "segments delivered, once a language")            \
    X(segments_inlined, "segments whose clip is in their message")          \
    X(segments_captioned, "segments delivered without voice")               \
    X(segments_failed, "segments not delivered at all")                     \
    X(segments_late, "stages that passed their deadline")                   \
    X(segments_merged, "segments spoken in the clip of an earlier one")     \
    X(segments_behind, "segments without voice: the backlog was too long")  \
    X(segments_skipped, "segments not translated: too many were waiting")   \
    X(segments_unasked, "segments without voice: captions were asked for")  \
    X(segments_voiceless, "segments without voice: the language has none")  \
    X(segments_over_budget, "segments without voice: the talk's hour is spent")\
    X(voices_faster, "clips spoken faster, because of a backlog")           \
    X(tails_posted, "captions of words that may still change")              \
    X(characters_translated, "characters sent to Translate")                \
    X(characters_voiced, "characters sent to Polly")                        \
    X(bytes_stored, "bytes of MP3 put into S3")                             \
    X(results_posted, "results accepted by nginx")                          \
    X(results_failed, "results that no nginx accepted")                     \
    X(results_held, "results that waited for the lease to be renewed")      \
    X(results_dropped, "results dropped: too many were waiting")            \
    X(cost_kinesis_microdollars, "spent by list prices: Kinesis")           \
    X(cost_transcribe_microdollars, "the same: Transcribe")                 \
    X(cost_translate_microdollars, "the same: Translate")                   \
    X(cost_polly_microdollars, "the same: Polly")                           \
    X(cost_s3_microdollars, "the same: S3")

/* name, text: go up and down */
#define LTW_GAUGES(X)                                                       \
    X(shards_owned, "shards that this worker reads")                        \
    X(shards_pushed, "of them, those that are pushed to us: fan-out")       \
    X(shards_unread, "shards that nobody reads, at the last audit")         \
    X(hash_range_gaps, "stretches of hash keys without an open shard")      \
    X(workers_live, "workers of this stream, this one too")                 \
    X(sessions_live, "talks in memory")                                     \
    X(streams_live, "Transcribe streams open")                              \
    X(redis_connected, "1 while Redis answers")                             \
    X(credentials_ready, "1 while there are AWS keys to sign with")         \
    X(credentials_expire_timestamp_seconds, "when they expire; 0: never")   \
    X(kinesis_behind_ms, "how far the slowest shard is behind its tip")     \
    X(batch_bytes_held, "bytes read and not done yet, all shards")

/* name, text: milliseconds */
#define LTW_HISTOGRAMS(X)                                                   \
    X(get_records_ms, "GetRecords, one try")                                \
    X(record_age_ms, "arrival at Kinesis to reading")                       \
    X(batch_wait_ms, "first record read to batch closed")                   \
    X(batch_done_ms, "batch closed to its checkpoint allowed")              \
    X(transcribe_ms, "batch handed over to segment committed")              \
    X(translate_ms, "one Translate call")                                   \
    X(polly_ms, "one Polly call")                                           \
    X(store_ms, "one S3 put")                                               \
    X(publish_ms, "one post to nginx")                                      \
    X(segment_ms, "batch handed over to segment published")                 \
    X(loop_late_ms, "how late a 100 ms timer of the loop ran")

/* name, text: counters of each language */
#define LTW_LANGUAGE_COUNTERS(X)                                            \
    X(published, "segments delivered with a voice")                         \
    X(captioned, "segments delivered without one")                          \
    X(failed, "segments not delivered at all")

/* Upper bounds in ms; the last bucket has none. */
#define LTW_BUCKETS                                                         \
    { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 3000, 5000, 7000,     \
      10000, 30000 }
#define LTW_BUCKETS_N 17

typedef struct {
    uint64_t count;
    uint64_t sum_ms;
    uint64_t max_ms;
    uint64_t buckets[LTW_BUCKETS_N];    /* not cumulative */
} ltw_histogram_t;

#define LTW_METRIC_FIELD(name, text) uint64_t name;
#define LTW_HISTOGRAM_FIELD(name, text) ltw_histogram_t name;
#define LTW_CALLS_MAX 32
#define LTW_LANGUAGES_MAX 32            /* lt_language.h has 20 */

/* What became of the segments of one language. */
typedef struct {
    char code[3];
    LTW_LANGUAGE_COUNTERS(LTW_METRIC_FIELD)
    ltw_histogram_t heard_ms;           /* last word said to nginx has it */
} ltw_language_figures_t;

typedef struct {
    LTW_COUNTERS(LTW_METRIC_FIELD)
    LTW_GAUGES(LTW_METRIC_FIELD)
    LTW_HISTOGRAMS(LTW_HISTOGRAM_FIELD)

    /* AWS requests sent, each try counted */
    struct {
        const char *service;            /* static strings */
        const char *operation;
        uint64_t n;
    } calls[LTW_CALLS_MAX];
    size_t calls_n;

    ltw_language_figures_t languages[LTW_LANGUAGES_MAX];
    size_t languages_n;

    int64_t kinesis_ok_at_ms;           /* its last answer; 0: none yet */
} ltw_metrics_t;

#define ltw_count(m, name, n) ((m)->name += (uint64_t) (n))
#define ltw_gauge(m, name, value) ((m)->name = (uint64_t) (value))
#define ltw_observe(m, name, ms) ltw_histogram_add(&(m)->name, (ms))

void ltw_histogram_add(ltw_histogram_t *h, int64_t ms); /* < 0 counts as 0 */

/* service and operation: string literals.  The call layer counts its own
   calls; whoever sends a request past it (Transcribe) calls this. */
void ltw_count_call(ltw_metrics_t *m, const char *service,
    const char *operation);

/* The row of a language, made when it is new; never NULL.  Past
   LTW_LANGUAGES_MAX the last row takes the rest. */
ltw_language_figures_t *ltw_metrics_language(ltw_metrics_t *m,
    const char *code);

/* {"counters":{…},"gauges":{…},"histograms":{…},"aws_calls":{…},
   "languages":{…}} */
lt_result_t ltw_metrics_json(const ltw_metrics_t *m, lt_out_t *out);

/* The same for Prometheus: lt_prometheus.h says how names are made. */
lt_result_t ltw_metrics_text(const ltw_metrics_t *m, lt_out_t *out);

#endif
