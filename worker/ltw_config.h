/*
 * worker.conf: "name = value" lines, '#' comments.  The table below is the
 * only list of parameters: the reader, the checks, `lt-worker -h` and
 * config/worker.conf follow it.
 *
 * Everything is read at start, the files with secrets too; some of it again on
 * SIGHUP (ltw_reload.h; AWS keys by themselves: ltw_aws_credentials.h).
 */
#ifndef LTW_CONFIG_H
#define LTW_CONFIG_H

#include "lt_base.h"

/*
 * X(name, type, default, min, max, text)
 *   TEXT    const char *, NULL when empty; min..max bytes
 *   URL     as TEXT: http:// or https://, host, optional port, no path
 *   URLS    as TEXT: space-separated http:// or https:// URLs with path
 *   HOST    as TEXT: host:port, [v6]:port or unix:/path
 *   FILE    as TEXT: a file that must be readable
 *   SECRET  a FILE with one secret a line; the field holds the first line,
 *           <name>_path the path
 *   TIME    int64_t ms, written with ms s m h
 *   COUNT   int64_t
 *   FLAG    int64_t 0/1, written on off
 *   CHOICE  int64_t, index into the words of text before ':'
 * default "" = none; "!" = must be given
 */
#define LTW_PARAMETERS(X)                                                   \
    X(aws_region, TEXT, "!", 1, 32, "region of all AWS services")           \
    X(aws_credentials, CHOICE, "auto", 0, 5,                                \
        "auto env file container web_identity imds: who gives us AWS keys") \
    X(aws_credentials_file, FILE, "", 0, 4096,                              \
        "shared credentials file; none: what the environment says")         \
    X(aws_profile, TEXT, "", 1, 64, "section of that file; none: default")  \
    X(kinesis_stream, TEXT, "!", 1, 128, "stream that nginx writes to")     \
    X(kinesis_endpoint, URL, "", 0, 255, "none: AWS's of the region")       \
    X(transcribe_endpoint, URL, "", 0, 255,                                 \
        "http:// means HTTP/2 with prior knowledge")                        \
    X(translate_endpoint, URL, "", 0, 255, "none: AWS's of the region")     \
    X(polly_endpoint, URL, "", 0, 255, "none: AWS's of the region")         \
    X(s3_endpoint, URL, "", 0, 255, "none: AWS's of the region")            \
    X(s3_bucket, TEXT, "!", 3, 63, "bucket for the voices' MP3 files")      \
    X(s3_path_style, FLAG, "off", 0, 1,                                     \
        "on: /bucket/key instead of bucket.host/key")                       \
    X(tls_ca_file, FILE, "", 0, 4096, "PEM bundle; none: the system's")     \
    X(redis, HOST, "127.0.0.1:6379", 1, 255, "host:port or unix:/path")     \
    X(redis_password_file, SECRET, "", 1, 512, "one line")                  \
    X(redis_db, COUNT, "0", 0, 1023, "database number")                     \
    X(results_urls, URLS, "!", 1, 4096,                                     \
        "lt_results locations of the nginx hosts; tried in turn")           \
    X(results_token_file, SECRET, "!", 16, 256,                             \
        "the first line is sent to nginx")                                  \
    X(mode, CHOICE, "window", 0, 1,                                         \
        "window live: when segments are committed")                         \
    X(voice_patience, TIME, "0s", 0, 9000,                                  \
        "listeners wait so long for a voice; 0: 1 s if live, else 5 s")     \
    X(vocabulary, TEXT, "", 1, 200, "of Transcribe, for talks without one") \
    X(terminology, TEXT, "", 1, 256, "of Translate, for talks without one") \
    X(lexicons, TEXT, "", 1, 104, "of Polly, up to five, separated by spaces")\
    X(price_list, FILE, "", 0, 4096,                                        \
        "JSON file with AWS's prices; none: costs are not metered")         \
    X(max_cost_per_hour, TEXT, "", 1, 12,                                   \
        "US dollars a talk may spend in an hour; then captions only")       \
    X(batch_window, TIME, "3s", 100, 60000,                                 \
        "mode window: a batch is closed when its first record is this old")              \
    X(batch_size, COUNT, "100", 1, 10000,                                   \
        "or when it has this many records")                                 \
    X(parallelization_factor, COUNT, "1", 1, 10,                            \
        "batches of a shard at once, a talk always in the same one")        \
    X(maximum_record_age, TIME, "0s", 0, 604800000,                         \
        "older records are set aside; 0: none is too old")                  \
    X(maximum_retry_attempts, COUNT, "3", 0, 10000,                         \
        "how often audio that a talk could not take is offered again")      \
    X(bisect_on_error, FLAG, "on", 0, 1,                                    \
        "on: set aside what failed; off: the whole batch it came in")       \
    X(on_failure, TEXT, "", 1, 1024,                                        \
        "file or s3://bucket/prefix for what was set aside; none: counted") \
    X(sessions_max, COUNT, "4096", 1, 4096, "talks of this worker at once") \
    X(transcribe_streams_max, COUNT, "25", 1, 100000,                       \
        "the account's quota: streams at once, of all workers")             \
    X(transcribe_starts_max, COUNT, "25", 1, 100000,                        \
        "the account's quota: streams begun in a second")                   \
    X(translate_rate, COUNT, "100", 1, 100000,                              \
        "calls of Translate a second, of all workers; AWS states no quota") \
    X(polly_rate, COUNT, "8", 1, 100000,                                    \
        "the account's quota: calls of Polly a second, of all workers")     \
    X(transcribe_stream_age, TIME, "210m", 5000, 14400000,                  \
        "then a Transcribe stream is replaced; AWS ends one after 4 h")     \
    X(transcribe_silence, TIME, "60s", 1000, 900000,                        \
        "a talk without audio for so long gives its stream back")           \
    X(poll_interval, TIME, "225ms", 200, 60000,                             \
        "between two reads of a shard; 10 % jitter is added")               \
    X(starting_position, CHOICE, "latest", 0, 1,                            \
        "latest trim_horizon: where a shard without checkpoint is begun")   \
    X(consumer, CHOICE, "polling", 0, 1,                                    \
        "polling fanout: read shards, or have them pushed (costs more)")    \
    X(consumer_name, TEXT, "lt-worker", 1, 128,                             \
        "fanout: as whom the fleet subscribes; registered if there is none")\
    X(consumer_arn, TEXT, "", 20, 2048,                                     \
        "fanout: of a registered consumer, in place of its name")           \
    X(presign_expires, TIME, "600s", 1000, 604800000,                       \
        "how long listeners can fetch a file")                              \
    X(audio_delivery, CHOICE, "url", 0, 1,                                  \
        "url inline: a clip's address is sent, or the clip in its place")   \
    X(status_listen, TEXT, "", 0, 64,                                       \
        "address:port of the status page; none: no page")                   \
    X(log_level, CHOICE, "info", 0, 3, "error warn info debug: what is logged")

/* Of a file with secrets. */
#define LTW_CREDENTIALS_MAX 65536

enum { LTW_MODE_WINDOW, LTW_MODE_LIVE };
enum { LTW_DELIVER_URL, LTW_DELIVER_INLINE };
enum { LTW_READ_POLLING, LTW_READ_FANOUT };
enum { LTW_START_LATEST, LTW_START_TRIM_HORIZON };

#define LTW_CONFIG_TEXT(name) const char *name;
#define LTW_CONFIG_URL(name) const char *name;
#define LTW_CONFIG_URLS(name) const char *name;
#define LTW_CONFIG_HOST(name) const char *name;
#define LTW_CONFIG_FILE(name) const char *name;
#define LTW_CONFIG_SECRET(name) const char *name, *name##_path;
#define LTW_CONFIG_TIME(name) int64_t name;
#define LTW_CONFIG_COUNT(name) int64_t name;
#define LTW_CONFIG_FLAG(name) int64_t name;
#define LTW_CONFIG_CHOICE(name) int64_t name;
#define LTW_CONFIG_FIELD(name, type, def, min, max, text)                   \
    LTW_CONFIG_##type(name)

typedef struct {
    LTW_PARAMETERS(LTW_CONFIG_FIELD)
} ltw_config_t;

/*
 * Reads and checks everything: LT_INVALID with err->code = line number (0: of
 * the whole file) and a sentence.  Blocking: at start only.
 * All strings of *config live until ltw_config_deinit().
 */
lt_result_t ltw_config_read(ltw_config_t *config, const char *path,
    lt_error_t *err);
void ltw_config_deinit(ltw_config_t *config);

/* The table for `lt-worker -h`, one line a parameter. */
void ltw_config_print_help(void);

#endif
