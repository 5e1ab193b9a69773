/* What every fuzz target needs.  A target that finds a property broken aborts,
   and libFuzzer keeps the input. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lt_base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
fuzz_check(int holds)
{
    if (!holds) {
        abort();
    }
}

/* On the heap, exactly as long as it is, so that overruns show. */
static inline uint8_t *
fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + (size == 0));

    return size == 0 ? copy : memcpy(copy, data, size);
}

static inline lt_str_t
fuzz_str(const uint8_t *data, size_t size)
{
    return (lt_str_t){(const char *)data, size};
}

static inline int
fuzz_is_same(lt_str_t a, lt_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
