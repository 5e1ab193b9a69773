#include "vectors.h"

#include "lt_cbor.h"
#include "lt_kinesis.h"
#include "lt_shard_map.h"

static lt_str_t
put_two(lt_kinesis_protocol_t protocol, char *storage, size_t size)
{
    lt_kinesis_put_t put;

    lt_kinesis_put_init(&put, protocol, storage, size, LT_STR("audio"), 2);
    lt_kinesis_put_record(&put, LT_STR("calm-river-123"), 6);
    lt_kinesis_put_data(&put, "foobar", 6);
    lt_kinesis_put_record(&put, LT_STR("b"), 5);
    lt_kinesis_put_data(&put, "foo", 3);
    lt_kinesis_put_data(&put, "ba", 2);
    assert_int_equal(lt_kinesis_put_end(&put), LT_OK);
    return (lt_str_t){storage, lt_out_len(&put.out)};
}

static void
test_request(void **state)
{
    char storage[400];

    (void)state;
    assert_str(put_two(LT_KINESIS_JSON, storage, sizeof(storage)),
        "{\"StreamName\":\"audio\",\"Records\":["
        "{\"PartitionKey\":\"calm-river-123\",\"Data\":\"Zm9vYmFy\"},"
        "{\"PartitionKey\":\"b\",\"Data\":\"Zm9vYmE=\"}]}");
}

/* What AWS's own serializer for JavaScript, @smithy/core 3.41's cbor, makes of
   the same values. */
static void
test_cbor_request(void **state)
{
    static const char want[] =
        "a26a53747265616d4e616d6565617564696f675265636f72647382a26c506172746974"
        "696f6e4b65796e63616c6d2d72697665722d313233644461746146666f6f626172a26c"
        "506172746974696f6e4b65796162644461746145666f6f6261";
    char storage[400], hex[800];
    lt_str_t body;
    lt_out_t out;

    (void)state;
    body = put_two(LT_KINESIS_CBOR, storage, sizeof(storage));
    lt_hex_encode(hex, (const uint8_t *)body.data, body.len);
    assert_str(((lt_str_t){hex, 2 * body.len}), want);

    lt_out_init(&out, storage, sizeof(storage));
    lt_kinesis_list_shards(&out, LT_KINESIS_CBOR, LT_STR("audio"),
        LT_STR("AAA="));
    lt_hex_encode(hex, (const uint8_t *)storage, lt_out_len(&out));
    assert_str(((lt_str_t){hex, 2 * lt_out_len(&out)}),
        "a1694e657874546f6b656e644141413d");
}

static void
test_list_shards(void **state)
{
    char storage[100];
    lt_out_t out;

    (void)state;
    lt_out_init(&out, storage, sizeof(storage));
    lt_kinesis_list_shards(&out, LT_KINESIS_JSON, LT_STR("audio"), LT_STR(""));
    assert_str(((lt_str_t){storage, lt_out_len(&out)}),
        "{\"StreamName\":\"audio\"}");

    lt_out_init(&out, storage, sizeof(storage));
    lt_kinesis_list_shards(&out, LT_KINESIS_JSON, LT_STR("audio"),
        LT_STR("t"));
    assert_str(((lt_str_t){storage, lt_out_len(&out)}),
        "{\"NextToken\":\"t\"}");
}

/* The body as JSON, whichever protocol it is in. */
static void
check_data(lt_kinesis_protocol_t protocol, lt_str_t body, lt_str_t data)
{
    char json[400], want[200];
    lt_json_t *doc;
    lt_str_t got;
    lt_out_t out;
    size_t want_len;

    if (protocol == LT_KINESIS_CBOR) {
        lt_out_init(&out, json, sizeof(json));
        assert_int_equal(lt_cbor_to_json(&out, body), LT_OK);
        body = (lt_str_t){json, lt_out_len(&out)};
    }
    assert_int_equal(lt_json_parse(&doc, body, 1000, NULL), LT_OK);
    assert_int_equal(lt_json_string(lt_json_at(lt_json_get(doc, "Records"), 0),
                         "Data", &got),
        1);
    want_len = lt_base64_encode(want, (const uint8_t *)data.data, data.len);
    assert_int_equal(got.len, want_len);
    assert_memory_equal(got.data, want, want_len);
    lt_json_free(&doc);
}

/* Data in three pieces of all small lengths is one; the sizes that were
   promised are enough. */
static void
test_pieces(void **state)
{
    static const char bytes[] = "0123456789abcdefghij";

    (void)state;
    for (size_t i = 0; i < 2 * 7 * 7 * 7; i++) {
        lt_kinesis_protocol_t protocol = i % 2;
        size_t a = i / 2 % 7, b = i / 14 % 7, c = i / 98 % 7;
        size_t size = lt_kinesis_envelope_size(protocol, 1)
                      + lt_kinesis_record_size(protocol, 2, a + b + c);
        lt_kinesis_put_t put;
        char storage[200];

        lt_kinesis_put_init(&put, protocol, storage, size, LT_STR("s"), 1);
        lt_kinesis_put_record(&put, LT_STR("ab"), a + b + c);
        lt_kinesis_put_data(&put, bytes, a);
        lt_kinesis_put_data(&put, bytes + a, b);
        lt_kinesis_put_data(&put, bytes + a + b, c);
        assert_int_equal(lt_kinesis_put_end(&put), LT_OK);
        check_data(protocol, (lt_str_t){storage, lt_out_len(&put.out)},
            (lt_str_t){bytes, a + b + c});
    }
}

static void
test_no_room(void **state)
{
    char storage[200];
    lt_str_t body;

    (void)state;
    for (lt_kinesis_protocol_t protocol = 0; protocol < 2; protocol++) {
        body = put_two(protocol, storage, sizeof(storage));

        for (size_t size = 0; size < body.len; size++) {
            lt_kinesis_put_t put;

            lt_kinesis_put_init(&put, protocol, storage, size, LT_STR("audio"),
                2);
            lt_kinesis_put_record(&put, LT_STR("calm-river-123"), 6);
            lt_kinesis_put_data(&put, "foobar", 6);
            lt_kinesis_put_record(&put, LT_STR("b"), 5);
            lt_kinesis_put_data(&put, "fooba", 5);
            assert_int_equal(lt_kinesis_put_end(&put), LT_NOSPACE);
        }
    }
}

/* Fewer records, or less data, than was said. */
static void
test_missing(void **state)
{
    char storage[200];
    lt_kinesis_put_t put;

    (void)state;
    lt_kinesis_put_init(&put, LT_KINESIS_CBOR, storage, sizeof(storage),
        LT_STR("s"), 2);
    lt_kinesis_put_record(&put, LT_STR("k"), 3);
    lt_kinesis_put_data(&put, "pcm", 3);
    assert_int_equal(lt_kinesis_put_end(&put), LT_INVALID);

    lt_kinesis_put_init(&put, LT_KINESIS_CBOR, storage, sizeof(storage),
        LT_STR("s"), 1);
    lt_kinesis_put_record(&put, LT_STR("k"), 3);
    lt_kinesis_put_data(&put, "pc", 2);
    assert_int_equal(lt_kinesis_put_end(&put), LT_INVALID);
}

static void
test_answer(void **state)
{
    lt_kinesis_record_t outcomes[6];
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
    assert_int_equal(outcomes[0].outcome, LT_KINESIS_STORED);
    assert_int_equal(outcomes[1].outcome, LT_KINESIS_THROTTLED);
    assert_int_equal(outcomes[2].outcome, LT_KINESIS_FAILED);
    assert_int_equal(outcomes[3].outcome, LT_KINESIS_STORED);
    assert_int_equal(outcomes[4].outcome, LT_KINESIS_FAILED);
    assert_int_equal(outcomes[5].outcome, LT_KINESIS_FAILED);
    assert_true(outcomes[0].shard == lt_shard_hash(LT_STR("s")));
    assert_true(outcomes[1].shard == 0);
    assert_true(outcomes[3].shard == 0);
}

/* What the quick reader leaves to the parser, or must not be fooled by. */
static void
test_rare_answer(void **state)
{
    static const struct {
        const char *body;
        lt_kinesis_outcome_t outcome;
    } rows[] = {
        {"{\"Records\":[{\"ErrorCode\":\"InternalFailure\",\"ErrorMessage\":"
         "\"\\u00fc \\\"SequenceNumber\\\":1\"}]}",
            LT_KINESIS_FAILED},
        {"{\"Records\":[{\"ErrorCode\":null,\"SequenceNumber\":\"1\"}]}",
            LT_KINESIS_STORED},
        {"{\"Records\":[{\"Sequence\\u004eumber\":\"1\"}]}",
            LT_KINESIS_STORED},
        {" {\"EncryptionType\":\"KMS\",\"More\":{\"Records\":[1e5,{}]},"
         "\"Records\" : [ { \"SequenceNumber\" : \"1\" } ] } ",
            LT_KINESIS_STORED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        lt_kinesis_record_t record;
        size_t failed_n;

        assert_int_equal(lt_kinesis_answer(&record, 1, &failed_n,
                             lt_str(rows[i].body), NULL),
            LT_OK);
        assert_int_equal(record.outcome, rows[i].outcome);
        assert_int_equal(failed_n, rows[i].outcome != LT_KINESIS_STORED);
    }
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
        lt_kinesis_record_t outcomes[2];
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
        cmocka_unit_test(test_cbor_request),
        cmocka_unit_test(test_list_shards),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_rare_answer),
        cmocka_unit_test(test_bad_answer),
    };

    return cmocka_run_group_tests_name("kinesis", tests, NULL, NULL);
}
