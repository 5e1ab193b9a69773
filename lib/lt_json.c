#include "lt_json.h"
#include "lt_text.h"

#include <string.h>

#include <jansson.h>

/* lt_json_t is never defined: it is jansson's json_t under our name. */

static const json_t *
value(const lt_json_t *v)
{
    return (const json_t *)v;
}

static const lt_json_t *
ours(const json_t *v)
{
    return (const lt_json_t *)v;
}

lt_result_t
lt_json_parse(lt_json_t **doc, lt_str_t text, size_t max_bytes, lt_error_t *err)
{
    json_error_t detail;
    json_t *root;

    *doc = NULL;

    if (text.len > max_bytes) {
        lt_error_set(err, 0, "JSON of %zu bytes, at most %zu are taken",
            text.len, max_bytes);
        return LT_TOOBIG;
    }

    /* jansson loses a NUL behind a number or a word: "1\0" would pass */
    if (text.len != 0 && memchr(text.data, 0, text.len) != NULL) {
        lt_error_set(err, 0, "not JSON: a NUL byte");
        return LT_INVALID;
    }

    root = json_loadb(text.len == 0 ? "" : text.data, text.len,
        JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &detail);
    if (root == NULL) {
        /* jansson goes on with "near '<what was there>'": that may be what
           somebody said, and this sentence gets logged */
        char *content = strstr(detail.text, " near '");

        if (content != NULL) {
            *content = '\0';
        }
        lt_error_set(err, 0, "not JSON: line %d column %d: %s", detail.line,
            detail.column, detail.text);
        return json_error_code(&detail) == json_error_out_of_memory
                   ? LT_ERROR
                   : LT_INVALID;
    }

    *doc = (lt_json_t *)root;
    return LT_OK;
}

void
lt_json_free(lt_json_t **doc)
{
    if (doc != NULL && *doc != NULL) {
        json_decref((json_t *)*doc);
        *doc = NULL;
    }
}

int
lt_json_is_object(const lt_json_t *v)
{
    return json_is_object(value(v));
}

int
lt_json_is_array(const lt_json_t *v)
{
    return json_is_array(value(v));
}

const lt_json_t *
lt_json_get(const lt_json_t *object, const char *key)
{
    return ours(json_object_get(value(object), key));
}

size_t
lt_json_size(const lt_json_t *array)
{
    return json_array_size(value(array));
}

size_t
lt_json_object_size(const lt_json_t *object)
{
    return json_object_size(value(object));
}

const lt_json_t *
lt_json_at(const lt_json_t *array, size_t i)
{
    return ours(json_array_get(value(array), i));
}

static int
read_string(const json_t *v, lt_str_t *out)
{
    if (!json_is_string(v)) {
        return 0;
    }

    out->data = json_string_value(v);
    out->len = json_string_length(v);
    return 1;
}

int
lt_json_string(const lt_json_t *object, const char *key, lt_str_t *out)
{
    return read_string(json_object_get(value(object), key), out);
}

int
lt_json_at_string(const lt_json_t *array, size_t i, lt_str_t *out)
{
    return read_string(json_array_get(value(array), i), out);
}

int
lt_json_int(const lt_json_t *object, const char *key, int64_t *out)
{
    const json_t *v = json_object_get(value(object), key);

    if (!json_is_integer(v)) {
        return 0;
    }

    *out = json_integer_value(v);
    return 1;
}

int
lt_json_number(const lt_json_t *object, const char *key, double *out)
{
    const json_t *v = json_object_get(value(object), key);

    if (!json_is_number(v)) {
        return 0;
    }

    *out = json_number_value(v);
    return 1;
}

int
lt_json_bool(const lt_json_t *object, const char *key, int *out)
{
    const json_t *v = json_object_get(value(object), key);

    if (!json_is_boolean(v)) {
        return 0;
    }

    *out = json_is_true(v);
    return 1;
}

/* Length of the valid character at p, 0 when there is none. */
static size_t
char_len(const uint8_t *p, const uint8_t *end)
{
    lt_utf8_t u;

    lt_utf8_init(&u);
    for (size_t n = 1; n <= 4 && n <= (size_t)(end - p); n++) {
        if (lt_utf8_feed(&u, p + n - 1, 1) != LT_OK) {
            return 0;
        }
        if (lt_utf8_is_complete(&u)) {
            return n;
        }
    }
    return 0;
}

static void
put_escape(lt_out_t *out, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    static const char special[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (const char *s = special; *s != '\0'; s += 2) {
        if (c == (uint8_t)*s) {
            text[1] = s[1];
            lt_out_bytes(out, text, 2);
            return;
        }
    }
    lt_out_bytes(out, text, sizeof(text));
}

static void
put_string(lt_out_t *out, lt_str_t s)
{
    const uint8_t *p = (const uint8_t *)s.data, *end;
    const uint8_t *run = p;         /* what can be copied as it is */

    if (s.len == 0) {
        lt_out_bytes(out, "\"\"", 2);
        return;
    }

    end = p + s.len;
    lt_out_bytes(out, "\"", 1);
    while (p < end) {
        size_t n = 1;

        if (*p >= 0x80 && (n = char_len(p, end)) == 0) {
            lt_out_bytes(out, run, (size_t)(p - run));
            lt_out_cstr(out, "\xef\xbf\xbd");
            run = ++p;

        } else if (*p < 0x20 || *p == '"' || *p == '\\' || *p == 0x7f) {
            lt_out_bytes(out, run, (size_t)(p - run));
            put_escape(out, *p);
            run = ++p;

        } else {
            p += n;
        }
    }
    lt_out_bytes(out, run, (size_t)(p - run));
    lt_out_bytes(out, "\"", 1);
}

/* The comma before an item, and its key. */
static void
put_start(lt_json_writer_t *w, const char *key)
{
    uint32_t bit = UINT32_C(1) << w->depth;

    if (w->comma & bit) {
        lt_out_bytes(w->out, ",", 1);
    }
    w->comma |= bit;

    if (key != NULL) {
        put_string(w->out, lt_str(key));
        lt_out_bytes(w->out, ":", 1);
    }
}

static void
open_level(lt_json_writer_t *w, const char *key, const char *bracket)
{
    put_start(w, key);
    lt_out_cstr(w->out, bracket);

    if (w->depth == 31) {
        w->out->overflow = 1;
        return;
    }
    w->depth++;
    w->comma &= ~(UINT32_C(1) << w->depth);
}

static void
close_level(lt_json_writer_t *w, const char *bracket)
{
    if (w->depth > 0) {
        w->depth--;
    }
    lt_out_cstr(w->out, bracket);
}

void
lt_json_begin(lt_json_writer_t *w, lt_out_t *out)
{
    w->out = out;
    w->comma = 0;
    w->depth = 0;
}

void
lt_json_open_object(lt_json_writer_t *w, const char *key)
{
    open_level(w, key, "{");
}

void
lt_json_close_object(lt_json_writer_t *w)
{
    close_level(w, "}");
}

void
lt_json_open_array(lt_json_writer_t *w, const char *key)
{
    open_level(w, key, "[");
}

void
lt_json_close_array(lt_json_writer_t *w)
{
    close_level(w, "]");
}

void
lt_json_put_str(lt_json_writer_t *w, const char *key, lt_str_t v)
{
    put_start(w, key);
    put_string(w->out, v);
}

void
lt_json_put_cstr(lt_json_writer_t *w, const char *key, const char *v)
{
    lt_json_put_str(w, key, lt_str(v));
}

void
lt_json_put_int(lt_json_writer_t *w, const char *key, int64_t v)
{
    put_start(w, key);
    lt_out_i64(w->out, v);
}

/* By hand: printf's decimal point depends on the process's locale. */
static void
put_decimal(lt_out_t *out, int64_t whole, unsigned thousandths)
{
    char decimals[4] = {'.', (char)('0' + thousandths / 100),
        (char)('0' + thousandths / 10 % 10), (char)('0' + thousandths % 10)};
    size_t n = sizeof(decimals);

    while (n > 1 && decimals[n - 1] == '0') {
        n--;
    }
    lt_out_i64(out, whole);
    lt_out_bytes(out, decimals, n > 1 ? n : 0);
}

void
lt_json_put_number(lt_json_writer_t *w, const char *key, double v)
{
    double size = v < 0 ? -v : v;
    int64_t whole;
    unsigned thousandths;

    if (!(size < 9e15)) {
        lt_json_put_null(w, key);
        return;
    }

    /* apart, because v * 1000 would lose digits of a large whole part */
    whole = (int64_t)size;
    thousandths = (unsigned)((size - (double)whole) * 1000 + 0.5);
    if (thousandths == 1000) {
        whole++;
        thousandths = 0;
    }

    put_start(w, key);
    if (v < 0 && (whole != 0 || thousandths != 0)) {
        lt_out_bytes(w->out, "-", 1);
    }
    put_decimal(w->out, whole, thousandths);
}

void
lt_json_put_bool(lt_json_writer_t *w, const char *key, int v)
{
    lt_json_put_raw(w, key, v ? LT_STR("true") : LT_STR("false"));
}

void
lt_json_put_null(lt_json_writer_t *w, const char *key)
{
    lt_json_put_raw(w, key, LT_STR("null"));
}

void
lt_json_put_raw(lt_json_writer_t *w, const char *key, lt_str_t text)
{
    put_start(w, key);
    lt_out_str(w->out, text);
}
