#include "vectors.h"

static lt_result_t
parse(const char *text)
{
    lt_error_t err;
    lt_json_t *doc;
    lt_result_t rc = lt_json_parse(&doc, lt_str(text), 1000, &err);

    assert_int_equal(doc != NULL, rc == LT_OK);
    lt_json_free(&doc);
    assert_null(doc);
    return rc;
}

static void
test_read(void **state)
{
    lt_error_t err;
    lt_json_t *doc;
    lt_str_t text;
    int64_t number;
    double real;
    int truth;

    (void)state;
    assert_int_equal(
        lt_json_parse(&doc,
            LT_STR("{\"s\":\"a\\u00e9\",\"i\":-7,\"r\":1.5,\"t\":true,"
                   "\"f\":false,\"n\":null,\"a\":[\"x\",2,{}],\"o\":{}}"),
            1000, &err),
        LT_OK);
    assert_true(lt_json_is_object(doc));
    assert_false(lt_json_is_array(doc));

    assert_int_equal(lt_json_string(doc, "s", &text), 1);
    assert_str(text, "a\xc3\xa9");
    assert_int_equal(lt_json_int(doc, "i", &number), 1);
    assert_int_equal(number, -7);
    assert_int_equal(lt_json_number(doc, "i", &real), 1);
    assert_true(real == -7);
    assert_int_equal(lt_json_number(doc, "r", &real), 1);
    assert_true(real == 1.5);
    assert_int_equal(lt_json_bool(doc, "t", &truth), 1);
    assert_int_equal(truth, 1);
    assert_int_equal(lt_json_bool(doc, "f", &truth), 1);
    assert_int_equal(truth, 0);

    /* another type, or absent */
    assert_int_equal(lt_json_string(doc, "i", &text), 0);
    assert_int_equal(lt_json_int(doc, "r", &number), 0);
    assert_int_equal(lt_json_int(doc, "s", &number), 0);
    assert_int_equal(lt_json_number(doc, "s", &real), 0);
    assert_int_equal(lt_json_bool(doc, "n", &truth), 0);
    assert_null(lt_json_get(doc, "absent"));

    assert_int_equal(lt_json_size(lt_json_get(doc, "a")), 3);
    assert_int_equal(lt_json_at_string(lt_json_get(doc, "a"), 0, &text), 1);
    assert_str(text, "x");
    assert_int_equal(lt_json_at_string(lt_json_get(doc, "a"), 1, &text), 0);
    assert_int_equal(lt_json_at_string(lt_json_get(doc, "a"), 3, &text), 0);
    assert_true(lt_json_is_object(lt_json_at(lt_json_get(doc, "a"), 2)));
    assert_int_equal(lt_json_size(lt_json_get(doc, "o")), 0);
    lt_json_free(&doc);
}

static void
test_absent(void **state)
{
    lt_str_t text;

    (void)state;
    assert_false(lt_json_is_object(NULL));
    assert_false(lt_json_is_array(NULL));
    assert_null(lt_json_get(NULL, "a"));
    assert_null(lt_json_at(NULL, 0));
    assert_int_equal(lt_json_size(NULL), 0);
    assert_int_equal(lt_json_string(NULL, "a", &text), 0);
    lt_json_free(NULL);
}

static void
test_refused(void **state)
{
    static const char *const broken[] = {"", " ", "{", "{\"a\":}", "[1,]",
        "{\"a\":1,}", "{'a':1}", "nul", "1 2", "\"\x01\"", "\"\\x\"",
        "\"\\ud800\"", "\"\xc3(\"", "{\"a\":1,\"a\":2}", "\"\\u0000\"",
        "01", "1.", "+1", "99999999999999999999"};
    lt_json_t *doc;

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        if (parse(broken[i]) != LT_INVALID) {
            fail_msg("accepted: %s", broken[i]);
        }
    }
    assert_int_equal(parse("1"), LT_OK);
    assert_int_equal(lt_json_parse(&doc, LT_STR("[1\0]"), 9, NULL),
        LT_INVALID);
    assert_int_equal(lt_json_parse(&doc, LT_STR("true\0"), 9, NULL),
        LT_INVALID);
    assert_int_equal(parse("null"), LT_OK);
    assert_int_equal(parse(" [ ] "), LT_OK);
}

static void
test_limits(void **state)
{
    char deep[2 * 3000];
    lt_error_t err;
    lt_json_t *doc;

    (void)state;
    assert_int_equal(lt_json_parse(&doc, LT_STR("[1]"), 3, &err), LT_OK);
    lt_json_free(&doc);
    assert_int_equal(lt_json_parse(&doc, LT_STR("[1]"), 2, &err), LT_TOOBIG);
    assert_null(doc);

    memset(deep, '[', 3000);
    memset(deep + 3000, ']', 3000);
    assert_int_equal(lt_json_parse(&doc, (lt_str_t){deep, sizeof(deep)},
                         sizeof(deep), &err),
        LT_INVALID);
}

/* What somebody said must not reach a log through an error's text. */
static void
test_error_is_silent(void **state)
{
    static const char *const broken[] = {"{\"a\":secret}", "{secret",
        "[\"secret\" 1]", "{\"secret\":1,\"secret\":2}", "\"secret",
        "{\"a\" \"secret\"}", "\"secret\" secret", "[1 near 'secret']"};

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        lt_error_t err;
        lt_json_t *doc;

        assert_int_equal(lt_json_parse(&doc, lt_str(broken[i]), 100, &err),
            LT_INVALID);
        assert_non_null(strstr(err.text, "line 1 column "));
        if (strstr(err.text, "secr") != NULL) {
            fail_msg("told: %s", err.text);
        }
    }
}

static void
test_write(void **state)
{
    char storage[400];
    lt_json_writer_t w;
    lt_out_t out;

    (void)state;
    lt_out_init(&out, storage, sizeof(storage));
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_cstr(&w, "s", "a");
    lt_json_put_int(&w, "i", INT64_MIN);
    lt_json_put_bool(&w, "t", 1);
    lt_json_put_bool(&w, "f", 0);
    lt_json_put_null(&w, "n");
    lt_json_open_array(&w, "a");
    lt_json_put_int(&w, NULL, 1);
    lt_json_open_object(&w, NULL);
    lt_json_close_object(&w);
    lt_json_open_array(&w, NULL);
    lt_json_close_array(&w);
    lt_json_put_str(&w, NULL, LT_STR("b"));
    lt_json_close_array(&w);
    lt_json_put_raw(&w, "r", LT_STR("[0]"));
    lt_json_open_object(&w, "o");
    lt_json_put_int(&w, "x", 2);
    lt_json_close_object(&w);
    lt_json_close_object(&w);

    assert_int_equal(lt_out_result(&out), LT_OK);
    assert_str(((lt_str_t){storage, lt_out_len(&out)}),
        "{\"s\":\"a\",\"i\":-9223372036854775808,\"t\":true,\"f\":false,"
        "\"n\":null,\"a\":[1,{},[],\"b\"],\"r\":[0],\"o\":{\"x\":2}}");
}

static void
assert_written(lt_str_t value, const char *want)
{
    char storage[200];
    lt_json_writer_t w;
    lt_out_t out;

    lt_out_init(&out, storage, sizeof(storage));
    lt_json_begin(&w, &out);
    lt_json_put_str(&w, NULL, value);
    assert_str(((lt_str_t){storage, lt_out_len(&out)}), want);
}

static void
test_write_strings(void **state)
{
    (void)state;
    assert_written(LT_STR(""), "\"\"");
    assert_written((lt_str_t){NULL, 0}, "\"\"");
    assert_written(LT_STR("\"\\\b\f\n\r\t/"), "\"\\\"\\\\\\b\\f\\n\\r\\t/\"");
    assert_written(LT_STR("a\0b\x1f\x7f"), "\"a\\u0000b\\u001f\\u007f\"");
    assert_written(LT_STR("\xc3\xb1\xe2\x82\xac\xf0\x9f\x98\x80"),
        "\"\xc3\xb1\xe2\x82\xac\xf0\x9f\x98\x80\"");
    assert_written(LT_STR("a\xff"), "\"a\xef\xbf\xbd\"");
    assert_written(LT_STR("\xc3"), "\"\xef\xbf\xbd\"");
    assert_written(LT_STR("\xc3\"x"), "\"\xef\xbf\xbd\\\"x\"");
    assert_written(LT_STR("\xe2\x82x"), "\"\xef\xbf\xbd\xef\xbf\xbdx\"");
}

/* All bytes twice: what we write, the reader must take. */
static void
test_write_any_bytes(void **state)
{
    char bytes[512], storage[4096];
    lt_json_writer_t w;
    lt_json_t *doc;
    lt_out_t out;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)(i * 167 + 1);
        bytes[i] = bytes[i] == 0 ? 'x' : bytes[i];
    }
    lt_out_init(&out, storage, sizeof(storage));
    lt_json_begin(&w, &out);
    lt_json_put_str(&w, NULL, (lt_str_t){bytes, sizeof(bytes)});
    assert_int_equal(lt_out_result(&out), LT_OK);
    assert_int_equal(lt_json_parse(&doc,
                         (lt_str_t){storage, lt_out_len(&out)}, 4096, NULL),
        LT_OK);
    lt_json_free(&doc);
}

static void
assert_number(double value, const char *want)
{
    char storage[100];
    lt_json_writer_t w;
    lt_out_t out;

    lt_out_init(&out, storage, sizeof(storage));
    lt_json_begin(&w, &out);
    lt_json_put_number(&w, NULL, value);
    assert_str(((lt_str_t){storage, lt_out_len(&out)}), want);
}

static void
test_write_numbers(void **state)
{
    double zero = 0;

    (void)state;
    assert_number(0, "0");
    assert_number(-0.0001, "0");
    assert_number(1.5, "1.5");
    assert_number(0.1, "0.1");
    assert_number(2.0604, "2.06");
    assert_number(2.0605, "2.061");
    assert_number(-3.25, "-3.25");
    assert_number(-0.005, "-0.005");
    assert_number(0.9996, "1");
    assert_number(1787300000000.0, "1787300000000");
    assert_number(8999999999999999.0, "8999999999999999");
    assert_number(9e15, "null");
    assert_number(-9e15, "null");
    assert_number(1 / zero, "null");
    assert_number(zero / zero, "null");
}

static void
test_write_limits(void **state)
{
    char storage[100];
    lt_json_writer_t w;
    lt_out_t out;

    (void)state;
    lt_out_init(&out, storage, sizeof(storage));
    lt_json_begin(&w, &out);
    for (int i = 0; i < 31; i++) {
        lt_json_open_array(&w, NULL);
    }
    assert_int_equal(lt_out_result(&out), LT_OK);
    lt_json_open_array(&w, NULL);
    assert_int_equal(lt_out_result(&out), LT_NOSPACE);

    lt_out_init(&out, storage, 5);
    lt_json_begin(&w, &out);
    lt_json_put_cstr(&w, NULL, "1234");
    assert_int_equal(lt_out_result(&out), LT_NOSPACE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_error_is_silent),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_strings),
        cmocka_unit_test(test_write_any_bytes),
        cmocka_unit_test(test_write_numbers),
        cmocka_unit_test(test_write_limits),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
