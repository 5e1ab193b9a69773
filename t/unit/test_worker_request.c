#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "asr/ltw_transcribe_request.h"


/* len 0: it is not there. */
static lt_str_t
header(const ltw_transcribe_request_t *r, const char *name)
{
    for (size_t i = 0; i < r->headers_n; i++) {
        if (lt_str_is(r->headers[i].name, name)) {
            return r->headers[i].value;
        }
    }
    return (lt_str_t) { "", 0 };
}


static void
a_vocabulary_is_asked_for_when_there_is_one(void **state)
{
    ltw_transcribe_options_t options = {
        .authority = LT_STR("transcribestreaming.us-east-1.amazonaws.com"),
        .region = LT_STR("us-east-1"), .language = LT_STR("en-US"),
        .stream_id = LT_STR("0d3dd0ee-5c9b-4c0b-a4c1-6b3b6a3d7e5f"),
        .keys = { LT_STR("AKIDEXAMPLE"), LT_STR("secret"),
                  LT_STR("token") },
        .time_s = 1767323045 };
    ltw_transcribe_request_t r;
    char without[LT_SIGV4_HEX_LEN];

    (void) state;
    assert_int_equal(ltw_transcribe_request(&r, &options), LT_OK);
    assert_int_equal(header(&r, "x-amzn-transcribe-vocabulary-name").len, 0);
    memcpy(without, r.seed, sizeof(without));

    options.vocabulary = LT_STR("product-names");
    assert_int_equal(ltw_transcribe_request(&r, &options), LT_OK);
    assert_true(lt_str_is(header(&r, "x-amzn-transcribe-vocabulary-name"),
        "product-names"));
    assert_memory_not_equal(r.seed, without, sizeof(without));
    assert_non_null(strstr(r.authorization, "vocabulary-name"));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vocabulary_is_asked_for_when_there_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
