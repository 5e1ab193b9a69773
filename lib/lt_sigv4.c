#include "lt_sigv4.h"

#include <string.h>
#include <time.h>

#include "lt_query.h"
#include "lt_text.h"

#define CANONICAL_MAX 16384
#define SECRET_MAX 128
#define LAST_SECOND INT64_C(253402300799)   /* 9999-12-31T23:59:59Z */

static int
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

static int
compare_names(lt_str_t a, lt_str_t b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int order = lower(a.data[i]) - lower(b.data[i]);

        if (order != 0) {
            return order;
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

void
lt_amz_date(char *out, int64_t time_s)
{
    time_t t = (time_t)(time_s < 0 ? 0
                        : time_s > LAST_SECOND ? LAST_SECOND
                                               : time_s);
    struct tm tm = {0};

    (void)gmtime_r(&t, &tm);
    (void)strftime(out, LT_AMZ_DATE_LEN + 1, "%Y%m%dT%H%M%SZ", &tm);
}

lt_result_t
lt_sigv4_key(uint8_t key[LT_SHA256_LEN], lt_str_t secret_key,
    const lt_sigv4_scope_t *scope)
{
    uint8_t secret[4 + SECRET_MAX];
    char date[LT_AMZ_DATE_LEN + 1];
    lt_str_t steps[4] = {{date, 8}, scope->region, scope->service,
        LT_STR("aws4_request")};
    const uint8_t *step_key = secret;
    size_t step_key_len = 4 + secret_key.len;

    if (secret_key.len == 0 || secret_key.len > SECRET_MAX) {
        return LT_INVALID;
    }

    memcpy(secret, "AWS4", 4);
    memcpy(secret + 4, secret_key.data, secret_key.len);
    lt_amz_date(date, scope->time_s);

    for (size_t i = 0; i < 4; i++) {
        uint8_t mac[LT_SHA256_LEN];

        if (lt_hmac_sha256(mac, step_key, step_key_len, steps[i].data,
                steps[i].len)
            != LT_OK) {
            return LT_ERROR;
        }
        memcpy(key, mac, sizeof(mac));
        step_key = key;
        step_key_len = LT_SHA256_LEN;
    }
    return LT_OK;
}

/* Trimmed, runs of white space made one space. */
static void
put_header_value(lt_out_t *out, lt_str_t value)
{
    int space = 0, any = 0;

    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];

        if (c == ' ' || c == '\t') {
            space = any;
            continue;
        }
        if (space) {
            lt_out_cstr(out, " ");
        }
        lt_out_bytes(out, &c, 1);
        space = 0;
        any = 1;
    }
}

static void
put_lower(lt_out_t *out, lt_str_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = (char)lower(s.data[i]);

        lt_out_bytes(out, &c, 1);
    }
}

static void
put_signed_headers(lt_out_t *out, const lt_header_t *const *headers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i != 0) {
            lt_out_cstr(out, ";");
        }
        put_lower(out, headers[i]->name);
    }
}

static int
header_is(const lt_header_t *header, const char *name)
{
    return compare_names(header->name, lt_str(name)) == 0;
}

/* Sorted by name.  LT_INVALID: what no server would accept. */
static lt_result_t
sort_headers(const lt_header_t **sorted, const lt_sigv4_request_t *req)
{
    int has_host = 0, has_date = 0;

    if (req->headers_n > LT_SIGV4_HEADERS_MAX) {
        return LT_TOOBIG;
    }

    for (size_t n = 0; n < req->headers_n; n++) {
        const lt_header_t *header = &req->headers[n];
        size_t i;

        for (i = n; i > 0; i--) {
            int order = compare_names(sorted[i - 1]->name, header->name);

            if (order == 0) {
                return LT_INVALID;
            }
            if (order < 0) {
                break;
            }
            sorted[i] = sorted[i - 1];
        }
        sorted[i] = header;
        has_host |= header_is(header, "host")
                    || header_is(header, ":authority");
        has_date |= header_is(header, "x-amz-date");
    }

    return has_host && has_date ? LT_OK : LT_INVALID;
}

static void
put_path(lt_out_t *out, lt_str_t path, lt_str_t service)
{
    if (path.len == 0) {
        lt_out_cstr(out, "/");
    } else if (lt_str_is(service, "s3")) {
        lt_out_str(out, path);
    } else {
        lt_uri_encode(out, path, 1);
    }
}

lt_result_t
lt_sigv4_canonical_request(lt_out_t *out, const lt_sigv4_request_t *req,
    lt_str_t service)
{
    const lt_header_t *headers[LT_SIGV4_HEADERS_MAX];
    lt_query_t query = {.n = 0};
    lt_result_t rc;

    rc = sort_headers(headers, req);
    if (rc == LT_OK) {
        rc = lt_query_read(&query, req->query);
    }
    if (rc != LT_OK) {
        return rc;
    }

    lt_out_str(out, req->method);
    lt_out_cstr(out, "\n");
    put_path(out, req->path, service);
    lt_out_cstr(out, "\n");
    lt_query_put(out, &query);
    lt_out_cstr(out, "\n");
    for (size_t i = 0; i < req->headers_n; i++) {
        put_lower(out, headers[i]->name);
        lt_out_cstr(out, ":");
        put_header_value(out, headers[i]->value);
        lt_out_cstr(out, "\n");
    }
    lt_out_cstr(out, "\n");
    put_signed_headers(out, headers, req->headers_n);
    lt_out_cstr(out, "\n");
    lt_out_str(out, req->payload_hash);

    return lt_out_result(out);
}

static void
put_scope(lt_out_t *out, const lt_sigv4_scope_t *scope)
{
    char date[LT_AMZ_DATE_LEN + 1];

    lt_amz_date(date, scope->time_s);
    lt_out_bytes(out, date, 8);
    lt_out_cstr(out, "/");
    lt_out_str(out, scope->region);
    lt_out_cstr(out, "/");
    lt_out_str(out, scope->service);
    lt_out_cstr(out, "/aws4_request");
}

static lt_result_t
put_string_to_sign(lt_out_t *out, const void *canonical, size_t len,
    const lt_sigv4_scope_t *scope)
{
    uint8_t hash[LT_SHA256_LEN];
    char hex[LT_SIGV4_HEX_LEN];
    char date[LT_AMZ_DATE_LEN + 1];

    if (lt_sha256(hash, canonical, len) != LT_OK) {
        return LT_ERROR;
    }
    lt_hex_encode(hex, hash, sizeof(hash));
    lt_amz_date(date, scope->time_s);

    lt_out_cstr(out, "AWS4-HMAC-SHA256\n");
    lt_out_cstr(out, date);
    lt_out_cstr(out, "\n");
    put_scope(out, scope);
    lt_out_cstr(out, "\n");
    lt_out_bytes(out, hex, sizeof(hex));
    return lt_out_result(out);
}

/* x-amz-date is signed twice, as a header and in the scope; a request whose
   two dates differ would be refused with a signature mismatch. */
static lt_result_t
check_date(const lt_sigv4_request_t *req, const lt_sigv4_scope_t *scope)
{
    char date[LT_AMZ_DATE_LEN + 1];

    lt_amz_date(date, scope->time_s);
    for (size_t i = 0; i < req->headers_n; i++) {
        if (header_is(&req->headers[i], "x-amz-date")
            && !lt_str_is(req->headers[i].value, date)) {
            return LT_INVALID;
        }
    }
    return LT_OK;
}

lt_result_t
lt_sigv4_string_to_sign(lt_out_t *out, const lt_sigv4_request_t *req,
    const lt_sigv4_scope_t *scope)
{
    uint8_t storage[CANONICAL_MAX];
    lt_out_t canonical;
    lt_result_t rc;

    rc = check_date(req, scope);
    if (rc != LT_OK) {
        return rc;
    }

    lt_out_init(&canonical, storage, sizeof(storage));
    rc = lt_sigv4_canonical_request(&canonical, req, scope->service);
    if (rc != LT_OK) {
        return rc;
    }
    return put_string_to_sign(out, storage, lt_out_len(&canonical), scope);
}

/* hex(HMAC(key of the scope, text)) */
static lt_result_t
sign(char hex[LT_SIGV4_HEX_LEN], const lt_out_t *text,
    const lt_sigv4_scope_t *scope, lt_str_t secret_key)
{
    uint8_t key[LT_SHA256_LEN], mac[LT_SHA256_LEN];
    lt_result_t rc = lt_sigv4_key(key, secret_key, scope);

    if (rc != LT_OK) {
        return rc;
    }
    if (lt_hmac_sha256(mac, key, sizeof(key), text->start, lt_out_len(text))
        != LT_OK) {
        return LT_ERROR;
    }
    lt_hex_encode(hex, mac, sizeof(mac));
    return LT_OK;
}

lt_result_t
lt_sigv4_authorization(lt_out_t *out, char signature_hex[LT_SIGV4_HEX_LEN],
    const lt_sigv4_request_t *req, const lt_sigv4_scope_t *scope,
    const lt_aws_keys_t *keys)
{
    const lt_header_t *headers[LT_SIGV4_HEADERS_MAX];
    uint8_t storage[512];
    char hex[LT_SIGV4_HEX_LEN];
    lt_out_t text;
    lt_result_t rc;

    lt_out_init(&text, storage, sizeof(storage));
    rc = lt_sigv4_string_to_sign(&text, req, scope);
    if (rc == LT_OK) {
        rc = sign(hex, &text, scope, keys->secret_key);
    }
    if (rc == LT_OK) {
        rc = sort_headers(headers, req);
    }
    if (rc != LT_OK) {
        return rc;
    }

    lt_out_cstr(out, "AWS4-HMAC-SHA256 Credential=");
    lt_out_str(out, keys->access_key);
    lt_out_cstr(out, "/");
    put_scope(out, scope);
    lt_out_cstr(out, ", SignedHeaders=");
    put_signed_headers(out, headers, req->headers_n);
    lt_out_cstr(out, ", Signature=");
    lt_out_bytes(out, hex, sizeof(hex));

    if (signature_hex != NULL) {
        memcpy(signature_hex, hex, sizeof(hex));
    }
    return lt_out_result(out);
}

/* ---- presigned URLs ---- */

/* What stands percent-encoded in the query: each value once, in one buffer. */
typedef struct {
    uint8_t storage[CANONICAL_MAX];
    char date[LT_AMZ_DATE_LEN + 1];
    lt_out_t out;
    lt_query_t query;
} presign_t;

static lt_str_t
encoded_since(const lt_out_t *out, const uint8_t *start)
{
    return (lt_str_t){(const char *)start, (size_t)(out->pos - start)};
}

static lt_str_t
encode_credential(presign_t *p, lt_str_t access_key,
    const lt_sigv4_scope_t *scope)
{
    uint8_t storage[512];
    lt_out_t plain;
    const uint8_t *start = p->out.pos;

    lt_out_init(&plain, storage, sizeof(storage));
    lt_out_str(&plain, access_key);
    lt_out_cstr(&plain, "/");
    put_scope(&plain, scope);
    if (lt_out_result(&plain) != LT_OK) {
        p->out.overflow = 1;
    }
    lt_uri_encode(&p->out,
        (lt_str_t){(const char *)storage, lt_out_len(&plain)}, 0);
    return encoded_since(&p->out, start);
}

static lt_result_t
presign_query(presign_t *p, lt_str_t extra_query, unsigned expires_s,
    const lt_sigv4_scope_t *scope, const lt_aws_keys_t *keys)
{
    lt_str_t credential, expires, token;
    const uint8_t *start;
    lt_result_t rc;

    credential = encode_credential(p, keys->access_key, scope);
    start = p->out.pos;
    lt_out_u64(&p->out, expires_s);
    expires = encoded_since(&p->out, start);
    start = p->out.pos;
    lt_uri_encode(&p->out, keys->session_token, 0);
    token = encoded_since(&p->out, start);
    lt_amz_date(p->date, scope->time_s);

    rc = lt_query_read(&p->query, extra_query);
    if (rc != LT_OK || p->query.n > LT_QUERY_MAX - 7) {
        return LT_TOOBIG;
    }
    (void)lt_query_add(&p->query, LT_STR("X-Amz-Algorithm"),
        LT_STR("AWS4-HMAC-SHA256"));
    (void)lt_query_add(&p->query, LT_STR("X-Amz-Credential"), credential);
    (void)lt_query_add(&p->query, LT_STR("X-Amz-Date"), lt_str(p->date));
    (void)lt_query_add(&p->query, LT_STR("X-Amz-Expires"), expires);
    (void)lt_query_add(&p->query, LT_STR("X-Amz-SignedHeaders"),
        LT_STR("host"));
    if (token.len != 0) {
        (void)lt_query_add(&p->query, LT_STR("X-Amz-Security-Token"), token);
    }
    return lt_out_result(&p->out);
}

static lt_result_t
presign_canonical(presign_t *p, lt_out_t *canonical, lt_str_t host,
    lt_str_t path, lt_str_t service)
{
    *canonical = p->out;
    canonical->start = p->out.pos;

    lt_out_cstr(canonical, "GET\n");
    put_path(canonical, path, service);
    lt_out_cstr(canonical, "\n");
    lt_query_put(canonical, &p->query);
    lt_out_cstr(canonical, "\nhost:");
    put_header_value(canonical, host);
    lt_out_cstr(canonical, "\n\nhost\nUNSIGNED-PAYLOAD");
    return lt_out_result(canonical);
}

lt_result_t
lt_sigv4_presign(lt_out_t *out, lt_str_t host, lt_str_t path,
    lt_str_t extra_query, unsigned expires_s, const lt_sigv4_scope_t *scope,
    const lt_aws_keys_t *keys)
{
    presign_t p = {.query.n = 0};
    uint8_t storage[512];
    char hex[LT_SIGV4_HEX_LEN];
    lt_out_t canonical, text;
    lt_result_t rc;

    if (expires_s < 1 || expires_s > 604800 || host.len == 0) {
        return LT_INVALID;
    }

    lt_out_init(&p.out, p.storage, sizeof(p.storage));
    lt_out_init(&text, storage, sizeof(storage));
    rc = presign_query(&p, extra_query, expires_s, scope, keys);
    if (rc == LT_OK) {
        rc = presign_canonical(&p, &canonical, host, path, scope->service);
    }
    if (rc == LT_OK) {
        rc = put_string_to_sign(&text, canonical.start, lt_out_len(&canonical),
            scope);
    }
    if (rc == LT_OK) {
        rc = sign(hex, &text, scope, keys->secret_key);
    }
    if (rc != LT_OK) {
        return rc;
    }

    (void)lt_query_add(&p.query, LT_STR("X-Amz-Signature"),
        (lt_str_t){hex, sizeof(hex)});
    lt_query_put(out, &p.query);
    return lt_out_result(out);
}
