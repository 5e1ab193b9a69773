/* What enhanced fan-out says to Kinesis and reads from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "aws/ltw_aws_kinesis_consumer.h"
#include "aws/ltw_aws_kinesis_subscribe.h"

#define ARN "arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1"
#define BEGIN "{\"ConsumerARN\":\"" ARN "\",\"ShardId\":" \
    "\"shardId-000000000000\",\"StartingPosition\":"

static ltw_subscribe_options_t
options_at(const char *position)
{
    return (ltw_subscribe_options_t) { LT_STR("kinesis.example"),
        LT_STR("us-east-1"), LT_STR(ARN), LT_STR("shardId-000000000000"),
        lt_str(position), { LT_STR("AKIDEXAMPLE"),
            LT_STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            { NULL, 0 } }, 1767323045 };
}

static void
assert_body(const char *position, const char *expected)
{
    ltw_subscribe_options_t options = options_at(position);
    ltw_subscribe_request_t request;

    assert_int_equal(ltw_aws_kinesis_subscribe(&request, &options), LT_OK);
    assert_int_equal(request.body.len, strlen(expected));
    assert_memory_equal(request.body.data, expected, request.body.len);
}

static void
test_positions(void **state)
{
    (void) state;
    assert_body("LATEST", BEGIN "{\"Type\":\"LATEST\"}}");
    assert_body("TRIM_HORIZON", BEGIN "{\"Type\":\"TRIM_HORIZON\"}}");
    assert_body("@1767323045200", BEGIN "{\"Type\":\"AT_TIMESTAMP\","
        "\"Timestamp\":1767323045.2}}");
    assert_body("49573", BEGIN "{\"Type\":\"AFTER_SEQUENCE_NUMBER\","
        "\"SequenceNumber\":\"49573\"}}");
}

static lt_str_t
header(const ltw_subscribe_request_t *request, const char *name)
{
    for (size_t i = 0; i < request->headers_n; i++) {
        if (lt_str_is(request->headers[i].name, name)) {
            return request->headers[i].value;
        }
    }
    return (lt_str_t) { NULL, 0 };
}

static void
assert_header(const ltw_subscribe_request_t *request, const char *name,
    const char *expected)
{
    lt_str_t value = header(request, name);

    assert_int_equal(value.len, strlen(expected));
    assert_memory_equal(value.data, expected, value.len);
}

/* The signature is the one that botocore's SigV4Auth makes of this. */
static void
test_signature(void **state)
{
    ltw_subscribe_options_t options = options_at("LATEST");
    ltw_subscribe_request_t request;

    (void) state;
    assert_int_equal(ltw_aws_kinesis_subscribe(&request, &options), LT_OK);
    assert_int_equal(request.headers_n, 5);
    assert_header(&request, "content-type", "application/x-amz-json-1.1");
    assert_header(&request, "x-amz-date", "20260102T030405Z");
    assert_header(&request, "x-amz-target",
        "Kinesis_20131202.SubscribeToShard");
    assert_header(&request, "content-length", "148");
    assert_header(&request, "authorization", "AWS4-HMAC-SHA256 "
        "Credential=AKIDEXAMPLE/20260102/us-east-1/kinesis/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
        "Signature="
        "f9146b69a5aa77db9f7aa8fd4ddf1fa3b4f2af3bf7ee5ecf1ee94e09178fbf87");
    assert_int_equal(header(&request, "host").len, 0);

    options.keys.session_token = LT_STR("token");
    assert_int_equal(ltw_aws_kinesis_subscribe(&request, &options), LT_OK);
    assert_header(&request, "x-amz-security-token", "token");
}

static void
test_limits(void **state)
{
    static char long_arn[5000];
    ltw_subscribe_options_t options = options_at("LATEST");
    ltw_subscribe_request_t request;

    (void) state;
    memset(long_arn, 'a', sizeof(long_arn) - 1);
    options.consumer_arn = lt_str(long_arn);
    assert_int_equal(ltw_aws_kinesis_subscribe(&request, &options),
        LT_NOSPACE);
}

static lt_result_t
read_consumer(char arn[40], int *is_active, const char *body)
{
    lt_error_t err;

    *is_active = -1;
    return ltw_aws_kinesis_consumer_read(arn, 40, is_active, lt_str(body),
        &err);
}

static void
test_answers(void **state)
{
    char arn[40];
    int is_active;
    lt_error_t err;

    (void) state;
    assert_int_equal(read_consumer(arn, &is_active, "{\"Consumer\":"
        "{\"ConsumerARN\":\"arn:c\",\"ConsumerStatus\":\"CREATING\"}}"), LT_OK);
    assert_string_equal(arn, "arn:c");
    assert_int_equal(is_active, 0);
    assert_int_equal(read_consumer(arn, &is_active, "{\"ConsumerDescription\":"
        "{\"ConsumerARN\":\"arn:d\",\"ConsumerStatus\":\"ACTIVE\"}}"), LT_OK);
    assert_string_equal(arn, "arn:d");
    assert_int_equal(is_active, 1);
    assert_int_equal(read_consumer(arn, &is_active, "{}"), LT_INVALID);
    assert_int_equal(read_consumer(arn, &is_active, "{\"Consumer\":"
        "{\"ConsumerARN\":\"\"}}"), LT_INVALID);
    assert_int_equal(read_consumer(arn, &is_active, "{\"Consumer\":"
        "{\"ConsumerARN\":\"0123456789012345678901234567890123456789\"}}"),
        LT_INVALID);
    assert_int_equal(read_consumer(arn, &is_active, "nonsense"), LT_INVALID);

    assert_int_equal(ltw_aws_kinesis_stream_arn_read(arn, sizeof(arn),
        LT_STR("{\"StreamDescriptionSummary\":{\"StreamARN\":\"arn:s\"}}"),
        &err), LT_OK);
    assert_string_equal(arn, "arn:s");
    assert_int_equal(ltw_aws_kinesis_stream_arn_read(arn, sizeof(arn),
        LT_STR("{\"StreamARN\":\"arn:s\"}"), &err), LT_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions), cmocka_unit_test(test_signature),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_answers),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
