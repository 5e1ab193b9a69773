#include "vectors.h"

#include "lt_session_id.h"
#include "lt_words.h"

static void
test_valid(void **state)
{
    char longest[LT_SESSION_ID_MAX + 1];

    (void)state;
    assert_true(lt_session_id_is_valid(LT_STR("calm-river-123")));
    assert_true(lt_session_id_is_valid(LT_STR("a-b-000")));
    memset(longest, 'a', sizeof(longest));
    memcpy(longest + LT_SESSION_ID_MAX - 6, "-b-123", 6);
    assert_true(lt_session_id_is_valid((lt_str_t){longest,
        LT_SESSION_ID_MAX}));
    memcpy(longest + LT_SESSION_ID_MAX - 5, "-b-123", 6);
    longest[LT_SESSION_ID_MAX - 6] = 'a';
    assert_false(lt_session_id_is_valid((lt_str_t){longest,
        LT_SESSION_ID_MAX + 1}));
}

static void
test_invalid(void **state)
{
    static const char *const ids[] = {"", "-", "--", "a-b-", "a-b-12",
        "a-b-1234", "a-b-12a", "-b-123", "a--123", "a-123", "A-b-123",
        "a-B-123", "a-b-123\n", " a-b-123", "a b-123", "a-b-c-123", "a-b_123",
        "a1-b-123", "\xc3\xa9-b-123", "a-b", "a", "a-b-123}", "{a-b-123"};

    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        if (lt_session_id_is_valid(lt_str(ids[i]))) {
            fail_msg("accepted: %s", ids[i]);
        }
    }
    assert_false(lt_session_id_is_valid((lt_str_t){"a-b-123\0", 8}));
}

static void
test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * LT_WORDS_MAX; i++) {
        const char *const *list = i < LT_WORDS_MAX ? lt_adjectives : lt_nouns;
        const char *word = list[i % LT_WORDS_MAX];

        assert_in_range(strlen(word), 3, 10);
        assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz"),
            strlen(word));
        for (size_t k = 0; k < i; k++) {
            list = k < LT_WORDS_MAX ? lt_adjectives : lt_nouns;
            assert_string_not_equal(word, list[k % LT_WORDS_MAX]);
        }
    }
    assert_true(lt_session_id_space() >= 10000000);
}

static lt_str_t
make(uint64_t random, char *storage, size_t size)
{
    uint8_t bytes[8];
    lt_out_t out;

    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(random >> 8 * (7 - i));
    }
    lt_out_init(&out, storage, size);
    assert_int_equal(lt_session_id_make(&out, bytes), LT_OK);
    return (lt_str_t){storage, lt_out_len(&out)};
}

static void
test_make(void **state)
{
    char a[LT_SESSION_ID_MAX];
    uint64_t space = lt_session_id_space();
    lt_out_t out;

    (void)state;
    assert_str(make(0, a, sizeof(a)), "agile-acorn-100");
    assert_str(make(space - 1, a, sizeof(a)), "zesty-zephyr-999");
    for (uint64_t i = 0; i < 100000; i++) {
        assert_true(lt_session_id_is_valid(make(i * 0x9e3779b97f4a7c15u, a,
            sizeof(a))));
    }

    /* each part has its own share of the random bytes */
    for (uint64_t i = 0; i < 900; i++) {
        char want[LT_SESSION_ID_MAX];
        uint64_t word = i % LT_WORDS_MAX;

        (void)snprintf(want, sizeof(want), "%s-%s-%u",
            lt_adjectives[LT_WORDS_MAX - 1 - word], lt_nouns[word],
            100 + (unsigned)i);
        assert_str(make(LT_WORDS_MAX - 1 - word + LT_WORDS_MAX * word
                            + (uint64_t)LT_WORDS_MAX * LT_WORDS_MAX * i,
                       a, sizeof(a)),
            want);
    }

    lt_out_init(&out, a, 14);
    assert_int_equal(lt_session_id_make(&out, (const uint8_t[8]){0}),
        LT_NOSPACE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_make),
    };

    return cmocka_run_group_tests_name("session_id", tests, NULL, NULL);
}
