/*
 * W3C Trace Context (www.w3.org/TR/trace-context), version 00: one trace from
 * the speaker's handshake to every AWS call and every result.
 *   00-<trace id: 32 hex>-<parent id: 16 hex>-<flags: 2 hex>
 * Not here: tracestate, which is not passed on.  Randomness is the caller's.
 */
#ifndef LT_TRACE_H
#define LT_TRACE_H

#include "lt_base.h"

#define LT_TRACE_LEN 55             /* of a traceparent, without zero byte */
#define LT_TRACE_ID_LEN 32
#define LT_TRACE_RANDOM 24          /* bytes for lt_trace_make */
#define LT_TRACE_SPAN_RANDOM 8      /* bytes for lt_trace_child */
#define LT_TRACE_AMZN_LEN 74        /* of an X-Amzn-Trace-Id */

/* 1: a traceparent as it must be.  Of later versions what version 00 knows is
   taken, as the document says. */
int lt_trace_is_valid(lt_str_t traceparent);

/* View of its trace id. */
lt_str_t lt_trace_id(lt_str_t traceparent);

/* A new one, sampled. */
void lt_trace_make(char out[LT_TRACE_LEN + 1],
    const uint8_t random[LT_TRACE_RANDOM]);

/* The same trace and flags, another parent.  from: a valid one. */
void lt_trace_child(char out[LT_TRACE_LEN + 1], lt_str_t from,
    const uint8_t random[LT_TRACE_SPAN_RANDOM]);

/* The form that AWS's services know:
   Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=<0|1> */
void lt_trace_amzn(char out[LT_TRACE_AMZN_LEN + 1], lt_str_t traceparent);

#endif
