/*
 * Bytes that wait, in their order: to be sent, or until there are enough of
 * them.  Pure.
 * The owner bounds them: it looks at _waiting() before it adds.  Memory: grows
 * from 4 KiB by doubling; none when all were taken, for seconds may pass until
 * there are more.
 */
#ifndef LTW_BYTES_H
#define LTW_BYTES_H

#include "lt_base.h"

/* All 0: empty.  Set kept, and nothing else. */
typedef struct {
    uint8_t *bytes;             /* pos..len wait; NULL: none */
    size_t pos;
    size_t len;
    size_t size;
    size_t kept;                /* a block up to this stays, though empty */
} ltw_bytes_t;

size_t ltw_bytes_waiting(const ltw_bytes_t *b);

/* The first that waits; a view until the next call of another function. */
const uint8_t *ltw_bytes_first(const ltw_bytes_t *b);

/* All that wait; a view as well. */
lt_str_t ltw_bytes_str(const ltw_bytes_t *b);

/* Copies.  LT_ERROR: no memory, and nothing was added. */
lt_result_t ltw_bytes_add(ltw_bytes_t *b, const void *data,
    size_t len);

/* The first n are done with, at most all that wait. */
void ltw_bytes_taken(ltw_bytes_t *b, size_t n);

/* Gives all of it back. */
void ltw_bytes_clear(ltw_bytes_t *b);

#endif
