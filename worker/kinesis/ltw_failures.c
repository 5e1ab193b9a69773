#include "kinesis/ltw_failures.h"

#include "aws/ltw_aws_s3_object.h"
#include "ltw_log.h"

#include "lt_json.h"
#include "lt_text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LTW_FAILURES_HEAD_MAX 1024      /* of a line, without its data */
#define LTW_FAILURES_WRITE_MS 10000
#define LTW_FAILURES_S3 "s3://"
#define LTW_FAILURES_PLAIN "abcdefghijklmnopqrstuvwxyz" \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_-"

struct ltw_failures_s {
    ltw_loop_t *loop;
    ltw_aws_t *aws;
    ltw_metrics_t *metrics;
    const ltw_config_t *config;
    ltw_config_t s3;            /* with the bucket of on_failure */
    char bucket[64];
    ltw_timer_t *linger;
    char *lines;                /* collected */
    size_t len;
    size_t size;
    uint64_t lines_n;
    uint64_t writing_n;         /* lines under way */
    ltw_file_read_t *append;
    ltw_aws_id_t put;
    unsigned objects;
    ltw_handler_t drained;      /* set: draining */
    void *drained_data;
};


/* ---- destinations ---- */

/* 1: an S3 address; its bucket and what follows. */
static int
ltw_failures_s3(const char *on_failure, char bucket[64], const char **prefix)
{
    size_t head = strlen(LTW_FAILURES_S3), len;

    if (strncmp(on_failure, LTW_FAILURES_S3, head) != 0) {
        return 0;
    }
    len = strcspn(on_failure + head, "/");
    snprintf(bucket, 64, "%.*s", (int) (len < 64 ? len : 0),
        on_failure + head);
    *prefix = on_failure + head + len + (on_failure[head + len] == '/');
    return 1;
}

/* Makes no file: who checks a configuration may be another user. */
static int
ltw_failures_can_append(const char *path)
{
    char folder[1025];          /* on_failure is not longer */
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

    if (fd >= 0) {
        close(fd);
        return 1;
    }
    snprintf(folder, sizeof(folder), "%s", path);
    return errno == ENOENT && access(dirname(folder), W_OK | X_OK) == 0;
}

lt_result_t
ltw_failures_check(const char *on_failure, lt_error_t *err)
{
    const char *prefix;
    char bucket[64];

    if (ltw_failures_s3(on_failure, bucket, &prefix)) {
        if (strlen(bucket) >= 3 && prefix[strspn(prefix, LTW_FAILURES_PLAIN)]
            == '\0')
        {
            return LT_OK;
        }
        lt_error_set(err, 0, "on_failure: s3://bucket/prefix is wanted, of "
            "letters, digits and ./_-");
        return LT_INVALID;
    }
    if (!ltw_failures_can_append(on_failure)) {
        lt_error_set(err, 0, "on_failure: cannot write %s: %s", on_failure,
            strerror(errno));
        return LT_INVALID;
    }
    return LT_OK;
}

/* ---- writing ---- */

static void
ltw_failures_written(ltw_failures_t *failures, const char *error)
{
    if (error[0] != '\0') {
        ltw_count(failures->metrics, records_lost, failures->writing_n);
        ltw_log(LTW_ERROR, "failures_not_written",
            ltw_int("records", (int64_t) failures->writing_n),
            ltw_cstr("error", error));
    } else {
        ltw_log(LTW_WARN, "failures_written",
            ltw_int("records", (int64_t) failures->writing_n));
    }
    failures->writing_n = 0;
    if (failures->len > 0 || failures->drained != NULL) {
        ltw_timer_start(failures->linger,
            failures->drained != NULL ? 0 : LTW_FAILURES_LINGER_MS);
    }
}

static void
ltw_failures_on_append(void *data, lt_str_t text, const lt_error_t *err)
{
    ltw_failures_t *failures = data;

    (void) text;
    failures->append = NULL;
    ltw_failures_written(failures, err->text);
}

static void
ltw_failures_on_put(void *data, const ltw_aws_answer_t *answer)
{
    ltw_failures_t *failures = data;

    failures->put = 0;
    if (ltw_aws_is_ok(answer)) {
        ltw_failures_written(failures, "");
    } else {
        ltw_aws_log(LTW_AWS_S3, "PutObject", answer);
        ltw_failures_written(failures, answer->code[0] != '\0'
            ? answer->code : "no answer");
    }
}

/* <prefix>/<Unix ms>-<process>-<n>.jsonl */
static int
ltw_failures_put(ltw_failures_t *failures, const char *prefix)
{
    char key[1200];
    int n = snprintf(key, sizeof(key), "%s%s%lld-%d-%u.jsonl",
        prefix, prefix[0] != '\0' ? "/" : "",
        (long long) ltw_loop_wall_ms(failures->loop), (int) getpid(),
        ++failures->objects);
    ltw_aws_s3_object_t object = { &failures->s3, { key, (size_t) n },
        LT_STR("application/x-ndjson") };

    failures->put = ltw_aws_s3_put(failures->aws, &object,
        (lt_str_t) { failures->lines, failures->len }, LTW_FAILURES_WRITE_MS,
        ltw_failures_on_put, failures);
    return failures->put != 0;
}

static int
ltw_failures_append(ltw_failures_t *failures)
{
    failures->append = ltw_file_append_start(failures->loop,
        failures->config->on_failure,
        (lt_str_t) { failures->lines, failures->len }, ltw_failures_on_append,
        failures);
    return failures->append != NULL;
}

/* 0: it cannot be, or there is no destination any more. */
static int
ltw_failures_begin(ltw_failures_t *failures)
{
    const char *on_failure = failures->config->on_failure, *prefix;

    if (on_failure == NULL) {
        return 0;
    }
    return ltw_failures_s3(on_failure, failures->bucket, &prefix)
        ? ltw_failures_put(failures, prefix) : ltw_failures_append(failures);
}

/* One write at a time; the rest is collected meanwhile. */
static void
ltw_failures_write(void *data)
{
    ltw_failures_t *failures = data;
    int is_begun;

    if (failures->writing_n > 0) {
        return;
    }
    if (failures->lines_n == 0) {
        if (failures->drained != NULL) {
            failures->drained(failures->drained_data);
        }
        return;
    }
    failures->writing_n = failures->lines_n;
    is_begun = ltw_failures_begin(failures);
    failures->lines_n = 0;
    failures->len = 0;
    if (!is_begun) {
        ltw_failures_written(failures, "could not be begun");
    }
}

/* ---- collecting ---- */

static char *
ltw_failures_reserve(ltw_failures_t *failures, size_t more)
{
    size_t size = failures->size > 0 ? failures->size : 65536;
    char *grown;

    while (size < failures->len + more) {
        size *= 2;
    }
    if (failures->len + more > LTW_FAILURES_BYTES_MAX) {
        return NULL;
    }
    if (size > failures->size) {
        grown = realloc(failures->lines, size);
        if (grown == NULL) {
            return NULL;
        }
        failures->lines = grown;
        failures->size = size;
    }
    return failures->lines + failures->len;
}

/* 0: too long. */
static size_t
ltw_failures_line(char *text, size_t size, int64_t wall_ms,
    const ltw_failed_record_t *record, lt_str_t base64)
{
    lt_json_writer_t w;
    lt_out_t out;

    lt_out_init(&out, text, size);
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_number(&w, "time", (double) wall_ms / 1000);
    lt_json_put_cstr(&w, "reason", record->reason);
    lt_json_put_cstr(&w, "shard", record->shard);
    lt_json_put_str(&w, "sequenceNumber", record->sequence_number);
    lt_json_put_str(&w, "partitionKey", record->partition_key);
    lt_json_put_number(&w, "approximateArrivalTimestamp",
        (double) record->arrived_wall_ms / 1000);
    lt_json_put_str(&w, "data", base64);
    lt_json_close_object(&w);
    lt_out_cstr(&out, "\n");
    return lt_out_result(&out) == LT_OK ? lt_out_len(&out) : 0;
}

void
ltw_failures_add(ltw_failures_t *failures, const ltw_failed_record_t *record)
{
    lt_str_t base64 = record->data_base64;
    /* JSON may need six bytes for one that is no base64 */
    size_t size = LTW_FAILURES_HEAD_MAX + 6 * base64.len
        + 6 * record->partition_key.len + record->data.len / 3 * 4 + 4;
    size_t len = 0;
    char *encoded = NULL, *line;

    ltw_count(failures->metrics, records_failed, 1);
    if (failures->config->on_failure == NULL) {
        return;
    }
    if (record->data.len > 0) {
        encoded = malloc(record->data.len / 3 * 4 + 4);
        base64 = (lt_str_t) { encoded, encoded == NULL ? 0
            : lt_base64_encode(encoded, (const uint8_t *) record->data.data,
                  record->data.len) };
    }
    line = ltw_failures_reserve(failures, size);
    if (line != NULL) {
        len = ltw_failures_line(line, size, ltw_loop_wall_ms(failures->loop),
            record, base64);
    }
    free(encoded);
    if (len == 0) {
        ltw_count(failures->metrics, records_lost, 1);
        return;
    }
    failures->len += len;
    if (failures->lines_n++ == 0 && failures->writing_n == 0) {
        ltw_timer_start(failures->linger, LTW_FAILURES_LINGER_MS);
    }
}

void
ltw_failures_drain(ltw_failures_t *failures, ltw_handler_t drained,
    void *data)
{
    failures->drained = drained;
    failures->drained_data = data;
    ltw_timer_start(failures->linger, 0);
}

/* ---- life ---- */

ltw_failures_t *
ltw_failures_new(ltw_loop_t *loop, ltw_aws_t *aws, ltw_metrics_t *metrics,
    const ltw_config_t *config)
{
    ltw_failures_t *failures = calloc(1, sizeof(*failures));

    if (failures == NULL) {
        return NULL;
    }
    failures->loop = loop;
    failures->aws = aws;
    failures->metrics = metrics;
    failures->config = config;
    failures->s3 = *config;
    failures->s3.s3_bucket = failures->bucket;
    failures->linger = ltw_timer_new(loop, ltw_failures_write, failures);
    if (failures->linger == NULL) {
        ltw_failures_free(&failures);
    }
    return failures;
}

void
ltw_failures_free(ltw_failures_t **failures)
{
    ltw_failures_t *f = *failures;

    if (f == NULL) {
        return;
    }
    *failures = NULL;
    ltw_aws_cancel(f->aws, f->put);
    ltw_file_read_cancel(&f->append);
    ltw_timer_free(&f->linger);
    if (f->lines_n + f->writing_n > 0) {
        ltw_log(LTW_ERROR, "failures_not_written",
            ltw_int("records", (int64_t) (f->lines_n + f->writing_n)),
            ltw_cstr("error", "the worker ends"));
    }
    free(f->lines);
    free(f);
}
