#include "vectors.h"

#include "lt_language.h"

static void
test_code(void **state)
{
    static const char *const bad[] = {"", "e", "eng", "EN", "e1", "e-", "en\n",
        "\xc3\xa9"};

    (void)state;
    assert_true(lt_language_is_code(LT_STR("en")));
    assert_true(lt_language_is_code(LT_STR("xx")));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(lt_language_is_code(lt_str(bad[i])));
        assert_false(lt_language_is_source(lt_str(bad[i])));
        assert_false(lt_language_is_target(lt_str(bad[i])));
    }
    assert_false(lt_language_is_target(LT_STR("xx")));
}

static void
test_lists(void **state)
{
    static const char sources[] =
        "en es fr de it pt ru ja ko zh ar hi nl pl tr sv da no fi";
    size_t n = 0;

    (void)state;
    for (; 3 * n < sizeof(sources); n++) {
        assert_true(lt_language_is_source((lt_str_t){sources + 3 * n, 2}));
        assert_true(lt_language_is_target((lt_str_t){sources + 3 * n, 2}));
    }
    assert_true(lt_language_is_target(LT_STR("ca")));
    assert_false(lt_language_is_source(LT_STR("ca")));

    for (size_t i = 0; i <= n; i++) {
        lt_str_t code = lt_str(lt_language_at(i));
        const char *locale = lt_language_transcribe(code);

        assert_true(lt_language_is_code(code));
        assert_int_equal(strlen(locale), 5);
        assert_memory_equal(locale, code.data, 2);
    }
    assert_null(lt_language_at(n + 1));
}

static void
test_names(void **state)
{
    (void)state;
    assert_string_equal(lt_language_transcribe(LT_STR("en")), "en-US");
    assert_string_equal(lt_language_transcribe(LT_STR("pt")), "pt-BR");
    assert_string_equal(lt_language_transcribe(LT_STR("zh")), "zh-CN");
    assert_string_equal(lt_language_transcribe(LT_STR("ar")), "ar-SA");
    assert_null(lt_language_transcribe(LT_STR("xx")));
    assert_null(lt_language_transcribe(LT_STR("")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
