/*
 * Hexadecimal, base64 (RFC 4648 section 4), percent-encoding (RFC 3986) and
 * UTF-8 validation (RFC 3629).
 */
#ifndef LT_TEXT_H
#define LT_TEXT_H

#include "lt_base.h"

/* Lower-case hex, 2 * len characters, no terminator. */
void lt_hex_encode(char *out, const uint8_t *data, size_t len);
lt_result_t lt_hex_decode(uint8_t *out, lt_str_t hex);

#define LT_BASE64_ENCODED_LEN(n) ((((n) + 2) / 3) * 4)
#define LT_BASE64_DECODED_MAX(n) ((((n) + 3) / 4) * 3)

/* Padded, standard alphabet.  Returns the number of characters written. */
size_t lt_base64_encode(char *out, const uint8_t *data, size_t len);

/*
 * Strict: standard alphabet, padding required, no white space, unused bits
 * zero.  out may be the input's own storage (decoding in place).
 * LT_INVALID leaves *out_len untouched; what out held is lost.
 */
lt_result_t lt_base64_decode(uint8_t *out, size_t *out_len, lt_str_t in);

/* Percent-encodes all but A-Z a-z 0-9 - . _ ~ ; '/' too unless keep_slash. */
void lt_uri_encode(lt_out_t *out, lt_str_t s, int keep_slash);

/* Decodes %XX (not '+').  LT_INVALID on a broken escape. out may be s.data. */
lt_result_t lt_uri_decode(char *out, size_t *out_len, lt_str_t s);

/*
 * UTF-8, resumable after any byte: keep the state over the fragments of one
 * message.  feed() returns LT_INVALID at the first impossible byte;
 * is_complete() is false in the middle of a character.
 */
typedef struct {
    uint8_t need;       /* bytes that the character still lacks */
    uint8_t lower;      /* bounds of the next byte */
    uint8_t upper;
} lt_utf8_t;

void lt_utf8_init(lt_utf8_t *u);
lt_result_t lt_utf8_feed(lt_utf8_t *u, const uint8_t *data, size_t len);
int lt_utf8_is_complete(const lt_utf8_t *u);

#endif
