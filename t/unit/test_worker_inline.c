/* Clips as data: URLs: what they say, and that the longest fits a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "publish/ltw_inline.h"
#include "publish/ltw_message.h"


static void
test_url(void **state)
{
    static const char want[] = "data:audio/mpeg;base64,//NkxAA=";
    size_t len = 0;
    char *url = ltw_inline_url(
        (lt_str_t) { "\xff\xf3\x64\xc4\x00", 5 }, 10, &len);

    (void) state;
    assert_non_null(url);
    assert_int_equal(len, sizeof(want) - 1);
    assert_memory_equal(url, want, len);
    free(url);
}


static void
test_limits(void **state)
{
    char *mp3 = calloc(1, LTW_INLINE_MAX + 1);
    size_t len;

    (void) state;
    assert_null(ltw_inline_url((lt_str_t) { mp3, LTW_INLINE_MAX + 1 }, 0,
        &len));
    assert_null(ltw_inline_url((lt_str_t) { mp3, 1 },
        LTW_INLINE_TEXT_MAX + 1, &len));
    free(mp3);
}


/* All of its text is escaped as six characters a byte. */
static void
test_fits(void **state)
{
    static char body[LTW_MESSAGE_MAX], text[LTW_INLINE_TEXT_MAX];
    const int64_t late = INT64_MAX;
    const ltw_timing_t timing = { late, late, late, late, late, late, late };
    char *mp3 = calloc(1, LTW_INLINE_MAX), *url;
    lt_str_t half = { text, sizeof(text) / 2 };
    ltw_message_t message = { LT_STR("adjective-substantive-999"),
        LT_STR("es"), late, late, half, half,
        { "captions", late } };
    size_t len;
    lt_out_t out;

    (void) state;
    memset(text, 1, sizeof(text));
    url = ltw_inline_url((lt_str_t) { mp3, LTW_INLINE_MAX }, sizeof(text),
        &len);
    assert_non_null(url);
    lt_out_init(&out, body, sizeof(body));
    assert_int_equal(ltw_message_audio(&out, &message,
        (lt_str_t) { url, len }, late, &timing), LT_OK);
    assert_true(lt_out_len(&out) > len + sizeof(text) * 6);
    free(url);
    free(mp3);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
