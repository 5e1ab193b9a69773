#include "edge/ltw_outgoing.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE (16 * 1024)


size_t
ltw_outgoing_waiting(const ltw_outgoing_t *out)
{
    return out->len - out->pos;
}


const uint8_t *
ltw_outgoing_first(const ltw_outgoing_t *out)
{
    return out->bytes + out->pos;
}


static lt_result_t
grow(ltw_outgoing_t *out, size_t wanted)
{
    size_t size = out->size > 0 ? out->size : FIRST_SIZE;
    uint8_t *grown;

    while (size < wanted) {
        size *= 2;
    }
    grown = realloc(out->bytes, size);
    if (grown == NULL) {
        return LT_ERROR;
    }
    out->bytes = grown;
    out->size = size;
    return LT_OK;
}


lt_result_t
ltw_outgoing_add(ltw_outgoing_t *out, const void *data, size_t len)
{
    if (len == 0) {
        return LT_OK;
    }
    if (out->pos > 0 && out->len + len > out->size) {
        out->len -= out->pos;
        memmove(out->bytes, out->bytes + out->pos, out->len);
        out->pos = 0;
    }
    if (out->len + len > out->size && grow(out, out->len + len) != LT_OK) {
        return LT_ERROR;
    }
    memcpy(out->bytes + out->len, data, len);
    out->len += len;
    return LT_OK;
}


void
ltw_outgoing_sent(ltw_outgoing_t *out, size_t n)
{
    out->pos += n;
    if (out->pos == out->len) {
        ltw_outgoing_clear(out);
    }
}


void
ltw_outgoing_clear(ltw_outgoing_t *out)
{
    free(out->bytes);
    *out = (ltw_outgoing_t) { 0 };
}
