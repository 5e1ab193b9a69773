#include "lt_scan.h"

#include <string.h>

/* Objects and arrays inside the text; deeper ones are left to the parser. */
#define DEPTH_MAX 64
/* A longer number, or one with an exponent, may be out of the parser's
   range. */
#define NUMBER_MAX 18

void
lt_scan_init(lt_scan_t *s, lt_str_t text)
{
    s->pos = text.data;
    s->end = text.len != 0 ? text.data + text.len : text.data;
    s->rc = LT_OK;
    s->has_escapes = 0;
}

int
lt_scan_fail(lt_scan_t *s, lt_result_t rc)
{
    if (s->rc == LT_OK) {
        s->rc = rc;
    }
    s->pos = s->end;
    return -1;
}

/* The next byte after white space, not consumed; -1 at the end. */
static int
scan_peek(lt_scan_t *s)
{
    while (s->pos < s->end) {
        char c = *s->pos;

        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            return (unsigned char)c;
        }
        s->pos++;
    }
    return -1;
}

/* -1 unless it comes next; consumed. */
static int
scan_expect(lt_scan_t *s, int c)
{
    if (scan_peek(s) != c) {
        return lt_scan_fail(s, LT_INVALID);
    }
    s->pos++;
    return 0;
}

/* 16 bytes that the processor looks at as one. */
typedef uint8_t bytes_t __attribute__((vector_size(16)));

/* Nonzero where a byte is a quote, a backslash or a control character. */
static inline bytes_t
marks(const char *pos)
{
    bytes_t bytes;

    memcpy(&bytes, pos, sizeof(bytes));
    return (bytes_t)(bytes == '"') | (bytes_t)(bytes == '\\')
           | (bytes_t)(bytes < 0x20);
}

static inline int
is_any(bytes_t bytes)
{
    uint64_t halves[2];

    memcpy(halves, &bytes, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

/* Moves over plain string content: stops at a quote, a backslash or a control
   character at the latest. */
static void
skip_plain(lt_scan_t *s)
{
    while (s->end - s->pos >= 64
           && !is_any(marks(s->pos) | marks(s->pos + 16) | marks(s->pos + 32)
                      | marks(s->pos + 48))) {
        s->pos += 64;
    }
    while (s->end - s->pos >= 16 && !is_any(marks(s->pos))) {
        s->pos += 16;
    }

    while (s->pos < s->end && *s->pos != '"' && *s->pos != '\\'
           && (unsigned char)*s->pos >= 0x20) {
        s->pos++;
    }
}

/* One of the bytes in set, if it comes next. */
static int
skip_one(lt_scan_t *s, const char *set)
{
    if (s->pos < s->end && *s->pos != '\0' && strchr(set, *s->pos) != NULL) {
        s->pos++;
        return 1;
    }
    return 0;
}

static void
skip_escape(lt_scan_t *s)
{
    s->has_escapes = 1;
    s->pos++;
    if (skip_one(s, "u")) {
        /* surrogates, U+0000: the parser knows */
        (void)lt_scan_fail(s, LT_AGAIN);
    } else if (!skip_one(s, "\"\\/bfnrt")) {
        (void)lt_scan_fail(s, LT_INVALID);
    }
}

/* A string with its escapes, seen in has_escapes. */
static lt_str_t
scan_string(lt_scan_t *s)
{
    lt_str_t text = {NULL, 0};

    s->has_escapes = 0;
    if (scan_expect(s, '"') != 0) {
        return text;
    }

    text.data = s->pos;
    skip_plain(s);
    while (s->pos < s->end && *s->pos == '\\') {
        skip_escape(s);
        skip_plain(s);
    }

    /* anything but the closing quote is a control character or the end */
    text.len = (size_t)(s->pos - text.data);
    if (!skip_one(s, "\"")) {
        (void)lt_scan_fail(s, LT_INVALID);
    }
    return text;
}

static size_t
skip_digits(lt_scan_t *s)
{
    const char *start = s->pos;

    while (s->pos < s->end && *s->pos >= '0' && *s->pos <= '9') {
        s->pos++;
    }
    return (size_t)(s->pos - start);
}

static void
skip_number(lt_scan_t *s)
{
    const char *start = s->pos;

    (void)skip_one(s, "-");
    if (!skip_one(s, "0") && skip_digits(s) == 0) {
        (void)lt_scan_fail(s, LT_INVALID);
    }
    if (skip_one(s, ".") && skip_digits(s) == 0) {
        (void)lt_scan_fail(s, LT_INVALID);
    }
    if (skip_one(s, "eE") || s->pos - start > NUMBER_MAX) {
        (void)lt_scan_fail(s, LT_AGAIN);
    }
}

static void
skip_word(lt_scan_t *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->pos) < len || memcmp(s->pos, word, len) != 0) {
        (void)lt_scan_fail(s, LT_INVALID);
        return;
    }
    s->pos += len;
}

static void skip_value(lt_scan_t *s, unsigned depth);

/* After a member: moves behind the comma (1) or the closing bracket (0). */
int
lt_scan_next(lt_scan_t *s, int closing)
{
    int c = scan_peek(s);

    if (c != ',' && c != closing) {
        (void)lt_scan_fail(s, LT_INVALID);
        return 0;
    }
    s->pos++;
    return c == ',';
}

static void
skip_container(lt_scan_t *s, int closing, unsigned depth)
{
    if (depth == DEPTH_MAX) {
        (void)lt_scan_fail(s, LT_AGAIN);
        return;
    }

    s->pos++;
    if (scan_peek(s) == closing) {
        s->pos++;
        return;
    }
    do {
        if (closing == '}') {
            (void)scan_string(s);
            (void)scan_expect(s, ':');
        }
        skip_value(s, depth + 1);
    } while (lt_scan_next(s, closing));
}

static void
skip_value(lt_scan_t *s, unsigned depth)
{
    switch (scan_peek(s)) {
    case '{':
        skip_container(s, '}', depth);
        break;
    case '[':
        skip_container(s, ']', depth);
        break;
    case '"':
        (void)scan_string(s);
        break;
    case 't':
        skip_word(s, "true");
        break;
    case 'f':
        skip_word(s, "false");
        break;
    case 'n':
        skip_word(s, "null");
        break;
    default:
        skip_number(s);
    }
}

void
lt_scan_skip(lt_scan_t *s)
{
    skip_value(s, 0);
}

int
lt_scan_open(lt_scan_t *s, int opening)
{
    int closing = opening == '{' ? '}' : ']';

    if (scan_expect(s, opening) != 0) {
        return 0;
    }
    if (scan_peek(s) == closing) {
        s->pos++;
        return 0;
    }
    return 1;
}

lt_str_t
lt_scan_key(lt_scan_t *s)
{
    lt_str_t key = scan_string(s);

    if (s->rc == LT_OK && s->has_escapes) {
        (void)lt_scan_fail(s, LT_AGAIN);
    }
    (void)scan_expect(s, ':');
    return key;
}

void
lt_scan_text(lt_scan_t *s, lt_str_t *text)
{
    if (text->data != NULL || scan_peek(s) != '"') {
        (void)lt_scan_fail(s, LT_AGAIN);
        return;
    }

    *text = scan_string(s);
    if (s->rc == LT_OK && s->has_escapes) {
        (void)lt_scan_fail(s, LT_AGAIN);
    }
}

lt_result_t
lt_scan_end(lt_scan_t *s)
{
    if (s->rc == LT_OK && scan_peek(s) != -1) {
        (void)lt_scan_fail(s, LT_INVALID);
    }
    return s->rc;
}
