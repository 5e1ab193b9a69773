/* TranscriptEvent: what Transcribe says becomes results; nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/ltw_transcript.h"

static const char partial[] =
    "{\"Transcript\":{\"Results\":[{\"ResultId\":\"r1\",\"StartTime\":1.5,"
    "\"EndTime\":2.25,\"IsPartial\":true,\"Alternatives\":[{\"Transcript\":"
    "\"Hello, wor\",\"Items\":["
    "{\"Content\":\"Hello\",\"Type\":\"pronunciation\",\"StartTime\":1.5,"
    "\"EndTime\":1.8,\"Stable\":true},"
    "{\"Content\":\",\",\"Type\":\"punctuation\",\"StartTime\":1.8,"
    "\"EndTime\":1.8,\"Stable\":true},"
    "{\"Content\":\"wor\",\"Type\":\"pronunciation\",\"StartTime\":1.9,"
    "\"EndTime\":2.25,\"Stable\":false},"
    "{\"Content\":\"x\",\"Type\":\"gesture\"}]}]},"
    "{\"ResultId\":\"r2\",\"IsPartial\":false,\"Alternatives\":[{\"Items\":["
    "{\"Content\":\"Yes\",\"Type\":\"pronunciation\",\"StartTime\":-3,"
    "\"EndTime\":1e300}]}]}]}}";


static lt_result_t
parse(ltw_transcript_t **t, const char *json, size_t len)
{
    lt_error_t err = { 0 };
    /* a copy of its very size: reading past it is seen by the sanitizer */
    char *copy = malloc(len > 0 ? len : 1);
    lt_result_t rc;

    memcpy(copy, json, len);
    rc = ltw_transcript_parse(t, (lt_str_t) { copy, len }, &err);
    free(copy);
    assert_int_equal(rc == LT_OK, err.text[0] == '\0');
    assert_int_equal(rc == LT_OK, *t != NULL);
    return rc;
}


static void
test_results(void **state)
{
    const ltw_asr_result_t *r;
    ltw_transcript_t *t;

    (void) state;
    assert_int_equal(parse(&t, partial, sizeof(partial) - 1), LT_OK);
    assert_int_equal(ltw_transcript_size(t), 2);

    r = ltw_transcript_at(t, 0);
    assert_true(lt_str_is(r->id, "r1"));
    assert_true(r->is_partial);
    assert_int_equal(r->start_ms, 1500);
    assert_int_equal(r->end_ms, 2250);
    assert_int_equal(r->items_n, 3);            /* without the gesture */
    assert_true(lt_str_is(r->items[0].text, "Hello"));
    assert_true(r->items[0].is_word && r->items[0].is_stable);
    assert_true(!r->items[1].is_word && r->items[1].is_stable);
    assert_true(r->items[2].is_word && !r->items[2].is_stable);
    assert_int_equal(r->items[2].start_ms, 1900);

    r = ltw_transcript_at(t, 1);
    assert_false(r->is_partial);
    assert_int_equal(r->items_n, 1);
    assert_true(r->items[0].is_stable);         /* a final's words are */
    assert_int_equal(r->items[0].start_ms, 0);  /* absurd times */
    assert_int_equal(r->items[0].end_ms, 0);
    ltw_transcript_free(&t);
    assert_null(t);
}


/* More items than are taken are counted. */
static void
test_long(void **state)
{
    static const char item[] = "{\"Content\":\"a\",\"Type\":\"pronunciation\"}";
    size_t n = LTW_ASR_ITEMS_MAX + 5;
    char *json = malloc(200 + n * (sizeof(item) + 1));
    size_t len = (size_t) sprintf(json, "{\"Transcript\":{\"Results\":["
        "{\"ResultId\":\"r\",\"Alternatives\":[{\"Items\":[%s", item);
    const ltw_asr_result_t *r;
    ltw_transcript_t *t;

    (void) state;
    for (size_t i = 1; i < n; i++) {
        len += (size_t) sprintf(json + len, ",%s", item);
    }
    len += (size_t) sprintf(json + len, "]}]}]}}");
    assert_int_equal(parse(&t, json, len), LT_OK);
    r = ltw_transcript_at(t, 0);
    assert_int_equal(r->items_n, LTW_ASR_ITEMS_MAX);
    assert_int_equal(r->cut_n, 5);
    ltw_transcript_free(&t);
    free(json);
}


static void
test_empty(void **state)
{
    ltw_transcript_t *t;
    const char json[] = "{\"Transcript\":{\"Results\":[]}}";

    (void) state;
    assert_int_equal(parse(&t, json, sizeof(json) - 1), LT_OK);
    assert_int_equal(ltw_transcript_size(t), 0);
    ltw_transcript_free(&t);
}


static void
test_cut_and_wrong(void **state)
{
    static const char *wrong[] = { "", "[]", "{}", "{\"Transcript\":[]}",
        "{\"Transcript\":{\"Results\":{}}}", "{\"Transcript\":null}" };
    ltw_transcript_t *t;

    (void) state;
    for (size_t n = 0; n < sizeof(partial) - 1; n++) {
        assert_int_equal(parse(&t, partial, n), LT_INVALID);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(parse(&t, wrong[i], strlen(wrong[i])), LT_INVALID);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_cut_and_wrong),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
