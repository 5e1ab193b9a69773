#include "asr/ltw_stream_id.h"

#include <stdio.h>
#include <string.h>

#include "lt_crypto.h"


void
ltw_stream_id(char id[LTW_STREAM_ID_SIZE], const char *session_id,
    unsigned rotation)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t b[LT_SHA256_LEN] = { 0 };
    char text[120];
    size_t n = 0;

    snprintf(text, sizeof(text), "%u %s", rotation % 2, session_id);
    (void) lt_sha256(b, text, strlen(text));
    b[6] = (uint8_t) ((b[6] & 0x0f) | 0x80);    /* RFC 9562: version 8 */
    b[8] = (uint8_t) ((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            id[n++] = '-';
        }
        id[n++] = hex[b[i] >> 4];
        id[n++] = hex[b[i] & 15];
    }
    id[n] = '\0';
}
