#include "vectors.h"

#include "lt_trace.h"

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void
test_valid(void **state)
{
    static const char *const bad[] = {
        "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        GOOD "-more", GOOD " ",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
    };

    (void) state;
    assert_true(lt_trace_is_valid(LT_STR(GOOD)));
    assert_true(lt_trace_is_valid(LT_STR(
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later")));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(lt_trace_is_valid(lt_str(bad[i])));
    }
}

static void
test_make(void **state)
{
    static const uint8_t zeros[LT_TRACE_RANDOM];
    uint8_t random[LT_TRACE_RANDOM];
    char made[LT_TRACE_LEN + 1], child[LT_TRACE_LEN + 1];
    char amzn[LT_TRACE_AMZN_LEN + 1];

    (void) state;
    for (size_t i = 0; i < sizeof(random); i++) {
        random[i] = (uint8_t) (i + 1);
    }
    lt_trace_make(made, random);
    assert_string_equal(made,
        "00-0102030405060708090a0b0c0d0e0f10-1112131415161718-01");
    lt_trace_child(child, lt_str(made), random);
    assert_string_equal(child,
        "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-01");
    assert_true(lt_trace_is_valid(lt_str(child)));
    assert_memory_equal(lt_trace_id(lt_str(child)).data,
        "0102030405060708090a0b0c0d0e0f10", LT_TRACE_ID_LEN);
    lt_trace_amzn(amzn, lt_str(child));
    assert_string_equal(amzn, "Root=1-01020304-05060708090a0b0c0d0e0f10;"
        "Parent=0102030405060708;Sampled=1");
    assert_int_equal(strlen(amzn), LT_TRACE_AMZN_LEN);
    lt_trace_amzn(amzn, LT_STR("00-4bf92f3577b34da6a3ce929d0e0e4736-"
        "00f067aa0ba902b7-00"));
    assert_non_null(strstr(amzn, "Sampled=0"));
    lt_trace_make(made, zeros);
    assert_true(lt_trace_is_valid(lt_str(made)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_make),
    };
    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
