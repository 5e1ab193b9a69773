/*
 * A stream's shards from discovery to their end, against a small Kinesis of
 * our own (a child process with a script of troubles) and a real redis-server.
 */
#define _GNU_SOURCE         /* memmem */

#include "kinesis/ltw_stream.h"
#include "ltw_log.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "room.h"

#define RECORD(sequence) "{\"SequenceNumber\":\"" sequence "\"," \
    "\"PartitionKey\":\"calm-river-100\",\"Data\":\"AQI=\"," \
    "\"ApproximateArrivalTimestamp\":1700000000.5}"
#define THROTTLED "{\"__type\":\"ProvisionedThroughputExceededException\"}"
#define EXPIRED "{\"__type\":\"ExpiredIteratorException\"}"
#define NOTHING "{\"Records\":[],\"NextShardIterator\":\"i1\"}"

/* What GetRecords says of s-0, in order; a '{"__type' goes out as a 400. */
static const char *const first_shard[] = {
    EXPIRED,
    "{\"Records\":[" RECORD("1") "," RECORD("2") ","
        "{\"SequenceNumber\":\"3\",\"PartitionKey\":\"?\",\"Data\":\"AQI=\"}],"
        "\"NextShardIterator\":\"i0\"}",
    THROTTLED,
    "500",
    "{\"Records\":[" RECORD("4") "],\"NextShardIterator\":null}",
};

static char dir[] = "/tmp/test_worker_shard_XXXXXX";

/* ---- the small Kinesis ---- */

static const char *
answer_to(const char *request)
{
    static size_t lists, n0, n1;

    if (strstr(request, ".ListShards") != NULL) {
        return lists++ == 0 ? "{\"Shards\":[{\"ShardId\":\"s-0\"}]}"
            : "{\"Shards\":[{\"ShardId\":\"s-0\",\"SequenceNumberRange\":"
              "{\"EndingSequenceNumber\":\"9\"}},{\"ShardId\":\"s-1\","
              "\"ParentShardId\":\"s-0\"}]}";
    }
    if (strstr(request, ".GetShardIterator") != NULL) {
        return strstr(request, "s-0") != NULL ? "{\"ShardIterator\":\"i0\"}"
                                              : "{\"ShardIterator\":\"i1\"}";
    }
    if (strstr(request, "\"i0\"") != NULL) {
        return n0 < 5 ? first_shard[n0++] : "500";
    }
    return n1++ == 1 ? "{\"Records\":[" RECORD("11") "],"
        "\"NextShardIterator\":\"i1\"}" : NOTHING;
}

static void
note(int out, const char *request)
{
    struct timespec ts;
    char line[400];
    const char *target = strstr(request, "Kinesis_20131202.");
    const char *body = strstr(request, "\r\n\r\n");
    int len;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    len = snprintf(line, sizeof(line), "%ld %.*s %s\n",
        ts.tv_sec * 1000 + ts.tv_nsec / 1000000,
        target != NULL ? (int) strcspn(target + 17, "\r") : 1,
        target != NULL ? target + 17 : "?", body != NULL ? body + 4 : "");
    if (write(out, line, (size_t) len) != len) {
        _exit(1);
    }
}

static void
serve(int listener, int out)
{
    char request[8192], head[200];
    const char *answer, *body;
    size_t used;
    ssize_t n;
    int fd, len;

    for (;;) {
        fd = accept(listener, NULL, NULL);
        used = 0;
        do {
            n = read(fd, request + used, sizeof(request) - used - 1);
            used += n > 0 ? (size_t) n : 0;
            request[used] = '\0';
            body = strstr(request, "\r\n\r\n");
        } while (n > 0 && (body == NULL || body[4] == '\0'));
        note(out, request);
        answer = answer_to(request);
        len = snprintf(head, sizeof(head), "HTTP/1.1 %d x\r\n"
            "Connection: close\r\nContent-Length: %zu\r\n\r\n",
            answer[0] == '5' ? 500
            : strstr(answer, "__type") != NULL ? 400 : 200, strlen(answer));
        if (write(fd, head, (size_t) len) < 0
            || write(fd, answer, strlen(answer)) < 0)
        {
            _exit(1);
        }
        close(fd);
    }
}

/* ---- the room ---- */

typedef struct {
    ltw_config_t config;
    ltw_metrics_t metrics;
    ltw_inflow_t inflow;
    ltw_services_t services;
    ltw_stream_t *stream;
    ltw_timer_t *stop;
    pid_t kinesis, redis;
    int pipe_fd;
    char url[64], address[128];
    char got[200];              /* "s-0:1,2 " a batch */
    char text[100];
    ltw_batch_done_t done[8];
    void *done_data[8];
    size_t done_n;
    int is_drained;
} room_t;

static void
take(void *data, const ltw_batch_t *batch, ltw_batch_done_t done,
    void *done_data)
{
    room_t *room = data;
    size_t i, used = strlen(room->got);

    used += (size_t) snprintf(room->got + used, sizeof(room->got) - used,
        "%s:", batch->shard);
    for (i = 0; i < batch->n; i++) {
        used += (size_t) snprintf(room->got + used, sizeof(room->got) - used,
            "%.*s%s", (int) batch->records[i].sequence_number.len,
            batch->records[i].sequence_number.data,
            i + 1 < batch->n ? "," : " ");
    }
    room->done[room->done_n] = done;
    room->done_data[room->done_n++] = done_data;
}

static void
all_done(room_t *room)
{
    while (room->done_n > 0) {
        room->done_n--;
        room->done[room->done_n](room->done_data[room->done_n]);
    }
}

static void
on_drained(void *data)
{
    ((room_t *) data)->is_drained = 1;
    ltw_loop_stop(((room_t *) data)->services.loop);
}

static void
start_kinesis(room_t *room)
{
    int port, listener = room_listen(&port), fds[2];

    snprintf(room->url, sizeof(room->url), "http://127.0.0.1:%d", port);
    assert_int_equal(pipe(fds), 0);
    room->kinesis = room_fork();
    if (room->kinesis == 0) {
        serve(listener, fds[1]);
    }
    close(listener);
    close(fds[1]);
    room->pipe_fd = fds[0];
}

static void
start_redis(room_t *room)
{
    char path[100];

    snprintf(path, sizeof(path), "%s/redis.sock", dir);
    snprintf(room->address, sizeof(room->address), "unix:%s", path);
    room->redis = room_redis(dir, path, NULL);
}

static int
set_up(void **state)
{
    static room_t room;
    ltw_services_t *s = &room.services;
    ltw_redis_options_t redis = { room.address, NULL, 0 };
    lt_error_t err;

    ltw_log_set_level(LTW_SILENT);
    start_kinesis(&room);
    start_redis(&room);
    setenv("AWS_ACCESS_KEY_ID", "AK", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "SK", 1);
    room.config = (ltw_config_t) { .aws_region = "us-east-1",
        .kinesis_stream = "audio", .kinesis_endpoint = room.url,
        .batch_window = 5000, .batch_size = 100,
        .parallelization_factor = 1, .poll_interval = 225,
        .starting_position = LTW_START_LATEST };
    s->config = &room.config;
    s->metrics = &room.metrics;
    s->inflow = &room.inflow;
    s->loop = ltw_loop_new();
    s->http = ltw_http_new(s->loop, s->metrics, NULL);
    s->redis = ltw_redis_new(s->loop, s->metrics, &redis);
    s->aws = ltw_aws_new(s->loop, s->http, s->metrics, s->config, &err);
    s->failures = ltw_failures_new(s->loop, s->aws, s->metrics, s->config);
    room.stop = ltw_timer_new(s->loop, room_stop, s->loop);
    room.stream = ltw_stream_new(s, take, &room);
    *state = &room;
    return room.stream == NULL;
}

static int
tear_down(void **state)
{
    room_t *room = *state;
    ltw_services_t *s = &room->services;

    ltw_stream_free(&room->stream);
    ltw_timer_free(&room->stop);
    ltw_failures_free(&s->failures);
    ltw_aws_free(&s->aws);
    ltw_redis_free(&s->redis);
    ltw_http_free(&s->http);
    ltw_loop_free(&s->loop);
    kill(room->kinesis, SIGKILL);
    kill(room->redis, SIGKILL);
    waitpid(room->kinesis, NULL, 0);
    waitpid(room->redis, NULL, 0);
    return room->metrics.batch_bytes_held != 0;
}

static void
on_text(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    room_t *room = data;
    lt_str_t text = ltw_reply_str(reply);

    (void) err;
    snprintf(room->text, sizeof(room->text), "%.*s", (int) text.len,
        text.data);
    ltw_loop_stop(room->services.loop);
}

static const char *
field_of(room_t *room, const char *shard, const char *field)
{
    char key[100];
    lt_str_t argv[3] = { LT_STR("HGET"), { NULL, 0 }, lt_str(field) };

    snprintf(key, sizeof(key), "lt:shard:audio:%s", shard);
    argv[1] = lt_str(key);
    ltw_redis_command(room->services.redis, argv, 3, on_text, room);
    ltw_loop_run(room->services.loop);
    return room->text;
}

/* The calls that the small Kinesis noted: their order, their distances. */
static void
check_calls(room_t *room)
{
    static const char *const expected[] = {
        "ListShards {\"StreamName\":\"audio\"}",
        "GetShardIterator {\"StreamName\":\"audio\",\"ShardId\":\"s-0\","
            "\"ShardIteratorType\":\"LATEST\"}",
        "GetRecords {\"ShardIterator\":\"i0\",\"Limit\":500}",
        /* what came since then must come: not the latest of now */
        "GetShardIterator {\"StreamName\":\"audio\",\"ShardId\":\"s-0\","
            "\"ShardIteratorType\":\"AT_TIMESTAMP\",\"Timestamp\":",
        "GetRecords {\"ShardIterator\":\"i0\",\"Limit\":500}",
        "GetRecords {\"ShardIterator\":\"i0\",\"Limit\":500}",
        "GetRecords {\"ShardIterator\":\"i0\",\"Limit\":500}",
        "GetRecords {\"ShardIterator\":\"i0\",\"Limit\":500}",
        "ListShards {\"StreamName\":\"audio\"}",
        "GetShardIterator {\"StreamName\":\"audio\",\"ShardId\":\"s-1\","
            "\"ShardIteratorType\":\"TRIM_HORIZON\"}",
        "GetRecords {\"ShardIterator\":\"i1\",\"Limit\":500}",
    };
    FILE *calls = fdopen(room->pipe_fd, "r");
    long at[11];
    char line[400];
    size_t i;
    int skip;

    for (i = 0; i < 11; i++) {
        assert_non_null(fgets(line, sizeof(line), calls));
        assert_int_equal(sscanf(line, "%ld %n", &at[i], &skip), 1);
        line[strcspn(line, "\n")] = '\0';
        assert_memory_equal(line + skip, expected[i], strlen(expected[i]));
    }
    assert_true(at[5] - at[4] >= 195);          /* five a second at most */
    assert_true(at[6] - at[5] >= 990);          /* after a throttle */
    fclose(calls);
}

static void
test_life(void **state)
{
    room_t *room = *state;

    room_run_until(room->services.loop, room->stop,
        strstr(room->got, "4") != NULL);
    /* what waited comes at once; the end closes the batch; 3 is poison */
    assert_string_equal(room->got, "s-0:1,2 s-0:4 ");
    assert_int_equal(room->metrics.records_poison, 1);
    assert_int_equal(room->metrics.kinesis_iterator_expired, 1);
    assert_int_equal(field_of(room, "s-0", "checkpoint")[0], '@');
    /* not done: its children wait, but for us who read it */
    room_run_until(room->services.loop, room->stop,
        strlen(field_of(room, "s-1", "owner")) == 16);
    assert_int_equal(field_of(room, "s-0", "checkpoint")[0], '@');
    all_done(room);
    room_run_until(room->services.loop, room->stop,
        strcmp(field_of(room, "s-0", "checkpoint"), "SHARD_END") == 0
        && field_of(room, "s-0", "owner")[0] == '\0');
    assert_int_equal(strlen(field_of(room, "s-1", "owner")), 16);

    /* the end: what is open is left to the next worker, and given back */
    room_run_until(room->services.loop, room->stop,
        room->metrics.records_read == 4);
    ltw_stream_drain(room->stream, on_drained, room);
    room_run_until(room->services.loop, room->stop, room->is_drained);
    assert_string_equal(room->got, "s-0:1,2 s-0:4 ");
    assert_string_equal(field_of(room, "s-1", "checkpoint"), "TRIM_HORIZON");
    assert_string_equal(field_of(room, "s-1", "owner"), "");
    check_calls(room);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
    };
    char cleanup[100];
    int failed;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    alarm(60);                  /* rather than hang */
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(cleanup, sizeof(cleanup), "rm -r %s", dir);
    return system(cleanup) != 0 ? 1 : failed;
}
