#include "vectors.h"

#include "lt_sigv4_verify.h"

/* 2015-08-30T12:36:00Z, the instant of all vectors */
#define TIME_S INT64_C(1440938160)

typedef struct {
    lt_header_t headers[LT_SIGV4_HEADERS_MAX];
    uint8_t body[4096];
    lt_aws_keys_t keys[2];
    lt_sigv4_received_t req;
} call_t;

static lt_json_t *doc;

/* What clients send with @connections; more than these may be there. */
static const char *const names[] = {
    "user-agent", "content-type", "content-length", "x-amz-user-agent",
    "host", "amz-sdk-invocation-id", "amz-sdk-request", "x-amz-date",
    "x-amz-content-sha256", "authorization", "x-amz-security-token",
};

static const lt_json_t *
vector_named(const char *name)
{
    const lt_json_t *vectors = lt_json_get(doc, "vectors"), *v;
    size_t i;

    for (i = 0; i < lt_json_size(vectors); i++) {
        v = lt_json_at(vectors, i);
        if (lt_str_is(vector_str(v, "name"), name)) {
            return v;
        }
    }

    fail_msg("no vector %s", name);
    return NULL;
}

static void
read_call(call_t *c, const char *name)
{
    const lt_json_t *v = vector_named(name), *headers;
    size_t i;

    memset(c, 0, sizeof(*c));
    headers = lt_json_get(v, "headers");

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (lt_json_get(headers, names[i]) != NULL) {
            c->headers[c->req.headers_n].name = lt_str(names[i]);
            c->headers[c->req.headers_n++].value =
                vector_str(headers, names[i]);
        }
    }

    assert_int_equal(lt_base64_decode(c->body, &c->req.body_len,
        vector_str(v, "body_base64")), LT_OK);

    c->keys[0].access_key = LT_STR("ANOTHER");
    c->keys[0].secret_key = LT_STR("another");
    c->keys[1].access_key = vector_str(v, "access_key_id");
    c->keys[1].secret_key = vector_str(v, "secret_access_key");
    c->req.method = vector_str(v, "method");
    c->req.path = vector_str(v, "path");
    c->req.query = vector_str(v, "query");
    c->req.headers = c->headers;
    c->req.body = c->body;
}

static lt_result_t
verify(const call_t *c, int64_t now_s)
{
    const char *reason = "";
    lt_result_t rc;

    rc = lt_sigv4_verify(&c->req, c->keys, 2, LT_STR("execute-api"), now_s,
        &reason);
    assert_true((rc == LT_OK) == (reason == NULL));

    return rc;
}

static lt_header_t *
header(call_t *c, const char *name)
{
    size_t i;

    for (i = 0; i < c->req.headers_n; i++) {
        if (lt_str_is(c->headers[i].name, name)) {
            return &c->headers[i];
        }
    }

    fail_msg("no header %s", name);
    return NULL;
}

static const char *const calls[] = {
    "apigw-PostToConnection", "apigw-PostToConnection-local",
    "apigw-GetConnection", "apigw-DeleteConnection",
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static void
what_the_official_client_sends_is_taken(void **state)
{
    call_t c;
    size_t i;

    (void) state;

    for (i = 0; i < CALLS; i++) {
        read_call(&c, calls[i]);
        assert_int_equal(verify(&c, TIME_S), LT_OK);
        assert_int_equal(verify(&c, TIME_S + LT_SIGV4_SKEW_S), LT_OK);
        assert_int_equal(verify(&c, TIME_S - LT_SIGV4_SKEW_S), LT_OK);
    }
}

static void
an_old_or_future_signature_is_refused(void **state)
{
    call_t c;

    (void) state;

    read_call(&c, calls[0]);
    assert_int_equal(verify(&c, TIME_S + LT_SIGV4_SKEW_S + 1), LT_INVALID);
    assert_int_equal(verify(&c, TIME_S - LT_SIGV4_SKEW_S - 1), LT_INVALID);
    assert_int_equal(verify(&c, 0), LT_INVALID);
}

static void
whatever_is_changed_is_noticed(void **state)
{
    call_t c;
    size_t i;

    (void) state;

    for (i = 0; i < CALLS; i++) {
        read_call(&c, calls[i]);
        c.req.method = LT_STR("PUT");
        assert_int_equal(verify(&c, TIME_S), LT_INVALID);

        read_call(&c, calls[i]);
        c.req.path = LT_STR("/prod/@connections/L0SM9cOFvHcCIhx%3D");
        assert_int_equal(verify(&c, TIME_S), LT_INVALID);

        read_call(&c, calls[i]);
        c.req.query = LT_STR("a=b");
        assert_int_equal(verify(&c, TIME_S), LT_INVALID);

        read_call(&c, calls[i]);
        header(&c, "host")->value = LT_STR("elsewhere");
        assert_int_equal(verify(&c, TIME_S), LT_INVALID);

        read_call(&c, calls[i]);
        c.body[c.req.body_len++] = 'x';
        assert_int_equal(verify(&c, TIME_S), LT_INVALID);

        read_call(&c, calls[i]);
        c.keys[1].secret_key = LT_STR("wrong");
        assert_int_equal(verify(&c, TIME_S), LT_INVALID);

        read_call(&c, calls[i]);
        c.keys[1].access_key = LT_STR("AKIDEXAMPLF");
        assert_int_equal(verify(&c, TIME_S), LT_INVALID);
    }
}

static void
a_body_must_be_signed_too(void **state)
{
    call_t c;

    (void) state;

    read_call(&c, calls[0]);
    header(&c, "x-amz-content-sha256")->value = LT_STR("UNSIGNED-PAYLOAD");
    assert_int_equal(verify(&c, TIME_S), LT_INVALID);
}

static void
headers_that_are_missing_doubled_or_added(void **state)
{
    call_t c;
    size_t i;

    (void) state;

    read_call(&c, calls[0]);
    for (i = 0; i < c.req.headers_n; i++) {
        read_call(&c, calls[0]);
        c.headers[i].name = LT_STR("x-other");

        /* the user agent is all that is not signed */
        assert_int_equal(verify(&c, TIME_S), i == 0 ? LT_OK : LT_INVALID);
    }

    read_call(&c, calls[0]);
    c.headers[c.req.headers_n++] = *header(&c, "host");
    assert_int_equal(verify(&c, TIME_S), LT_INVALID);

    read_call(&c, calls[0]);
    c.headers[c.req.headers_n].name = LT_STR("X-Amz-Other");
    c.headers[c.req.headers_n++].value = LT_STR("x");
    assert_int_equal(verify(&c, TIME_S), LT_INVALID);

    read_call(&c, calls[0]);
    c.headers[c.req.headers_n].name = LT_STR("X-Forwarded-For");
    c.headers[c.req.headers_n++].value = LT_STR("x");
    assert_int_equal(verify(&c, TIME_S), LT_OK);
}

static void
a_key_with_a_session_token_needs_it(void **state)
{
    call_t c;

    (void) state;

    read_call(&c, calls[0]);
    c.keys[1].session_token = LT_STR("token");
    assert_int_equal(verify(&c, TIME_S), LT_INVALID);

    read_call(&c, calls[0]);
    c.headers[c.req.headers_n].name = LT_STR("x-amz-security-token");
    c.headers[c.req.headers_n++].value = LT_STR("token");
    assert_int_equal(verify(&c, TIME_S), LT_INVALID);
}

static void
authorizations_that_are_none(void **state)
{
    static const char *const bad[] = {
        "", "Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256 ,,,,",
        "AWS4-HMAC-SHA256 Credential=a/20150830/r/execute-api/aws4_request",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
        "execute-api/aws4_request, SignedHeaders=host;x-amz-date, "
        "Signature=x",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
        "execute-api/aws4_request, SignedHeaders=;;;, Signature="
        "99166224c69ce7a5124bad11a89b6a79e81251c8dac86c6933564b71a094e8b9",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
        "kinesis/aws4_request, SignedHeaders=host;x-amz-date, Signature="
        "99166224c69ce7a5124bad11a89b6a79e81251c8dac86c6933564b71a094e8b9",
    };
    call_t c;
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        read_call(&c, calls[0]);
        header(&c, "authorization")->value = lt_str(bad[i]);
        assert_int_equal(verify(&c, TIME_S), LT_INVALID);
    }
}

static void
dates_that_are_none(void **state)
{
    static const char *const bad[] = {
        "", "20150830T123600", "20150830 123600Z", "20151330T123600Z",
        "2015083aT123600Z", "20150830T243600Z", "20150831T123600Z",
        "20150830T123600Z ",
    };
    call_t c;
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        read_call(&c, calls[0]);
        header(&c, "x-amz-date")->value = lt_str(bad[i]);
        assert_int_equal(verify(&c, TIME_S), LT_INVALID);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_official_client_sends_is_taken),
        cmocka_unit_test(an_old_or_future_signature_is_refused),
        cmocka_unit_test(whatever_is_changed_is_noticed),
        cmocka_unit_test(a_body_must_be_signed_too),
        cmocka_unit_test(headers_that_are_missing_doubled_or_added),
        cmocka_unit_test(a_key_with_a_session_token_needs_it),
        cmocka_unit_test(authorizations_that_are_none),
        cmocka_unit_test(dates_that_are_none),
    };
    int failed;

    doc = vectors_load("t/vectors/sigv4-official-clients.json");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    lt_json_free(&doc);

    return failed;
}
