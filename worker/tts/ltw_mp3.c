#include "tts/ltw_mp3.h"

#include <string.h>

#define ID3V2_HEADER_LEN 10
#define ID3V1_LEN 128

typedef struct {
    size_t len;             /* bytes of the whole frame */
    unsigned samples;
    unsigned rate_hz;
    size_t side_info_len;   /* between header and a Xing tag */
} frame_t;

static const uint16_t bitrates_v1[16] = {
    0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0
};
static const uint16_t bitrates_v2[16] = {
    0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0
};
static const uint16_t rates_hz[4] = { 44100, 48000, 32000, 0 };


/* 1 when a layer III frame header stands at p (4 bytes). */
static int
frame_parse(frame_t *f, const uint8_t *p)
{
    unsigned version = (p[1] >> 3) & 3;         /* 3: 1, 2: 2, 0: 2.5 */
    unsigned layer = (p[1] >> 1) & 3;           /* 1: III */
    unsigned rate_hz = rates_hz[(p[2] >> 2) & 3];
    unsigned padding = (p[2] >> 1) & 1;
    int is_mono = (p[3] >> 6) == 3;
    unsigned kbit;

    if (p[0] != 0xff || (p[1] & 0xe0) != 0xe0 || version == 1 || layer != 1) {
        return 0;
    }
    kbit = version == 3 ? bitrates_v1[p[2] >> 4] : bitrates_v2[p[2] >> 4];
    if (kbit == 0 || rate_hz == 0) {
        return 0;
    }
    if (version == 3) {
        f->samples = 1152;
        f->rate_hz = rate_hz;
        f->side_info_len = is_mono ? 17 : 32;
    } else {
        f->samples = 576;
        f->rate_hz = version == 2 ? rate_hz / 2 : rate_hz / 4;
        f->side_info_len = is_mono ? 9 : 17;
    }
    f->len = f->samples / 8 * kbit * 1000 / f->rate_hz + padding;
    return 1;
}


/* An encoder's first frame may hold statistics instead of sound. */
static int
frame_is_info(const frame_t *f, const uint8_t *p, size_t left)
{
    size_t at = 4 + f->side_info_len;

    if (left < at + 4) {
        return 0;
    }
    return memcmp(p + at, "Xing", 4) == 0 || memcmp(p + at, "Info", 4) == 0;
}


static size_t
id3v2_len(const uint8_t *p, size_t len)
{
    size_t size;

    if (len < ID3V2_HEADER_LEN || memcmp(p, "ID3", 3) != 0) {
        return 0;
    }
    size = ((size_t) (p[6] & 0x7f) << 21) | ((size_t) (p[7] & 0x7f) << 14)
           | ((size_t) (p[8] & 0x7f) << 7) | (size_t) (p[9] & 0x7f);
    size += ID3V2_HEADER_LEN + ((p[5] & 0x10) ? ID3V2_HEADER_LEN : 0);
    return size < len ? size : len;
}


static int
is_id3v1(const uint8_t *p, size_t left)
{
    return left == ID3V1_LEN && memcmp(p, "TAG", 3) == 0;
}


lt_result_t
ltw_mp3_duration_ms(int64_t *duration_ms, lt_str_t mp3, lt_error_t *err)
{
    const uint8_t *p = (const uint8_t *) mp3.data;
    size_t pos = id3v2_len(p, mp3.len);
    unsigned rate_hz = 0;
    uint64_t samples = 0;
    frame_t f;

    while (mp3.len - pos >= 4 && !is_id3v1(p + pos, mp3.len - pos)) {
        if (!frame_parse(&f, p + pos)) {
            lt_error_set(err, 0, "no MP3 frame at byte %zu of %zu", pos,
                mp3.len);
            return LT_INVALID;
        }
        if (rate_hz != 0 && f.rate_hz != rate_hz) {
            lt_error_set(err, 0, "sample rate changes at byte %zu", pos);
            return LT_INVALID;
        }
        if (f.len > mp3.len - pos) {
            break;
        }
        if (rate_hz != 0 || !frame_is_info(&f, p + pos, mp3.len - pos)) {
            samples += f.samples;
        }
        rate_hz = f.rate_hz;
        pos += f.len;
    }
    if (samples == 0) {
        lt_error_set(err, 0, "no MP3 frame in %zu bytes", mp3.len);
        return LT_INVALID;
    }
    *duration_ms = (int64_t) (samples * 1000 / rate_hz);
    return LT_OK;
}
