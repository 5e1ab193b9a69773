/*
 * JSON (RFC 8259).  Reader: the one file of lib/ that includes jansson.
 * Writer: ours, into the caller's storage.
 *
 * Memory: a document owns all values and strings reached through it; free it
 * last.  Limits: the caller's max_bytes; nesting as jansson's (2048); integers
 * of 64 bits; no U+0000 in strings.
 */
#ifndef LT_JSON_H
#define LT_JSON_H

#include "lt_base.h"

typedef struct lt_json_s lt_json_t;     /* any value; NULL reads as absent */

/* *doc must be freed; err->text has line and column, and nothing of the text
   itself, so it may be logged.  LT_INVALID: not JSON, or duplicate keys;
   LT_TOOBIG: longer than max_bytes; LT_ERROR: no memory. */
lt_result_t lt_json_parse(lt_json_t **doc, lt_str_t text, size_t max_bytes,
    lt_error_t *err);
void lt_json_free(lt_json_t **doc);

int lt_json_is_object(const lt_json_t *v);
int lt_json_is_array(const lt_json_t *v);
const lt_json_t *lt_json_get(const lt_json_t *object, const char *key);
size_t lt_json_size(const lt_json_t *array);
size_t lt_json_object_size(const lt_json_t *object);   /* 0: no object */
const lt_json_t *lt_json_at(const lt_json_t *array, size_t i);

/* 1 and the value, or 0 when absent or of another type. */
int lt_json_string(const lt_json_t *object, const char *key, lt_str_t *out);
int lt_json_int(const lt_json_t *object, const char *key, int64_t *out);
int lt_json_number(const lt_json_t *object, const char *key, double *out);
int lt_json_bool(const lt_json_t *object, const char *key, int *out);

/* 1 and the string value of an array element. */
int lt_json_at_string(const lt_json_t *array, size_t i, lt_str_t *out);

/*
 * Writer: keys and values in order, commas by itself.  Strings are escaped;
 * invalid UTF-8 becomes U+FFFD.  key NULL inside arrays.  Nesting beyond 31
 * levels shows as LT_NOSPACE of the output.
 */
typedef struct {
    lt_out_t *out;
    uint32_t comma;         /* one bit a level: next item needs a comma */
    unsigned depth;         /* at most 31 */
} lt_json_writer_t;

void lt_json_begin(lt_json_writer_t *w, lt_out_t *out);
void lt_json_open_object(lt_json_writer_t *w, const char *key);
void lt_json_close_object(lt_json_writer_t *w);
void lt_json_open_array(lt_json_writer_t *w, const char *key);
void lt_json_close_array(lt_json_writer_t *w);
void lt_json_put_str(lt_json_writer_t *w, const char *key, lt_str_t value);
void lt_json_put_cstr(lt_json_writer_t *w, const char *key, const char *v);
void lt_json_put_int(lt_json_writer_t *w, const char *key, int64_t value);
/* Up to 3 decimals, trailing zeros cut: enough for seconds.  null for what is
   not finite or not below 9e15. */
void lt_json_put_number(lt_json_writer_t *w, const char *key, double value);
void lt_json_put_bool(lt_json_writer_t *w, const char *key, int value);
void lt_json_put_null(lt_json_writer_t *w, const char *key);
/* text is valid JSON already */
void lt_json_put_raw(lt_json_writer_t *w, const char *key, lt_str_t text);

#endif
