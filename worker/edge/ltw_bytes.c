#include "edge/ltw_bytes.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 4096


size_t
ltw_bytes_waiting(const ltw_bytes_t *b)
{
    return b->len - b->pos;
}


const uint8_t *
ltw_bytes_first(const ltw_bytes_t *b)
{
    return b->bytes + b->pos;
}


lt_str_t
ltw_bytes_str(const ltw_bytes_t *b)
{
    return (lt_str_t) { (const char *) b->bytes + b->pos, b->len - b->pos };
}


static lt_result_t
grow(ltw_bytes_t *b, size_t wanted)
{
    size_t size = b->size > 0 ? b->size : FIRST_SIZE;
    uint8_t *grown;

    while (size < wanted) {
        size *= 2;
    }
    grown = realloc(b->bytes, size);
    if (grown == NULL) {
        return LT_ERROR;
    }
    b->bytes = grown;
    b->size = size;
    return LT_OK;
}


lt_result_t
ltw_bytes_add(ltw_bytes_t *b, const void *data, size_t len)
{
    if (len == 0) {
        return LT_OK;
    }
    if (b->pos > 0 && b->len + len > b->size) {
        b->len -= b->pos;
        memmove(b->bytes, b->bytes + b->pos, b->len);
        b->pos = 0;
    }
    if (b->len + len > b->size && grow(b, b->len + len) != LT_OK) {
        return LT_ERROR;
    }
    memcpy(b->bytes + b->len, data, len);
    b->len += len;
    return LT_OK;
}


void
ltw_bytes_taken(ltw_bytes_t *b, size_t n)
{
    b->pos += n;
    if (b->pos < b->len) {
        return;
    }
    if (b->size > b->kept) {
        ltw_bytes_clear(b);
    } else {
        b->pos = b->len = 0;
    }
}


void
ltw_bytes_clear(ltw_bytes_t *b)
{
    free(b->bytes);
    *b = (ltw_bytes_t) { .kept = b->kept };
}
