/*
 * JSON (RFC 8259) read once from left to right, without a tree: for hot texts
 * whose fields are known.  What is rare (\u escapes, double fields, numbers
 * with exponents, deep nesting) is left to lt_json_parse.
 *
 * What goes wrong first stays in rc, and the reading at its end: so callers
 * need not look after each step.
 *   LT_OK       so far
 *   LT_AGAIN    it may be JSON: lt_json_parse has the last word
 *   LT_INVALID  it is not
 * Memory: views into the text.
 */
#ifndef LT_SCAN_H
#define LT_SCAN_H

#include "lt_base.h"

typedef struct {
    const char *pos;
    const char *end;
    lt_result_t rc;
    int has_escapes;            /* of the last string */
} lt_scan_t;

void lt_scan_init(lt_scan_t *s, lt_str_t text);

/* Always -1. */
int lt_scan_fail(lt_scan_t *s, lt_result_t rc);

/*
 * An object or array: while (or before do) members are there.
 *   if (lt_scan_open(s, '{')) do { key, value } while (lt_scan_next(s, '}'));
 * _open: 0 for an empty one.
 */
int lt_scan_open(lt_scan_t *s, int opening);
int lt_scan_next(lt_scan_t *s, int closing);

lt_str_t lt_scan_key(lt_scan_t *s);     /* and its colon */

/* A string as it stands; *text must be empty, so that a second one shows. */
void lt_scan_text(lt_scan_t *s, lt_str_t *text);

/* Any value. */
void lt_scan_skip(lt_scan_t *s);

/* rc; LT_INVALID when more follows. */
lt_result_t lt_scan_end(lt_scan_t *s);

#endif
