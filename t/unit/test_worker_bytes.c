/* What waits comes out in its order, whatever was taken between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/ltw_bytes.h"

static void
in_order_and_without_memory_at_the_end(void **state)
{
    ltw_bytes_t b = { 0 };
    uint8_t in = 0, expected = 0, chunk[5000];

    (void) state;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(chunk); i++) {
            chunk[i] = in++;
        }
        assert_int_equal(ltw_bytes_add(&b, chunk, sizeof(chunk)), LT_OK);
        size_t n = ltw_bytes_waiting(&b) * (size_t) (round % 4) / 4;

        for (size_t i = 0; i < n; i++) {
            assert_int_equal(ltw_bytes_first(&b)[i], expected++);
        }
        ltw_bytes_taken(&b, n);
        assert_true(b.size <= 64 * 1024);   /* of what was taken, too */
    }
    while (ltw_bytes_waiting(&b) > 0) {
        assert_int_equal(*ltw_bytes_first(&b), expected++);
        ltw_bytes_taken(&b, 1);
    }
    assert_int_equal(expected, in);
    assert_null(b.bytes);
}

static void
what_is_kept_and_what_is_not(void **state)
{
    ltw_bytes_t b = { .kept = 8192 };
    static const char many[10000];

    (void) state;
    assert_int_equal(ltw_bytes_add(&b, many, 5000), LT_OK);
    assert_int_equal(ltw_bytes_str(&b).len, 5000);
    ltw_bytes_taken(&b, 5000);
    assert_non_null(b.bytes);
    assert_int_equal(ltw_bytes_waiting(&b), 0);
    assert_int_equal(ltw_bytes_add(&b, many, 10000), LT_OK);
    ltw_bytes_taken(&b, 10000);
    assert_null(b.bytes);
    assert_int_equal(b.kept, 8192);
    assert_int_equal(ltw_bytes_add(&b, many, 1), LT_OK);
    ltw_bytes_clear(&b);
    assert_null(b.bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_and_without_memory_at_the_end),
        cmocka_unit_test(what_is_kept_and_what_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
