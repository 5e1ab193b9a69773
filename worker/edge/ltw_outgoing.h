/*
 * Bytes that wait to be sent, in their order.  Pure.
 * The owner bounds them: it looks at _waiting() before it adds.  Memory: grows
 * from 16 KiB by doubling; none when all has gone, for seconds may pass until
 * there is more.
 */
#ifndef LTW_OUTGOING_H
#define LTW_OUTGOING_H

#include "lt_base.h"

/* All 0: empty. */
typedef struct {
    uint8_t *bytes;             /* pos..len wait; NULL: none */
    size_t pos;
    size_t len;
    size_t size;
} ltw_outgoing_t;

size_t ltw_outgoing_waiting(const ltw_outgoing_t *out);

/* The first that waits; a view until the next call of another function. */
const uint8_t *ltw_outgoing_first(const ltw_outgoing_t *out);

/* Copies.  LT_ERROR: no memory, and nothing was added. */
lt_result_t ltw_outgoing_add(ltw_outgoing_t *out, const void *data,
    size_t len);

/* The first n have gone, at most all that wait. */
void ltw_outgoing_sent(ltw_outgoing_t *out, size_t n);

void ltw_outgoing_clear(ltw_outgoing_t *out);

#endif
