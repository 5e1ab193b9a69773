/*
 * CBOR (RFC 8949) as AWS's CBOR 1.1 protocol uses it: what we send is written
 * item by item, what we get is turned into the JSON that the JSON 1.1 protocol
 * would have answered, so that one reader serves both.
 *
 * Limits: nesting of 16 levels; the caller's storage.
 */
#ifndef LT_CBOR_H
#define LT_CBOR_H

#include "lt_base.h"

#define LT_CBOR_HEAD_MAX 9          /* bytes of an item's head */

/* Heads and items; an array or map is followed by its n items or pairs, a
   byte string by its len bytes. */
void lt_cbor_map(lt_out_t *out, uint64_t n);
void lt_cbor_array(lt_out_t *out, uint64_t n);
void lt_cbor_bytes(lt_out_t *out, uint64_t len);
void lt_cbor_text(lt_out_t *out, lt_str_t text);

/*
 * One item as JSON.  Indefinite lengths are read; byte strings become base64;
 * tag 1 (a time, in ms) becomes seconds with three decimals; other tags are
 * passed over; undefined is null.  Floating-point numbers have three decimals.
 *   LT_OK       JSON, unless a text is not UTF-8: the JSON reader says so
 *   LT_INVALID  not well-formed, bytes behind the item, a key that is no
 *               text, nested too deeply, or a simple value that JSON lacks
 *   LT_NOSPACE  the JSON does not fit
 */
lt_result_t lt_cbor_to_json(lt_out_t *out, lt_str_t cbor);

#endif
