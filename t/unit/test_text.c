#include "vectors.h"

static void
test_hex(void **state)
{
    uint8_t bytes[4];
    char hex[8];

    (void)state;
    lt_hex_encode(hex, (const uint8_t *)"\x00\xff\x1a\xb2", 4);
    assert_memory_equal(hex, "00ff1ab2", 8);
    assert_int_equal(lt_hex_decode(bytes, LT_STR("00Ff1aB2")), LT_OK);
    assert_memory_equal(bytes, "\x00\xff\x1a\xb2", 4);
    assert_int_equal(lt_hex_decode(bytes, LT_STR("")), LT_OK);
    assert_int_equal(lt_hex_decode(bytes, LT_STR("0")), LT_INVALID);
    assert_int_equal(lt_hex_decode(bytes, LT_STR("0g")), LT_INVALID);
    assert_int_equal(lt_hex_decode(bytes, LT_STR("g0")), LT_INVALID);
    assert_int_equal(lt_hex_decode(bytes, LT_STR("0\0")), LT_INVALID);
}

/* RFC 4648, section 10, and the edges of the alphabet */
static const struct {
    const char *plain;
    const char *encoded;
} base64_pairs[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};

static void
test_base64(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(base64_pairs) / sizeof(*base64_pairs); i++) {
        lt_str_t plain = lt_str(base64_pairs[i].plain);
        lt_str_t encoded = lt_str(base64_pairs[i].encoded);
        char text[16];
        uint8_t bytes[16];
        size_t len = 99;

        assert_int_equal(lt_base64_encode(text, (const uint8_t *)plain.data,
                             plain.len),
            encoded.len);
        assert_memory_equal(text, encoded.data, encoded.len);
        assert_int_equal(LT_BASE64_ENCODED_LEN(plain.len), encoded.len);
        assert_int_equal(lt_base64_decode(bytes, &len, encoded), LT_OK);
        assert_int_equal(len, plain.len);
        assert_memory_equal(bytes, plain.data, len);
    }
}

static void
test_base64_strict(void **state)
{
    static const char *const broken[] = {"Z", "Zg", "Zg=", "Zm9", "Zm9v=",
        "Zh==",                     /* unused bits */
        "Zm9=", "====", "Z===", "=g==", "Zg=a", "Z=g=", "Zg==Zg==", "Zm9v====",
        "Zm8=Zm9v", "Zm9v\n", " Zm9v", "Zm 9", "Zm-_", "Zm9v\nZm8", "Zm\x80v",
        "@m9v", "Zm9v[m9v", "Zm`vZm9v", "Zm{vZm9v", ".m9v", ":m9v"};

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        uint8_t bytes[16];
        size_t len = 99;

        if (lt_base64_decode(bytes, &len, lt_str(broken[i])) != LT_INVALID) {
            fail_msg("accepted: %s", broken[i]);
        }
        assert_int_equal(len, 99);
    }
}

/* Every byte value at every place of a group, in the middle and at the end */
static void
test_base64_every_byte(void **state)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    (void)state;
    for (int c = 0; c < 256; c++) {
        int is_digit = c != 0 && strchr(digits, c) != NULL;

        for (size_t at = 0; at < 8; at++) {
            char text[8] = "AAAAAAAA";
            uint8_t bytes[6];
            size_t len;
            int want = is_digit || (c == '=' && at == 7);

            text[at] = (char)c;
            assert_int_equal(lt_base64_decode(bytes, &len,
                                 (lt_str_t){text, 8})
                                 == LT_OK,
                want);
        }
    }
}

static void
test_base64_in_place(void **state)
{
    uint8_t plain[1000];
    char text[LT_BASE64_ENCODED_LEN(sizeof(plain))];

    (void)state;
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (uint8_t)(i * 7919 >> 3);
    }
    for (size_t n = 0; n <= sizeof(plain); n++) {
        size_t len, text_len = lt_base64_encode(text, plain, n);

        assert_int_equal(lt_base64_decode((uint8_t *)text, &len,
                             (lt_str_t){text, text_len}),
            LT_OK);
        assert_int_equal(len, n);
        assert_true(len <= LT_BASE64_DECODED_MAX(text_len));
        assert_memory_equal(text, plain, n);
    }
}

static void
test_uri(void **state)
{
    char storage[64], plain[64];
    size_t len;
    lt_out_t out;

    (void)state;
    lt_out_init(&out, storage, sizeof(storage));
    lt_uri_encode(&out, LT_STR("a/b C~-._9\xc3\xb1%+"), 0);
    assert_str(((lt_str_t){storage, lt_out_len(&out)}),
        "a%2Fb%20C~-._9%C3%B1%25%2B");
    assert_int_equal(lt_uri_decode(plain, &len,
                         (lt_str_t){storage, lt_out_len(&out)}),
        LT_OK);
    assert_str(((lt_str_t){plain, len}), "a/b C~-._9\xc3\xb1%+");

    lt_out_init(&out, storage, sizeof(storage));
    lt_uri_encode(&out, LT_STR("/a b"), 1);
    assert_str(((lt_str_t){storage, lt_out_len(&out)}), "/a%20b");

    assert_int_equal(lt_uri_decode(plain, &len, LT_STR("a+%2b")), LT_OK);
    assert_str(((lt_str_t){plain, len}), "a++");
    assert_int_equal(lt_uri_decode(plain, &len, LT_STR("%")), LT_INVALID);
    assert_int_equal(lt_uri_decode(plain, &len, LT_STR("%4")), LT_INVALID);
    assert_int_equal(lt_uri_decode(plain, &len, LT_STR("%4x")), LT_INVALID);
    /* the escape goes on behind the end of the text */
    assert_int_equal(lt_uri_decode(plain, &len, (lt_str_t){"a%41", 3}),
        LT_INVALID);
    assert_int_equal(lt_uri_decode(plain, &len, LT_STR("%x4")), LT_INVALID);
}

/* Encoded by the definition, or 0 for what is no character. */
static size_t
encode(uint8_t out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

static int
is_utf8(const void *data, size_t len)
{
    lt_utf8_t u;

    lt_utf8_init(&u);
    return lt_utf8_feed(&u, data, len) == LT_OK && lt_utf8_is_complete(&u);
}

static void
test_utf8_every_character(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x120000; c++) {
        uint8_t bytes[4];
        size_t len = encode(bytes, c);
        int want = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

        assert_int_equal(is_utf8(bytes, len), want);
        if (want && len > 1) {
            assert_false(is_utf8(bytes, len - 1));
        }
    }
}

static void
test_utf8_broken(void **state)
{
    static const char *const broken[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf",
        "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xff",
        "\xfe", "\xc3(", "\xe2\x82(", "\xf0\x9f\x98(", "\xed\xa0\x80",
        "12345678\x80", "1234567\xc3", "12345678\xc3\xa9\xa9"};

    (void)state;
    assert_true(is_utf8(NULL, 0));
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        if (is_utf8(broken[i], strlen(broken[i]))) {
            fail_msg("accepted number %zu", i);
        }
    }
}

static void
test_utf8_split(void **state)
{
    static const char text[] = "12345678gr\xc3\xbc\xc3\x9f \xe2\x82\xac "
                               "\xf0\x9f\x98\x80 \xed\x9f\xbf\xee\x80\x80.";
    size_t len = sizeof(text) - 1;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        lt_utf8_t u;

        lt_utf8_init(&u);
        assert_int_equal(lt_utf8_feed(&u, (const uint8_t *)text, cut), LT_OK);
        assert_int_equal(lt_utf8_is_complete(&u),
            ((uint8_t)text[cut] & 0xc0) != 0x80);
        assert_int_equal(lt_utf8_feed(&u, (const uint8_t *)text + cut,
                             len - cut),
            LT_OK);
        assert_true(lt_utf8_is_complete(&u));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_base64_strict),
        cmocka_unit_test(test_base64_every_byte),
        cmocka_unit_test(test_base64_in_place),
        cmocka_unit_test(test_uri),
        cmocka_unit_test(test_utf8_every_character),
        cmocka_unit_test(test_utf8_broken),
        cmocka_unit_test(test_utf8_split),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
