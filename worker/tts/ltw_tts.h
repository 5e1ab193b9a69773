/*
 * What a voice is to the rest of the worker: text in, a playable MP3 out, by
 * a deadline.  Calls and handlers as in ltw_mt.h.
 */
#ifndef LTW_TTS_H
#define LTW_TTS_H

#include "cost/ltw_cost.h"

#define LTW_TTS_TEXT_MAX 9000           /* bytes; Polly bills 3000 characters
                                           at most, and says so itself */
#define LTW_TTS_AUDIO_MAX (4 * 1024 * 1024)

typedef struct {
    lt_str_t text;
    lt_str_t language;
    lt_str_t lexicons;                  /* names, separated by spaces */
    unsigned rate_percent;              /* 100: as the voice speaks */
    unsigned deadline_ms;               /* from now, retries included */
} ltw_tts_request_t;

/* mp3.data NULL: it failed, code says how.  An MP3 that reaches the handler
   was checked frame by frame.  Lives during the call only. */
typedef void (*ltw_tts_handler_t)(void *data, lt_str_t mp3,
    int64_t duration_ms, const char *code);

typedef struct ltw_tts_call_s ltw_tts_call_t;
typedef struct ltw_tts_engine_s ltw_tts_engine_t;

struct ltw_tts_engine_s {
    const char *name;
    int (*has_voice)(ltw_tts_engine_t *engine, lt_str_t language);
    /* What a character costs. */
    ltw_price_t (*price)(ltw_tts_engine_t *engine, lt_str_t language);
    /* NULL: no voice, too long, too many at once, no memory. */
    ltw_tts_call_t *(*speak)(ltw_tts_engine_t *engine,
        const ltw_tts_request_t *request, ltw_tts_handler_t handler,
        void *data);
    void (*cancel)(ltw_tts_call_t **call);      /* *call may be NULL */
};

#endif
