#include "lt_trace.h"

#include "lt_text.h"

#include <stdio.h>
#include <string.h>

#define ID_AT 3                     /* offsets in a traceparent */
#define PARENT_AT 36
#define PARENT_LEN 16
#define FLAGS_AT 53

static int
is_hex(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!(s[i] >= '0' && s[i] <= '9') && !(s[i] >= 'a' && s[i] <= 'f')) {
            return 0;
        }
    }
    return 1;
}

static int
is_zero(const char *s, size_t len)
{
    return strspn(s, "0") >= len;
}

int
lt_trace_is_valid(lt_str_t t)
{
    char copy[LT_TRACE_LEN + 1] = { 0 };

    if (t.len < LT_TRACE_LEN || (t.len > LT_TRACE_LEN
            && (memcmp(t.data, "00", 2) == 0 || t.data[LT_TRACE_LEN] != '-')))
    {
        return 0;
    }
    memcpy(copy, t.data, LT_TRACE_LEN);
    return is_hex(copy, 2) && memcmp(copy, "ff", 2) != 0
        && copy[ID_AT - 1] == '-' && is_hex(copy + ID_AT, LT_TRACE_ID_LEN)
        && !is_zero(copy + ID_AT, LT_TRACE_ID_LEN)
        && copy[PARENT_AT - 1] == '-' && is_hex(copy + PARENT_AT, PARENT_LEN)
        && !is_zero(copy + PARENT_AT, PARENT_LEN)
        && copy[FLAGS_AT - 1] == '-' && is_hex(copy + FLAGS_AT, 2);
}

lt_str_t
lt_trace_id(lt_str_t t)
{
    return (lt_str_t) { t.data + ID_AT, LT_TRACE_ID_LEN };
}

/* An id of zeros is none: the last bit is set, which costs nothing. */
static void
put_hex(char *out, const uint8_t *random, size_t len)
{
    lt_hex_encode(out, random, len);
    if (is_zero(out, 2 * len)) {
        out[2 * len - 1] = '1';
    }
}

void
lt_trace_make(char out[LT_TRACE_LEN + 1],
    const uint8_t random[LT_TRACE_RANDOM])
{
    char id[LT_TRACE_ID_LEN + 1] = { 0 }, parent[PARENT_LEN + 1] = { 0 };

    put_hex(id, random, LT_TRACE_ID_LEN / 2);
    put_hex(parent, random + LT_TRACE_ID_LEN / 2, PARENT_LEN / 2);
    snprintf(out, LT_TRACE_LEN + 1, "00-%.32s-%.16s-01", id, parent);
}

void
lt_trace_child(char out[LT_TRACE_LEN + 1], lt_str_t from,
    const uint8_t random[LT_TRACE_SPAN_RANDOM])
{
    char parent[PARENT_LEN + 1] = { 0 };

    put_hex(parent, random, PARENT_LEN / 2);
    snprintf(out, LT_TRACE_LEN + 1, "00-%.32s-%.16s-%.2s",
        from.data + ID_AT, parent, from.data + FLAGS_AT);
}

void
lt_trace_amzn(char out[LT_TRACE_AMZN_LEN + 1], lt_str_t t)
{
    snprintf(out, LT_TRACE_AMZN_LEN + 1,
        "Root=1-%.8s-%.24s;Parent=%.16s;Sampled=%d", t.data + ID_AT,
        t.data + ID_AT + 8, t.data + PARENT_AT,
        strchr("13579bdf", t.data[FLAGS_AT + 1]) != NULL);
}
