#include "vectors.h"

#include "lt_base.h"

static void
test_str(void **state)
{
    (void)state;
    assert_int_equal(lt_str(NULL).len, 0);
    assert_int_equal(lt_str("abc").len, 3);
    assert_true(lt_str_is(LT_STR("abc"), "abc"));
    assert_false(lt_str_is(LT_STR("abc"), "ab"));
    assert_false(lt_str_is(LT_STR("abc"), "abd"));
    assert_true(lt_str_equal(LT_STR("abc"), LT_STR("abc")));
    assert_false(lt_str_equal(LT_STR("abc"), LT_STR("abd")));
    assert_false(lt_str_equal(LT_STR("abc"), LT_STR("ab")));
    assert_true(lt_str_equal(LT_STR(""), (lt_str_t) { NULL, 0 }));
    assert_true(lt_str_is((lt_str_t){NULL, 0}, ""));
    assert_false(lt_str_is((lt_str_t){"a\0b", 3}, "a"));
}

static void
test_error(void **state)
{
    char long_text[400];
    lt_error_t err;

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';

    lt_error_set(NULL, 1, "%s", "nobody listens");
    lt_error_set(&err, 403, "%s", long_text);
    assert_int_equal(err.code, 403);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void
test_out_numbers(void **state)
{
    char storage[100];
    lt_out_t out;

    (void)state;
    lt_out_init(&out, storage, sizeof(storage));
    lt_out_u64(&out, 0);
    lt_out_cstr(&out, " ");
    lt_out_u64(&out, UINT64_MAX);
    lt_out_cstr(&out, " ");
    lt_out_i64(&out, INT64_MIN);
    lt_out_cstr(&out, " ");
    lt_out_i64(&out, -1);
    assert_int_equal(lt_out_result(&out), LT_OK);
    assert_str(((lt_str_t){storage, lt_out_len(&out)}),
        "0 18446744073709551615 -9223372036854775808 -1");
}

static void
test_out_overflow(void **state)
{
    char storage[4] = "....";
    lt_out_t out;

    (void)state;
    lt_out_init(&out, storage, 3);
    lt_out_cstr(&out, "ab");
    lt_out_cstr(&out, "cd");
    assert_int_equal(lt_out_result(&out), LT_NOSPACE);
    /* a later, smaller put must not fill the gap */
    lt_out_cstr(&out, "e");
    assert_null(lt_out_reserve(&out, 0));
    assert_int_equal(lt_out_len(&out), 2);
    assert_memory_equal(storage, "ab..", 4);
}

static void
test_out_reserve(void **state)
{
    char storage[4];
    lt_out_t out;

    (void)state;
    lt_out_init(&out, storage, sizeof(storage));
    assert_ptr_equal(lt_out_reserve(&out, 4), storage);
    assert_int_equal(lt_out_len(&out), 4);
    assert_int_equal(lt_out_result(&out), LT_OK);
    assert_null(lt_out_reserve(&out, 1));
    assert_int_equal(lt_out_result(&out), LT_NOSPACE);

    lt_out_init(&out, NULL, 0);
    lt_out_bytes(&out, NULL, 0);
    assert_int_equal(lt_out_result(&out), LT_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_str),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_out_numbers),
        cmocka_unit_test(test_out_overflow),
        cmocka_unit_test(test_out_reserve),
    };

    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
