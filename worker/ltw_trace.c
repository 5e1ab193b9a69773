#include "ltw_trace.h"

#include <sys/random.h>

void
ltw_trace_request(ltw_trace_t *trace, const char *from)
{
    uint8_t random[LT_TRACE_SPAN_RANDOM] = { 0 };

    trace->headers_n = 0;
    if (!lt_trace_is_valid(lt_str(from))
        || getrandom(random, sizeof(random), GRND_NONBLOCK)
            != (ssize_t) sizeof(random))
    {
        return;
    }
    lt_trace_child(trace->traceparent, lt_str(from), random);
    lt_trace_amzn(trace->amzn, lt_str(trace->traceparent));
    trace->headers[0] = (lt_header_t) { LT_STR("traceparent"),
        lt_str(trace->traceparent) };
    trace->headers[1] = (lt_header_t) { LT_STR("x-amzn-trace-id"),
        lt_str(trace->amzn) };
    trace->headers_n = LTW_TRACE_HEADERS;
}
