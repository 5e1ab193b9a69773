/* Long base64, whichever instructions do it, against bits one by one. */
#include "vectors.h"

#define LONGEST 400

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *
by_bits(const uint8_t *data, size_t len)
{
    size_t text_len = LT_BASE64_ENCODED_LEN(len);
    char *text = malloc(text_len + 1);

    assert_non_null(text);
    memset(text, '=', text_len);
    text[text_len] = '\0';
    for (size_t i = 0; i * 6 < len * 8; i++) {
        unsigned n = 0;

        for (size_t bit = i * 6; bit < i * 6 + 6; bit++) {
            n = n << 1 | (bit < len * 8 ? data[bit / 8] >> (7 - bit % 8) & 1 : 0);
        }
        text[i] = digits[n];
    }
    return text;
}

/* On the heap, exactly as long as it is, so that sanitizers see overruns. */
static void
check(const uint8_t *data, size_t len)
{
    size_t text_len = LT_BASE64_ENCODED_LEN(len), got_len = 0;
    char *want = by_bits(data, len), *text = malloc(text_len + (len == 0));
    uint8_t *exact = malloc(len + (len == 0)), *got = malloc(len + (len == 0));

    memcpy(exact, data, len);
    assert_int_equal(lt_base64_encode(text, exact, len), text_len);
    assert_memory_equal(text, want, text_len);

    assert_int_equal(
        lt_base64_decode(got, &got_len, (lt_str_t){text, text_len}), LT_OK);
    assert_int_equal(got_len, len);
    assert_memory_equal(got, data, len);

    assert_int_equal(lt_base64_decode((uint8_t *)text, &got_len,
                         (lt_str_t){text, text_len}),
        LT_OK);
    assert_memory_equal(text, data, len);
    free(want);
    free(text);
    free(exact);
    free(got);
}

static void
test_lengths(void **state)
{
    uint8_t data[LONGEST];

    (void)state;
    for (size_t i = 0; i < LONGEST; i++) {
        data[i] = (uint8_t)(i * 167 + i / 3 + (i * i >> 4));
    }
    for (size_t len = 0; len <= LONGEST; len++) {
        check(data, len);
    }
}

/* Each number of 6 bits at each place. */
static void
test_digits(void **state)
{
    uint8_t data[96];
    size_t len;

    (void)state;
    for (size_t shift = 0; shift < 64; shift++) {
        char text[129];

        for (size_t i = 0; i < 128; i++) {
            text[i] = digits[(i + shift) % 64];
        }
        assert_int_equal(lt_base64_decode(data, &len, (lt_str_t){text, 128}),
            LT_OK);
        assert_int_equal(len, 96);
        check(data, len);
    }
}

/* Each byte that is no digit at each place: found. */
static void
test_strangers(void **state)
{
    char text[128], copy[128];
    uint8_t out[96];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = digits[i * 5 % 64];
    }
    for (size_t at = 0; at < sizeof(text); at++) {
        for (int c = 0; c < 256; c++) {
            int is_digit = c != 0 && strchr(digits, c) != NULL;

            memcpy(copy, text, sizeof(copy));
            copy[at] = (char)c;
            if (at >= 126 && (is_digit || c == '=')) {
                continue;           /* the end has rules of its own */
            }
            assert_int_equal(
                lt_base64_decode(out, &len, (lt_str_t){copy, sizeof(copy)}),
                is_digit ? LT_OK : LT_INVALID);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_strangers),
    };

    return cmocka_run_group_tests_name("base64_wide", tests, NULL, NULL);
}
