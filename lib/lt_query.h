/*
 * A query string as a sorted list of parameters, the canonical form of
 * Signature Version 4: by name, then by value, in byte order, "=" always.
 * Names and values are views and stay percent-encoded as they are.
 */
#ifndef LT_QUERY_H
#define LT_QUERY_H

#include "lt_base.h"

#define LT_QUERY_MAX 32

typedef struct {
    lt_str_t name;
    lt_str_t value;
} lt_param_t;

typedef struct {
    lt_param_t at[LT_QUERY_MAX];    /* sorted */
    size_t n;
} lt_query_t;

/* LT_TOOBIG: more than LT_QUERY_MAX. */
lt_result_t lt_query_add(lt_query_t *q, lt_str_t name, lt_str_t value);

/* Adds all of "a=1&b&c=2"; empty parameters are skipped. */
lt_result_t lt_query_read(lt_query_t *q, lt_str_t text);

void lt_query_put(lt_out_t *out, const lt_query_t *q);

#endif
