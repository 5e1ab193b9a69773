/* What several unit tests need: cmocka, vector files, bytes from hex. */
#ifndef VECTORS_H
#define VECTORS_H

/* cmocka.h wants these four before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt_json.h"
#include "lt_text.h"

#define assert_str(s, cstr)                                                    \
    do {                                                                       \
        lt_str_t s_ = (s);                                                     \
        assert_int_equal(s_.len, strlen(cstr));                                \
        assert_memory_equal(s_.data, cstr, s_.len);                            \
    } while (0)

/* Tests run in the top folder.  Freed by the caller. */
static inline lt_json_t *
vectors_load(const char *path)
{
    static char text[1024 * 1024];
    lt_error_t err = {0};
    lt_json_t *doc = NULL;
    FILE *file = fopen(path, "rb");
    size_t len;

    if (file == NULL) {
        fail_msg("%s cannot be read: run this in the top folder", path);
    }
    len = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    if (lt_json_parse(&doc, (lt_str_t){text, len}, sizeof(text) - 1, &err)
        != LT_OK) {
        fail_msg("%s: %s", path, err.text);
    }
    return doc;
}

/* "" when absent */
static inline lt_str_t
vector_str(const lt_json_t *object, const char *key)
{
    lt_str_t text = LT_STR("");

    (void)lt_json_string(object, key, &text);
    return text;
}

/* On the heap, exactly as long as it is, so that sanitizers see overruns. */
static inline uint8_t *
bytes_from_hex(lt_str_t hex, size_t *len)
{
    uint8_t *bytes = malloc(hex.len / 2 + (hex.len == 0));

    assert_non_null(bytes);
    assert_int_equal(lt_hex_decode(bytes, hex), LT_OK);
    *len = hex.len / 2;
    return bytes;
}

#endif
