#include "lt_chunk.h"

#include <string.h>

/* Objects and arrays inside the message; deeper ones are left to the parser. */
#define DEPTH_MAX 64
/* A longer number, or one with an exponent, may be out of the parser's
   range. */
#define NUMBER_MAX 18

/* What went wrong first stays in rc, and pos at the end: so nothing more is
   read, and callers need not look after each step. */
typedef struct {
    const char *pos;
    const char *end;
    lt_result_t rc;
    int has_escapes;    /* of the last string */
} scan_t;

static int
fail(scan_t *s, lt_result_t rc)
{
    if (s->rc == LT_OK) {
        s->rc = rc;
    }
    s->pos = s->end;
    return -1;
}

/* The next byte after white space, not consumed; -1 at the end. */
static int
peek(scan_t *s)
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

static int
expect(scan_t *s, int c)
{
    if (peek(s) != c) {
        return fail(s, LT_INVALID);
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
skip_plain(scan_t *s)
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
skip_one(scan_t *s, const char *set)
{
    if (s->pos < s->end && *s->pos != '\0' && strchr(set, *s->pos) != NULL) {
        s->pos++;
        return 1;
    }
    return 0;
}

static void
skip_escape(scan_t *s)
{
    s->has_escapes = 1;
    s->pos++;
    if (skip_one(s, "u")) {
        /* surrogates, U+0000: the parser knows */
        (void)fail(s, LT_AGAIN);
    } else if (!skip_one(s, "\"\\/bfnrt")) {
        (void)fail(s, LT_INVALID);
    }
}

static lt_str_t
read_string(scan_t *s)
{
    lt_str_t text = {NULL, 0};

    s->has_escapes = 0;
    if (expect(s, '"') != 0) {
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
        (void)fail(s, LT_INVALID);
    }
    return text;
}

static size_t
skip_digits(scan_t *s)
{
    const char *start = s->pos;

    while (s->pos < s->end && *s->pos >= '0' && *s->pos <= '9') {
        s->pos++;
    }
    return (size_t)(s->pos - start);
}

static void
skip_number(scan_t *s)
{
    const char *start = s->pos;

    (void)skip_one(s, "-");
    if (!skip_one(s, "0") && skip_digits(s) == 0) {
        (void)fail(s, LT_INVALID);
    }
    if (skip_one(s, ".") && skip_digits(s) == 0) {
        (void)fail(s, LT_INVALID);
    }
    if (skip_one(s, "eE") || s->pos - start > NUMBER_MAX) {
        (void)fail(s, LT_AGAIN);
    }
}

static void
skip_word(scan_t *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->pos) < len || memcmp(s->pos, word, len) != 0) {
        (void)fail(s, LT_INVALID);
        return;
    }
    s->pos += len;
}

static void skip_value(scan_t *s, unsigned depth);

/* After a member: moves behind the comma (1) or the closing bracket (0). */
static int
has_next(scan_t *s, int closing)
{
    int c = peek(s);

    if (c != ',' && c != closing) {
        (void)fail(s, LT_INVALID);
        return 0;
    }
    s->pos++;
    return c == ',';
}

static void
skip_container(scan_t *s, int closing, unsigned depth)
{
    if (depth == DEPTH_MAX) {
        (void)fail(s, LT_AGAIN);
        return;
    }

    s->pos++;
    if (peek(s) == closing) {
        s->pos++;
        return;
    }
    do {
        if (closing == '}') {
            (void)read_string(s);
            (void)expect(s, ':');
        }
        skip_value(s, depth + 1);
    } while (has_next(s, closing));
}

static void
skip_value(scan_t *s, unsigned depth)
{
    switch (peek(s)) {
    case '{':
        skip_container(s, '}', depth);
        break;
    case '[':
        skip_container(s, ']', depth);
        break;
    case '"':
        (void)read_string(s);
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

/* A field that we want: a string without escapes, once.  Whatever else it is,
   the parser has the last word. */
static void
read_field(scan_t *s, lt_str_t *field)
{
    if (field->data != NULL || peek(s) != '"') {
        (void)fail(s, LT_AGAIN);
        return;
    }

    *field = read_string(s);
    if (s->rc == LT_OK && s->has_escapes) {
        (void)fail(s, LT_AGAIN);
    }
}

static void
read_member(scan_t *s, lt_chunk_t *chunk)
{
    lt_str_t key = read_string(s);

    if (s->rc == LT_OK && s->has_escapes) {
        (void)fail(s, LT_AGAIN);
    }
    if (expect(s, ':') != 0) {
        return;
    }

    if (lt_str_is(key, "action")) {
        read_field(s, &chunk->action);
        if (s->rc == LT_OK && !lt_str_is(chunk->action, "audioChunk")) {
            (void)fail(s, LT_AGAIN);
        }
    } else if (lt_str_is(key, "sessionId")) {
        read_field(s, &chunk->session_id);
    } else if (lt_str_is(key, "audioData")) {
        read_field(s, &chunk->audio_data);
    } else {
        skip_value(s, 0);
    }
}

lt_result_t
lt_chunk_scan(lt_chunk_t *chunk, lt_str_t message)
{
    scan_t s = {.pos = message.data, .rc = LT_OK};

    memset(chunk, 0, sizeof(*chunk));
    if (message.len == 0) {
        return LT_INVALID;
    }

    s.end = message.data + message.len;
    (void)expect(&s, '{');

    if (peek(&s) == '}') {
        s.pos++;
    } else {
        do {
            read_member(&s, chunk);
        } while (has_next(&s, '}'));
    }
    if (s.rc == LT_OK && peek(&s) != -1) {
        (void)fail(&s, LT_INVALID);
    }
    if (s.rc != LT_OK) {
        return s.rc;
    }

    chunk->has_audio_data = chunk->audio_data.data != NULL;
    return chunk->action.data != NULL ? LT_OK : LT_AGAIN;
}
