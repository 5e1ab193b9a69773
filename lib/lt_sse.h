/*
 * A message as one of Server-Sent Events: HTML Living Standard, section 9.2,
 * "Parsing an event stream".
 *
 * Not here: reading, and the stream itself.
 */
#ifndef LT_SSE_H
#define LT_SSE_H

#include "lt_base.h"

/* What lt_sse_event() needs at most, for an event name of up to 32 bytes. */
size_t lt_sse_size(lt_str_t data);

/*
 * event: NULL = a message; id: of it, 0 = none, so that the last one stays.
 * Each line of data, ended by CR, LF or both, becomes a line of its own.
 */
void lt_sse_event(lt_out_t *out, const char *event, int64_t id,
    lt_str_t data);

#endif
