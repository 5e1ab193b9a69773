/* MP3 durations: made-up frames, whole, cut everywhere, and spoilt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tts/ltw_mp3.h"

/* MPEG 2, layer III, 48 kbit/s, 24 kHz, mono: 144 bytes, 24 ms */
#define FRAME_LEN 144
#define FRAME_MS 24

static const uint8_t header[4] = { 0xff, 0xf3, 0x64, 0xc4 };


static size_t
frames(uint8_t *out, size_t n)
{
    memset(out, 0, n * FRAME_LEN);
    for (size_t i = 0; i < n; i++) {
        memcpy(out + i * FRAME_LEN, header, sizeof(header));
    }
    return n * FRAME_LEN;
}


static lt_result_t
duration(int64_t *ms, const uint8_t *data, size_t len)
{
    lt_error_t err = { 0 };
    /* a copy of its very size: reading past it is seen by the sanitizer */
    uint8_t *copy = malloc(len > 0 ? len : 1);
    lt_result_t rc;

    memcpy(copy, data, len);
    rc = ltw_mp3_duration_ms(ms, (lt_str_t) { (char *) copy, len }, &err);
    assert_int_equal(rc == LT_OK, err.text[0] == '\0');
    free(copy);
    return rc;
}


static void
test_whole(void **state)
{
    uint8_t mp3[50 * FRAME_LEN];
    int64_t ms;

    (void) state;
    assert_int_equal(duration(&ms, mp3, frames(mp3, 50)), LT_OK);
    assert_int_equal(ms, 50 * FRAME_MS);
}


static void
test_mpeg1(void **state)
{
    /* MPEG 1, 128 kbit/s, 44.1 kHz, padded: 418 bytes, 1152 samples */
    uint8_t mp3[418] = { 0xff, 0xfb, 0x92, 0x00 };
    int64_t ms;

    (void) state;
    assert_int_equal(duration(&ms, mp3, sizeof(mp3)), LT_OK);
    assert_int_equal(ms, 26);
}


static void
test_cut_everywhere(void **state)
{
    uint8_t mp3[4 * FRAME_LEN];
    size_t len = frames(mp3, 4);

    (void) state;
    for (size_t n = 0; n <= len; n++) {
        int64_t ms = -1;
        lt_result_t rc = duration(&ms, mp3, n);

        assert_int_equal(rc, n >= FRAME_LEN ? LT_OK : LT_INVALID);
        if (rc == LT_OK) {
            assert_int_equal(ms, (int64_t) (n / FRAME_LEN) * FRAME_MS);
        }
    }
}


static void
test_tags(void **state)
{
    uint8_t mp3[30 + 3 * FRAME_LEN + 128] = "ID3\x04\0\0\0\0\0\x14";
    int64_t ms;
    size_t len = 30 + frames(mp3 + 30, 3);

    (void) state;
    memcpy(mp3 + len, "TAG", 3);
    memset(mp3 + len + 3, 'x', 125);
    assert_int_equal(duration(&ms, mp3, len + 128), LT_OK);
    assert_int_equal(ms, 3 * FRAME_MS);
}


static void
test_info_frame(void **state)
{
    uint8_t mp3[3 * FRAME_LEN];
    size_t len = frames(mp3, 3);
    int64_t ms;

    (void) state;
    memcpy(mp3 + 4 + 9, "Info", 4);
    assert_int_equal(duration(&ms, mp3, len), LT_OK);
    assert_int_equal(ms, 2 * FRAME_MS);
    assert_int_equal(duration(&ms, mp3, FRAME_LEN), LT_INVALID);
}


static void
test_spoilt(void **state)
{
    uint8_t mp3[3 * FRAME_LEN];
    size_t len = frames(mp3, 3);
    int64_t ms;

    (void) state;
    mp3[FRAME_LEN] = 0x00;                      /* no sync */
    assert_int_equal(duration(&ms, mp3, len), LT_INVALID);
    frames(mp3, 3);
    mp3[FRAME_LEN + 2] = 0x60;                  /* 22.05 kHz all at once */
    assert_int_equal(duration(&ms, mp3, len), LT_INVALID);
    frames(mp3, 3);
    mp3[2] = 0xf4;                              /* bit rate 15 */
    assert_int_equal(duration(&ms, mp3, len), LT_INVALID);
    assert_int_equal(duration(&ms, (const uint8_t *) "{\"message\":\"no\"}",
        16), LT_INVALID);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_mpeg1),
        cmocka_unit_test(test_cut_everywhere),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_info_frame),
        cmocka_unit_test(test_spoilt),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
