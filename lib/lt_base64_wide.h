/*
 * The middle of base64 (RFC 4648, section 4), 32 characters at a time, where
 * the processor has AVX2; lt_text.h does ends, and all of it elsewhere.
 */
#ifndef LT_BASE64_WIDE_H
#define LT_BASE64_WIDE_H

#include "lt_base.h"

/* Encodes from the beginning; returns how many bytes, a multiple of 3 (0: the
   processor cannot, or there are too few).  Writes 4 characters for each 3. */
size_t lt_base64_wide_encode(char *out, const uint8_t *data, size_t len);

/*
 * Decodes from the beginning; returns how many characters, a multiple of 4, and
 * leaves at least the last 4.  Writes 3 bytes for each 4, and garbage behind
 * them, but nothing past what all len characters decode to.  out may be in.
 * *is_bad is set to 1 when a character was no digit, else left alone.
 */
size_t lt_base64_wide_decode(uint8_t *out, const uint8_t *in, size_t len,
    int *is_bad);

#endif
