/* What waits to be sent comes out in its order, whatever was sent between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/ltw_outgoing.h"

static void
in_order_and_without_memory_at_the_end(void **state)
{
    ltw_outgoing_t out = { 0 };
    uint8_t in = 0, expected = 0, chunk[5000];

    (void) state;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(chunk); i++) {
            chunk[i] = in++;
        }
        assert_int_equal(ltw_outgoing_add(&out, chunk, sizeof(chunk)), LT_OK);
        size_t n = ltw_outgoing_waiting(&out) * (size_t) (round % 4) / 4;

        for (size_t i = 0; i < n; i++) {
            assert_int_equal(ltw_outgoing_first(&out)[i], expected++);
        }
        ltw_outgoing_sent(&out, n);
        assert_true(out.size <= 64 * 1024);     /* what has gone is used */
    }
    while (ltw_outgoing_waiting(&out) > 0) {
        assert_int_equal(*ltw_outgoing_first(&out), expected++);
        ltw_outgoing_sent(&out, 1);
    }
    assert_int_equal(expected, in);
    assert_null(out.bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_and_without_memory_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
