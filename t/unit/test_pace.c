#include "vectors.h"

#include "lt_pace.h"

static void
test_unpaced(void **state)
{
    lt_pace_t pace;

    (void)state;
    lt_pace_init(&pace);
    for (int i = 0; i < 100; i++) {
        assert_true(lt_pace_is_open(&pace, i));
        lt_pace_sent(&pace, 1000000);
    }
}

/* A refusal: a rest, then 700 kB/s and 50 more each second, until it ends. */
static void
test_refused(void **state)
{
    lt_pace_t pace;
    int64_t sent = 0;

    (void)state;
    lt_pace_init(&pace);
    lt_pace_refused(&pace, 10000, 0.5, 2000);
    assert_int_equal(pace.rate, 700000);
    assert_false(lt_pace_is_open(&pace, 10001));
    assert_false(lt_pace_is_open(&pace, 10499));
    assert_true(lt_pace_is_open(&pace, 10500));

    for (int64_t now = 10500; now < 11500; now += 10) {
        while (lt_pace_is_open(&pace, now)) {
            lt_pace_sent(&pace, 10000);
            sent += 10000;
        }
    }
    /* half a second's level and one second's rate */
    assert_in_range(sent, 1050000, 1150000);

    assert_true(lt_pace_is_open(&pace, 18000));
    assert_int_equal(pace.rate, 0);
}

static void
test_one_cut(void **state)
{
    lt_pace_t pace;

    (void)state;
    lt_pace_init(&pace);
    for (int i = 0; i < 20; i++) {
        lt_pace_refused(&pace, 10000 + i, 0.9, 2000);
    }
    assert_int_equal(pace.rate, 700000);
    assert_int_equal(pace.attempt, 1);
    assert_int_equal(pace.rest_until_ms, 10900);
}

/* Rests double up to the caller's bound; the rate has a floor. */
static void
test_many(void **state)
{
    static const int want_ms[] = {500, 1000, 2000, 2000, 2000};
    int64_t now = 10000;
    lt_pace_t pace;

    (void)state;
    lt_pace_init(&pace);
    for (int i = 0; i < 20; i++, now += 600) {
        lt_pace_refused(&pace, now, 0.5, 2000);
        assert_int_equal(pace.rest_until_ms - now, want_ms[i < 5 ? i : 4]);
    }
    assert_int_equal(pace.rate, LT_PACE_MIN);

    lt_pace_stored(&pace);
    lt_pace_refused(&pace, now, 0.5, 2000);
    assert_int_equal(pace.rest_until_ms - now, 500);
}

/* Two who do not know each other, on one shard that takes 1 MB/s: both get a
   fair part of it, and most of it is used. */
static void
test_fair(void **state)
{
    lt_pace_t pace[2];
    int64_t stored[2] = {0, 0}, room = 0;

    (void)state;
    lt_pace_init(&pace[0]);
    lt_pace_init(&pace[1]);
    for (int64_t now = 1000; now < 121000; now += 10) {
        room = room + 10000 > 1000000 ? 1000000 : room + 10000;
        for (int64_t i = 0; i < 2; i++) {
            lt_pace_t *p = &pace[(i + now / 10) % 2];

            if (!lt_pace_is_open(p, now)) {
                continue;
            }
            lt_pace_sent(p, 20000);
            if (room < 20000) {
                lt_pace_refused(p, now, 0.3, 2000);
            } else {
                room -= 20000;
                stored[p - pace] += 20000;
                lt_pace_stored(p);
            }
        }
    }
    assert_in_range(stored[0] + stored[1], 84000000, 121000000);
    assert_in_range(stored[0] * 100 / (stored[0] + stored[1]), 35, 65);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpaced),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_one_cut),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_fair),
    };

    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
