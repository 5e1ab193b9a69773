/* What STS, agents and IMDS answer, right and wrong; and their times. */
#include "vectors.h"

#include "lt_credentials.h"

#define STS(key, secret, token, end)                                           \
    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/"    \
    "doc/2011-06-15/\">\n <AssumeRoleWithWebIdentityResult>\n"                 \
    "  <Audience>sts.amazonaws.com</Audience>\n  <Credentials>\n"              \
    "   <AccessKeyId>" key "</AccessKeyId>\n   <SessionToken>\n    " token     \
    "\n   </SessionToken>\n   <SecretAccessKey>" secret                        \
    "</SecretAccessKey>\n   <Expiration>" end "</Expiration>\n"                \
    "  </Credentials>\n </AssumeRoleWithWebIdentityResult>\n"                  \
    "</AssumeRoleWithWebIdentityResponse>\n"
#define JSON(key, secret, token, end)                                          \
    "{\"Code\":\"Success\",\"LastUpdated\":\"2026-01-01T00:00:00Z\","          \
    "\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"" key "\",\"SecretAccessKey\":"   \
    "\"" secret "\",\"Token\":\"" token "\",\"Expiration\":\"" end "\"}"
#define SECRET "SECRET-of-the-test"
#define END "2026-11-23T20:00:00Z"
#define END_MS 1795464000000

typedef lt_result_t (*read_t)(lt_credentials_t *, lt_str_t, lt_error_t *);

static void
assert_good(read_t read, const char *body)
{
    lt_credentials_t c = {0};
    lt_error_t err = {0};
    lt_aws_keys_t keys;

    assert_int_equal(read(&c, lt_str(body), &err), LT_OK);
    keys = lt_credentials_view(&c);
    assert_str(keys.access_key, "ASIAEXAMPLE");
    assert_str(keys.secret_key, SECRET);
    assert_str(keys.session_token, "tok/en+==");
    assert_int_equal(c.expires_ms, END_MS);
}

static void
assert_bad(read_t read, const char *body, const char *sentence)
{
    lt_credentials_t c = {.access_key = "before"};
    lt_error_t err = {0};

    assert_int_equal(read(&c, lt_str(body), &err), LT_INVALID);
    assert_string_equal(c.access_key, "before");
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("%s: %s", body, err.text);
    }
    assert_null(strstr(err.text, "SECRET"));
}

static void
test_sts(void **state)
{
    (void)state;
    assert_good(lt_credentials_read_sts,
        STS("ASIAEXAMPLE", SECRET, "tok/en+==", END));
    assert_bad(lt_credentials_read_sts, "", "none of AssumeRole");
    assert_bad(lt_credentials_read_sts, "<html>", "none of AssumeRole");
    assert_bad(lt_credentials_read_sts, "<Credentials></Credentials>",
        "none of AssumeRole");
    assert_bad(lt_credentials_read_sts,
        "<Credentials> <AccessKeyId>A</AccessKeyId>", "none of AssumeRole");
    assert_bad(lt_credentials_read_sts, STS("", SECRET, "t", END),
        "aws_access_key_id");
    assert_bad(lt_credentials_read_sts, STS("A", "", "t", END),
        "aws_secret_access_key");
    assert_bad(lt_credentials_read_sts, STS("A", SECRET, "", END),
        "no session token");
    assert_bad(lt_credentials_read_sts, STS("A", SECRET "&amp;", "t", END),
        "aws_secret_access_key");
    assert_bad(lt_credentials_read_sts, STS("A", SECRET, "<b>t</b>", END),
        "no session token");
    assert_bad(lt_credentials_read_sts, STS("A", SECRET, "t", "soon"),
        "Expiration is no time");
    assert_bad(lt_credentials_read_sts, STS("A B", SECRET, "t", END),
        "aws_access_key_id");
}

static void
test_json(void **state)
{
    (void)state;
    assert_good(lt_credentials_read_json,
        JSON("ASIAEXAMPLE", SECRET, "tok/en+==", END));
    assert_good(lt_credentials_read_json,
        "{\"RoleArn\":\"arn:aws:iam::1:role/r\",\"AccessKeyId\":"
        "\"ASIAEXAMPLE\",\"SecretAccessKey\":\"" SECRET "\",\"Token\":"
        "\"tok/en+==\",\"Expiration\":\"" END "\"}");
    assert_bad(lt_credentials_read_json, "", "not JSON");
    assert_bad(lt_credentials_read_json, "<html>", "not JSON");
    assert_bad(lt_credentials_read_json, "[]", "no session token");
    assert_bad(lt_credentials_read_json, "{}", "no session token");
    assert_bad(lt_credentials_read_json,
        "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"SECRET\"}",
        "an error: AssumeRoleUnauthorizedAccess");
    assert_bad(lt_credentials_read_json,
        "{\"Code\":\"Failed\\n" SECRET "\"}", "an error: Failed");
    assert_bad(lt_credentials_read_json, JSON("A", "", "t", END),
        "aws_secret_access_key");
    assert_bad(lt_credentials_read_json, JSON("A\\r\\nB: c", SECRET, "t", END),
        "aws_access_key_id");
    assert_bad(lt_credentials_read_json, JSON("A", SECRET, "t\\n", END),
        "aws_session_token");
    assert_bad(lt_credentials_read_json, JSON("A", SECRET, "t", "2026"),
        "Expiration is no time");
    assert_bad(lt_credentials_read_json,
        "{\"AccessKeyId\":1,\"SecretAccessKey\":2,\"Token\":3}",
        "no session token");
}

static void
test_sizes(void **state)
{
    char body[2 * LT_CREDENTIALS_ANSWER_MAX], token[LT_CREDENTIALS_TOKEN_MAX
                                                    + 2];
    lt_credentials_t c;
    lt_error_t err;

    (void)state;
    for (size_t len = sizeof(token) - 2; len < sizeof(token); len++) {
        memset(token, 't', len);
        snprintf(body, sizeof(body), "{\"AccessKeyId\":\"A\","
            "\"SecretAccessKey\":\"S\",\"Token\":\"%.*s\"}", (int)len, token);
        assert_int_equal(lt_credentials_read_json(&c, lt_str(body), &err),
            len <= LT_CREDENTIALS_TOKEN_MAX ? LT_OK : LT_INVALID);
    }
    assert_non_null(strstr(err.text, "too long"));
    assert_int_equal(c.expires_ms, 0);

    memset(body, ' ', sizeof(body));
    assert_int_equal(lt_credentials_read_json(&c,
                         (lt_str_t){body, sizeof(body)}, &err),
        LT_INVALID);
    assert_int_equal(lt_credentials_read_sts(&c,
                         (lt_str_t){body, sizeof(body)}, &err),
        LT_INVALID);
    assert_non_null(strstr(err.text, "too long"));
}

static void
test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"1970-01-01T00:00:00Z", 0}, {END, END_MS},
        {"2026-11-23T20:00:00.123456Z", END_MS},
        {"2026-11-23T20:00:00+00:00", END_MS},
        {"2000-02-29T23:59:59Z", 951868799000},
        {"2000-03-01T00:00:00Z", 951868800000},
        {"2100-03-01T00:00:00Z", 4107542400000},
        {"9999-12-31T23:59:59Z", 253402300799000}};
    static const char *const bad[] = {"", "Z", "2026-11-23",
        "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-01-32T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00", "2026-01-01T00:00:00X", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1", "2026-01-01T00:00:00+01:00",
        "2026-01-01 00:00:00Z", "2026-1-01T00:00:000Z", "20a6-01-01T00:00:00Z",
        "2026-01-01T00:00:00.00000000000000000000000Z"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_int_equal(lt_credentials_time(&ms, lt_str(good[i].text)),
            LT_OK);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (lt_credentials_time(&ms, lt_str(bad[i])) != LT_INVALID) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

/* Cut anywhere, nothing is read behind the end. */
static void
test_cut(void **state)
{
    static const char *const bodies[] = {STS("A", "S", "t", END),
        JSON("A", "S", "t", END)};
    static const read_t reads[] = {lt_credentials_read_sts,
        lt_credentials_read_json};

    (void)state;
    for (size_t n = 0; n < 2; n++) {
        for (size_t len = 0; len < strlen(bodies[n]); len++) {
            char *copy = malloc(len + (len == 0));
            lt_credentials_t c;
            lt_error_t err;

            memcpy(copy, bodies[n], len);
            if (reads[n](&c, (lt_str_t){copy, len}, &err) == LT_OK) {
                assert_true(n == 0 && len > strlen(bodies[0]) - 90);
            }
            free(copy);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sts),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests_name("credentials_answer", tests, NULL, NULL);
}
