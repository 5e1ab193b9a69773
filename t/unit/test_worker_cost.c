#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "session/ltw_settings.h"

#define HOUR_MS (3600 * 1000LL)

static char path[] = "/tmp/lt-prices-XXXXXX";
static ltw_price_list_t prices;


static void
write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}


static int
make_prices(void **state)
{
    int fd = mkstemp(path);
    lt_error_t err;

    (void) state;
    assert_true(fd >= 0);
    close(fd);
    write_file("{\"about\":\"x\",\"kinesis_put_unit_25_kib\":0.01,"
        "\"transcribe_minute\":0.6,\"translate_character\":0.001,"
        "\"polly_standard_character\":0.002,"
        "\"polly_neural_character\":0.004,"
        "\"polly_generative_character\":0.008,\"s3_put\":0.5}");
    return ltw_price_list_read(&prices, path, &err) == LT_OK ? 0 : -1;
}


static int
remove_prices(void **state)
{
    (void) state;
    return unlink(path);
}


#define assert_usd(found, wanted)                                           \
    assert_int_equal((int64_t) ((found) * 1e6 + 0.5),                       \
        (int64_t) ((wanted) * 1e6 + 0.5))

static void
each_service_is_metered(void **state)
{
    ltw_cost_t c = { .prices = &prices };

    (void) state;
    ltw_cost_record(&c, 1);
    ltw_cost_record(&c, 25 * 1024);
    ltw_cost_record(&c, 25 * 1024 + 1);
    ltw_cost_add(&c, LTW_PRICE_translate_character, 100);
    ltw_cost_add(&c, LTW_PRICE_polly_standard_character, 10);
    ltw_cost_add(&c, LTW_PRICE_polly_neural_character, 10);
    ltw_cost_add(&c, LTW_PRICE_s3_put, 2);
    assert_usd(c.usd[LTW_COST_KINESIS], 0.04);
    assert_usd(c.usd[LTW_COST_TRANSLATE], 0.1);
    assert_usd(c.usd[LTW_COST_POLLY], 0.06);
    assert_usd(c.usd[LTW_COST_S3], 1.0);
    assert_usd(ltw_cost_total(&c), 1.2);
}


static void
a_stream_is_billed_for_15_s_at_least(void **state)
{
    ltw_cost_t c = { .prices = &prices };

    (void) state;
    ltw_cost_stream(&c);
    assert_usd(c.usd[LTW_COST_TRANSCRIBE], 0.15);
    ltw_cost_audio(&c, 14 * 32000);
    assert_usd(c.usd[LTW_COST_TRANSCRIBE], 0.15);
    ltw_cost_audio(&c, 6 * 32000);
    assert_usd(c.usd[LTW_COST_TRANSCRIBE], 0.20);
    ltw_cost_audio(&c, 60 * 32000);
    assert_usd(c.usd[LTW_COST_TRANSCRIBE], 0.80);
}


static void
each_hour_has_its_limit(void **state)
{
    ltw_cost_t c = { .prices = &prices };

    (void) state;
    assert_false(ltw_cost_is_over(&c, 1.0, 1000));
    ltw_cost_add(&c, LTW_PRICE_s3_put, 2);
    assert_true(ltw_cost_is_over(&c, 1.0, 2000));
    assert_false(ltw_cost_is_over(&c, 1.01, 2000));
    assert_false(ltw_cost_is_over(&c, 0, 2000));
    assert_true(ltw_cost_is_over(&c, 1.0, 1000 + HOUR_MS - 1));
    assert_false(ltw_cost_is_over(&c, 1.0, 1000 + HOUR_MS));
    ltw_cost_add(&c, LTW_PRICE_s3_put, 2);
    assert_true(ltw_cost_is_over(&c, 1.0, 1000 + 2 * HOUR_MS - 1));
    assert_false(ltw_cost_is_over(&c, 1.0, 1000 + 5 * HOUR_MS / 2));
    ltw_cost_add(&c, LTW_PRICE_s3_put, 2);
    assert_true(ltw_cost_is_over(&c, 1.0, 1000 + 3 * HOUR_MS - 1));
    assert_usd(ltw_cost_total(&c), 3.0);
}


static void
a_successor_goes_on_with_the_hour(void **state)
{
    ltw_cost_t c = { .prices = &prices };

    (void) state;
    ltw_cost_resume(&c, 0, 0);
    assert_int_equal(c.hour_wall_ms, 0);
    ltw_cost_resume(&c, 0.9, 1000);
    ltw_cost_add(&c, LTW_PRICE_translate_character, 101);
    assert_true(ltw_cost_is_over(&c, 1.0, HOUR_MS));
    assert_false(ltw_cost_is_over(&c, 1.0, HOUR_MS + 1000));
    assert_usd(ltw_cost_total(&c), 0.101);
}


static void
without_a_list_nothing_is_limited(void **state)
{
    static const ltw_price_list_t none;
    ltw_cost_t c = { .prices = &none };

    (void) state;
    ltw_cost_stream(&c);
    ltw_cost_add(&c, LTW_PRICE_s3_put, 1e9);
    assert_false(ltw_cost_is_over(&c, 0.01, 1000));
    assert_usd(ltw_cost_total(&c), 0);
}


static void
a_wrong_list_is_refused(void **state)
{
    static const char *const texts[] = { "", "[]", "{\"s3_put\":1}",
        "{\"kinesis_put_unit_25_kib\":-1}" };
    ltw_price_list_t list;
    lt_error_t err;

    (void) state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_file(texts[i]);
        assert_int_equal(ltw_price_list_read(&list, path, &err), LT_INVALID);
        assert_non_null(strstr(err.text, "price_list: "));
        assert_false(list.is_known);
    }
    assert_int_equal(ltw_price_list_read(&list, "/nowhere", &err),
        LT_INVALID);
    assert_non_null(strstr(err.text, "/nowhere"));
}


static void
our_own_list_is_whole(void **state)
{
    ltw_price_list_t list;
    lt_error_t err;

    (void) state;
    assert_int_equal(ltw_price_list_read(&list, "config/prices.json", &err),
        LT_OK);
}


/* ---- settings ---- */

static void
a_talk_has_its_own_settings(void **state)
{
    ltw_settings_t s = { .terminology = "ours" };

    (void) state;
    assert_true(ltw_settings_set(&s, "vocabulary", LT_STR("words-1.2_x")));
    assert_true(ltw_settings_set(&s, "lexicons", LT_STR("a b")));
    assert_true(ltw_settings_set(&s, "maxCostPerHour", LT_STR("2.5")));
    assert_string_equal(s.vocabulary, "words-1.2_x");
    assert_string_equal(s.terminology, "ours");
    assert_string_equal(s.lexicons, "a b");
    assert_usd(s.cost_max, 2.5);
    assert_true(ltw_settings_set(&s, "maxCostPerHour", LT_STR("9")));
    assert_usd(s.cost_max, 2.5);        /* no more than the worker's */
    assert_true(ltw_settings_set(&s, "maxCostPerHour", LT_STR("1")));
    assert_usd(s.cost_max, 1);
}


static void
what_is_no_setting_changes_nothing(void **state)
{
    static const struct {
        const char *name;
        const char *value;
    } rows[] = {
        { "vocabulary", "" }, { "vocabulary", "two words" },
        { "vocabulary", "a\r\nx-evil: 1" }, { "terminology", "a\"b" },
        { "lexicons", "a b c d e f" }, { "lexicons", " " },
        { "maxCostPerHour", "" }, { "maxCostPerHour", "0" },
        { "maxCostPerHour", "-1" }, { "maxCostPerHour", "1x" },
        { "maxCostPerHour", "nan" }, { "maxCostPerHour", "1e99" },
        { "speakerKey", "x" },
    };
    ltw_settings_t s = { 0 }, before;
    char longer[LTW_VOCABULARY_MAX + 2];

    (void) state;
    memset(&before, 0, sizeof(before));
    memset(&s, 0, sizeof(s));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(ltw_settings_set(&s, rows[i].name,
            lt_str(rows[i].value)));
    }
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_false(ltw_settings_set(&s, "vocabulary", lt_str(longer)));
    assert_memory_equal(&s, &before, sizeof(s));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_service_is_metered),
        cmocka_unit_test(a_stream_is_billed_for_15_s_at_least),
        cmocka_unit_test(each_hour_has_its_limit),
        cmocka_unit_test(a_successor_goes_on_with_the_hour),
        cmocka_unit_test(without_a_list_nothing_is_limited),
        cmocka_unit_test(a_wrong_list_is_refused),
        cmocka_unit_test(our_own_list_is_whole),
        cmocka_unit_test(a_talk_has_its_own_settings),
        cmocka_unit_test(what_is_no_setting_changes_nothing),
    };

    return cmocka_run_group_tests(tests, make_prices, remove_prices);
}
