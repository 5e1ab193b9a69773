/* Missing and doubled bytes are seen; line time maps to capture time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "session/ltw_timeline.h"

static ltw_timeline_t t;
static char pcm[64000];


static ltw_timeline_piece_t
framed(uint64_t epoch, uint64_t offset, size_t len, int64_t position_ms)
{
    ltw_record_t record = { .pcm = { pcm, len }, .is_framed = 1,
        .head = { epoch, offset, 5000 + (int64_t) offset / 32, 0 },
        .arrived_wall_ms = 9000 + (int64_t) offset };
    ltw_timeline_piece_t piece;

    ltw_timeline_add(&t, &record, position_ms, 9500, &piece);
    return piece;
}


static int
setup(void **state)
{
    (void) state;
    ltw_timeline_deinit(&t);
    return 0;
}


static void
test_in_order(void **state)
{
    ltw_timeline_piece_t p;
    ltw_anchor_t a;

    (void) state;
    assert_int_equal(ltw_timeline_find(&t, 10, &a), 0);
    p = framed(1, 0, 3200, 0);
    assert_int_equal(p.pcm.len, 3200);
    p = framed(1, 3200, 3200, 100);
    assert_int_equal(p.gap_bytes + p.duplicate_bytes, 0);
    assert_int_equal(ltw_timeline_find(&t, 150, &a), 1);
    assert_int_equal(a.captured_wall_ms, 5150);
    assert_int_equal(a.offset, 4800);
    /* what ends with a record is that record's */
    (void) ltw_timeline_find(&t, 100, &a);
    assert_int_equal(a.captured_wall_ms, 5100);
    assert_int_equal(a.arrived_wall_ms, 9000);
}


static void
test_duplicates(void **state)
{
    ltw_timeline_piece_t p;

    (void) state;
    (void) framed(7, 0, 6400, 0);
    p = framed(7, 0, 6400, 200);                /* all of it */
    assert_int_equal(p.pcm.len, 0);
    assert_int_equal(p.duplicate_bytes, 6400);
    p = framed(7, 3200, 6400, 200);             /* half of it */
    assert_int_equal(p.pcm.len, 3200);
    assert_ptr_equal(p.pcm.data, pcm + 3200);
    assert_int_equal(p.duplicate_bytes, 3200);
    p = framed(6, 90000, 3200, 300);            /* an older numbering */
    assert_int_equal(p.pcm.len, 0);
    assert_int_equal(p.duplicate_bytes, 3200);
    p = framed(7, 9600, 3200, 300);
    assert_int_equal(p.pcm.len, 3200);
    assert_int_equal(p.gap_bytes + p.duplicate_bytes, 0);
}


static void
test_gaps(void **state)
{
    (void) state;
    assert_int_equal(framed(1, 64000, 3200, 0).gap_bytes, 0);   /* we came
                                                                   later */
    assert_int_equal(framed(1, 70400, 3200, 100).gap_bytes, 3200);
    assert_int_equal(framed(2, 0, 3200, 200).gap_bytes, 0);
    assert_int_equal(framed(3, 320, 3200, 300).gap_bytes, 320);
}


static void
test_resume(void **state)
{
    const ltw_mark_t mark = { 5, 6400, 0 };
    ltw_timeline_piece_t p;

    (void) state;
    ltw_timeline_resume(&t, &mark);
    p = framed(5, 3200, 6400, 0);
    assert_int_equal(p.duplicate_bytes, 3200);
    assert_int_equal(p.pcm.len, 3200);
    ltw_timeline_deinit(&t);
    ltw_timeline_resume(&t, &mark);
    assert_int_equal(framed(5, 12800, 3200, 0).gap_bytes, 0);
}


/* Who goes on after the end finds all of it known, and nothing else. */
static void
test_end(void **state)
{
    ltw_record_t again = { .pcm = { pcm, 3200 }, .is_framed = 1,
        .head = { 5, 3200, 0, 0 } };
    ltw_mark_t mark;

    (void) state;
    assert_int_equal(ltw_timeline_end(&t, &mark), 0);
    assert_true(ltw_timeline_is_new(&t, &again));
    (void) framed(5, 0, 6400, 0);
    assert_int_equal(ltw_timeline_end(&t, &mark), 1);
    ltw_timeline_deinit(&t);
    ltw_timeline_resume(&t, &mark);
    assert_false(ltw_timeline_is_new(&t, &again));
    again.head.offset = 4800;                   /* half of it */
    assert_true(ltw_timeline_is_new(&t, &again));
    again.head = (lt_audio_record_t) { 4, 90000, 0, 0 };
    assert_false(ltw_timeline_is_new(&t, &again));
    again.head = (lt_audio_record_t) { 6, 0, 0, 0 };
    assert_true(ltw_timeline_is_new(&t, &again));
    again.pcm.len = 0;
    again.head = (lt_audio_record_t) { 5, 6400, 0, LT_AUDIO_FLAG_LAST };
    assert_false(ltw_timeline_is_new(&t, &again));
}


/* A successor knows raw records by their arrival, and the one in which the
   last word ended by the place. */
static void
test_resume_raw(void **state)
{
    const ltw_mark_t mark = { 0, 1280, 9100 };
    ltw_record_t record = { .pcm = { pcm, 3200 }, .arrived_wall_ms = 9000 };
    ltw_timeline_piece_t p;
    ltw_anchor_t a;

    (void) state;
    ltw_timeline_resume(&t, &mark);
    ltw_timeline_add(&t, &record, 0, 9500, &p);
    assert_int_equal(p.duplicate_bytes, 3200);
    assert_int_equal(p.pcm.len, 0);
    record.arrived_wall_ms = 9100;
    ltw_timeline_add(&t, &record, 0, 9500, &p);
    assert_int_equal(p.duplicate_bytes, 1280);
    assert_ptr_equal(p.pcm.data, pcm + 1280);
    (void) ltw_timeline_find(&t, 20, &a);
    assert_int_equal(a.offset, 1280 + 640);
    assert_int_equal(a.arrived_wall_ms, 9100);
    record.arrived_wall_ms = 9200;
    ltw_timeline_add(&t, &record, 60, 9500, &p);
    assert_int_equal(p.pcm.len, 3200);
    assert_int_equal(p.duplicate_bytes, 0);
}


static void
test_raw_and_odd(void **state)
{
    ltw_record_t record = { .pcm = { pcm, 3201 }, .arrived_wall_ms = 9000 };
    ltw_timeline_piece_t piece;
    ltw_anchor_t a;

    (void) state;
    ltw_timeline_add(&t, &record, 0, 9500, &piece);
    assert_int_equal(piece.pcm.len, 3200);
    (void) ltw_timeline_find(&t, 100, &a);
    assert_int_equal(a.captured_wall_ms, 9000);
    record.pcm.len = 1;
    ltw_timeline_add(&t, &record, 100, 9500, &piece);
    assert_int_equal(piece.pcm.len, 0);
}


static void
test_long_talk(void **state)
{
    ltw_anchor_t a;

    (void) state;
    for (uint64_t i = 0; i < 5000; i++) {
        (void) framed(1, i * 3200, 3200, (int64_t) i * 100);
    }
    (void) ltw_timeline_find(&t, 499950, &a);
    assert_int_equal(a.captured_wall_ms, 5000 + 499950);
    assert_int_equal(ltw_timeline_find(&t, 5, &a), 1);  /* long forgotten */
}


/* An hour of talk of which the last ten seconds may be asked for. */
static void
test_forget(void **state)
{
    size_t most = 0;
    ltw_anchor_t a;

    (void) state;
    for (uint64_t i = 0; i < 36000; i++) {
        (void) framed(1, i * 3200, 3200, (int64_t) i * 100);
        ltw_timeline_forget(&t, (int64_t) i * 100 - 10050);
        most = t.size > most ? t.size : most;
        if (i >= 101) {
            (void) ltw_timeline_find(&t, (int64_t) i * 100 - 10050, &a);
            assert_int_equal(a.captured_wall_ms,
                5000 + (int64_t) i * 100 - 10050);
        }
    }
    assert_in_range(most, 100, 100 + 2 * LTW_TIMELINE_STEP);
    ltw_timeline_forget(&t, INT64_MAX);
    assert_int_equal(t.n, 1);           /* the last one is always known */
    assert_true(t.size <= 2 * LTW_TIMELINE_STEP);
}


/* Audio that nobody hears has its offsets checked, and no time on the line. */
static void
test_not_fed(void **state)
{
    ltw_anchor_t a;

    (void) state;
    (void) framed(1, 0, 3200, 0);
    for (uint64_t i = 1; i < 100; i++) {
        (void) framed(1, i * 3200, 3200, -1);
    }
    assert_int_equal(t.n, 1);
    assert_int_equal(framed(1, 99 * 3200, 3200, -1).duplicate_bytes, 3200);
    (void) ltw_timeline_find(&t, 50, &a);
    assert_int_equal(a.offset, 1600);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_in_order, setup),
        cmocka_unit_test_setup(test_duplicates, setup),
        cmocka_unit_test_setup(test_gaps, setup),
        cmocka_unit_test_setup(test_resume, setup),
        cmocka_unit_test_setup(test_end, setup),
        cmocka_unit_test_setup(test_resume_raw, setup),
        cmocka_unit_test_setup(test_raw_and_odd, setup),
        cmocka_unit_test_setup(test_long_talk, setup),
        cmocka_unit_test_setup(test_forget, setup),
        cmocka_unit_test_setup(test_not_fed, setup),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
