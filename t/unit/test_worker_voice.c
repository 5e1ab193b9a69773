#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lt_language.h"
#include "tts/ltw_voice.h"


static void
add(ltw_voices_t *voices, const char *body)
{
    char next[LTW_VOICES_TOKEN_MAX];

    assert_int_equal(ltw_voices_add(voices, next, lt_str(body)), LT_OK);
    assert_string_equal(next, "");
    voices->is_known = 1;
}


static void
every_language_has_a_voice_before_the_region_is_asked(void **state)
{
    static const char *const codes[] = { "ar", "da", "de", "en", "es", "fi",
        "fr", "hi", "it", "ja", "ko", "nl", "no", "pl", "pt", "ru", "sv",
        "tr", "zh" };
    ltw_voices_t voices = { 0 };

    (void) state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const ltw_voice_t *voice = ltw_voice_find(&voices, lt_str(codes[i]));

        assert_non_null(voice);
        assert_true(lt_language_is_target(lt_str(codes[i])));
        assert_string_equal(voice->language, codes[i]);
    }
    assert_null(ltw_voice_find(&voices, LT_STR("xx")));
    assert_string_equal(ltw_voice_find(&voices, LT_STR("es"))->voice,
        "Lucia");
}


static void
what_the_region_lacks_is_replaced(void **state)
{
    ltw_voices_t voices = { 0 };
    const ltw_voice_t *voice;

    (void) state;
    add(&voices, "{\"Voices\":[{\"Id\":\"Lucia\",\"SupportedEngines\":"
        "[\"generative\",\"standard\"]},{\"Id\":\"Remi\","
        "\"SupportedEngines\":[\"neural\"]},{\"Id\":\"Lupe\"},{}, 7]}");
    voice = ltw_voice_find(&voices, LT_STR("es"));
    assert_string_equal(voice->voice, "Lucia");
    assert_string_equal(voice->engine, "standard");
    assert_int_equal(ltw_voice_price(voice),
        LTW_PRICE_polly_standard_character);
    voice = ltw_voice_find(&voices, LT_STR("fr"));
    assert_string_equal(voice->voice, "Remi");
    assert_int_equal(ltw_voice_price(voice),
        LTW_PRICE_polly_neural_character);
    assert_null(ltw_voice_find(&voices, LT_STR("de")));
}


static void
voices_come_in_pages(void **state)
{
    ltw_voices_t voices = { 0 };
    char next[LTW_VOICES_TOKEN_MAX];

    (void) state;
    assert_int_equal(ltw_voices_add(&voices, next, LT_STR("{\"Voices\":[{"
        "\"Id\":\"Vicki\",\"SupportedEngines\":[\"neural\"]}],"
        "\"NextToken\":\"a/b+c\"}")), LT_OK);
    assert_string_equal(next, "a/b+c");
    add(&voices, "{\"Voices\":[{\"Id\":\"Bianca\",\"SupportedEngines\":"
        "[\"neural\"]}]}");
    assert_non_null(ltw_voice_find(&voices, LT_STR("de")));
    assert_non_null(ltw_voice_find(&voices, LT_STR("it")));
}


static void
another_answer_is_refused(void **state)
{
    static const char *const bodies[] = { "", "[]", "{}", "{\"Voices\":1}" };
    ltw_voices_t voices = { 0 };
    char next[LTW_VOICES_TOKEN_MAX];

    (void) state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(ltw_voices_add(&voices, next, lt_str(bodies[i])),
            LT_INVALID);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_language_has_a_voice_before_the_region_is_asked),
        cmocka_unit_test(what_the_region_lacks_is_replaced),
        cmocka_unit_test(voices_come_in_pages),
        cmocka_unit_test(another_answer_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
