#include "vectors.h"

#include "lt_chunk.h"

/* The scan of a copy that is exactly as long as the message. */
static lt_result_t
scan(const char *text, size_t len)
{
    char *copy = malloc(len + (len == 0));
    lt_chunk_t chunk;
    lt_result_t rc;

    memcpy(copy, text, len);
    rc = lt_chunk_scan(&chunk, (lt_str_t){copy, len});
    free(copy);
    return rc;
}

static void
test_as_the_app_sends_it(void **state)
{
    lt_chunk_t chunk;

    (void)state;
    assert_int_equal(
        lt_chunk_scan(&chunk,
            LT_STR("{\"action\":\"audioChunk\",\"sessionId\":\"blessed-"
                   "shepherd-123\",\"audioData\":\"AAEC\",\"timestamp\":"
                   "1732800000000,\"format\":\"pcm\",\"sampleRate\":16000,"
                   "\"channels\":1,\"encoding\":\"s16le\"}")),
        LT_OK);
    assert_str(chunk.action, "audioChunk");
    assert_str(chunk.session_id, "blessed-shepherd-123");
    assert_str(chunk.audio_data, "AAEC");
    assert_true(chunk.has_audio_data);
}

static void
test_any_order(void **state)
{
    lt_chunk_t chunk;

    (void)state;
    assert_int_equal(
        lt_chunk_scan(&chunk,
            LT_STR(" \t\r\n{ \"x\" : {\"action\":\"other\",\"a\":[1,-2.5,"
                   "[],{},[{}],\"]}\",true,false,null,0]} ,\n\"audioData\":"
                   "\"\" , \"y\":\"\\\"\\\\\\n\",\"action\" : \"audioChunk\" "
                   "} \n")),
        LT_OK);
    assert_int_equal(chunk.session_id.len, 0);
    assert_int_equal(chunk.audio_data.len, 0);
    assert_true(chunk.has_audio_data);

    assert_int_equal(lt_chunk_scan(&chunk,
                         LT_STR("{\"action\":\"audioChunk\"}")),
        LT_OK);
    assert_false(chunk.has_audio_data);
}

#define CHUNK "{\"action\":\"audioChunk\""

static void
test_left_to_the_parser(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"a\":1}",
        "{\"action\":\"heartbeat\"}",
        "{\"action\":\"audioChunk2\"}",
        "{\"action\":\"audiochunk\"}",
        "{\"action\":1}",
        "{\"action\":null}",
        CHUNK ",\"sessionId\":7}",
        CHUNK ",\"audioData\":null}",
        CHUNK ",\"audioData\":\"\\/AA=\"}",
        CHUNK ",\"audioData\":\"\\u0041AA=\"}",
        "{\"act\\u0069on\":\"audioChunk\"}",
        "{\"a\\/b\":1," "\"action\":\"audioChunk\"}",
        "{\"action\":\"audio\\u0043hunk\"}",
        CHUNK ",\"action\":\"audioChunk\"}",
        CHUNK ",\"audioData\":\"AA==\",\"audioData\":\"AA==\"}",
        CHUNK ",\"sessionId\":\"a\",\"sessionId\":\"b\"}",
        CHUNK ",\"x\":1e5}",
        CHUNK ",\"x\":1E999}",
        CHUNK ",\"x\":9999999999999999999}",
        CHUNK ",\"x\":\"\\ud800\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (scan(texts[i], strlen(texts[i])) != LT_AGAIN) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void
test_invalid(void **state)
{
    static const char *const texts[] = {"", " ", "[]", "1", "\"x\"", "null",
        "}", "{,}", "{1:2}", "{\"a\"}", "{\"a\" 1}", "{\"a\":}", "{'a':1}",
        "{a:1}", CHUNK, CHUNK ",", CHUNK ",}", CHUNK "}}", CHUNK "} x",
        CHUNK "},{}", CHUNK " \"x\":1}", CHUNK ",\"x\":01}", CHUNK ",\"x\":1.}",
        CHUNK ",\"x\":.5}", CHUNK ",\"x\":-}", CHUNK ",\"x\":+1}",
        CHUNK ",\"x\":tru}", CHUNK ",\"x\":nul", CHUNK ",\"x\":falsee}",
        CHUNK ",\"x\":[1,]}", CHUNK ",\"x\":[1}}", CHUNK ",\"x\":{\"a\":1]}",
        CHUNK ",\"x\":{\"a\":1,}}", CHUNK ",\"x\":[1 2]}",
        CHUNK ",\"x\":\"a\nb\"}", CHUNK ",\"x\":\"\\x\"}", CHUNK ",\"x\":\"",
        CHUNK ",\"x\":\"\\\"}", CHUNK ",\"audioData\":\"AA\tA\"}",
        CHUNK ",\"audioData\":\"AA", CHUNK ",\"x\":NaN}",
        "\xef\xbb\xbf" CHUNK "}"};
    lt_chunk_t chunk;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (scan(texts[i], strlen(texts[i])) != LT_INVALID) {
            fail_msg("%s", texts[i]);
        }
    }
    assert_int_equal(lt_chunk_scan(&chunk, (lt_str_t){NULL, 0}), LT_INVALID);
    assert_int_equal(scan(CHUNK "\0}", sizeof(CHUNK "\0}") - 1), LT_INVALID);
}

/* Cut after any byte, a message is never taken. */
static void
test_cut(void **state)
{
    static const char text[] = CHUNK
        ",\"audioData\":\"AAECAwQFBgcICQ==\",\"x\":[1.5,{\"a\":true},\"\\n\"]}";

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        assert_int_not_equal(scan(text, len), LT_OK);
    }
    assert_int_equal(scan(text, sizeof(text) - 1), LT_OK);
}

/* A quote, a backslash and a control character at every distance */
static void
test_string_borders(void **state)
{
    (void)state;
    for (int len = 0; len < 40; len++) {
        char text[200];
        lt_chunk_t chunk;
        int n = sprintf(text, CHUNK ",\"audioData\":\"%.*s\"}", len,
            "\x7f\xc3\xa9!#[]^\xf0\x9f\x98\x80QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ");

        assert_int_equal(lt_chunk_scan(&chunk, (lt_str_t){text, (size_t)n}),
            LT_OK);
        assert_int_equal(chunk.audio_data.len, len);
        for (int i = 0; i < len; i++) {
            int at = n - 3 - i;
            char kept = text[at];

            text[at] = '\x1f';
            assert_int_equal(scan(text, (size_t)n), LT_INVALID);
            text[at] = '\n';
            assert_int_equal(scan(text, (size_t)n), LT_INVALID);
            text[at] = '"';
            assert_int_equal(scan(text, (size_t)n), LT_INVALID);
            text[at] = kept;
        }
    }
}

static void
test_depth(void **state)
{
    char text[1000];

    (void)state;
    for (int depth = 60; depth < 70; depth++) {
        int n = sprintf(text, CHUNK ",\"x\":");

        memset(text + n, '[', (size_t)depth);
        memset(text + n + depth, ']', (size_t)depth);
        n += 2 * depth;
        text[n++] = '}';
        assert_int_equal(scan(text, (size_t)n),
            depth <= 64 ? LT_OK : LT_AGAIN);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_app_sends_it),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_left_to_the_parser),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_string_borders),
        cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
