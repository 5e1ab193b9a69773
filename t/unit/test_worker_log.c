#define _GNU_SOURCE         /* pipe2 */

/* The log's lines, its bounds, a reader that stalls; the status page's text. */
#include "ltw_log.h"
#include "ltw_metrics.h"

#include "lt_json.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int pipe_fds[2];
static int real_stderr;

/* Our standard error is a pipe while the log writes. */
static int
set_up(void **state)
{
    (void) state;
    real_stderr = dup(STDERR_FILENO);
    ltw_log_set_level(LTW_INFO);
    return pipe2(pipe_fds, O_CLOEXEC) != 0
        || fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK) != 0
        || dup2(pipe_fds[1], STDERR_FILENO) == -1;
}

static int
tear_down(void **state)
{
    (void) state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return 0;
}

/* What was written, as JSON; "" when nothing was. */
static lt_json_t *
read_line(void)
{
    static char text[8192];
    ssize_t n = read(pipe_fds[0], text, sizeof(text));
    lt_json_t *doc = NULL;
    lt_error_t err;

    if (n <= 0) {
        return NULL;
    }
    assert_true(n <= 4096);
    assert_int_equal(text[n - 1], '\n');
    if (lt_json_parse(&doc, (lt_str_t) { text, (size_t) n - 1 }, 8192, &err)
        != LT_OK)
    {
        fail_msg("%s: %.*s", err.text, (int) n, text);
    }
    return doc;
}

static void
test_line(void **state)
{
    lt_json_t *line;
    lt_str_t text;
    int64_t number;

    (void) state;
    ltw_log(LTW_WARN, "it_happened", ltw_cstr("shard", "a\"b\n\xff"),
        ltw_int("records", -7), ltw_cstr("nothing", NULL));
    line = read_line();
    assert_true(lt_json_string(line, "event", &text));
    assert_true(lt_str_is(text, "it_happened"));
    assert_true(lt_json_string(line, "level", &text));
    assert_true(lt_str_is(text, "warn"));
    assert_true(lt_json_string(line, "shard", &text));
    assert_true(lt_str_is(text, "a\"b\n\xef\xbf\xbd"));
    assert_true(lt_json_int(line, "records", &number));
    assert_int_equal(number, -7);
    assert_true(lt_json_string(line, "nothing", &text));
    assert_int_equal(text.len, 0);
    assert_true(lt_json_string(line, "time", &text));
    assert_int_equal(text.len, strlen("2026-05-04T10:11:12.345Z"));
    lt_json_free(&line);
    ltw_log(LTW_DEBUG, "quiet");
    assert_null(read_line());
    ltw_log(LTW_INFO, "bare");
    line = read_line();
    assert_non_null(line);
    lt_json_free(&line);
}

static void
test_long_line(void **state)
{
    static char big[5000];
    lt_json_t *line;
    lt_str_t text;
    int is_cut = 0;

    (void) state;
    memset(big, 'x', sizeof(big) - 1);
    ltw_log(LTW_INFO, "big", ltw_cstr("first", "1"), ltw_cstr("big", big),
        ltw_cstr("last", "2"));
    line = read_line();
    assert_true(lt_json_string(line, "first", &text));
    assert_false(lt_json_string(line, "big", &text));
    assert_true(lt_json_bool(line, "truncated", &is_cut));
    assert_int_equal(is_cut, 1);
    lt_json_free(&line);
}

/* Nobody reads: the log must neither block nor grow. */
static void
test_stalled_reader(void **state)
{
    uint64_t before = ltw_log_dropped();
    int i;

    (void) state;
    alarm(10);                  /* ends the test should a write block */
    for (i = 0; i < 2000; i++) {
        ltw_log(LTW_INFO, "into_a_full_pipe", ltw_int("i", i));
    }
    alarm(0);
    assert_true(ltw_log_dropped() > before);
}

static void
test_metrics(void **state)
{
    static char text[65536];
    ltw_metrics_t m = { 0 };
    lt_json_t *doc;
    const lt_json_t *h;
    lt_out_t out;
    lt_error_t err;
    int64_t n;

    (void) state;
    ltw_count(&m, records_read, 5);
    ltw_gauge(&m, sessions_live, 2);
    ltw_observe(&m, polly_ms, -3);
    ltw_observe(&m, polly_ms, 1);
    ltw_observe(&m, polly_ms, 3);
    ltw_observe(&m, polly_ms, 99999);
    ltw_count_call(&m, "kinesis", "GetRecords");
    ltw_count_call(&m, "polly", "SynthesizeSpeech");
    ltw_count_call(&m, "kinesis", "ListShards");
    ltw_count_call(&m, "kinesis", "GetRecords");
    lt_out_init(&out, text, sizeof(text));
    assert_int_equal(ltw_metrics_json(&m, &out), LT_OK);
    assert_int_equal(lt_json_parse(&doc,
        (lt_str_t) { text, lt_out_len(&out) }, sizeof(text), &err), LT_OK);
    assert_true(lt_json_int(lt_json_get(doc, "counters"), "records_read", &n));
    assert_int_equal(n, 5);
    assert_true(lt_json_int(lt_json_get(doc, "gauges"), "sessions_live", &n));
    assert_int_equal(n, 2);
    h = lt_json_get(lt_json_get(doc, "aws_calls"), "kinesis");
    assert_true(lt_json_int(h, "GetRecords", &n));
    assert_int_equal(n, 2);
    assert_true(lt_json_int(h, "ListShards", &n));
    h = lt_json_get(lt_json_get(doc, "histograms"), "polly_ms");
    assert_true(lt_json_int(h, "count", &n));
    assert_int_equal(n, 4);
    assert_true(lt_json_int(h, "max_ms", &n));
    assert_int_equal(n, 99999);
    assert_int_equal(m.polly_ms.buckets[0], 2);     /* -3 and 1 */
    assert_int_equal(m.polly_ms.buckets[2], 1);     /* 3 */
    assert_int_equal(m.polly_ms.buckets[LTW_BUCKETS_N - 1], 1);
    assert_int_equal(lt_json_size(lt_json_get(doc, "bucket_bounds_ms")),
        LTW_BUCKETS_N - 1);
    assert_int_equal(lt_json_size(lt_json_get(h, "buckets")), LTW_BUCKETS_N);
    lt_json_free(&doc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stalled_reader, set_up,
            tear_down),
        cmocka_unit_test(test_metrics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
