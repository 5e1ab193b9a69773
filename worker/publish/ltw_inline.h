/*
 * audio_delivery = inline: a clip as a data: URL (RFC 2397), which players take
 * where they would fetch a presigned one.  Pure.
 *
 * Limits: a clip of LTW_INLINE_MAX bytes beside LTW_INLINE_TEXT_MAX bytes of
 * text: with them a message fits LTW_MESSAGE_MAX, however its text is escaped.
 */
#ifndef LTW_INLINE_H
#define LTW_INLINE_H

#include "lt_base.h"

#define LTW_INLINE_MAX (40 * 1024)      /* 6.8 s at Polly's 48 kbit/s */
#define LTW_INLINE_TEXT_MAX 1536

/* On the heap.  NULL: it goes by S3, because it is too large (or no memory);
   text_len: of all text in its message. */
char *ltw_inline_url(lt_str_t mp3, size_t text_len, size_t *url_len);

#endif
