/*
 * application/vnd.amazon.eventstream, version 1: encoder and decoder.
 * Smithy 2.0, "Amazon Event Stream Specification".
 *
 * Frame, big-endian: u32 total | u32 headers | u32 crc32(first 8) | headers |
 * payload | u32 crc32(all before).
 *
 * Memory: the encoder writes into the caller's storage.  The decoder is given
 * a buffer that holds at least one whole frame and returns views into it.
 * Limits: LT_EVENT_HEADERS_MAX headers a frame; the caller's max_bytes.
 */
#ifndef LT_EVENTSTREAM_H
#define LT_EVENTSTREAM_H

#include "lt_base.h"

#define LT_EVENT_PRELUDE_LEN 12
#define LT_EVENT_OVERHEAD 16
#define LT_EVENT_HEADERS_MAX 32

typedef enum {
    LT_EVENT_TRUE = 0, LT_EVENT_FALSE, LT_EVENT_INT8, LT_EVENT_INT16,
    LT_EVENT_INT32, LT_EVENT_INT64, LT_EVENT_BYTES, LT_EVENT_STRING,
    LT_EVENT_TIMESTAMP, LT_EVENT_UUID
} lt_event_type_t;

typedef struct {
    lt_str_t name;          /* 1..255 bytes */
    lt_event_type_t type;
    int64_t number;         /* int8..int64, timestamp (ms) */
    lt_str_t bytes;         /* bytes, string (<= 32767), uuid (16) */
} lt_event_header_t;

typedef struct {
    lt_event_header_t headers[LT_EVENT_HEADERS_MAX];
    size_t headers_n;
    lt_str_t payload;
} lt_event_t;

uint32_t lt_crc32(uint32_t crc, const void *data, size_t len);  /* start: 0 */

/* Only the header block, as it stands inside a frame.  Both encoders:
   LT_INVALID when a name, a value or their number breaks the limits. */
lt_result_t lt_event_headers_encode(lt_out_t *out,
    const lt_event_header_t *headers, size_t n);

lt_result_t lt_event_encode(lt_out_t *out, const lt_event_header_t *headers,
    size_t n, lt_str_t payload);

/*
 * Decodes one frame at the start of data.
 *   LT_OK       *event holds views into data, *consumed the frame's length
 *   LT_AGAIN    incomplete; once the prelude is there *consumed holds the
 *               bytes that the whole frame needs, else 0
 *   LT_TOOBIG   the frame is larger than max_bytes (prelude CRC was right)
 *   LT_INVALID  bad CRC, lengths, types, header names (not UTF-8, doubled) or
 *               too many headers; close the stream
 */
lt_result_t lt_event_decode(lt_event_t *event, size_t *consumed,
    const uint8_t *data, size_t len, size_t max_bytes, lt_error_t *err);

/* The string value of a header, or len 0 when absent or of another type. */
lt_str_t lt_event_string(const lt_event_t *event, const char *name);

#endif
