/*
 * How long an MP3 plays, from its frame headers (ISO/IEC 11172-3 and 13818-3,
 * layer III, and the 2.5 extension).  Pure: no decoding, no I/O.
 *
 * An ID3v2 tag in front, a Xing/Info frame (counted as no audio) and an ID3v1
 * tag behind are understood.  A last frame that is cut off is not counted.
 */
#ifndef LTW_MP3_H
#define LTW_MP3_H

#include "lt_base.h"

/* LT_INVALID: no frame, other bytes between frames, or frames that change
   their sample rate: nothing that a player should be given. */
lt_result_t ltw_mp3_duration_ms(int64_t *duration_ms, lt_str_t mp3,
    lt_error_t *err);

#endif
