/*
 * The headers that carry a talk's trace with one request: traceparent (W3C)
 * and X-Amzn-Trace-Id, each request a span of its own.  They are not signed:
 * proxies between us and AWS may change them.
 */
#ifndef LTW_TRACE_H
#define LTW_TRACE_H

#include "lt_sigv4.h"
#include "lt_trace.h"

#define LTW_TRACE_HEADERS 2

typedef struct {
    lt_header_t headers[LTW_TRACE_HEADERS];     /* views into here */
    size_t headers_n;                           /* 0: no trace */
    char traceparent[LT_TRACE_LEN + 1];
    char amzn[LT_TRACE_AMZN_LEN + 1];
} ltw_trace_t;

/* from: the talk's, "" or NULL: none.  *trace must not be moved afterwards. */
void ltw_trace_request(ltw_trace_t *trace, const char *from);

#endif
