#include "vectors.h"

#include "lt_aws.h"

static void
test_regions(void **state)
{
    (void)state;
    assert_true(lt_aws_region_is_known(LT_STR("eu-west-1")));
    assert_true(lt_aws_region_is_known(LT_STR("us-east-1")));
    assert_true(lt_aws_region_is_known(LT_STR("cn-north-1")));
    assert_true(lt_aws_region_is_known(LT_STR("us-gov-west-1")));
    assert_false(lt_aws_region_is_known(LT_STR("")));
    assert_false(lt_aws_region_is_known(LT_STR("eu-west-9")));
    assert_false(lt_aws_region_is_known(LT_STR("EU-WEST-1")));
    assert_false(lt_aws_region_is_known(LT_STR("eu-west-1a")));
    assert_false(lt_aws_region_is_known(LT_STR("eu-west-")));
}

static void
test_hosts(void **state)
{
    char storage[64];
    lt_out_t out;

    (void)state;
    lt_out_init(&out, storage, sizeof(storage));
    assert_int_equal(lt_aws_host(&out, LT_STR("kinesis"),
                         LT_STR("eu-west-1")),
        LT_OK);
    assert_str(((lt_str_t){storage, lt_out_len(&out)}),
        "kinesis.eu-west-1.amazonaws.com");
    lt_out_init(&out, storage, sizeof(storage));
    assert_int_equal(lt_aws_host(&out, LT_STR("transcribestreaming"),
                         LT_STR("cn-north-1")),
        LT_OK);
    assert_str(((lt_str_t){storage, lt_out_len(&out)}),
        "transcribestreaming.cn-north-1.amazonaws.com.cn");
    lt_out_init(&out, storage, 20);
    assert_int_equal(lt_aws_host(&out, LT_STR("kinesis"),
                         LT_STR("eu-west-1")),
        LT_NOSPACE);
}

/* header, body, code */
static const char *const answers[][3] = {
    {"ThrottlingException", "{\"__type\":\"Other\"}", "ThrottlingException"},
    {"GoneException:http://internal.amazon.com/a#b/", "", "GoneException"},
    {"a.b#Code:tail", "", "Code"},
    {"", "{\"__type\":\"com.amazon.coral#ValidationException\"}",
        "ValidationException"},
    {"", "{\"message\":\"x\",\"code\":\"SomeCode\"}", "SomeCode"},
    {"", "{\"Code\":\"SomeCode\"}", "SomeCode"},
    {"", "<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>no"
         "</Message></Error>", "SlowDown"},
    {"", "<html>bad gateway</html>", ""},
    {"", "<Code>", ""},
    {"", "<Code>Cut", ""},
    {"", "not json", ""},
    {"", "{}", ""},
    {"", "[]", ""},
    {"", "{\"__type\":7}", ""},
    {"", "", ""},
    {"Evil\nlog line", "", "Evil"},
    {"#", "", ""},
    {":", "", ""},
};

static void
test_error_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        char code[64];

        lt_aws_error_code(code, sizeof(code), lt_str(answers[i][0]),
            lt_str(answers[i][1]));
        assert_string_equal(code, answers[i][2]);
    }
}

static void
test_error_code_bounds(void **state)
{
    static char big[70000];
    char code[5];

    (void)state;
    lt_aws_error_code(code, sizeof(code), LT_STR("LongName"), LT_STR(""));
    assert_string_equal(code, "Long");
    lt_aws_error_code(code, 1, LT_STR("LongName"), LT_STR(""));
    assert_string_equal(code, "");
    lt_aws_error_code(NULL, 0, LT_STR("LongName"), LT_STR(""));

    memset(big, ' ', sizeof(big));
    memcpy(big, "{\"code\":\"A\"}", 12);
    lt_aws_error_code(code, sizeof(code), LT_STR(""), (lt_str_t){big, 65536});
    assert_string_equal(code, "A");
    lt_aws_error_code(code, sizeof(code), LT_STR(""), (lt_str_t){big, 65537});
    assert_string_equal(code, "");
    memcpy(big, "<Code>B</Code>", 14);
    lt_aws_error_code(code, sizeof(code), LT_STR(""), (lt_str_t){big, 65536});
    assert_string_equal(code, "B");
    lt_aws_error_code(code, sizeof(code), LT_STR(""), (lt_str_t){big, 65537});
    assert_string_equal(code, "");
}

static void
test_classes(void **state)
{
    (void)state;
    assert_int_equal(lt_aws_classify(0, ""), LT_AWS_TRANSIENT);
    assert_int_equal(lt_aws_classify(400, ""), LT_AWS_FATAL);
    assert_int_equal(lt_aws_classify(403, "AccessDeniedException"),
        LT_AWS_FATAL);
    assert_int_equal(lt_aws_classify(429, ""), LT_AWS_THROTTLE);
    assert_int_equal(lt_aws_classify(500, ""), LT_AWS_TRANSIENT);
    assert_int_equal(lt_aws_classify(501, ""), LT_AWS_FATAL);
    assert_int_equal(lt_aws_classify(502, "Whatever"), LT_AWS_TRANSIENT);
    assert_int_equal(lt_aws_classify(503, ""), LT_AWS_TRANSIENT);
    assert_int_equal(lt_aws_classify(504, ""), LT_AWS_TRANSIENT);
    /* the code before the status */
    assert_int_equal(lt_aws_classify(503, "SlowDown"), LT_AWS_THROTTLE);
    assert_int_equal(lt_aws_classify(400, "TooManyRequestsException"),
        LT_AWS_THROTTLE);
    assert_int_equal(
        lt_aws_classify(400, "ProvisionedThroughputExceededException"),
        LT_AWS_THROTTLE);
    assert_int_equal(lt_aws_classify(200, "LimitExceededException"),
        LT_AWS_THROTTLE);
    assert_int_equal(lt_aws_classify(200, "InternalFailureException"),
        LT_AWS_TRANSIENT);
    assert_int_equal(lt_aws_classify(400, "ExpiredTokenException"),
        LT_AWS_EXPIRED);
    assert_int_equal(lt_aws_classify(403, "ExpiredToken"), LT_AWS_EXPIRED);
    assert_int_equal(lt_aws_classify(400, "InvalidSignatureException"),
        LT_AWS_SKEW);
    assert_int_equal(lt_aws_classify(403, "RequestTimeTooSkewed"),
        LT_AWS_SKEW);
}

static void
test_delays(void **state)
{
    (void)state;
#define DELAY(cls, attempt) lt_aws_retry_delay_ms(cls, attempt, 0.5)
    assert_int_equal(DELAY(LT_AWS_TRANSIENT, 1), 25);
    assert_int_equal(DELAY(LT_AWS_TRANSIENT, 2), 50);
    assert_int_equal(DELAY(LT_AWS_TRANSIENT, 3), 100);
    assert_int_equal(DELAY(LT_AWS_TRANSIENT, 0), 25);
    assert_int_equal(DELAY(LT_AWS_THROTTLE, 1), 500);
    assert_int_equal(DELAY(LT_AWS_THROTTLE, 5), 8000);
    assert_int_equal(DELAY(LT_AWS_THROTTLE, 6), 10000);
    assert_int_equal(DELAY(LT_AWS_TRANSIENT, 1000000), 10000);
    assert_int_equal(DELAY(LT_AWS_THROTTLE, (unsigned)-1), 10000);
#undef DELAY
    assert_int_equal(lt_aws_retry_delay_ms(LT_AWS_THROTTLE, 1, 0), 0);
    assert_in_range(lt_aws_retry_delay_ms(LT_AWS_THROTTLE, 1, 0.9999999), 990,
        999);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_error_codes),
        cmocka_unit_test(test_error_code_bounds),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_delays),
    };

    return cmocka_run_group_tests_name("aws", tests, NULL, NULL);
}
