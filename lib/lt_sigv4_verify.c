#include "lt_sigv4_verify.h"
#include "lt_text.h"

#include <string.h>

/* What an Authorization header says; views. */
typedef struct {
    lt_str_t access_key;
    lt_str_t date;              /* YYYYMMDD */
    lt_str_t region;
    lt_str_t service;
    lt_str_t signed_headers;
    lt_str_t signature;
} lt_authorization_t;

static int
lt_verify_lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static int
lt_verify_name_is(lt_str_t name, lt_str_t want)
{
    size_t i;

    if (name.len != want.len) {
        return 0;
    }

    for (i = 0; i < name.len; i++) {
        if (lt_verify_lower(name.data[i]) != lt_verify_lower(want.data[i])) {
            return 0;
        }
    }

    return 1;
}

static int
lt_verify_is_equal(lt_str_t a, lt_str_t b)
{
    return a.len == b.len && lt_crypto_is_equal(a.data, b.data, a.len);
}

/* How many headers have that name; the last one in *found. */
static size_t
lt_verify_find(const lt_sigv4_received_t *req, lt_str_t name,
    const lt_header_t **found)
{
    size_t i, n = 0;

    for (i = 0; i < req->headers_n; i++) {
        if (lt_verify_name_is(req->headers[i].name, name)) {
            *found = &req->headers[i];
            n++;
        }
    }

    return n;
}

/* The text up to a character, which is cut off; the rest when there is none. */
static lt_str_t
lt_verify_cut(lt_str_t *text, char at)
{
    lt_str_t part = *text;
    const char *end = text->len != 0 ? memchr(text->data, at, text->len)
                                     : NULL;

    if (end == NULL) {
        text->len = 0;
        return part;
    }

    part.len = (size_t) (end - text->data);
    text->data = end + 1;
    text->len -= part.len + 1;

    return part;
}

static int
lt_verify_skip(lt_str_t *text, const char *head)
{
    size_t len = strlen(head);

    if (text->len < len || memcmp(text->data, head, len) != 0) {
        return 0;
    }

    text->data += len;
    text->len -= len;

    return 1;
}

/* Credential=…/…/…/…/aws4_request */
static int
lt_verify_read_scope(lt_authorization_t *a, lt_str_t credential)
{
    a->access_key = lt_verify_cut(&credential, '/');
    a->date = lt_verify_cut(&credential, '/');
    a->region = lt_verify_cut(&credential, '/');
    a->service = lt_verify_cut(&credential, '/');

    return lt_str_is(credential, "aws4_request") && a->date.len == 8
           && a->access_key.len != 0 && a->region.len != 0;
}

static int
lt_verify_read(lt_authorization_t *a, lt_str_t text)
{
    lt_str_t part, credential = { NULL, 0 };
    size_t i;
    struct {
        const char *head;
        lt_str_t *value;
    } rows[] = {
        { "Credential=", &credential },
        { "SignedHeaders=", &a->signed_headers },
        { "Signature=", &a->signature },
    };

    memset(a, 0, sizeof(*a));

    if (!lt_verify_skip(&text, "AWS4-HMAC-SHA256 ")) {
        return 0;
    }

    while (text.len != 0) {
        part = lt_verify_cut(&text, ',');

        while (part.len != 0 && *part.data == ' ') {
            part.data++;
            part.len--;
        }

        for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            if (lt_verify_skip(&part, rows[i].head)) {
                *rows[i].value = part;
                break;
            }
        }
    }

    return lt_verify_read_scope(a, credential)
           && a->signed_headers.len != 0
           && a->signature.len == LT_SIGV4_HEX_LEN;
}

static int
lt_verify_digits(lt_str_t s, size_t at, size_t n)
{
    int value = 0;

    for (; n > 0; n--, at++) {
        if (s.data[at] < '0' || s.data[at] > '9') {
            return -1;
        }
        value = value * 10 + (s.data[at] - '0');
    }

    return value;
}

/* "20150830T123600Z" to Unix seconds; -1: it is none. */
static int64_t
lt_verify_time(lt_str_t date)
{
    int64_t year, month, day, hour, minute, second, era, days;

    if (date.len != LT_AMZ_DATE_LEN || date.data[8] != 'T'
        || date.data[15] != 'Z')
    {
        return -1;
    }

    year = lt_verify_digits(date, 0, 4);
    month = lt_verify_digits(date, 4, 2);
    day = lt_verify_digits(date, 6, 2);
    hour = lt_verify_digits(date, 9, 2);
    minute = lt_verify_digits(date, 11, 2);
    second = lt_verify_digits(date, 13, 2);

    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31
        || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0
        || second > 60)
    {
        return -1;
    }

    /* years that begin in March: the leap day comes last */
    year -= month <= 2;
    month = (month + 9) % 12;
    era = year / 400;
    days = era * 146097 + (year - era * 400) * 365 + (year % 400) / 4
           - (year % 400) / 100 + (153 * month + 2) / 5 + day - 1 - 719468;

    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

/* The headers that are said to be signed; NULL: they are there, once each. */
static const char *
lt_verify_collect(const lt_sigv4_received_t *req, lt_str_t names,
    lt_header_t *headers, size_t *n)
{
    lt_str_t name;
    const lt_header_t *found = NULL;

    *n = 0;

    while (names.len != 0) {
        name = lt_verify_cut(&names, ';');

        if (*n == LT_SIGV4_HEADERS_MAX) {
            return "too many signed headers";
        }

        if (lt_verify_find(req, name, &found) != 1) {
            return "a signed header is missing or comes twice";
        }

        headers[*n].name = name;
        headers[(*n)++].value = found->value;
    }

    return NULL;
}

/* All that begins with x-amz- must be signed: nobody may add to it. */
static const char *
lt_verify_all_signed(const lt_sigv4_received_t *req,
    const lt_header_t *headers, size_t n)
{
    size_t i, s;
    lt_str_t head;

    for (i = 0; i < req->headers_n; i++) {
        head = req->headers[i].name;
        if (head.len < 6) {
            continue;
        }

        head.len = 6;
        if (!lt_verify_name_is(head, LT_STR("x-amz-"))) {
            continue;
        }

        for (s = 0; s < n; s++) {
            if (lt_verify_name_is(req->headers[i].name, headers[s].name)) {
                break;
            }
        }

        if (s == n) {
            return "an x-amz- header is not signed";
        }
    }

    return NULL;
}

static const lt_aws_keys_t *
lt_verify_key(const lt_aws_keys_t *keys, size_t n, lt_str_t access_key)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (lt_verify_is_equal(keys[i].access_key, access_key)) {
            return &keys[i];
        }
    }

    return NULL;
}

/* A key that has a session token is worth nothing without it. */
static const char *
lt_verify_token(const lt_sigv4_received_t *req, const lt_aws_keys_t *keys)
{
    const lt_header_t *token = NULL;
    size_t n;

    n = lt_verify_find(req, LT_STR("x-amz-security-token"), &token);

    if (keys->session_token.len == 0) {
        return n == 0 ? NULL : "a session token that is not known";
    }

    return n == 1 && lt_verify_is_equal(token->value, keys->session_token)
           ? NULL : "the session token is missing or wrong";
}

static const char *
lt_verify_when(const lt_sigv4_received_t *req, const lt_authorization_t *a,
    int64_t now_s, int64_t *time_s)
{
    const lt_header_t *date = NULL;

    if (lt_verify_find(req, LT_STR("x-amz-date"), &date) != 1) {
        return "x-amz-date is missing";
    }

    *time_s = lt_verify_time(date->value);

    if (*time_s < 0 || memcmp(date->value.data, a->date.data, 8) != 0) {
        return "x-amz-date is no date, or not the scope's";
    }

    if (*time_s > now_s + LT_SIGV4_SKEW_S || *time_s < now_s - LT_SIGV4_SKEW_S)
    {
        return "signed too long ago, or a clock is wrong";
    }

    return NULL;
}

/* The signature as it must be. */
static lt_result_t
lt_verify_sign(const lt_sigv4_received_t *req, const lt_header_t *headers,
    size_t n, const lt_sigv4_scope_t *scope, const lt_aws_keys_t *keys,
    char signature[LT_SIGV4_HEX_LEN], const char **reason)
{
    uint8_t sha256[LT_SHA256_LEN], text[4096];
    char hex[LT_SHA256_LEN * 2];
    lt_out_t out;
    lt_str_t body = { hex, sizeof(hex) };
    lt_sigv4_request_t signing = {
        req->method, req->path, req->query, headers, n, body
    };
    const lt_header_t *said = NULL;
    lt_result_t rc;

    if (lt_sha256(sha256, req->body, req->body_len) != LT_OK) {
        return LT_ERROR;
    }

    lt_hex_encode(hex, sha256, sizeof(sha256));

    if (lt_verify_find(req, LT_STR("x-amz-content-sha256"), &said) != 0
        && !lt_verify_is_equal(said->value, body))
    {
        *reason = "the body is not the one that was signed";
        return LT_INVALID;
    }

    lt_out_init(&out, text, sizeof(text));
    *reason = "the signed headers are not what they must be";

    rc = lt_sigv4_authorization(&out, signature, &signing, scope, keys);

    return rc == LT_OK || rc == LT_ERROR ? rc : LT_INVALID;
}

lt_result_t
lt_sigv4_verify(const lt_sigv4_received_t *req, const lt_aws_keys_t *keys,
    size_t keys_n, lt_str_t service, int64_t now_s, const char **reason)
{
    char signature[LT_SIGV4_HEX_LEN];
    size_t n = 0;
    lt_header_t headers[LT_SIGV4_HEADERS_MAX];
    lt_result_t rc;
    lt_sigv4_scope_t scope;
    lt_authorization_t a;
    const lt_header_t *header = NULL;
    const lt_aws_keys_t *key;

    if (lt_verify_find(req, LT_STR("authorization"), &header) != 1
        || !lt_verify_read(&a, header->value))
    {
        *reason = "no Authorization of AWS4-HMAC-SHA256";
        return LT_INVALID;
    }

    if (!lt_verify_is_equal(a.service, service)) {
        *reason = "signed for another service";
        return LT_INVALID;
    }

    key = lt_verify_key(keys, keys_n, a.access_key);
    if (key == NULL) {
        *reason = "the access key is not known";
        return LT_INVALID;
    }

    *reason = lt_verify_when(req, &a, now_s, &scope.time_s);
    if (*reason == NULL) {
        *reason = lt_verify_token(req, key);
    }
    if (*reason == NULL) {
        *reason = lt_verify_collect(req, a.signed_headers, headers, &n);
    }
    if (*reason == NULL) {
        *reason = lt_verify_all_signed(req, headers, n);
    }
    if (*reason != NULL) {
        return LT_INVALID;
    }

    scope.region = a.region;
    scope.service = a.service;

    memset(signature, 0, sizeof(signature));
    rc = lt_verify_sign(req, headers, n, &scope, key, signature, reason);
    if (rc != LT_OK) {
        return rc;
    }

    if (!lt_crypto_is_equal(signature, a.signature.data, sizeof(signature))) {
        *reason = "the signature does not fit";
        return LT_INVALID;
    }

    *reason = NULL;

    return LT_OK;
}
