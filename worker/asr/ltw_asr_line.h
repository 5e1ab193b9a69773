/*
 * Speech recognition as long as a talk lasts: one stream of an engine at a
 * time, opened at the first audio, opened again when it dies, kept awake with
 * silence, cut into events of 100 ms.
 *
 * Time on a line: ms of audio written since it was opened, the line's own
 * silence included (ltw_asr_line_position_ms); results carry it, whatever
 * stream they come from.
 *
 * Silence is written when the talk is silent (kinesis/ltw_inflow.h): audio that
 * waits somewhere would have it in the middle of a word.  After
 * LTW_ASR_SILENCE_AT_LAST_MS the stream would end, so then it is written
 * whatever waits.
 *
 * A stream that dies is logged (stream_failed) and opened again after a
 * backoff (lib/lt_aws.h; after a fatal error 30 s); audio that neither a final
 * result nor ltw_asr_line_settled covers is sent again, at most 10 s of it;
 * what is covered is given back at once.
 *
 * A stream grows no older than transcribe_stream_age, or than its keys are
 * good: another is opened beside it, both hear the audio from where words are
 * not settled, and when the new one has its first word, or nothing is said, it
 * takes over and the old one is closed.
 *
 * Limits: 60 s of audio wait for a stream; more: the oldest is dropped and
 * counted (pcm_bytes_overflow).
 * Callbacks never run inside a function of this header; after close none.
 */
#ifndef LTW_ASR_LINE_H
#define LTW_ASR_LINE_H

#include "asr/ltw_asr.h"
#include "ltw_services.h"

#define LTW_ASR_WAITING_MAX_MS 60000
#define LTW_ASR_REPLAY_MAX_MS 10000
#define LTW_ASR_SILENCE_AFTER_MS 5000
#define LTW_ASR_SILENCE_AT_LAST_MS 12000    /* Transcribe gives up after 15 s */

typedef struct ltw_asr_line_s ltw_asr_line_t;

typedef struct {
    void (*on_result)(void *data, const ltw_asr_result_t *result);
    /* Another stream answers from now on: ids of results start afresh, words
       that were heard before may come again.  Must not close the line. */
    void (*on_restart)(void *data);
    /* After finish, the last call: nothing more will be recognised. */
    void (*on_over)(void *data);
    /* What the engine's owner is paid for: a stream was opened, bytes of audio
       went to one, those of silence and those that were sent before included. */
    void (*on_stream)(void *data);
    void (*on_sent)(void *data, size_t bytes);
} ltw_asr_line_events_t;

typedef struct {
    const char *session_id;     /* for the log; all are copied */
    const char *language;
    const char *vocabulary;     /* its name; "": none */
    const char *trace;          /* traceparent; "": none */
} ltw_asr_line_options_t;

/* NULL: no memory.  No stream is opened before the first audio. */
ltw_asr_line_t *ltw_asr_line_open(const ltw_services_t *services,
    ltw_asr_engine_t *engine, const ltw_asr_line_options_t *options,
    const ltw_asr_line_events_t *events, void *data);

/* Any length, even.  LT_ERROR: no memory, or finished. */
lt_result_t ltw_asr_line_write(ltw_asr_line_t *line, lt_str_t pcm);

/* Where the next byte written will be. */
int64_t ltw_asr_line_position_ms(const ltw_asr_line_t *line);

/* Words that end before position_ms are taken: a new stream need not hear that
   audio again. */
void ltw_asr_line_settled(ltw_asr_line_t *line, int64_t position_ms);

/* So far an engine has the audio and may still say something of it, or nobody
   will ever have it.  What is behind it waits, or would be sent again. */
int64_t ltw_asr_line_fed_ms(const ltw_asr_line_t *line);

/* on_over comes within 15 s; audio that no stream has taken by then is
   counted as dropped. */
void ltw_asr_line_finish(ltw_asr_line_t *line);
void ltw_asr_line_close(ltw_asr_line_t **line);

#endif
