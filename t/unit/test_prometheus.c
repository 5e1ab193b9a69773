#include "vectors.h"

#include "lt_prometheus.h"

static const lt_prometheus_family_t families[] = {
    { LT_PROMETHEUS_COUNTER, "dropped_", "_bytes", "reason", "bytes dropped" },
    { LT_PROMETHEUS_GAUGE, "sockets_", "", "role", "sockets open" },
    { 0, NULL, NULL, NULL, NULL }
};

typedef struct {
    char text[4096];
    lt_out_t out;
    lt_prometheus_t w;
} page_t;

static void
begin(page_t *p, size_t size)
{
    memset(p->text, 0, sizeof(p->text));
    lt_out_init(&p->out, p->text, size);
    lt_prometheus_begin(&p->w, &p->out, "test", families);
}

static void
test_rows(void **state)
{
    page_t p;

    (void) state;
    begin(&p, sizeof(p.text) - 1);
    lt_prometheus_counter(&p.w, "frames", "frames read", 7);
    lt_prometheus_gauge(&p.w, "behind_ms", "how far behind", 1050);
    lt_prometheus_gauge(&p.w, "left", "may be negative", -3);
    lt_prometheus_counter(&p.w, "cost_microdollars", "money", 2000001);
    assert_string_equal(p.text,
        "# HELP lt_test_frames_total frames read\n"
        "# TYPE lt_test_frames_total counter\n"
        "lt_test_frames_total 7\n"
        "# HELP lt_test_behind_seconds how far behind\n"
        "# TYPE lt_test_behind_seconds gauge\n"
        "lt_test_behind_seconds 1.05\n"
        "# HELP lt_test_left may be negative\n"
        "# TYPE lt_test_left gauge\n"
        "lt_test_left -3\n"
        "# HELP lt_test_cost_dollars_total money\n"
        "# TYPE lt_test_cost_dollars_total counter\n"
        "lt_test_cost_dollars_total 2.000001\n");
}

static void
test_family(void **state)
{
    page_t p;

    (void) state;
    begin(&p, sizeof(p.text) - 1);
    lt_prometheus_counter(&p.w, "dropped_full_bytes", "x", 1);
    lt_prometheus_counter(&p.w, "dropped_too_old_bytes", "y", 2);
    lt_prometheus_counter(&p.w, "sockets_slow", "of another kind", 3);
    lt_prometheus_gauge(&p.w, "sockets_speaker", "z", 4);
    assert_string_equal(p.text,
        "# HELP lt_test_dropped_bytes_total bytes dropped\n"
        "# TYPE lt_test_dropped_bytes_total counter\n"
        "lt_test_dropped_bytes_total{reason=\"full\"} 1\n"
        "lt_test_dropped_bytes_total{reason=\"too_old\"} 2\n"
        "# HELP lt_test_sockets_slow_total of another kind\n"
        "# TYPE lt_test_sockets_slow_total counter\n"
        "lt_test_sockets_slow_total 3\n"
        "# HELP lt_test_sockets sockets open\n"
        "# TYPE lt_test_sockets gauge\n"
        "lt_test_sockets{role=\"speaker\"} 4\n");
}

static void
test_histogram(void **state)
{
    static const int64_t bounds[] = { 5, 1500 };
    static const uint64_t counts[] = { 1, 2, 3 };
    const lt_prometheus_buckets_t b = { bounds, counts, 3, 12345 };
    const lt_prometheus_label_t es[] = { { "language", LT_STR("es") }, { 0 } };
    const lt_prometheus_label_t two[] = { { "a", LT_STR("1") },
        { "b", LT_STR("2") }, { 0 } };
    page_t p;

    (void) state;
    begin(&p, sizeof(p.text) - 1);
    lt_prometheus_histogram(&p.w, "call_ms", "one call", NULL, &b);
    lt_prometheus_histogram(&p.w, "heard_ms", "heard", es, &b);
    lt_prometheus_labelled(&p.w, LT_PROMETHEUS_COUNTER, "calls", "c", two, 9);
    assert_string_equal(p.text,
        "# HELP lt_test_call_seconds one call\n"
        "# TYPE lt_test_call_seconds histogram\n"
        "lt_test_call_seconds_bucket{le=\"0.005\"} 1\n"
        "lt_test_call_seconds_bucket{le=\"1.5\"} 3\n"
        "lt_test_call_seconds_bucket{le=\"+Inf\"} 6\n"
        "lt_test_call_seconds_sum 12.345\n"
        "lt_test_call_seconds_count 6\n"
        "# HELP lt_test_heard_seconds heard\n"
        "# TYPE lt_test_heard_seconds histogram\n"
        "lt_test_heard_seconds_bucket{language=\"es\",le=\"0.005\"} 1\n"
        "lt_test_heard_seconds_bucket{language=\"es\",le=\"1.5\"} 3\n"
        "lt_test_heard_seconds_bucket{language=\"es\",le=\"+Inf\"} 6\n"
        "lt_test_heard_seconds_sum{language=\"es\"} 12.345\n"
        "lt_test_heard_seconds_count{language=\"es\"} 6\n"
        "# HELP lt_test_calls_total c\n"
        "# TYPE lt_test_calls_total counter\n"
        "lt_test_calls_total{a=\"1\",b=\"2\"} 9\n");
}

/* Whatever the room, nothing is written past it, and it is told. */
static void
test_no_space(void **state)
{
    size_t whole, size;
    page_t p;

    (void) state;
    begin(&p, sizeof(p.text) - 1);
    lt_prometheus_counter(&p.w, "frames", "frames read", 7);
    whole = lt_out_len(&p.out);
    for (size = 0; size <= whole; size++) {
        begin(&p, size);
        lt_prometheus_counter(&p.w, "frames", "frames read", 7);
        assert_int_equal(p.text[size], 0);
        assert_int_equal(lt_out_result(&p.out),
            size < whole ? LT_NOSPACE : LT_OK);
    }
    begin(&p, sizeof(p.text));
    lt_prometheus_counter(&p.w, "a_name_that_is_much_longer_than_any_metric_"
        "of_ours_would_ever_be_because_nobody_could_read_it_at_all", "x", 1);
    assert_int_equal(lt_out_result(&p.out), LT_NOSPACE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_family),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_no_space),
    };
    return cmocka_run_group_tests_name("prometheus", tests, NULL, NULL);
}
