#include "lt_cbor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lt_text.h"

#define DEPTH_MAX 16
#define INDEFINITE UINT64_MAX
#define TAG_TIME 1

/* RFC 8949, section 3.1. */
enum {
    MAJOR_UINT = 0, MAJOR_NEGATIVE, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY,
    MAJOR_MAP, MAJOR_TAG, MAJOR_SIMPLE
};

enum {
    INFO_8 = 24, INFO_16, INFO_32, INFO_64, INFO_INDEFINITE = 31
};

enum {
    SIMPLE_FALSE = 20, SIMPLE_TRUE, SIMPLE_NULL, SIMPLE_UNDEFINED
};

static void
put_head(lt_out_t *out, unsigned major, uint64_t n)
{
    uint8_t head[LT_CBOR_HEAD_MAX];
    size_t bytes = n < INFO_8 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2
                 : n <= UINT32_MAX ? 4 : 8;
    unsigned info = bytes == 0 ? (unsigned)n : bytes == 1 ? INFO_8
                  : bytes == 2 ? INFO_16 : bytes == 4 ? INFO_32 : INFO_64;

    head[0] = (uint8_t)(major << 5 | info);
    for (size_t i = 0; i < bytes; i++) {
        head[1 + i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
    }
    lt_out_bytes(out, head, 1 + bytes);
}

void
lt_cbor_map(lt_out_t *out, uint64_t n)
{
    put_head(out, MAJOR_MAP, n);
}

void
lt_cbor_array(lt_out_t *out, uint64_t n)
{
    put_head(out, MAJOR_ARRAY, n);
}

void
lt_cbor_bytes(lt_out_t *out, uint64_t len)
{
    put_head(out, MAJOR_BYTES, len);
}

void
lt_cbor_text(lt_out_t *out, lt_str_t text)
{
    put_head(out, MAJOR_TEXT, text.len);
    lt_out_str(out, text);
}

typedef struct {
    const uint8_t *pos;
    const uint8_t *end;
    lt_out_t *out;
} reader_t;

typedef struct {
    unsigned major;
    unsigned info;
    uint64_t n;         /* value, length, or the bits of a float;
                           INDEFINITE */
} head_t;

static lt_result_t
read_head(reader_t *r, head_t *head)
{
    size_t bytes;

    if (r->pos == r->end) {
        return LT_INVALID;
    }
    head->major = *r->pos >> 5;
    head->info = *r->pos++ & 31;
    head->n = head->info;

    if (head->info == INFO_INDEFINITE) {
        head->n = INDEFINITE;
        return head->major >= MAJOR_BYTES && head->major != MAJOR_TAG
                   ? LT_OK
                   : LT_INVALID;
    }
    if (head->info > INFO_64) {
        return LT_INVALID;
    }
    if (head->info < INFO_8) {
        return LT_OK;
    }

    bytes = (size_t)1 << (head->info - INFO_8);
    if ((size_t)(r->end - r->pos) < bytes) {
        return LT_INVALID;
    }
    head->n = 0;
    while (bytes-- > 0) {
        head->n = head->n << 8 | *r->pos++;
    }
    /* as a length it would be taken for none */
    return head->n == INDEFINITE && head->major >= MAJOR_BYTES
                   && head->major <= MAJOR_MAP
               ? LT_INVALID
               : LT_OK;
}

static int
is_break(reader_t *r)
{
    if (r->pos < r->end && *r->pos == 0xff) {
        r->pos++;
        return 1;
    }
    return 0;
}

static int
is_plain(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static void
write_escaped(lt_out_t *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0, from; i < len; i++) {
        from = i;
        while (i < len && is_plain(data[i])) {
            i++;
        }
        lt_out_bytes(out, data + from, i - from);

        if (i < len) {
            char escape[6] = {'\\', 'u', '0', '0', digits[data[i] >> 4],
                digits[data[i] & 15]};

            lt_out_bytes(out, escape, sizeof(escape));
        }
    }
}

/* The content of a string of definite length. */
static lt_result_t
read_chunk(reader_t *r, const head_t *head)
{
    const uint8_t *data = r->pos;
    size_t len = (size_t)head->n;
    uint8_t *room;

    if (head->n > (uint64_t)(r->end - r->pos)) {
        return LT_INVALID;
    }
    r->pos += len;

    if (head->major == MAJOR_TEXT) {
        write_escaped(r->out, data, len);
    } else {
        room = lt_out_reserve(r->out, LT_BASE64_ENCODED_LEN(len));
        if (room != NULL) {
            (void)lt_base64_encode((char *)room, data, len);
        }
    }
    return LT_OK;
}

/* Chunks of bytes would each have their own padding: refused, nobody sends
   them. */
static lt_result_t
read_string(reader_t *r, const head_t *head)
{
    lt_result_t rc = LT_OK;
    head_t chunk;

    lt_out_cstr(r->out, "\"");
    if (head->n != INDEFINITE) {
        rc = read_chunk(r, head);

    } else if (head->major == MAJOR_BYTES) {
        rc = LT_INVALID;

    } else {
        while (rc == LT_OK && !is_break(r)) {
            rc = read_head(r, &chunk);
            if (rc == LT_OK) {
                rc = chunk.major == head->major && chunk.n != INDEFINITE
                         ? read_chunk(r, &chunk)
                         : LT_INVALID;
            }
        }
    }
    lt_out_cstr(r->out, "\"");
    return rc;
}

static void
write_number(lt_out_t *out, double value)
{
    char text[48];

    if (!isfinite(value) || fabs(value) >= 9e15) {
        lt_out_cstr(out, "null");
        return;
    }
    (void)snprintf(text, sizeof(text), "%.3f", value);
    lt_out_cstr(out, text);
}

/* NaN counts as infinite: JSON has neither. */
static double
half_to_double(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double fraction = (double)(bits & 1023);
    double value = exponent == 0    ? fraction / (1 << 24)
                   : exponent == 31 ? INFINITY
                   : (fraction + 1024) * (1 << exponent) / (1 << 25);

    return (bits & 0x8000) != 0 ? -value : value;
}

static double
float_value(const head_t *head)
{
    uint32_t word = (uint32_t)head->n;
    double value;
    float single;

    if (head->info == INFO_16) {
        return half_to_double(head->n);
    }
    if (head->info == INFO_32) {
        memcpy(&single, &word, sizeof(single));
        return (double)single;
    }
    memcpy(&value, &head->n, sizeof(value));
    return value;
}

static lt_result_t
read_simple(reader_t *r, const head_t *head)
{
    if (head->info >= INFO_16 && head->info <= INFO_64) {
        write_number(r->out, float_value(head));
        return LT_OK;
    }

    switch (head->info == INFO_8 ? INDEFINITE : head->n) {
    case SIMPLE_FALSE:
        lt_out_cstr(r->out, "false");
        return LT_OK;
    case SIMPLE_TRUE:
        lt_out_cstr(r->out, "true");
        return LT_OK;
    case SIMPLE_NULL:
    case SIMPLE_UNDEFINED:
        lt_out_cstr(r->out, "null");
        return LT_OK;
    default:
        return LT_INVALID;      /* a stray break, too */
    }
}

/* AWS counts times in ms, RFC 8949 and JSON 1.1 in seconds. */
static lt_result_t
read_time(reader_t *r)
{
    lt_result_t rc;
    head_t head;
    double ms;

    rc = read_head(r, &head);
    if (rc != LT_OK) {
        return rc;
    }
    if (head.major == MAJOR_UINT) {
        ms = (double)head.n;
    } else if (head.major == MAJOR_NEGATIVE) {
        ms = -1 - (double)head.n;
    } else if (head.major == MAJOR_SIMPLE && head.info >= INFO_16
               && head.info <= INFO_64) {
        ms = float_value(&head);
    } else {
        return LT_INVALID;
    }
    write_number(r->out, ms / 1000);
    return LT_OK;
}

static void
write_integer(lt_out_t *out, const head_t *head)
{
    if (head->n > INT64_MAX) {
        write_number(out, 9e15);        /* null, as all that JSON cannot say */
    } else if (head->major == MAJOR_UINT) {
        lt_out_u64(out, head->n);
    } else {
        lt_out_i64(out, -1 - (int64_t)head->n);
    }
}

static lt_result_t read_item(reader_t *r, unsigned depth);

static lt_result_t
read_key(reader_t *r)
{
    lt_result_t rc;
    head_t head;

    rc = read_head(r, &head);
    if (rc != LT_OK) {
        return rc;
    }
    return head.major == MAJOR_TEXT ? read_string(r, &head) : LT_INVALID;
}

static lt_result_t
read_container(reader_t *r, const head_t *head, unsigned depth)
{
    int is_map = head->major == MAJOR_MAP;
    lt_result_t rc = LT_OK;

    if (depth == DEPTH_MAX) {
        return LT_INVALID;
    }

    lt_out_cstr(r->out, is_map ? "{" : "[");
    for (uint64_t i = 0; rc == LT_OK && i < head->n; i++) {
        if (head->n == INDEFINITE && is_break(r)) {
            break;
        }
        if (i != 0) {
            lt_out_cstr(r->out, ",");
        }
        if (is_map) {
            rc = read_key(r);
            lt_out_cstr(r->out, ":");
        }
        if (rc == LT_OK) {
            rc = read_item(r, depth + 1);
        }
    }
    lt_out_cstr(r->out, is_map ? "}" : "]");
    return rc;
}

static lt_result_t
read_item(reader_t *r, unsigned depth)
{
    lt_result_t rc;
    head_t head;

    for (;;) {
        rc = read_head(r, &head);
        if (rc != LT_OK || head.major != MAJOR_TAG) {
            break;
        }
        if (head.n == TAG_TIME) {
            return read_time(r);
        }
    }
    if (rc != LT_OK) {
        return rc;
    }

    switch (head.major) {
    case MAJOR_UINT:
    case MAJOR_NEGATIVE:
        write_integer(r->out, &head);
        return LT_OK;
    case MAJOR_BYTES:
    case MAJOR_TEXT:
        return read_string(r, &head);
    case MAJOR_ARRAY:
    case MAJOR_MAP:
        return read_container(r, &head, depth);
    default:
        return read_simple(r, &head);
    }
}

lt_result_t
lt_cbor_to_json(lt_out_t *out, lt_str_t cbor)
{
    reader_t r = {.pos = (const uint8_t *)cbor.data, .out = out};
    lt_result_t rc;

    if (cbor.len == 0) {
        return LT_INVALID;
    }
    r.end = r.pos + cbor.len;

    rc = read_item(&r, 0);
    if (rc == LT_OK && r.pos != r.end) {
        rc = LT_INVALID;
    }
    return rc == LT_OK ? lt_out_result(out) : rc;
}
