#include "vectors.h"

#include "lt_kinesis.h"

static void
test_request(void **state)
{
    char storage[400];
    lt_out_t out;

    (void)state;
    lt_out_init(&out, storage, sizeof(storage));
    lt_kinesis_begin(&out, LT_STR("audio"));
    lt_kinesis_add(&out, 1, LT_STR("calm-river-123"), LT_STR(""),
        LT_STR("foobar"));
    lt_kinesis_add(&out, 0, LT_STR("b"), LT_STR("foo"), LT_STR("ba"));
    lt_kinesis_end(&out);
    assert_int_equal(lt_out_result(&out), LT_OK);
    assert_str(((lt_str_t){storage, lt_out_len(&out)}),
        "{\"StreamName\":\"audio\",\"Records\":["
        "{\"Data\":\"Zm9vYmFy\",\"PartitionKey\":\"calm-river-123\"},"
        "{\"Data\":\"Zm9vYmE=\",\"PartitionKey\":\"b\"}]}");
}

/* Head and PCM of all small lengths: one base64 over both; and the sizes that
   were promised are enough, one byte less is told. */
static void
test_joined(void **state)
{
    static const char bytes[] = "0123456789abcdefghij";

    (void)state;
    for (size_t head = 0; head < 10; head++) {
        for (size_t len = 0; len < 10; len++) {
            size_t size = lt_kinesis_envelope_size(1)
                          + lt_kinesis_record_size(2, head + len);
            char storage[200], want[200];
            size_t want_len;
            lt_str_t got;
            lt_json_t *doc;
            lt_out_t out;

            lt_out_init(&out, storage, size);
            lt_kinesis_begin(&out, LT_STR("s"));
            lt_kinesis_add(&out, 1, LT_STR("ab"), (lt_str_t){bytes, head},
                (lt_str_t){bytes + head, len});
            lt_kinesis_end(&out);
            assert_int_equal(lt_out_result(&out), LT_OK);

            assert_int_equal(lt_json_parse(&doc,
                                 (lt_str_t){storage, lt_out_len(&out)}, 1000,
                                 NULL),
                LT_OK);
            assert_int_equal(
                lt_json_string(lt_json_at(lt_json_get(doc, "Records"), 0),
                    "Data", &got),
                1);
            want_len = lt_base64_encode(want, (const uint8_t *)bytes,
                head + len);
            assert_int_equal(got.len, want_len);
            assert_memory_equal(got.data, want, want_len);
            lt_json_free(&doc);
        }
    }
}

static void
test_no_room(void **state)
{
    char storage[200];

    (void)state;
    for (size_t size = 0; size < 69; size++) {
        lt_out_t out;

        lt_out_init(&out, storage, size);
        lt_kinesis_begin(&out, LT_STR("s"));
        lt_kinesis_add(&out, 1, LT_STR("k"), LT_STR("he"), LT_STR("pcm"));
        lt_kinesis_end(&out);
        assert_int_equal(lt_out_result(&out), LT_NOSPACE);
    }
}

static void
test_answer(void **state)
{
    lt_kinesis_outcome_t outcomes[6];
    size_t failed_n;

    (void)state;
    assert_int_equal(
        lt_kinesis_answer(outcomes, 6, &failed_n,
            LT_STR("{\"FailedRecordCount\":4,\"Records\":["
                   "{\"SequenceNumber\":\"1\",\"ShardId\":\"s\"},"
                   "{\"ErrorCode\":\"ProvisionedThroughputExceededException\","
                   "\"ErrorMessage\":\"Rate exceeded for shard\"},"
                   "{\"ErrorCode\":\"InternalFailure\"},"
                   "{\"SequenceNumber\":\"2\",\"ErrorCode\":null},"
                   "{},7]}"),
            NULL),
        LT_OK);
    assert_int_equal(failed_n, 4);
    assert_int_equal(outcomes[0], LT_KINESIS_STORED);
    assert_int_equal(outcomes[1], LT_KINESIS_THROTTLED);
    assert_int_equal(outcomes[2], LT_KINESIS_FAILED);
    assert_int_equal(outcomes[3], LT_KINESIS_STORED);
    assert_int_equal(outcomes[4], LT_KINESIS_FAILED);
    assert_int_equal(outcomes[5], LT_KINESIS_FAILED);
}

static void
test_bad_answer(void **state)
{
    static const char *const bodies[] = {"", "<html>", "[]", "{}",
        "{\"Records\":{}}", "{\"Records\":[]}",
        "{\"Records\":[{\"SequenceNumber\":\"1\"}]}",
        "{\"Records\":[{\"SequenceNumber\":\"1\"},{},{}]}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        lt_kinesis_outcome_t outcomes[2];
        size_t failed_n = 0;
        lt_error_t err = {0};

        assert_int_equal(lt_kinesis_answer(outcomes, 2, &failed_n,
                             lt_str(bodies[i]), &err),
            LT_INVALID);
        assert_int_equal(failed_n, 2);
        assert_true(strlen(err.text) > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_joined),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_bad_answer),
    };

    return cmocka_run_group_tests_name("kinesis", tests, NULL, NULL);
}
