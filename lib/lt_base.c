#include "lt_base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

lt_str_t
lt_str(const char *cstr)
{
    lt_str_t s = {cstr, cstr == NULL ? 0 : strlen(cstr)};

    return s;
}

int
lt_str_is(lt_str_t s, const char *cstr)
{
    size_t len = strlen(cstr);

    return s.len == len && (len == 0 || memcmp(s.data, cstr, len) == 0);
}

int
lt_str_equal(lt_str_t a, lt_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

void
lt_error_set(lt_error_t *err, int code, const char *fmt, ...)
{
    va_list args;

    if (err == NULL) {
        return;
    }

    err->code = code;
    va_start(args, fmt);
    (void)vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
}

void
lt_out_init(lt_out_t *out, void *storage, size_t size)
{
    out->start = storage;
    out->pos = storage;
    out->end = size == 0 ? storage : (uint8_t *)storage + size;
    out->overflow = 0;
}

uint8_t *
lt_out_reserve(lt_out_t *out, size_t len)
{
    uint8_t *room = out->pos;

    /* after a miss nothing fits any more: a hole would pass for content */
    if (out->overflow || len > (size_t)(out->end - out->pos)) {
        out->overflow = 1;
        return NULL;
    }

    if (len != 0) {
        out->pos += len;
    }
    return room;
}

void
lt_out_bytes(lt_out_t *out, const void *data, size_t len)
{
    uint8_t *room = lt_out_reserve(out, len);

    if (room != NULL && len != 0) {
        memcpy(room, data, len);
    }
}

void
lt_out_str(lt_out_t *out, lt_str_t s)
{
    lt_out_bytes(out, s.data, s.len);
}

void
lt_out_cstr(lt_out_t *out, const char *s)
{
    lt_out_bytes(out, s, strlen(s));
}

void
lt_out_u64(lt_out_t *out, uint64_t n)
{
    char digits[20];
    size_t i = sizeof(digits);

    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);

    lt_out_bytes(out, digits + i, sizeof(digits) - i);
}

void
lt_out_i64(lt_out_t *out, int64_t n)
{
    if (n < 0) {
        lt_out_bytes(out, "-", 1);
        lt_out_u64(out, 0 - (uint64_t)n);
        return;
    }

    lt_out_u64(out, (uint64_t)n);
}

size_t
lt_out_len(const lt_out_t *out)
{
    return (size_t)(out->pos - out->start);
}

lt_result_t
lt_out_result(const lt_out_t *out)
{
    return out->overflow ? LT_NOSPACE : LT_OK;
}
