/*
 * Is a request signed by one of these keys?  AWS Signature Version 4 in the
 * Authorization header, seen from the server: "Elements of an AWS API request
 * signature", AWS IAM User Guide.
 *
 * Not here: presigned URLs, event streams, time, which caller may do what.
 * Memory: views only.  Limits: as lt_sigv4.h; clocks may differ by
 * LT_SIGV4_SKEW_S.
 */
#ifndef LT_SIGV4_VERIFY_H
#define LT_SIGV4_VERIFY_H

#include "lt_sigv4.h"

#define LT_SIGV4_SKEW_S 300

typedef struct {
    lt_str_t method;
    lt_str_t path;              /* as sent on the wire */
    lt_str_t query;
    const lt_header_t *headers; /* all of the request, in any order */
    size_t headers_n;
    const void *body;
    size_t body_len;
} lt_sigv4_received_t;

/*
 * LT_OK: signed for that service, in whatever region, by a key of these, now.
 * LT_INVALID: not so; *reason says why, without anything of the request.
 * LT_ERROR: OpenSSL failed.
 */
lt_result_t lt_sigv4_verify(const lt_sigv4_received_t *req,
    const lt_aws_keys_t *keys, size_t keys_n, lt_str_t service, int64_t now_s,
    const char **reason);

#endif
