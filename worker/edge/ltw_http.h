/*
 * HTTP requests, many at once, kept-alive connections: libcurl multi on the
 * loop.  The one file that includes curl.
 *
 * A request is known by its id, never by a pointer: cancelling one that is
 * over (or 0) does nothing.  After the callback, or after cancel, an id is
 * dead; it is never used again.
 * HTTP/1.1, no proxies (the environment's variables are not looked at), no
 * redirects.  Limits: LTW_HTTP_REQUESTS_MAX at once; 16 KiB of headers.
 */
#ifndef LTW_HTTP_H
#define LTW_HTTP_H

#include "lt_sigv4.h"       /* lt_header_t */
#include "edge/ltw_loop.h"
#include "ltw_metrics.h"

#define LTW_HTTP_REQUESTS_MAX 4096

typedef struct ltw_http_s ltw_http_t;
typedef uint64_t ltw_http_id_t;

typedef struct {
    const char *method;         /* "GET", "POST", "PUT", "DELETE" */
    lt_str_t url;               /* http:// or https://, encoded */
    const lt_header_t *headers; /* Host, Content-Type, … no Content-Length */
    size_t headers_n;
    lt_str_t body;
    unsigned connect_timeout_ms;    /* 0 = 1000 */
    unsigned timeout_ms;            /* all of it; 0 = 5000 */
    size_t response_max_bytes;      /* of the body; 0 = 64 KiB */
} ltw_http_request_t;

typedef struct {
    int status;                 /* 0 = no whole answer: err says why */
    lt_str_t body;
    lt_str_t headers;           /* raw lines; see ltw_http_header */
    lt_error_t err;             /* code: errno where known, else 0 */
    int has_timed_out;
    int has_connected;          /* 0: the server never got the request */
    unsigned elapsed_ms;
} ltw_http_response_t;

/* response and all it points to live during the call only. */
typedef void (*ltw_http_handler_t)(void *data,
    const ltw_http_response_t *response);

/* ca_file: PEM bundle or NULL for the system's. */
ltw_http_t *ltw_http_new(ltw_loop_t *loop, ltw_metrics_t *metrics,
    const char *ca_file);
/* No callback runs any more.  Not from inside one. */
void ltw_http_free(ltw_http_t **http);

/* Copies what it needs of request, the body too.  0: no memory or too many
   at once; then handler never runs. */
ltw_http_id_t ltw_http_send(ltw_http_t *http,
    const ltw_http_request_t *request, ltw_http_handler_t handler,
    void *data);
void ltw_http_cancel(ltw_http_t *http, ltw_http_id_t id);

/* The value of a response header, any case; len 0 when absent. */
lt_str_t ltw_http_header(const ltw_http_response_t *response,
    const char *name);

/* Unix ms of a header like "Date" (RFC 9110, 5.6.7), or -1. */
int64_t ltw_http_header_date_ms(const ltw_http_response_t *response,
    const char *name);

#endif
