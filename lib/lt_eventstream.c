#include "lt_eventstream.h"

#include <string.h>

#include "lt_text.h"

#define NAME_MAX_LEN 255
#define VALUE_MAX_LEN 32767
#define UUID_LEN 16

/* Bytes of the number that a type carries; 0 = none. */
static size_t
number_size(lt_event_type_t type)
{
    switch (type) {
    case LT_EVENT_INT8:
        return 1;
    case LT_EVENT_INT16:
        return 2;
    case LT_EVENT_INT32:
        return 4;
    case LT_EVENT_INT64:
    case LT_EVENT_TIMESTAMP:
        return 8;
    default:
        return 0;
    }
}

static void
put_be(lt_out_t *out, uint64_t n, size_t bytes)
{
    uint8_t *room = lt_out_reserve(out, bytes);

    for (size_t i = 0; room != NULL && i < bytes; i++) {
        room[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
    }
}

static uint64_t
get_be(const uint8_t *in, size_t bytes)
{
    uint64_t n = 0;

    for (size_t i = 0; i < bytes; i++) {
        n = n << 8 | in[i];
    }
    return n;
}

/* Four bits at a time: a table of 64 bytes, fast enough for speech. */
uint32_t
lt_crc32(uint32_t crc, const void *data, size_t len)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c
    };
    const uint8_t *p = data;

    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static lt_result_t
put_header(lt_out_t *out, const lt_event_header_t *header)
{
    if (header->name.len < 1 || header->name.len > NAME_MAX_LEN) {
        return LT_INVALID;
    }
    put_be(out, header->name.len, 1);
    lt_out_str(out, header->name);
    put_be(out, header->type, 1);

    switch (header->type) {
    case LT_EVENT_TRUE:
    case LT_EVENT_FALSE:
        return LT_OK;
    case LT_EVENT_BYTES:
    case LT_EVENT_STRING:
        if (header->bytes.len > VALUE_MAX_LEN) {
            return LT_INVALID;
        }
        put_be(out, header->bytes.len, 2);
        lt_out_str(out, header->bytes);
        return LT_OK;
    case LT_EVENT_UUID:
        lt_out_str(out, header->bytes);
        return header->bytes.len == UUID_LEN ? LT_OK : LT_INVALID;
    case LT_EVENT_INT8:
    case LT_EVENT_INT16:
    case LT_EVENT_INT32:
    case LT_EVENT_INT64:
    case LT_EVENT_TIMESTAMP:
        put_be(out, (uint64_t)header->number, number_size(header->type));
        return LT_OK;
    }
    return LT_INVALID;
}

lt_result_t
lt_event_headers_encode(lt_out_t *out, const lt_event_header_t *headers,
    size_t n)
{
    if (n > LT_EVENT_HEADERS_MAX) {
        return LT_INVALID;
    }
    for (size_t i = 0; i < n; i++) {
        if (put_header(out, &headers[i]) != LT_OK) {
            return LT_INVALID;
        }
    }
    return lt_out_result(out);
}

lt_result_t
lt_event_encode(lt_out_t *out, const lt_event_header_t *headers, size_t n,
    lt_str_t payload)
{
    uint8_t *frame = out->pos;
    size_t headers_len, total;
    lt_out_t prelude;

    (void)lt_out_reserve(out, LT_EVENT_PRELUDE_LEN);
    if (lt_event_headers_encode(out, headers, n) == LT_INVALID) {
        return LT_INVALID;
    }
    if (lt_out_result(out) != LT_OK) {
        return LT_NOSPACE;
    }

    headers_len = (size_t)(out->pos - frame) - LT_EVENT_PRELUDE_LEN;
    if (payload.len > UINT32_MAX - LT_EVENT_OVERHEAD - headers_len) {
        return LT_INVALID;
    }
    total = LT_EVENT_OVERHEAD + headers_len + payload.len;

    lt_out_init(&prelude, frame, LT_EVENT_PRELUDE_LEN);
    put_be(&prelude, total, 4);
    put_be(&prelude, headers_len, 4);
    put_be(&prelude, lt_crc32(0, frame, 8), 4);

    lt_out_str(out, payload);
    if (lt_out_result(out) == LT_OK) {
        put_be(out, lt_crc32(0, frame, total - 4), 4);
    }
    return lt_out_result(out);
}

static int
is_utf8(lt_str_t s)
{
    lt_utf8_t u;

    lt_utf8_init(&u);
    return lt_utf8_feed(&u, (const uint8_t *)s.data, s.len) == LT_OK
           && lt_utf8_is_complete(&u);
}

/* Takes len bytes from the front of rest. */
static int
take(lt_str_t *out, lt_str_t *rest, size_t len)
{
    if (len > rest->len) {
        return 0;
    }
    out->data = rest->data;
    out->len = len;
    rest->data += len;
    rest->len -= len;
    return 1;
}

static int
take_number(int64_t *out, lt_str_t *rest, size_t bytes)
{
    unsigned shift = (unsigned)(64 - 8 * bytes);
    lt_str_t raw;

    if (!take(&raw, rest, bytes)) {
        return 0;
    }
    /* up and down again brings the sign along */
    *out = (int64_t)(get_be((const uint8_t *)raw.data, bytes) << shift)
           >> shift;
    return 1;
}

static int
take_value(lt_event_header_t *header, lt_str_t *rest)
{
    int64_t len;

    switch (header->type) {
    case LT_EVENT_TRUE:
    case LT_EVENT_FALSE:
        return 1;
    case LT_EVENT_BYTES:
    case LT_EVENT_STRING:
        /* above 32767 it reads as negative: no such length */
        if (!take_number(&len, rest, 2) || len < 0
            || !take(&header->bytes, rest, (size_t)len)) {
            return 0;
        }
        return header->type == LT_EVENT_BYTES || is_utf8(header->bytes);
    case LT_EVENT_UUID:
        return take(&header->bytes, rest, UUID_LEN);
    case LT_EVENT_INT8:
    case LT_EVENT_INT16:
    case LT_EVENT_INT32:
    case LT_EVENT_INT64:
    case LT_EVENT_TIMESTAMP:
        return take_number(&header->number, rest, number_size(header->type));
    }
    return 0;
}

static int
has_name(const lt_event_t *event, lt_str_t name)
{
    for (size_t i = 0; i < event->headers_n; i++) {
        if (lt_str_equal(event->headers[i].name, name)) {
            return 1;
        }
    }
    return 0;
}

static lt_result_t
decode_headers(lt_event_t *event, lt_str_t rest, lt_error_t *err)
{
    while (rest.len != 0) {
        lt_event_header_t header = {.number = 0};
        size_t name_len = (uint8_t)rest.data[0];
        lt_str_t raw;

        if (event->headers_n == LT_EVENT_HEADERS_MAX) {
            lt_error_set(err, 0, "event with more than %d headers",
                LT_EVENT_HEADERS_MAX);
            return LT_INVALID;
        }
        if (!take(&raw, &rest, 1) || name_len == 0
            || !take(&header.name, &rest, name_len) || !is_utf8(header.name)
            || has_name(event, header.name)) {
            lt_error_set(err, 0, "event header %zu has a bad name",
                event->headers_n + 1);
            return LT_INVALID;
        }
        if (!take(&raw, &rest, 1) || (uint8_t)raw.data[0] > LT_EVENT_UUID) {
            lt_error_set(err, 0, "event header %zu has an unknown type",
                event->headers_n + 1);
            return LT_INVALID;
        }
        header.type = (lt_event_type_t)raw.data[0];
        if (!take_value(&header, &rest)) {
            lt_error_set(err, 0, "event header %zu has a bad value",
                event->headers_n + 1);
            return LT_INVALID;
        }
        event->headers[event->headers_n++] = header;
    }
    return LT_OK;
}

lt_result_t
lt_event_decode(lt_event_t *event, size_t *consumed, const uint8_t *data,
    size_t len, size_t max_bytes, lt_error_t *err)
{
    size_t total, headers_len;

    event->headers_n = 0;
    event->payload = LT_STR("");
    *consumed = 0;
    if (len < LT_EVENT_PRELUDE_LEN) {
        return LT_AGAIN;
    }

    /* the lengths mean nothing before their own checksum holds */
    if (lt_crc32(0, data, 8) != get_be(data + 8, 4)) {
        lt_error_set(err, 0, "event prelude has a wrong checksum");
        return LT_INVALID;
    }
    total = (size_t)get_be(data, 4);
    headers_len = (size_t)get_be(data + 4, 4);
    if (total < LT_EVENT_OVERHEAD || headers_len > total - LT_EVENT_OVERHEAD) {
        lt_error_set(err, 0, "event of %zu bytes with %zu bytes of headers",
            total, headers_len);
        return LT_INVALID;
    }
    if (total > max_bytes) {
        lt_error_set(err, 0, "event of %zu bytes, at most %zu are taken",
            total, max_bytes);
        return LT_TOOBIG;
    }

    *consumed = total;
    if (len < total) {
        return LT_AGAIN;
    }
    if (lt_crc32(0, data, total - 4) != get_be(data + total - 4, 4)) {
        lt_error_set(err, 0, "event has a wrong checksum");
        return LT_INVALID;
    }

    event->payload.data = (const char *)data + LT_EVENT_PRELUDE_LEN
                          + headers_len;
    event->payload.len = total - LT_EVENT_OVERHEAD - headers_len;
    return decode_headers(event,
        (lt_str_t){(const char *)data + LT_EVENT_PRELUDE_LEN, headers_len},
        err);
}

lt_str_t
lt_event_string(const lt_event_t *event, const char *name)
{
    for (size_t i = 0; i < event->headers_n; i++) {
        const lt_event_header_t *header = &event->headers[i];

        if (header->type == LT_EVENT_STRING && lt_str_is(header->name, name)) {
            return header->bytes;
        }
    }
    return LT_STR("");
}
