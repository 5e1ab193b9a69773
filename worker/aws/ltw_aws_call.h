/*
 * One AWS call: signed, sent, tried again, counted, timed.  Encoding and
 * decoding are the callers' (one file a call: ltw_aws_<service>_<verb>.c).
 *
 * Retries as lib/lt_aws.h says, at most attempts_max and never past the
 * deadline.  No keys yet: it waits for them.  Expired keys: they are fetched
 * anew, then one more try; wrong keys: they are fetched for the next call.
 * Clock skew: corrected by the answer's Date, then one more try.
 * Not here: Transcribe's stream; it takes keys, time and endpoint from here.
 */
#ifndef LTW_AWS_CALL_H
#define LTW_AWS_CALL_H

#include "edge/ltw_http.h"
#include "edge/ltw_redis.h"
#include "ltw_config.h"
#include "ltw_trace.h"
#include "lt_aws.h"

#define LTW_AWS_HEADERS_MAX 16

typedef struct ltw_aws_s ltw_aws_t;
typedef uint64_t ltw_aws_id_t;

typedef enum {
    LTW_AWS_KINESIS, LTW_AWS_TRANSCRIBE, LTW_AWS_TRANSLATE, LTW_AWS_POLLY,
    LTW_AWS_S3, LTW_AWS_SERVICES_N
} ltw_aws_service_t;

typedef struct {
    char url[300];              /* "https://host[:port]", no path */
    char authority[280];        /* host[:port]: the Host to sign */
    char host[256];             /* name or address; IPv6 without brackets */
    uint16_t port;
    int is_tls;
} ltw_aws_endpoint_t;

typedef struct {
    ltw_aws_service_t service;
    const char *operation;      /* literal: "GetRecords", for metric and log */
    const char *method;
    lt_str_t host_prefix;       /* "bucket." before the host, or len 0 */
    lt_str_t path;              /* encoded once, begins with '/' */
    lt_str_t query;             /* encoded, without '?', or len 0 */
    const lt_header_t *headers; /* all get signed.  Not among them: Host,
                                   X-Amz-Date, X-Amz-Security-Token,
                                   X-Amz-Content-Sha256, Authorization */
    size_t headers_n;           /* at most LTW_AWS_HEADERS_MAX */
    lt_str_t body;
    unsigned timeout_ms;        /* of one try */
    unsigned deadline_ms;       /* of all tries; 0 = one timeout_ms */
    unsigned attempts_max;      /* 0 = 3 */
    size_t response_max_bytes;  /* 0 = 64 KiB */
} ltw_aws_request_t;

typedef struct {
    int status;                 /* 0 = no answer */
    lt_aws_class_t class;       /* when it failed */
    char code[80];              /* AWS's error code, "" when none */
    char message[200];          /* AWS's sentence, or the transport's */
    lt_str_t request_id;        /* x-amzn-requestid or x-amz-request-id */
    lt_str_t body;
    const ltw_http_response_t *http;    /* headers; NULL without an answer */
    unsigned attempts;
    unsigned elapsed_ms;        /* of all tries */
} ltw_aws_answer_t;

static inline int
ltw_aws_is_ok(const ltw_aws_answer_t *answer)
{
    return answer->status >= 200 && answer->status < 300;
}

/* answer and all it points to live during the call only. */
typedef void (*ltw_aws_handler_t)(void *data, const ltw_aws_answer_t *answer);

/* NULL: err says why (unknown region, no keys, bad endpoint, memory).
   Everything it is given must outlive it. */
ltw_aws_t *ltw_aws_new(ltw_loop_t *loop, ltw_http_t *http,
    ltw_metrics_t *metrics, const ltw_config_t *config, lt_error_t *err);
void ltw_aws_free(ltw_aws_t **aws);
/* From now on rates are shared there (ltw_aws_turn.h); outlives aws. */
void ltw_aws_share(ltw_aws_t *aws, ltw_redis_t *redis);

/* Calls that begin from now on, until this is called again, belong to that
   talk's trace; "" = to none.  traceparent is copied by each call. */
void ltw_aws_trace(ltw_aws_t *aws, const char *traceparent);


/* Copies what it needs of request.  0: no memory or too many at once;
   handler never runs.  Failures are logged by the caller: ltw_aws_log. */
ltw_aws_id_t ltw_aws_call(ltw_aws_t *aws, const ltw_aws_request_t *request,
    ltw_aws_handler_t handler, void *data);
void ltw_aws_cancel(ltw_aws_t *aws, ltw_aws_id_t id);

/* One line aws_call_failed with service, operation, status, code, message,
   request id, attempts and, where known, what an operator should do. */
void ltw_aws_log(ltw_aws_service_t service, const char *operation,
    const ltw_aws_answer_t *answer);

/* What to do about an error code, or "". */
const char *ltw_aws_hint(int status, const char *code);

/* Views that live until the next turn of the loop: copy what you pin.  Empty:
   there are none now. */
lt_aws_keys_t ltw_aws_keys(const ltw_aws_t *aws);
int64_t ltw_aws_keys_left_ms(const ltw_aws_t *aws); /* INT64_MAX: for ever */
/* "Expired" was said elsewhere: fetch new ones. */
void ltw_aws_keys_refresh(ltw_aws_t *aws);
int64_t ltw_aws_time_ms(const ltw_aws_t *aws);      /* corrected for skew */
const ltw_aws_endpoint_t *ltw_aws_endpoint(const ltw_aws_t *aws,
    ltw_aws_service_t service);

/* "http[s]://host[:port]" taken apart; LT_INVALID: err says what is wrong. */
lt_result_t ltw_aws_endpoint_parse(ltw_aws_endpoint_t *endpoint, lt_str_t url,
    lt_error_t *err);

#endif
