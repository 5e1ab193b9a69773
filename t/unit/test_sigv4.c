#include "vectors.h"

#include "lt_sigv4.h"

/* 2015-08-30T12:36:00Z, the instant of all vectors */
#define TIME_S INT64_C(1440938160)

static void
assert_out(const lt_out_t *out, lt_str_t want)
{
    lt_str_t got = {(const char *)out->start, lt_out_len(out)};

    assert_int_equal(lt_out_result(out), LT_OK);
    if (got.len != want.len || memcmp(got.data, want.data, got.len) != 0) {
        fail_msg("got:\n%.*s\nwant:\n%.*s", (int)got.len, got.data,
            (int)want.len, want.data);
    }
}

/* The names in "a;b;c" with their values from the vector's headers. */
static size_t
signed_headers(lt_header_t *headers, const lt_json_t *vector)
{
    lt_str_t names = vector_str(vector, "signed_headers");
    const lt_json_t *values = lt_json_get(vector, "headers");
    static char name[LT_SIGV4_HEADERS_MAX][64];
    size_t n = 0, start = 0;

    for (size_t i = 0; i <= names.len; i++) {
        if (i < names.len && names.data[i] != ';') {
            continue;
        }
        memcpy(name[n], names.data + start, i - start);
        name[n][i - start] = '\0';
        headers[n].name = lt_str(name[n]);
        headers[n].value = vector_str(values, name[n]);
        if (headers[n].value.len == 0) {
            headers[n].value = vector_str(vector, "host");
        }
        start = i + 1;
        n++;
    }

    /* from last to first: sorting is the library's work */
    for (size_t i = 0; i < n / 2; i++) {
        lt_header_t header = headers[i];

        headers[i] = headers[n - 1 - i];
        headers[n - 1 - i] = header;
    }
    return n;
}

/* The third part of "20150830/us-east-1/kinesis/aws4_request". */
static lt_str_t
service_of(const lt_json_t *vector)
{
    lt_str_t scope = vector_str(vector, "credential_scope");
    const char *service = scope.data + sizeof("20150830/us-east-1/") - 1;

    return (lt_str_t){service,
        scope.len - sizeof("20150830/us-east-1/") + 1
            - (sizeof("/aws4_request") - 1)};
}

static void
assert_vector(const lt_json_t *vector)
{
    static uint8_t storage[65536], body[65536];
    lt_header_t headers[LT_SIGV4_HEADERS_MAX];
    uint8_t key[LT_SHA256_LEN], hash[LT_SHA256_LEN];
    char key_hex[2 * LT_SHA256_LEN], hash_hex[2 * LT_SHA256_LEN];
    char signature[LT_SIGV4_HEX_LEN];
    lt_aws_keys_t keys = {vector_str(vector, "access_key_id"),
        vector_str(vector, "secret_access_key"), {NULL, 0}};
    lt_sigv4_scope_t scope = {vector_str(vector, "region"),
        service_of(vector), TIME_S};
    lt_sigv4_request_t req = {vector_str(vector, "method"),
        vector_str(vector, "path"), vector_str(vector, "query"), headers,
        signed_headers(headers, vector), {hash_hex, sizeof(hash_hex)}};
    size_t body_len;
    lt_out_t out;

    assert_int_equal(lt_base64_decode(body, &body_len,
                         vector_str(vector, "body_base64")),
        LT_OK);
    assert_int_equal(lt_sha256(hash, body, body_len), LT_OK);
    lt_hex_encode(hash_hex, hash, sizeof(hash));

    lt_out_init(&out, storage, sizeof(storage));
    assert_int_equal(lt_sigv4_canonical_request(&out, &req, scope.service),
        LT_OK);
    assert_out(&out, vector_str(vector, "canonical_request"));

    lt_out_init(&out, storage, sizeof(storage));
    assert_int_equal(lt_sigv4_string_to_sign(&out, &req, &scope), LT_OK);
    assert_out(&out, vector_str(vector, "string_to_sign"));

    assert_int_equal(lt_sigv4_key(key, keys.secret_key, &scope), LT_OK);
    lt_hex_encode(key_hex, key, sizeof(key));
    assert_memory_equal(key_hex, vector_str(vector, "signing_key_hex").data,
        sizeof(key_hex));

    lt_out_init(&out, storage, sizeof(storage));
    assert_int_equal(lt_sigv4_authorization(&out, signature, &req, &scope,
                         &keys),
        LT_OK);
    assert_out(&out,
        vector_str(lt_json_get(vector, "headers"), "authorization"));
    assert_memory_equal(signature, vector_str(vector, "signature").data,
        sizeof(signature));
}

static void
test_whole_requests(void **state)
{
    lt_json_t *doc = vectors_load("t/vectors/sigv4-official-clients.json");
    const lt_json_t *vectors = lt_json_get(doc, "vectors");

    (void)state;
    assert_int_equal(lt_json_size(vectors), 19);
    for (size_t i = 0; i < 19; i++) {
        assert_vector(lt_json_at(vectors, i));
    }
    lt_json_free(&doc);
}

static void
test_minimal_requests(void **state)
{
    lt_json_t *vectors = vectors_load("t/vectors/sigv4-minimal.json");

    (void)state;
    assert_int_equal(lt_json_size(vectors), 9);
    for (size_t i = 0; i < 9; i++) {
        assert_vector(lt_json_at(vectors, i));
    }
    lt_json_free(&vectors);
}

/* What the client put in beyond what every presigned URL has. */
static lt_str_t
extra_query(const lt_json_t *vector)
{
    static char extra[1000];
    lt_str_t query = vector_str(vector, "query_in_sdk_order");
    size_t len = 0;

    while (query.len != 0) {
        const char *end = memchr(query.data, '&', query.len);
        size_t n = end == NULL ? query.len : (size_t)(end - query.data);

        if (memcmp(query.data, "X-Amz-", 6) != 0
            || memcmp(query.data, "X-Amz-Content", 13) == 0) {
            /* at the front: sorting is the library's work */
            memmove(extra + n + 1, extra, len);
            memcpy(extra, query.data, n);
            extra[n] = '&';
            len += n + 1;
        }
        query.data += end == NULL ? n : n + 1;
        query.len -= end == NULL ? n : n + 1;
    }
    return (lt_str_t){extra, len};
}

static void
test_presigned(void **state)
{
    lt_json_t *vectors = vectors_load("t/vectors/s3-presigned.json");

    (void)state;
    assert_int_equal(lt_json_size(vectors), 5);
    for (size_t i = 0; i < 5; i++) {
        const lt_json_t *vector = lt_json_at(vectors, i);
        lt_aws_keys_t keys = {vector_str(vector, "access_key_id"),
            vector_str(vector, "secret_access_key"),
            vector_str(vector, "session_token")};
        lt_sigv4_scope_t scope = {vector_str(vector, "region"), LT_STR("s3"),
            TIME_S};
        char storage[4096];
        int64_t expires;
        lt_out_t out;

        assert_int_equal(lt_json_int(vector, "expires", &expires), 1);
        lt_out_init(&out, storage, sizeof(storage));
        assert_int_equal(lt_sigv4_presign(&out, vector_str(vector, "host"),
                             vector_str(vector, "path"), extra_query(vector),
                             (unsigned)expires, &scope, &keys),
            LT_OK);
        assert_out(&out, vector_str(vector, "query_in_sdk_order"));
    }
    lt_json_free(&vectors);
}

static void
test_presign_refused(void **state)
{
    lt_aws_keys_t keys = {LT_STR("AK"), LT_STR("SK"), {NULL, 0}};
    lt_sigv4_scope_t scope = {LT_STR("us-east-1"), LT_STR("s3"), TIME_S};
    char storage[4096], big[20000];
    lt_str_t none = {NULL, 0};
    lt_out_t out;

    (void)state;
#define PRESIGN(size, host, extra, expires)                                    \
    (lt_out_init(&out, storage, size),                                         \
        lt_sigv4_presign(&out, host, LT_STR("/k"), extra, expires, &scope,     \
            &keys))
    assert_int_equal(PRESIGN(4096, LT_STR("h"), none, 1), LT_OK);
    assert_int_equal(PRESIGN(4096, LT_STR("h"), none, 604800), LT_OK);
    assert_int_equal(PRESIGN(4096, LT_STR("h"), none, 0), LT_INVALID);
    assert_int_equal(PRESIGN(4096, LT_STR("h"), none, 604801), LT_INVALID);
    assert_int_equal(PRESIGN(4096, none, none, 60), LT_INVALID);
    assert_int_equal(PRESIGN(100, LT_STR("h"), none, 60), LT_NOSPACE);
    memset(big, 'a', sizeof(big));
    assert_int_equal(PRESIGN(4096, ((lt_str_t){big, sizeof(big)}), none, 60),
        LT_NOSPACE);
    for (size_t i = 1; i < sizeof(big); i += 2) {
        big[i] = '&';
    }
    assert_int_equal(PRESIGN(4096, LT_STR("h"), ((lt_str_t){big, 2 * 25}), 60),
        LT_OK);
    assert_int_equal(PRESIGN(4096, LT_STR("h"), ((lt_str_t){big, 2 * 26}), 60),
        LT_TOOBIG);
    keys.session_token = (lt_str_t){big, sizeof(big)};
    assert_int_equal(PRESIGN(4096, LT_STR("h"), none, 60), LT_NOSPACE);
    keys.session_token = none;
    keys.access_key = (lt_str_t){big, sizeof(big)};
    assert_int_equal(PRESIGN(4096, LT_STR("h"), none, 60), LT_NOSPACE);
#undef PRESIGN
}

static lt_result_t
authorize(const lt_header_t *headers, size_t n, lt_str_t secret, size_t size)
{
    static char storage[4096];
    lt_aws_keys_t keys = {LT_STR("AK"), secret, {NULL, 0}};
    lt_sigv4_scope_t scope = {LT_STR("us-east-1"), LT_STR("kinesis"), TIME_S};
    lt_sigv4_request_t req = {LT_STR("POST"), LT_STR("/"), LT_STR(""), headers,
        n, LT_STR("UNSIGNED-PAYLOAD")};
    lt_out_t out;

    lt_out_init(&out, storage, size);
    return lt_sigv4_authorization(&out, NULL, &req, &scope, &keys);
}

static void
test_refused(void **state)
{
    lt_header_t good[2] = {{LT_STR("Host"), LT_STR("h")},
        {LT_STR("X-Amz-Date"), LT_STR("20150830T123600Z")}};
    lt_header_t stale[2] = {{LT_STR("host"), LT_STR("h")},
        {LT_STR("x-amz-date"), LT_STR("20150830T123601Z")}};
    lt_header_t twice[3] = {good[0], good[1],
        {LT_STR("HOST"), LT_STR("other")}};
    static lt_header_t many[LT_SIGV4_HEADERS_MAX + 1];
    char secret[129], value[20000];

    (void)state;
    memset(secret, 's', sizeof(secret));
    memset(value, 'v', sizeof(value));
    assert_int_equal(authorize(good, 2, LT_STR("s"), 4096), LT_OK);
    assert_int_equal(authorize(good, 1, LT_STR("s"), 4096), LT_INVALID);
    assert_int_equal(authorize(good + 1, 1, LT_STR("s"), 4096), LT_INVALID);
    assert_int_equal(authorize(stale, 2, LT_STR("s"), 4096), LT_INVALID);
    assert_int_equal(authorize(twice, 3, LT_STR("s"), 4096), LT_INVALID);
    assert_int_equal(authorize(many, LT_SIGV4_HEADERS_MAX + 1, LT_STR("s"),
                         4096),
        LT_TOOBIG);
    assert_int_equal(authorize(good, 2, LT_STR(""), 4096), LT_INVALID);
    assert_int_equal(authorize(good, 2, (lt_str_t){secret, 128}, 4096), LT_OK);
    assert_int_equal(authorize(good, 2, (lt_str_t){secret, 129}, 4096),
        LT_INVALID);
    assert_int_equal(authorize(good, 2, LT_STR("s"), 150), LT_NOSPACE);
    good[0].value = (lt_str_t){value, sizeof(value)};
    assert_int_equal(authorize(good, 2, LT_STR("s"), 4096), LT_NOSPACE);
}

/* Spaces in values, names in any case, order of parameters by name */
static void
test_canonical_form(void **state)
{
    lt_header_t headers[3] = {{LT_STR("X-Amz-Date"), LT_STR("d")},
        {LT_STR("My-Header"), LT_STR("  a \t b   c  ")},
        {LT_STR("HOST"), LT_STR("h")}};
    lt_sigv4_request_t req = {LT_STR("GET"), LT_STR(""),
        LT_STR("&a-b=1&a=2&a=1&&flag&a"), headers, 3, LT_STR("hash")};
    char storage[400];
    lt_out_t out;

    (void)state;
    lt_out_init(&out, storage, sizeof(storage));
    assert_int_equal(lt_sigv4_canonical_request(&out, &req, LT_STR("s")),
        LT_OK);
    assert_out(&out,
        LT_STR("GET\n/\na=&a=1&a=2&a-b=1&flag=\nhost:h\nmy-header:a b c\n"
               "x-amz-date:d\n\nhost;my-header;x-amz-date\nhash"));
}

static void
test_date(void **state)
{
    char date[LT_AMZ_DATE_LEN + 1];

    (void)state;
    lt_amz_date(date, TIME_S);
    assert_string_equal(date, "20150830T123600Z");
    lt_amz_date(date, INT64_C(1709251199));
    assert_string_equal(date, "20240229T235959Z");
    lt_amz_date(date, INT64_MIN);
    assert_string_equal(date, "19700101T000000Z");
    lt_amz_date(date, INT64_MAX);
    assert_string_equal(date, "99991231T235959Z");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_requests),
        cmocka_unit_test(test_minimal_requests),
        cmocka_unit_test(test_presigned),
        cmocka_unit_test(test_presign_refused),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_canonical_form),
        cmocka_unit_test(test_date),
    };

    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
