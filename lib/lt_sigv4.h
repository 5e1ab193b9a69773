/*
 * AWS Signature Version 4 for whole requests and presigned URLs.
 * "Create a signed AWS API request", AWS IAM User Guide.
 *
 * Not here: event signatures (lt_eventsign.h), credentials (lt_credentials.h).
 * Memory: everything goes into the caller's storage; inputs are views.
 * Limits: LT_SIGV4_HEADERS_MAX headers, 32 query parameters, secret key 128
 * bytes; canonical request 16 KiB.
 *
 * Results: LT_NOSPACE the output or a limit of bytes, LT_TOOBIG too many
 * headers or parameters, LT_INVALID what could never be accepted: no host, no
 * x-amz-date or one that is not the scope's, a header twice, no secret key.
 */
#ifndef LT_SIGV4_H
#define LT_SIGV4_H

#include "lt_base.h"
#include "lt_crypto.h"

#define LT_SIGV4_HEADERS_MAX 32
#define LT_SIGV4_HEX_LEN 64
#define LT_AMZ_DATE_LEN 16                  /* YYYYMMDDTHHMMSSZ */

typedef struct {
    lt_str_t access_key;
    lt_str_t secret_key;
    lt_str_t session_token;                 /* len 0 = none */
} lt_aws_keys_t;

typedef struct {
    lt_str_t name;                          /* any case */
    lt_str_t value;
} lt_header_t;

typedef struct {
    lt_str_t method;
    lt_str_t path;      /* as sent on the wire, already percent-encoded once;
                           no empty or dot segments: they are not removed */
    lt_str_t query;     /* as sent, without '?'; need not be sorted; encoded
                           as lt_uri_encode does */
    const lt_header_t *headers;             /* all that shall be signed */
    size_t headers_n;                       /* must include host (or
                                               :authority) and x-amz-date */
    lt_str_t payload_hash;  /* hex SHA-256, UNSIGNED-PAYLOAD or a STREAMING-…
                               literal */
} lt_sigv4_request_t;

typedef struct {
    lt_str_t region;
    lt_str_t service;   /* "s3" signs the path as sent, others encode again */
    int64_t time_s;     /* Unix seconds; must agree with x-amz-date */
} lt_sigv4_scope_t;

/* "20150830T123600Z"; out has LT_AMZ_DATE_LEN + 1 bytes. */
void lt_amz_date(char *out, int64_t time_s);

lt_result_t lt_sigv4_key(uint8_t key[LT_SHA256_LEN], lt_str_t secret_key,
    const lt_sigv4_scope_t *scope);

/* For tests and error reports: what gets hashed.  LT_NOSPACE if too large. */
lt_result_t lt_sigv4_canonical_request(lt_out_t *out,
    const lt_sigv4_request_t *req, lt_str_t service);
lt_result_t lt_sigv4_string_to_sign(lt_out_t *out,
    const lt_sigv4_request_t *req, const lt_sigv4_scope_t *scope);

/*
 * Writes the value of the Authorization header; signature_hex (may be NULL)
 * receives the bare signature, the seed of an event stream.
 */
lt_result_t lt_sigv4_authorization(lt_out_t *out,
    char signature_hex[LT_SIGV4_HEX_LEN], const lt_sigv4_request_t *req,
    const lt_sigv4_scope_t *scope, const lt_aws_keys_t *keys);

/*
 * Writes the query string (without '?', sorted) of a presigned GET with only
 * the host signed: the S3 form, token inside the signature.  expires_s
 * 1..604800.  extra_query: further parameters, already encoded, or len 0.
 */
lt_result_t lt_sigv4_presign(lt_out_t *out, lt_str_t host, lt_str_t path,
    lt_str_t extra_query, unsigned expires_s, const lt_sigv4_scope_t *scope,
    const lt_aws_keys_t *keys);

#endif
