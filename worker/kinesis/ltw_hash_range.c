#include "kinesis/ltw_hash_range.h"

#include <stdlib.h>

#define KEY_MAX (~(ltw_hash_key_t) 0)


lt_result_t
ltw_hash_key_parse(ltw_hash_key_t *key, lt_str_t text)
{
    ltw_hash_key_t value = 0;
    unsigned digit;
    size_t i;

    for (i = 0; i < text.len; i++) {
        digit = (unsigned) (text.data[i] - '0');
        if (digit > 9 || value > (KEY_MAX - digit) / 10) {
            return LT_INVALID;
        }
        value = value * 10 + digit;
    }
    *key = value;
    return text.len > 0 ? LT_OK : LT_INVALID;
}


static int
compare(const void *a, const void *b)
{
    const ltw_hash_range_t *x = a, *y = b;

    return (x->start > y->start) - (x->start < y->start);
}


size_t
ltw_hash_range_gaps(ltw_hash_range_t *ranges, size_t n)
{
    ltw_hash_key_t next = 0;            /* covered below it */
    size_t gaps = 0, i;

    if (n == 0) {
        return 1;
    }
    qsort(ranges, n, sizeof(*ranges), compare);
    for (i = 0; i < n; i++) {
        gaps += ranges[i].start > next;
        if (ranges[i].end == KEY_MAX) {
            return gaps;
        }
        next = ranges[i].end >= next ? ranges[i].end + 1 : next;
    }
    return gaps + 1;
}
