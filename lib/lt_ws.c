#include "lt_ws.h"

#include <string.h>

#include "lt_crypto.h"

enum {
    STATE_HEADER = 0,
    STATE_PAYLOAD
};

static int
is_control(uint8_t opcode)
{
    return (opcode & 0x8) != 0;
}

void
lt_ws_decoder_init(lt_ws_decoder_t *d, size_t message_max)
{
    memset(d, 0, sizeof(*d));
    d->message_max = message_max;
}

/* What the first two bytes say: NULL, or what is wrong with them. */
static const char *
check_start(const lt_ws_decoder_t *d)
{
    uint8_t opcode = d->header[0] & 0x0f;

    if ((d->header[0] & 0x70) != 0) {
        return "a reserved bit is set";
    }
    if ((d->header[1] & 0x80) == 0) {
        return "a client frame is not masked";
    }
    if (is_control(opcode)) {
        if (opcode > LT_WS_PONG) {
            return "unknown opcode";
        }
        if ((d->header[0] & 0x80) == 0) {
            return "a control frame is fragmented";
        }
        if ((d->header[1] & 0x7f) > LT_WS_CONTROL_MAX) {
            return "a control frame is longer than 125 bytes";
        }
        return NULL;
    }
    if (opcode > LT_WS_BINARY) {
        return "unknown opcode";
    }
    if (opcode == LT_WS_CONTINUATION && d->message_opcode == 0) {
        return "a continuation without a message";
    }
    if (opcode != LT_WS_CONTINUATION && d->message_opcode != 0) {
        return "a new message inside a fragmented one";
    }
    return NULL;
}

static size_t
header_size(const lt_ws_decoder_t *d)
{
    uint8_t len7;

    if (d->header_len < 2) {
        return 2;
    }
    len7 = d->header[1] & 0x7f;
    return 2 + (len7 == 127 ? 8 : len7 == 126 ? 2 : 0) + 4;
}

static lt_result_t
invalid(uint16_t *close_code, uint16_t code, lt_error_t *err, const char *text)
{
    *close_code = code;
    lt_error_set(err, code, "%s", text);
    return LT_INVALID;
}

/* The payload's length; -1 when it is not in its shortest form or has the
   highest bit (section 5.2). */
static int64_t
payload_len(const uint8_t *header)
{
    uint8_t len7 = header[1] & 0x7f;
    uint64_t len = 0;
    size_t bytes = len7 == 127 ? 8 : 2;

    if (len7 < 126) {
        return len7;
    }
    for (size_t i = 0; i < bytes; i++) {
        len = len << 8 | header[2 + i];
    }
    if (len > INT64_MAX || len < (len7 == 127 ? 65536 : 126)) {
        return -1;
    }
    return (int64_t)len;
}

/* The header is complete. */
static lt_result_t
start_frame(lt_ws_decoder_t *d, uint16_t *close_code, lt_error_t *err)
{
    int64_t len = payload_len(d->header);

    if (len < 0) {
        return invalid(close_code, LT_WS_CLOSE_PROTOCOL, err,
            "a frame's length is not in its shortest form");
    }

    d->frame_left = (uint64_t)len;
    d->fin = d->header[0] >> 7;
    d->opcode = d->header[0] & 0x0f;
    memcpy(d->mask, d->header + d->header_len - 4, 4);
    d->mask_pos = 0;
    d->header_len = 0;
    d->state = STATE_PAYLOAD;

    if (is_control(d->opcode)) {
        d->control_len = 0;
        return LT_OK;
    }

    if (d->opcode != LT_WS_CONTINUATION) {
        d->message_opcode = d->opcode;
        d->message_len = 0;
        d->is_first = 1;
        lt_utf8_init(&d->utf8);
    }
    if (d->frame_left > d->message_max - d->message_len) {
        *close_code = LT_WS_CLOSE_TOO_BIG;
        lt_error_set(err, LT_WS_CLOSE_TOO_BIG,
            "a message is longer than %zu bytes", d->message_max);
        return LT_TOOBIG;
    }
    d->message_len += (size_t)d->frame_left;
    return LT_OK;
}

static lt_result_t
read_header(lt_ws_decoder_t *d, uint8_t **pos, uint8_t *end,
    uint16_t *close_code, lt_error_t *err)
{
    while (*pos < end) {
        d->header[d->header_len++] = *(*pos)++;

        if (d->header_len == 2) {
            const char *wrong = check_start(d);

            if (wrong != NULL) {
                return invalid(close_code, LT_WS_CLOSE_PROTOCOL, err, wrong);
            }
        }
        if (d->header_len == header_size(d)) {
            return start_frame(d, close_code, err);
        }
    }
    return LT_AGAIN;
}

/* Takes the next n bytes of the frame's payload from the input, unmasked. */
static uint8_t *
take(lt_ws_decoder_t *d, uint8_t **pos, size_t n, int *is_ascii)
{
    uint8_t *data = *pos;

    *is_ascii = !lt_ws_unmask(data, n, d->mask, d->mask_pos);
    d->mask_pos = (uint8_t)((d->mask_pos + n) & 3);
    d->frame_left -= n;
    *pos += n;
    return data;
}

static lt_result_t
read_control(lt_ws_decoder_t *d, uint8_t **pos, size_t n, lt_ws_event_t *event)
{
    int is_ascii;

    if (n != 0) {
        memcpy(d->control + d->control_len, take(d, pos, n, &is_ascii), n);
        d->control_len = (uint8_t)(d->control_len + n);
    }
    if (d->frame_left != 0) {
        return LT_AGAIN;
    }

    d->state = STATE_HEADER;
    event->kind = LT_WS_CONTROL;
    event->opcode = d->opcode;
    event->data = d->control;
    event->len = d->control_len;
    event->is_first = 1;
    event->is_last = 1;
    return LT_OK;
}

static lt_result_t
read_data(lt_ws_decoder_t *d, uint8_t **pos, size_t n, lt_ws_event_t *event,
    uint16_t *close_code, lt_error_t *err)
{
    int is_ascii;

    if (n == 0 && d->frame_left != 0) {
        return LT_AGAIN;
    }

    event->kind = LT_WS_DATA;
    event->opcode = d->message_opcode;
    event->data = take(d, pos, n, &is_ascii);
    event->len = n;
    event->is_first = d->is_first;
    event->is_last = d->fin && d->frame_left == 0;
    d->is_first = 0;

    if (d->message_opcode == LT_WS_TEXT
        && !(is_ascii && lt_utf8_is_complete(&d->utf8))
        && (lt_utf8_feed(&d->utf8, event->data, n) != LT_OK
            || (event->is_last && !lt_utf8_is_complete(&d->utf8)))) {
        return invalid(close_code, LT_WS_CLOSE_INVALID_DATA, err,
            "a text message is not UTF-8");
    }

    if (d->frame_left == 0) {
        d->state = STATE_HEADER;
    }
    if (event->is_last) {
        d->message_opcode = 0;
    }
    return LT_OK;
}

lt_result_t
lt_ws_decode(lt_ws_decoder_t *d, uint8_t **pos, uint8_t *end,
    lt_ws_event_t *event, uint16_t *close_code, lt_error_t *err)
{
    size_t n;

    if (d->state == STATE_HEADER) {
        lt_result_t rc = read_header(d, pos, end, close_code, err);

        if (rc != LT_OK) {
            return rc;
        }
    }

    n = (size_t)(end - *pos);
    if (n > d->frame_left) {
        n = (size_t)d->frame_left;
    }

    return is_control(d->opcode)
               ? read_control(d, pos, n, event)
               : read_data(d, pos, n, event, close_code, err);
}

/* 16 bytes that the processor takes as one. */
typedef uint8_t bytes_t __attribute__((vector_size(16)));

int
lt_ws_unmask(uint8_t *data, size_t len, const uint8_t mask[4], size_t offset)
{
    uint8_t key[sizeof(bytes_t)], high = 0;
    bytes_t key_bytes, bytes, all = {0};
    uint64_t halves[2];

    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = mask[(offset + i) & 3];
    }
    memcpy(&key_bytes, key, sizeof(key_bytes));

    for (; len >= sizeof(bytes); data += sizeof(bytes), len -= sizeof(bytes)) {
        memcpy(&bytes, data, sizeof(bytes));
        bytes ^= key_bytes;
        all |= bytes;
        memcpy(data, &bytes, sizeof(bytes));
    }
    for (size_t i = 0; i < len; i++) {
        data[i] ^= key[i];
        high |= data[i];
    }

    memcpy(halves, &all, sizeof(halves));
    return ((halves[0] | halves[1]) & 0x8080808080808080u) != 0
           || (high & 0x80) != 0;
}

size_t
lt_ws_header(uint8_t out[LT_WS_HEADER_MAX], lt_ws_opcode_t opcode, uint64_t len)
{
    size_t bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;

    out[0] = (uint8_t)(0x80 | opcode);
    out[1] = (uint8_t)(bytes == 0 ? len : bytes == 2 ? 126 : 127);
    for (size_t i = 0; i < bytes; i++) {
        out[2 + i] = (uint8_t)(len >> 8 * (bytes - 1 - i));
    }
    return 2 + bytes;
}

size_t
lt_ws_close_frame(uint8_t out[2 + LT_WS_CONTROL_MAX], uint16_t code,
    lt_str_t reason)
{
    size_t n = reason.len;

    if (code == 0) {
        return lt_ws_header(out, LT_WS_CLOSE, 0);
    }
    if (n > LT_WS_CONTROL_MAX - 2) {
        n = LT_WS_CONTROL_MAX - 2;
        while (n > 0 && ((uint8_t)reason.data[n] & 0xc0) == 0x80) {
            n--;
        }
    }

    (void)lt_ws_header(out, LT_WS_CLOSE, 2 + n);
    out[2] = (uint8_t)(code >> 8);
    out[3] = (uint8_t)code;
    if (n != 0) {
        memcpy(out + 4, reason.data, n);
    }
    return 4 + n;
}

/* Codes that may stand in a frame: section 7.4 and the registry, without those
   that only report (1005, 1006, 1015). */
static int
is_close_code(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}

lt_result_t
lt_ws_close_parse(uint16_t *code, lt_str_t *reason, const uint8_t *data,
    size_t len)
{
    lt_utf8_t utf8;

    *code = 1005;
    *reason = LT_STR("");
    if (len == 0) {
        return LT_OK;
    }
    if (len == 1) {
        return LT_INVALID;
    }

    *code = (uint16_t)(data[0] << 8 | data[1]);
    lt_utf8_init(&utf8);
    if (!is_close_code(*code) || lt_utf8_feed(&utf8, data + 2, len - 2) != LT_OK
        || !lt_utf8_is_complete(&utf8)) {
        return LT_INVALID;
    }

    reason->data = (const char *)data + 2;
    reason->len = len - 2;
    return LT_OK;
}

lt_result_t
lt_ws_accept(char out[LT_WS_ACCEPT_LEN], lt_str_t key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[24 + sizeof(guid) - 1], nonce[18], sha1[LT_SHA1_LEN];
    size_t nonce_len;

    if (key.len != 24 || lt_base64_decode(nonce, &nonce_len, key) != LT_OK
        || nonce_len != 16) {
        return LT_INVALID;
    }

    memcpy(text, key.data, 24);
    memcpy(text + 24, guid, sizeof(guid) - 1);
    if (lt_sha1(sha1, text, sizeof(text)) != LT_OK) {
        return LT_ERROR;
    }
    (void)lt_base64_encode(out, sha1, sizeof(sha1));
    return LT_OK;
}
