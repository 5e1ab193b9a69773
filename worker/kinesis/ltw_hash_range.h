/*
 * The hash keys of a stream's shards: do the open ones cover them all?  Each
 * key belongs to one open shard; one that belongs to none would have no
 * reader.  Pure.  AWS: HashKeyRange, decimal 128-bit numbers, ends included.
 */
#ifndef LTW_HASH_RANGE_H
#define LTW_HASH_RANGE_H

#include "lt_base.h"

typedef unsigned __int128 ltw_hash_key_t;

typedef struct {
    ltw_hash_key_t start;
    ltw_hash_key_t end;         /* included */
} ltw_hash_range_t;

/* LT_INVALID: no decimal number, or more than 128 bits. */
lt_result_t ltw_hash_key_parse(ltw_hash_key_t *key, lt_str_t text);

/* How many stretches no range covers, 0 = all is covered.  Sorts ranges. */
size_t ltw_hash_range_gaps(ltw_hash_range_t *ranges, size_t n);

#endif
