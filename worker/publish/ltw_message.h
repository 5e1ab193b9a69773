/*
 * The messages that the worker makes, as JSON text.  docs/design.md,
 * "Results".  Pure.
 */
#ifndef LTW_MESSAGE_H
#define LTW_MESSAGE_H

#include "lt_base.h"

#define LTW_MESSAGE_MAX (64 * 1024)     /* what nginx takes */

typedef struct {
    lt_str_t session_id;
    lt_str_t language;
    int64_t segment;
    int64_t now_wall_ms;
    lt_str_t text;              /* in that language */
    lt_str_t source_text;       /* len 0: left out */
    struct {
        const char *action;     /* NULL: all of it is left out */
        int64_t lag_ms;         /* said to heard */
    } pace;
} ltw_message_t;

/* Unix ms; 0: left out. */
typedef struct {
    int64_t captured_ms;
    int64_t arrived_ms;
    int64_t batched_ms;
    int64_t transcribed_ms;
    int64_t translated_ms;
    int64_t voiced_ms;
    int64_t stored_ms;
} ltw_timing_t;

lt_result_t ltw_message_audio(lt_out_t *out, const ltw_message_t *message,
    lt_str_t url, int64_t duration_ms, const ltw_timing_t *timing);

/* reason NULL: left out. */
lt_result_t ltw_message_caption(lt_out_t *out, const ltw_message_t *message,
    const char *reason);

/* A caption of words that may still change: text; it is no segment. */
lt_result_t ltw_message_tail(lt_out_t *out, const ltw_message_t *message);

#endif
