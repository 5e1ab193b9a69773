/* A line's audio by position: whatever is appended, dropped and looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asr/ltw_asr_ring.h"

#define APPEND_MAX 50000

static char pcm[APPEND_MAX];


static char
byte_at(int64_t position)
{
    return (char) (position * 2654435761u >> 8);
}


static void
append(ltw_asr_ring_t *ring, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        pcm[i] = byte_at(ltw_asr_ring_head(ring) + (int64_t) i);
    }
    assert_int_equal(ltw_asr_ring_append(ring, (lt_str_t) { pcm, len }),
        LT_OK);
}


/* All of it, in pieces; returns how many. */
static unsigned
expect_all(const ltw_asr_ring_t *ring, size_t max)
{
    static char piece[APPEND_MAX];
    int64_t at = ring->base;
    unsigned pieces = 0;

    while (at < ltw_asr_ring_head(ring)) {
        size_t n = ltw_asr_ring_read(ring, at, piece, max);

        assert_in_range(n, 1, max);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(piece[i], byte_at(at + (int64_t) i));
        }
        at += (int64_t) n;
        pieces++;
    }
    assert_int_equal(at, ltw_asr_ring_head(ring));
    assert_int_equal(ltw_asr_ring_read(ring, at, piece, max), 0);
    return pieces;
}


/* Events are whole wherever the audio begins. */
static void
test_whole_events(void **state)
{
    ltw_asr_ring_t ring = { 0 };

    (void) state;
    for (int i = 0; i < 12; i++) {
        append(&ring, 8000);
    }
    assert_int_equal(expect_all(&ring, 3200), 30);
    ltw_asr_ring_drop_before(&ring, 8320);
    assert_int_equal(expect_all(&ring, 3200), 28);
    ltw_asr_ring_deinit(&ring);
}


static void
test_any(void **state)
{
    ltw_asr_ring_t ring = { 0 };
    unsigned seed = 1;

    (void) state;
    for (int i = 0; i < 300; i++) {
        size_t n = (size_t) rand_r(&seed) % APPEND_MAX;
        int64_t head = ltw_asr_ring_head(&ring);

        append(&ring, n);
        assert_int_equal(ltw_asr_ring_head(&ring), head + (int64_t) n);
        ltw_asr_ring_drop_before(&ring, ring.base
            + (int64_t) ((size_t) rand_r(&seed) % (2 * APPEND_MAX))
              % ((int64_t) ring.len + 1));
        assert_true(ring.skipped < LTW_ASR_BLOCK_BYTES);
        (void) expect_all(&ring, 1 + (size_t) rand_r(&seed) % 5000);
    }
    ltw_asr_ring_drop_before(&ring, ltw_asr_ring_head(&ring));
    assert_null(ring.first);                    /* nothing is kept for later */
    assert_int_equal(ring.len, 0);
    append(&ring, 3200);
    assert_int_equal(expect_all(&ring, 3200), 1);
    ltw_asr_ring_deinit(&ring);
}


static void
test_zeros(void **state)
{
    ltw_asr_ring_t ring = { 0 };
    char piece[3000];

    (void) state;
    append(&ring, 7000);
    assert_int_equal(ltw_asr_ring_append(&ring, (lt_str_t) { NULL, 2000 }),
        LT_OK);
    assert_int_equal(ltw_asr_ring_read(&ring, 6999, piece, sizeof(piece)),
        2001);
    assert_int_equal(piece[0], byte_at(6999));
    for (size_t i = 1; i <= 2000; i++) {
        assert_int_equal(piece[i], 0);
    }
    ltw_asr_ring_deinit(&ring);
    assert_int_equal(ltw_asr_ring_head(&ring), 9000);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_events),
        cmocka_unit_test(test_any),
        cmocka_unit_test(test_zeros),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
