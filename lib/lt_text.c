#include "lt_text.h"

#include <string.h>

#include "lt_base64_wide.h"

static int
hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

void
lt_hex_encode(char *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
}

lt_result_t
lt_hex_decode(uint8_t *out, lt_str_t hex)
{
    if (hex.len % 2 != 0) {
        return LT_INVALID;
    }

    for (size_t i = 0; i < hex.len; i += 2) {
        int high = hex_value((unsigned char)hex.data[i]);
        int low = hex_value((unsigned char)hex.data[i + 1]);

        if (high < 0 || low < 0) {
            return LT_INVALID;
        }
        out[i / 2] = (uint8_t)(high << 4 | low);
    }

    return LT_OK;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
lt_base64_encode(char *out, const uint8_t *data, size_t len)
{
    size_t wide = lt_base64_wide_encode(out, data, len);
    char *p = out + wide / 3 * 4;

    data += wide;
    len -= wide;
    for (; len >= 3; data += 3, len -= 3) {
        uint32_t n = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];

        *p++ = base64_digits[n >> 18];
        *p++ = base64_digits[n >> 12 & 63];
        *p++ = base64_digits[n >> 6 & 63];
        *p++ = base64_digits[n & 63];
    }

    if (len != 0) {
        uint32_t n = (uint32_t)data[0] << 16;

        if (len == 2) {
            n |= (uint32_t)data[1] << 8;
        }
        *p++ = base64_digits[n >> 18];
        *p++ = base64_digits[n >> 12 & 63];
        *p++ = len == 2 ? base64_digits[n >> 6 & 63] : '=';
        *p++ = '=';
    }

    return (size_t)(p - out);
}

/* A digit's value with bit 0x40 set; 0 for all that is no digit.  So one AND
   over all entries tells in the end whether every character was a digit. */
/* clang-format off */
static const uint8_t base64_values[256] = {
    ['A'] = 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76,
    77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
    ['a'] = 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102,
    103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115,
    ['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125,
    ['+'] = 126, ['/'] = 127
};
/* clang-format on */

#define BASE64_DIGIT 0x40

/* The last group: one or two '=' at most; returns the bytes written, 0 when it
   is broken. */
static size_t
base64_decode_last(uint8_t *out, const uint8_t *in)
{
    size_t bytes = in[3] != '=' ? 3 : in[2] != '=' ? 2 : 1;
    uint32_t n = 0;

    for (size_t i = 0; i < 4; i++) {
        uint8_t v = i <= bytes ? base64_values[in[i]] : BASE64_DIGIT;

        if ((v & BASE64_DIGIT) == 0) {
            return 0;
        }
        n = n << 6 | (v & 63);
    }

    if ((bytes == 1 && (n & 0xffff) != 0) || (bytes == 2 && (n & 0xff) != 0)) {
        return 0;
    }

    out[0] = (uint8_t)(n >> 16);
    if (bytes > 1) {
        out[1] = (uint8_t)(n >> 8);
    }
    if (bytes > 2) {
        out[2] = (uint8_t)n;
    }
    return bytes;
}

lt_result_t
lt_base64_decode(uint8_t *out, size_t *out_len, lt_str_t in)
{
    const uint8_t *src = (const uint8_t *)in.data;
    uint8_t *dst = out;
    uint8_t all = BASE64_DIGIT;
    size_t last, wide;
    int is_bad = 0;

    if (in.len % 4 != 0) {
        return LT_INVALID;
    }
    if (in.len == 0) {
        *out_len = 0;
        return LT_OK;
    }

    wide = lt_base64_wide_decode(out, src, in.len, &is_bad);
    src += wide;
    dst += wide / 4 * 3;

    for (size_t groups = (in.len - wide) / 4 - 1; groups != 0; groups--) {
        uint8_t a = base64_values[src[0]], b = base64_values[src[1]];
        uint8_t c = base64_values[src[2]], d = base64_values[src[3]];
        uint32_t n = (a & 63u) << 18 | (b & 63u) << 12 | (c & 63u) << 6
                     | (d & 63u);

        all &= a & b & c & d;
        dst[0] = (uint8_t)(n >> 16);
        dst[1] = (uint8_t)(n >> 8);
        dst[2] = (uint8_t)n;
        src += 4;
        dst += 3;
    }

    last = base64_decode_last(dst, src);
    if (is_bad || (all & BASE64_DIGIT) == 0 || last == 0) {
        return LT_INVALID;
    }

    *out_len = (size_t)(dst - out) + last;
    return LT_OK;
}

static int
is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
           || c == '~';
}

void
lt_uri_encode(lt_out_t *out, lt_str_t s, int keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (is_unreserved(c) || (c == '/' && keep_slash)) {
            lt_out_bytes(out, &c, 1);

        } else {
            char escape[3] = {'%', digits[c >> 4], digits[c & 15]};

            lt_out_bytes(out, escape, sizeof(escape));
        }
    }
}

lt_result_t
lt_uri_decode(char *out, size_t *out_len, lt_str_t s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        int high, low;

        if (s.data[i] != '%') {
            out[n++] = s.data[i];
            continue;
        }
        if (s.len - i < 3) {
            return LT_INVALID;
        }
        high = hex_value((unsigned char)s.data[i + 1]);
        low = hex_value((unsigned char)s.data[i + 2]);
        if (high < 0 || low < 0) {
            return LT_INVALID;
        }
        out[n++] = (char)(high << 4 | low);
        i += 2;
    }

    *out_len = n;
    return LT_OK;
}

void
lt_utf8_init(lt_utf8_t *u)
{
    u->need = 0;
    u->lower = 0x80;
    u->upper = 0xbf;
}

/* The limits of the second byte keep out overlong forms, surrogates and what
   lies past U+10FFFF (RFC 3629, section 4). */
static lt_result_t
utf8_lead(lt_utf8_t *u, uint8_t c)
{
    if (c >= 0xc2 && c <= 0xdf) {
        u->need = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        u->need = 2;
        u->lower = c == 0xe0 ? 0xa0 : 0x80;
        u->upper = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        u->need = 3;
        u->lower = c == 0xf0 ? 0x90 : 0x80;
        u->upper = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        return LT_INVALID;
    }
    return LT_OK;
}

lt_result_t
lt_utf8_feed(lt_utf8_t *u, const uint8_t *data, size_t len)
{
    const uint8_t *end;

    if (len == 0) {
        return LT_OK;
    }

    end = data + len;
    while (data < end) {
        if (u->need == 0) {
            uint64_t words[4];

            while (end - data >= (ptrdiff_t)sizeof(words)) {
                memcpy(words, data, sizeof(words));
                if (((words[0] | words[1] | words[2] | words[3])
                     & 0x8080808080808080u) != 0) {
                    break;
                }
                data += sizeof(words);
            }
            while (data < end && *data < 0x80) {
                data++;
            }
            if (data < end && utf8_lead(u, *data++) != LT_OK) {
                return LT_INVALID;
            }
            continue;
        }

        if (*data < u->lower || *data > u->upper) {
            return LT_INVALID;
        }
        u->lower = 0x80;
        u->upper = 0xbf;
        u->need--;
        data++;
    }

    return LT_OK;
}

int
lt_utf8_is_complete(const lt_utf8_t *u)
{
    return u->need == 0;
}
