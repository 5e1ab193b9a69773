/*
 * One try of a call as it goes out: URL, headers, SigV4.  Pure.
 * Limits: a URL of 4,095 bytes; LT_NOSPACE beyond.
 */
#ifndef LTW_AWS_SIGNED_H
#define LTW_AWS_SIGNED_H

#include "aws/ltw_aws_call.h"

#define LTW_AWS_URL_MAX 4096
#define LTW_AWS_AUTHORIZATION_MAX 2048

/* Beside the caller's: Host, X-Amz-Date, X-Amz-Security-Token,
   X-Amz-Content-Sha256, Authorization, and those of a trace. */
#define LTW_AWS_SIGNED_HEADERS_MAX                                          \
    (LTW_AWS_HEADERS_MAX + 5 + LTW_TRACE_HEADERS)

typedef struct {
    const ltw_aws_request_t *request;
    const ltw_aws_endpoint_t *endpoint;
    const char *service;        /* as it is signed: "kinesis" */
    const char *region;
    const char *trace;          /* a traceparent; "": none */
    lt_str_t payload_hash;      /* SHA-256 of the body, in hex */
    lt_aws_keys_t keys;
    int64_t time_s;
} ltw_aws_try_t;

/* Must not be moved; lives as long as what it was made from. */
typedef struct {
    ltw_http_request_t http;    /* views into here and into the try's */

    lt_header_t headers[LTW_AWS_SIGNED_HEADERS_MAX];
    ltw_trace_t trace;
    char url[LTW_AWS_URL_MAX];
    char host[512];
    char authorization[LTW_AWS_AUTHORIZATION_MAX];
    char date[LT_AMZ_DATE_LEN + 1];
} ltw_aws_signed_t;

lt_result_t ltw_aws_sign(ltw_aws_signed_t *one, const ltw_aws_try_t *what);

#endif
