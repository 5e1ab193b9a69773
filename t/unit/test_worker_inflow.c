/* A silent talk is told from one whose audio waits for us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kinesis/ltw_inflow.h"

#define WINDOW_MS 3000
#define GAP_MS 1450             /* 2 * 225 + 1000 */


static void
test_life(void **state)
{
    ltw_inflow_t inflow;
    int64_t now = 100000;

    (void) state;
    ltw_inflow_init(&inflow, 225, WINDOW_MS);
    assert_int_equal(ltw_inflow_is_doubtful(&inflow, now), 1);
    ltw_inflow_read(&inflow, 0, now);           /* the first batch is open */
    assert_int_equal(ltw_inflow_is_doubtful(&inflow, now + 10), 1);
    for (int i = 0; i < 30; i++) {
        now += 225;
        ltw_inflow_read(&inflow, 0, now);
    }
    assert_int_equal(ltw_inflow_is_doubtful(&inflow, now + 225), 0);
    assert_int_equal(ltw_inflow_is_doubtful(&inflow, now + GAP_MS), 0);
    assert_int_equal(ltw_inflow_is_doubtful(&inflow, now + GAP_MS + 1), 1);
}


/* What was read after a stall takes a window and a question to get here. */
static void
test_after_a_stall(void **state)
{
    ltw_inflow_t inflow;
    int64_t now = 100000;

    (void) state;
    ltw_inflow_init(&inflow, 225, WINDOW_MS);
    inflow.read_at_ms = now;
    now += 6000;
    ltw_inflow_read(&inflow, 5000, now);        /* catching up */
    assert_int_equal(inflow.stalled_at_ms, 0);
    assert_int_equal(ltw_inflow_is_doubtful(&inflow, now), 1);
    ltw_inflow_read(&inflow, 0, now);
    for (int64_t end = now + WINDOW_MS + 2000; now + 200 < end; ) {
        now += 200;
        ltw_inflow_read(&inflow, 0, now);
        assert_int_equal(ltw_inflow_is_doubtful(&inflow, now), 1);
    }
    ltw_inflow_read(&inflow, 0, now + 200);
    assert_int_equal(ltw_inflow_is_doubtful(&inflow, now + 200), 0);
    ltw_inflow_wait(&inflow, now + 200);        /* a child is not begun */
    assert_int_equal(ltw_inflow_is_doubtful(&inflow, now + 200), 1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_after_a_stall),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
