/*
 * WebSocket framing for the server side, RFC 6455, without I/O.
 *
 * Decoding is in place and resumable after any byte: the caller hands over
 * what it read, the decoder unmasks it where it lies and reports pieces.
 * Not here: the HTTP handshake's checks (only the accept key), extensions
 * (none are negotiated, so RSV bits must be zero).
 *
 * Limits: the caller's message_max, over all fragments of one message;
 * control frames 125 bytes (section 5.5).
 */
#ifndef LT_WS_H
#define LT_WS_H

#include "lt_base.h"
#include "lt_text.h"

#define LT_WS_ACCEPT_LEN 28
#define LT_WS_HEADER_MAX 10         /* server frames are not masked */
#define LT_WS_CONTROL_MAX 125

typedef enum {
    LT_WS_CONTINUATION = 0x0, LT_WS_TEXT = 0x1, LT_WS_BINARY = 0x2,
    LT_WS_CLOSE = 0x8, LT_WS_PING = 0x9, LT_WS_PONG = 0xa
} lt_ws_opcode_t;

/* Close codes, section 7.4.1 and the IANA registry; 44xx are ours. */
typedef enum {
    LT_WS_CLOSE_NORMAL = 1000, LT_WS_CLOSE_GOING_AWAY = 1001,
    LT_WS_CLOSE_PROTOCOL = 1002, LT_WS_CLOSE_UNSUPPORTED = 1003,
    LT_WS_CLOSE_INVALID_DATA = 1007, LT_WS_CLOSE_POLICY = 1008,
    LT_WS_CLOSE_TOO_BIG = 1009, LT_WS_CLOSE_INTERNAL = 1011,
    LT_WS_CLOSE_RESTART = 1012, LT_WS_CLOSE_TRY_LATER = 1013,
    LT_WS_CLOSE_REPLACED = 4409
} lt_ws_close_t;

typedef struct {
    size_t message_max;         /* bytes, all fragments of one message */

    /* private: header and control are filled byte by byte, so they hold what
       the input ended in the middle of */
    uint64_t frame_left;
    size_t message_len;
    lt_utf8_t utf8;
    uint8_t header[14];
    uint8_t header_len;
    uint8_t mask[4];
    uint8_t mask_pos;
    uint8_t state;
    uint8_t opcode;
    uint8_t message_opcode;
    uint8_t fin;
    uint8_t is_first;
    uint8_t control[LT_WS_CONTROL_MAX];
    uint8_t control_len;
} lt_ws_decoder_t;

typedef enum {
    LT_WS_DATA,                 /* a piece of a text or binary message */
    LT_WS_CONTROL               /* one whole control frame */
} lt_ws_event_kind_t;

typedef struct {
    lt_ws_event_kind_t kind;
    lt_ws_opcode_t opcode;      /* DATA: text or binary of the message */
    uint8_t *data;              /* unmasked; inside the caller's input, or
                                   the decoder's own storage for CONTROL */
    size_t len;                 /* may be 0 */
    int is_first;               /* DATA: first piece of its message */
    int is_last;                /* DATA: the message is complete */
} lt_ws_event_t;

void lt_ws_decoder_init(lt_ws_decoder_t *d, size_t message_max);

/*
 * Reads on at *pos, moves it, stops after one event.
 *   LT_OK       *event is filled; call again with what is left
 *   LT_AGAIN    all input is used up
 *   LT_INVALID  protocol error; *close_code is 1002, or 1007 (bad UTF-8)
 *   LT_TOOBIG   message_max passed, known from the frame's header;
 *               *close_code is 1009
 * After an error the decoder must not be used again; err says what was wrong.
 */
lt_result_t lt_ws_decode(lt_ws_decoder_t *d, uint8_t **pos, uint8_t *end,
    lt_ws_event_t *event, uint16_t *close_code, lt_error_t *err);

/* Unmasks in place; offset = position of data[0] in the frame's payload.
   Returns nonzero when a byte is not ASCII: it has seen them all anyway. */
int lt_ws_unmask(uint8_t *data, size_t len, const uint8_t mask[4],
    size_t offset);

/* Header of an unfragmented server frame; returns its length, 2..10. */
size_t lt_ws_header(uint8_t out[LT_WS_HEADER_MAX], lt_ws_opcode_t opcode,
    uint64_t payload_len);

/*
 * A whole close frame; reason is cut to 123 bytes at a character border.
 * Returns the length.  code 0 = no body.
 */
size_t lt_ws_close_frame(uint8_t out[2 + LT_WS_CONTROL_MAX], uint16_t code,
    lt_str_t reason);

/* The body of a close frame, which lt_ws_decode does not look into: LT_INVALID
   for length 1, forbidden code, bad UTF-8.  Empty body: *code = 1005. */
lt_result_t lt_ws_close_parse(uint16_t *code, lt_str_t *reason,
    const uint8_t *data, size_t len);

/* Sec-WebSocket-Accept of a key (section 4.2.2); LT_INVALID unless the key is
   base64 of 16 bytes. */
lt_result_t lt_ws_accept(char out[LT_WS_ACCEPT_LEN], lt_str_t key);

#endif
