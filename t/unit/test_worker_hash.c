/* Hash keys of shards: 128-bit numbers, and what no shard covers. */
#include "kinesis/ltw_hash_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY_MAX "340282366920938463463374607431768211455"

static void
test_parse(void **state)
{
    static const char *const bad[] = { "", "-1", "1x", " 1",
        "340282366920938463463374607431768211456",
        "999999999999999999999999999999999999999999" };
    ltw_hash_key_t key;
    size_t i;

    (void) state;
    assert_int_equal(ltw_hash_key_parse(&key, LT_STR("0")), LT_OK);
    assert_true(key == 0);
    assert_int_equal(ltw_hash_key_parse(&key,
        LT_STR("18446744073709551616")), LT_OK);
    assert_true(key == (ltw_hash_key_t) 1 << 64);
    assert_int_equal(ltw_hash_key_parse(&key, LT_STR(KEY_MAX)), LT_OK);
    assert_true(key == ~(ltw_hash_key_t) 0);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ltw_hash_key_parse(&key, lt_str(bad[i])),
            LT_INVALID);
    }
}

static void
test_gaps(void **state)
{
    const ltw_hash_key_t max = ~(ltw_hash_key_t) 0;
    ltw_hash_range_t whole[] = { { 100, 199 }, { 200, max }, { 0, 99 } };
    ltw_hash_range_t twice[] = { { 0, 99 }, { 50, max }, { 0, 10 } };
    ltw_hash_range_t middle[] = { { 0, 99 }, { 101, max } };
    ltw_hash_range_t begin[] = { { 1, max } };
    ltw_hash_range_t end[] = { { 0, max - 1 } };
    ltw_hash_range_t three[] = { { 1, 5 }, { 7, 9 } };

    (void) state;
    assert_int_equal(ltw_hash_range_gaps(whole, 3), 0);
    assert_int_equal(ltw_hash_range_gaps(twice, 3), 0);
    assert_int_equal(ltw_hash_range_gaps(middle, 2), 1);
    assert_int_equal(ltw_hash_range_gaps(begin, 1), 1);
    assert_int_equal(ltw_hash_range_gaps(end, 1), 1);
    assert_int_equal(ltw_hash_range_gaps(three, 2), 3);
    assert_int_equal(ltw_hash_range_gaps(NULL, 0), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_gaps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
