/*
 * What one Kinesis record holds.
 *   raw:    the session's PCM (s16le, 16 kHz, mono) and nothing else
 *   framed: this 32-byte header, then the PCM.  Little-endian:
 *           0 magic "LTA1" | 4 u8 version 1 | 5 u8 flags | 6 u16 header 32 |
 *           8 u64 epoch | 16 u64 offset | 24 i64 capture_ms
 * A reader tells them apart by the magic, version and header length.
 */
#ifndef LT_AUDIO_RECORD_H
#define LT_AUDIO_RECORD_H

#include "lt_base.h"

#define LT_AUDIO_RECORD_HEADER_LEN 32
#define LT_AUDIO_BYTES_PER_S 32000

#define LT_AUDIO_FLAG_GAP 0x01      /* audio before offset was dropped */
#define LT_AUDIO_FLAG_LAST 0x02     /* the talk ended; PCM may be empty */

typedef struct {
    uint64_t epoch;         /* start of this numbering: a new speaker
                               connection without resume starts a new one;
                               Unix ms, strictly growing per session */
    uint64_t offset;        /* bytes of PCM before this record in the epoch */
    int64_t capture_ms;     /* Unix ms at which the first byte was spoken:
                               its arrival less the length of its chunk */
    uint8_t flags;
} lt_audio_record_t;

void lt_audio_record_encode(uint8_t out[LT_AUDIO_RECORD_HEADER_LEN],
    const lt_audio_record_t *rec);

/* For a raw record, whose first PCM the speaker has chosen: where that is the
   magic, or a beginning of it, its first sample changes by one, so that a
   reader takes it for PCM. */
void lt_audio_record_disclaim(uint8_t *pcm, size_t len);

/* 1: framed, *rec and *pcm filled; 0: raw, *pcm = data. */
int lt_audio_record_decode(lt_audio_record_t *rec, lt_str_t *pcm,
    lt_str_t data);

#endif
