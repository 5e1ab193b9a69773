#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/ltw_governor.h"
#include "session/ltw_playout.h"


static void
levels_begin_and_end_apart(void **state)
{
    static const struct {
        int64_t backlog_ms;
        ltw_pace_action_t action;
        unsigned rate_percent;
        int is_merging;
    } steps[] = {
        { 0, LTW_PACE_NORMAL, 100, 0 },
        { 999, LTW_PACE_NORMAL, 100, 0 },
        { 1000, LTW_PACE_FASTER, 110, 0 },
        { 500, LTW_PACE_FASTER, 110, 0 },
        { 499, LTW_PACE_NORMAL, 100, 0 },
        { 1800, LTW_PACE_FASTER, 125, 1 },
        { 1000, LTW_PACE_FASTER, 125, 1 },
        { 999, LTW_PACE_FASTER, 110, 0 },
        { 4000, LTW_PACE_CAPTIONS, 125, 0 },
        { 2200, LTW_PACE_CAPTIONS, 125, 0 },
        { 2199, LTW_PACE_FASTER, 125, 1 },
        { 60000, LTW_PACE_CAPTIONS, 125, 0 },
        { 0, LTW_PACE_NORMAL, 100, 0 },
    };
    ltw_governor_t g;

    (void) state;
    ltw_governor_init(&g, 1);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        ltw_pace_t pace = ltw_governor_voice(&g, steps[i].backlog_ms);

        assert_int_equal(pace.action, steps[i].action);
        assert_int_equal(pace.rate_percent, steps[i].rate_percent);
        assert_int_equal(pace.is_merging, steps[i].is_merging);
    }
}


static void
mode_window_only_speaks_faster(void **state)
{
    ltw_governor_t g;

    (void) state;
    ltw_governor_init(&g, 0);
    for (int64_t ms = 0; ms < 100000; ms += 100) {
        ltw_pace_t pace = ltw_governor_voice(&g, ms);

        assert_true(pace.action <= LTW_PACE_FASTER && !pace.is_merging);
        assert_true(pace.rate_percent >= 100 && pace.rate_percent <= 125);
    }
}


static void
what_cannot_be_translated_in_time_is_skipped(void **state)
{
    (void) state;
    assert_false(ltw_governor_is_skipping(16));
    assert_true(ltw_governor_is_skipping(17));
    assert_string_equal(ltw_pace_name(LTW_PACE_NORMAL), "normal");
    assert_string_equal(ltw_pace_name(LTW_PACE_FASTER), "faster");
    assert_string_equal(ltw_pace_name(LTW_PACE_CAPTIONS), "captions");
    assert_string_equal(ltw_pace_name(LTW_PACE_SKIP), "skip");
}


static void
a_listener_plays_one_clip_after_the_other(void **state)
{
    ltw_playout_t p;

    (void) state;
    ltw_playout_init(&p);
    assert_int_equal(ltw_playout_left_ms(&p, 5000), 0);
    ltw_playout_sent(&p, 3000, 5000);
    assert_int_equal(ltw_playout_left_ms(&p, 5500), 2500);
    ltw_playout_sent(&p, 1000, 5500);
    assert_int_equal(ltw_playout_next_wall_ms(&p, 5500), 9000);
    assert_int_equal(ltw_playout_left_ms(&p, 9001), 0);
    ltw_playout_sent(&p, 1000, 20000);
    assert_int_equal(p.until_wall_ms, 21000);
}


static void
it_learns_how_fast_a_language_is(void **state)
{
    ltw_playout_t p;

    (void) state;
    ltw_playout_init(&p);
    for (int i = 0; i < 50; i++) {
        /* 100 bytes in 8 s at 125 %: 100 ms a byte when spoken normally */
        ltw_playout_learn(&p, 100, 8000, 125);
    }
    assert_in_range(ltw_playout_estimate_ms(&p, 10, 100), 990, 1010);
    assert_in_range(ltw_playout_estimate_ms(&p, 10, 125), 790, 810);
    ltw_playout_learn(&p, 0, 8000, 100);
    assert_in_range(ltw_playout_estimate_ms(&p, 10, 100), 990, 1010);
}


/* ---- half an hour of a talk ---- */

#define WORD_MS (60000 / 190)
#define READY_MS 1900           /* said to sent, when nothing waits */
#define SEGMENTS_MAX 2000

typedef struct {
    int64_t lags_ms[SEGMENTS_MAX];
    size_t n;
    size_t captions;
} heard_t;


static int
by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;

    return (x > y) - (x < y);
}


/* Segments of 3 to 12 words without a pause, in a language that needs longer
   times as long. */
static void
talk_for_half_an_hour(heard_t *heard, double longer)
{
    ltw_governor_t g;
    ltw_playout_t p;
    int64_t said_ms = 1000;

    *heard = (heard_t) { .n = 0 };
    ltw_governor_init(&g, 1);
    ltw_playout_init(&p);
    for (unsigned i = 0; said_ms < 1800 * 1000; i++) {
        unsigned words = 3 + i * 7 % 10;
        int64_t voice_at;
        ltw_pace_t pace;

        said_ms += words * WORD_MS;
        voice_at = said_ms + READY_MS - 400;
        pace = ltw_governor_voice(&g, ltw_playout_left_ms(&p, voice_at));
        if (pace.action == LTW_PACE_CAPTIONS) {
            heard->captions++;
            continue;
        }
        heard->lags_ms[heard->n++] = ltw_playout_next_wall_ms(&p,
            said_ms + READY_MS) - said_ms;
        ltw_playout_sent(&p, (int64_t) (words * WORD_MS * longer * 100
            / pace.rate_percent), said_ms + READY_MS);
    }
}


static void
no_language_falls_behind(void **state)
{
    static const double longer[] = { 0.9, 1.0, 1.15, 1.3, 1.6 };
    heard_t heard;

    (void) state;
    for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
        int64_t begin = 0, end = 0;

        talk_for_half_an_hour(&heard, longer[i]);
        for (size_t k = 0; k < 100; k++) {
            begin += heard.lags_ms[50 + k] / 100;
            end += heard.lags_ms[heard.n - 1 - k] / 100;
        }
        qsort(heard.lags_ms, heard.n, sizeof(heard.lags_ms[0]), by_size);
        print_message("# %.2f times as long: p50 %lld p95 %lld ms, %zu voices,"
            " %zu captions\n", longer[i],
            (long long) heard.lags_ms[heard.n / 2],
            (long long) heard.lags_ms[heard.n * 95 / 100], heard.n,
            heard.captions);
        assert_true(heard.lags_ms[heard.n * 95 / 100] <= 6000);
        assert_true(end - begin < 1000);
        assert_true(longer[i] > 1.2 || heard.captions == 0);
        assert_true(longer[i] < 1.25 || heard.captions > 0);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_begin_and_end_apart),
        cmocka_unit_test(mode_window_only_speaks_faster),
        cmocka_unit_test(what_cannot_be_translated_in_time_is_skipped),
        cmocka_unit_test(a_listener_plays_one_clip_after_the_other),
        cmocka_unit_test(it_learns_how_fast_a_language_is),
        cmocka_unit_test(no_language_falls_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
