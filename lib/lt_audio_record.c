#include "lt_audio_record.h"

#include <string.h>

#define MAGIC "LTA1"
#define MAGIC_LEN 4
#define VERSION 1

static void
put_le(uint8_t *out, uint64_t n, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(n >> 8 * i);
    }
}

static uint64_t
get_le(const uint8_t *in, size_t bytes)
{
    uint64_t n = 0;

    for (size_t i = bytes; i > 0; i--) {
        n = n << 8 | in[i - 1];
    }
    return n;
}

void
lt_audio_record_encode(uint8_t out[LT_AUDIO_RECORD_HEADER_LEN],
    const lt_audio_record_t *rec)
{
    memcpy(out, MAGIC, MAGIC_LEN);
    out[4] = VERSION;
    out[5] = rec->flags;
    put_le(out + 6, LT_AUDIO_RECORD_HEADER_LEN, 2);
    put_le(out + 8, rec->epoch, 8);
    put_le(out + 16, rec->offset, 8);
    put_le(out + 24, (uint64_t)rec->capture_ms, 8);
}

void
lt_audio_record_disclaim(uint8_t *pcm, size_t len)
{
    if (len > 0
        && memcmp(pcm, MAGIC, len < MAGIC_LEN ? len : MAGIC_LEN) == 0) {
        pcm[0] ^= 1;
    }
}

int
lt_audio_record_decode(lt_audio_record_t *rec, lt_str_t *pcm, lt_str_t data)
{
    const uint8_t *in = (const uint8_t *)data.data;

    *pcm = data;
    memset(rec, 0, sizeof(*rec));

    if (data.len < LT_AUDIO_RECORD_HEADER_LEN || memcmp(in, MAGIC, MAGIC_LEN) != 0
        || in[4] != VERSION
        || get_le(in + 6, 2) != LT_AUDIO_RECORD_HEADER_LEN) {
        return 0;
    }

    rec->flags = in[5];
    rec->epoch = get_le(in + 8, 8);
    rec->offset = get_le(in + 16, 8);
    rec->capture_ms = (int64_t)get_le(in + 24, 8);
    pcm->data += LT_AUDIO_RECORD_HEADER_LEN;
    pcm->len -= LT_AUDIO_RECORD_HEADER_LEN;
    return 1;
}
