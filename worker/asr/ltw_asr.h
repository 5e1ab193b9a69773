/*
 * What a speech recogniser is to the rest of the worker: a stream that takes
 * PCM (s16le, 16 kHz, mono) and gives results with word times.
 *
 * One stream is one conversation with the engine and may die; ltw_asr_line.h
 * makes a talk-long line out of them.  Sessions use the line only.
 *
 * Memory: results and error texts are views, valid inside the callback.
 * Callbacks never run inside open, write, finish or close; after close none
 * runs.
 */
#ifndef LTW_ASR_H
#define LTW_ASR_H

#include "lt_base.h"

#define LTW_ASR_ITEMS_MAX 1024          /* of one result, more are cut: cut_n */
#define LTW_VOCABULARY_MAX 200          /* Transcribe, VocabularyName */

typedef struct {
    lt_str_t text;
    int64_t start_ms;                   /* audio time since the first byte */
    int64_t end_ms;
    uint8_t is_word;                    /* else punctuation */
    uint8_t is_stable;                  /* will not change any more */
} ltw_asr_item_t;

typedef struct {
    lt_str_t id;                        /* the same for all partials and the
                                           final of one stretch of speech */
    int64_t start_ms;
    int64_t end_ms;
    int is_partial;
    const ltw_asr_item_t *items;
    size_t items_n;
    size_t cut_n;                       /* more there were */
} ltw_asr_result_t;

typedef enum {
    LTW_ASR_COMPLETE,           /* after finish: everything was said */
    LTW_ASR_TRANSIENT,          /* open another one after a while */
    LTW_ASR_THROTTLED,          /* the same, later */
    LTW_ASR_CONFLICT,           /* a stream with the same id was opened: ours
                                   again only if the talk still is */
    LTW_ASR_FATAL               /* configuration, keys: retry seldom */
} ltw_asr_end_t;

typedef struct {
    void (*on_open)(void *data);
    void (*on_result)(void *data, const ltw_asr_result_t *result);
    void (*on_drain)(void *data);       /* write refused before, takes again */
    /* The last call; code is the engine's own name of what happened
       ("LimitExceededException", "connection_lost"). */
    void (*on_end)(void *data, ltw_asr_end_t end, const char *code,
        const char *text);
} ltw_asr_events_t;

typedef struct ltw_asr_stream_s ltw_asr_stream_t;
typedef struct ltw_asr_engine_s ltw_asr_engine_t;

typedef struct {
    const char *session_id;             /* for the log */
    const char *language;               /* "en": our code */
    const char *stream_id;              /* 36 characters, UUID; kept over the
                                           reopenings of one line */
    const char *place;                  /* the same for all streams of a line,
                                           of its successors', too */
    const char *vocabulary;             /* its name; "": none */
    const char *trace;                  /* traceparent; "": none */
} ltw_asr_options_t;

/* What an engine file provides; the first member of its own struct. */
struct ltw_asr_engine_s {
    const char *name;
    /* NULL: cannot even start (unknown language, memory); err says why. */
    ltw_asr_stream_t *(*open)(ltw_asr_engine_t *engine,
        const ltw_asr_options_t *options, const ltw_asr_events_t *events,
        void *data, lt_error_t *err);
    /* LT_OK: taken as a whole.  LT_NOSPACE: wait for on_drain. */
    lt_result_t (*write)(ltw_asr_stream_t *stream, lt_str_t pcm);
    void (*finish)(ltw_asr_stream_t *stream);   /* no more audio will come */
    void (*close)(ltw_asr_stream_t **stream);   /* at once */
};

#endif
