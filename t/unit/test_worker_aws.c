/* What AWS says, read: endpoints, errors, pages of shards, records. */
#include "aws/ltw_aws_endpoint.h"
#include "aws/ltw_aws_kinesis_get_iterator.h"
#include "aws/ltw_aws_kinesis_get_records.h"
#include "aws/ltw_aws_kinesis_list_shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
test_endpoint(void **state)
{
    static const struct {
        const char *url, *authority, *host;
        int port, is_tls;
    } good[] = {
        { "https://kinesis.eu-west-1.amazonaws.com",
            "kinesis.eu-west-1.amazonaws.com",
            "kinesis.eu-west-1.amazonaws.com", 443, 1 },
        { "http://127.0.0.1:4567/", "127.0.0.1:4567", "127.0.0.1", 4567, 0 },
        { "http://[::1]:80", "[::1]:80", "::1", 80, 0 },
        { "https://[fe80::1]", "[fe80::1]", "fe80::1", 443, 1 },
    };
    static const char *const bad[] = { "", "http://", "https://", "ftp://a",
        "http://a/b", "http://a:", "http://a:0", "http://a:65536",
        "http://a:1x", "http://a b", "http://a@b", "http://[::1",
        "http://[::1]x", "http://a?b", "http:///", "http://a:123456" };
    ltw_aws_endpoint_t e;
    lt_error_t err;
    size_t i;

    (void) state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(ltw_aws_endpoint_parse(&e, lt_str(good[i].url), &err),
            LT_OK);
        assert_string_equal(e.authority, good[i].authority);
        assert_string_equal(e.host, good[i].host);
        assert_int_equal(e.port, good[i].port);
        assert_int_equal(e.is_tls, good[i].is_tls);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ltw_aws_endpoint_parse(&e, lt_str(bad[i]), &err) != LT_INVALID) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void
test_default_endpoints(void **state)
{
    ltw_aws_endpoint_t e[LTW_AWS_SERVICES_N];
    ltw_config_t config = { .aws_region = "cn-north-1",
        .polly_endpoint = "http://127.0.0.1:9" };
    lt_error_t err;

    (void) state;
    assert_int_equal(ltw_aws_endpoints_init(e, &config, &err), LT_OK);
    assert_string_equal(e[LTW_AWS_KINESIS].url,
        "https://kinesis.cn-north-1.amazonaws.com.cn");
    assert_string_equal(e[LTW_AWS_TRANSCRIBE].host,
        "transcribestreaming.cn-north-1.amazonaws.com.cn");
    assert_string_equal(e[LTW_AWS_POLLY].url, "http://127.0.0.1:9");
}

static ltw_aws_answer_t
answer_of(int status, const char *headers, const char *body)
{
    static ltw_http_response_t response;
    ltw_aws_answer_t answer = { 0 };

    response = (ltw_http_response_t) { .status = status,
        .headers = lt_str(headers), .body = lt_str(body) };
    if (status == 0) {
        lt_error_set(&response.err, 0, "reset");
    }
    ltw_aws_answer_read(&answer, &response);
    return answer;
}

static void
test_answer(void **state)
{
    ltw_aws_answer_t a;

    (void) state;
    a = answer_of(400, "HTTP/1.1 400 Bad\r\nX-Amzn-RequestId:  r-1 \r\n\r\n",
        "{\"__type\":\"com.amazonaws#ProvisionedThroughputExceededException\","
        "\"message\":\"slow\"}");
    assert_string_equal(a.code, "ProvisionedThroughputExceededException");
    assert_string_equal(a.message, "slow");
    assert_true(lt_str_is(a.request_id, "r-1"));
    assert_int_equal(a.class, LT_AWS_THROTTLE);
    assert_false(ltw_aws_is_ok(&a));

    a = answer_of(403, "HTTP/1.1 403 Forbidden\r\nx-amz-request-id: s3\r\n",
        "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>"
        "<Message>no match</Message></Error>");
    assert_string_equal(a.code, "SignatureDoesNotMatch");
    assert_string_equal(a.message, "no match");
    assert_true(lt_str_is(a.request_id, "s3"));

    a = answer_of(0, "", "");
    assert_int_equal(a.class, LT_AWS_TRANSIENT);
    assert_string_equal(a.message, "reset");
    assert_non_null(strstr(ltw_aws_hint(0, ""), "check the endpoint"));

    a = answer_of(200, "HTTP/1.1 200 OK\r\n", "{}");
    assert_true(ltw_aws_is_ok(&a));
    a = answer_of(502, "", "<html>bad gateway");
    assert_string_equal(a.code, "");
    assert_int_equal(a.class, LT_AWS_TRANSIENT);
    a = answer_of(400, "", "<Message>unfinished");
    assert_string_equal(a.message, "");
}

/* AWS goes on with the canonical request, the token in it: not for a log. */
static void
test_answer_keeps_no_headers(void **state)
{
    ltw_aws_answer_t a = answer_of(403, "",
        "{\"__type\":\"InvalidSignatureException\",\"message\":\"Wrong.\\n\\n"
        "The Canonical String\\nx-amz-security-token:SECRET\"}");

    (void) state;
    assert_string_equal(a.message, "Wrong.");
    assert_non_null(strstr(ltw_aws_hint(403, a.code), "secret key"));
}

static void
test_shards(void **state)
{
    ltw_shard_info_t *list = NULL;
    size_t n = 0;
    char token[8];
    lt_error_t err;

    (void) state;
    assert_int_equal(ltw_aws_kinesis_shards_read(&list, &n, 3, token,
        sizeof(token), LT_STR("{\"NextToken\":\"t\",\"Shards\":[{\"ShardId\":"
            "\"s-0\",\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\","
            "\"EndingSequenceNumber\":\"9\"}},{\"ShardId\":\"s-1\","
            "\"ParentShardId\":\"s-0\",\"AdjacentParentShardId\":null,"
            "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\"}}]}"),
        &err), LT_OK);
    assert_string_equal(token, "t");
    assert_int_equal(ltw_aws_kinesis_shards_read(&list, &n, 3, token,
        sizeof(token), LT_STR("{\"Shards\":[{\"ShardId\":\"s-2\","
            "\"ParentShardId\":\"s-0\",\"AdjacentParentShardId\":\"s-1\"}]}"),
        &err), LT_OK);
    assert_string_equal(token, "");
    assert_int_equal(n, 3);
    assert_int_equal(list[0].is_closed, 1);
    assert_int_equal(list[1].is_closed, 0);
    assert_string_equal(list[1].parents[0], "s-0");
    assert_string_equal(list[1].parents[1], "");
    assert_string_equal(list[2].parents[1], "s-1");
    assert_int_equal(ltw_aws_kinesis_shards_read(&list, &n, 3, token,
        sizeof(token), LT_STR("{\"Shards\":[{\"ShardId\":\"s-3\"}]}"), &err),
        LT_TOOBIG);
    assert_int_equal(ltw_aws_kinesis_shards_read(&list, &n, 9, token,
        sizeof(token), LT_STR("{\"Shards\":[{}]}"), &err), LT_INVALID);
    assert_int_equal(ltw_aws_kinesis_shards_read(&list, &n, 9, token,
        sizeof(token), LT_STR("{}"), &err), LT_INVALID);
    assert_int_equal(ltw_aws_kinesis_shards_read(&list, &n, 9, token,
        sizeof(token), LT_STR("{\"Shards\":[],\"NextToken\":\"12345678\"}"),
        &err), LT_INVALID);
    free(list);
}

static void
test_records(void **state)
{
    ltw_records_t records;
    ltw_kinesis_record_t r;
    char iterator[8];
    lt_error_t err;

    (void) state;
    assert_int_equal(ltw_records_read(&records, LT_STR("{\"Records\":["
        "{\"SequenceNumber\":\"49\",\"PartitionKey\":\"a-b-100\",\"Data\":"
        "\"AQI=\",\"ApproximateArrivalTimestamp\":1441215410.867},"
        "{\"SequenceNumber\":7,\"PartitionKey\":null,"
        "\"ApproximateArrivalTimestamp\":1e300}],"
        "\"NextShardIterator\":\"it\",\"MillisBehindLatest\":1200}"), &err),
        LT_OK);
    assert_int_equal(records.n, 2);
    assert_true(lt_str_is(records.next_iterator, "it"));
    assert_int_equal(records.behind_ms, 1200);
    ltw_records_at(&records, 0, &r);
    assert_true(lt_str_is(r.sequence_number, "49"));
    assert_true(lt_str_is(r.data_base64, "AQI="));
    assert_int_equal(r.arrived_wall_ms, 1441215410867);
    ltw_records_at(&records, 1, &r);
    assert_int_equal(r.sequence_number.len, 0);
    assert_int_equal(r.partition_key.len, 0);
    assert_int_equal(r.arrived_wall_ms, 0);
    ltw_records_deinit(&records);

    assert_int_equal(ltw_records_read(&records,
        LT_STR("{\"Records\":[],\"NextShardIterator\":null}"), &err), LT_OK);
    assert_int_equal(records.next_iterator.len, 0);
    ltw_records_deinit(&records);
    assert_int_equal(ltw_records_read(&records, LT_STR("{\"Records\":{}}"),
        &err), LT_INVALID);
    assert_int_equal(ltw_records_read(&records, LT_STR("["), &err),
        LT_INVALID);

    assert_int_equal(ltw_aws_kinesis_iterator_read(iterator, sizeof(iterator),
        LT_STR("{\"ShardIterator\":\"AAAA\"}"), &err), LT_OK);
    assert_string_equal(iterator, "AAAA");
    assert_int_equal(ltw_aws_kinesis_iterator_read(iterator, sizeof(iterator),
        LT_STR("{\"ShardIterator\":\"AAAABBBB\"}"), &err), LT_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoint),
        cmocka_unit_test(test_default_endpoints),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_answer_keeps_no_headers),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
