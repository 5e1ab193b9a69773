/*
 * Messages from the server to browsers, as JSON text: WebSocket messages and
 * the bodies of the session API.  docs/protocol/.
 *
 * Not here: messages of the worker (they pass through byte for byte), frames.
 * Memory: into the caller's storage; LT_NOSPACE when it does not fit.
 * LT_MESSAGE_MAX is enough for every message here with ids of legal length
 * and at most LT_MESSAGE_LANGUAGES_MAX languages.
 */
#ifndef LT_MESSAGE_H
#define LT_MESSAGE_H

#include "lt_base.h"

#define LT_MESSAGE_MAX 8192
#define LT_MESSAGE_LANGUAGES_MAX 100

typedef struct {
    const char *code;           /* "INVALID_ACTION" */
    const char *text;           /* a sentence for a person */
    const char *detail_key;     /* NULL = no such detail */
    lt_str_t detail;
    unsigned retry_after_s;     /* 0 = not said */
} lt_message_error_t;

/* {"type":"error","code","message","error","details"?,"retryAfter"?,
   "timestamp"}: "error" repeats the text for clients of the session API;
   retryAfter is in details too, for those that look there. */
lt_result_t lt_message_error(lt_out_t *out, const lt_message_error_t *error,
    int64_t now_ms);

lt_result_t lt_message_heartbeat_ack(lt_out_t *out, int64_t now_ms);

typedef struct {
    int is_paused;
    int is_muted;
    double volume;
    int64_t changed_ms;
} lt_message_broadcast_t;

typedef struct {
    lt_str_t code;
    int64_t count;
} lt_message_language_t;

typedef struct {
    lt_str_t session_id;
    lt_str_t speaker_id;
    lt_str_t source_language;
    lt_str_t quality_tier;
    lt_str_t status;
    int64_t created_ms;
    int64_t updated_ms;
    int64_t expires_s;          /* Unix seconds */
    int64_t listeners;          /* sum of the languages */
    lt_message_broadcast_t broadcast;
    lt_message_language_t languages[LT_MESSAGE_LANGUAGES_MAX];
    size_t languages_n;
} lt_message_session_t;

/* The session API's record; speaker_token len 0 = without it. */
lt_result_t lt_message_session(lt_out_t *out, const lt_message_session_t *s,
    lt_str_t speaker_token);

/* sessionStatus; reason: "requested", "listenerCountChange". */
lt_result_t lt_message_session_status(lt_out_t *out,
    const lt_message_session_t *s, const char *reason, int64_t now_ms);

typedef struct {
    lt_str_t session_id;
    lt_str_t connection_id;
    lt_str_t target_language;
    lt_str_t source_language;
    int64_t listeners;
} lt_message_joined_t;

lt_result_t lt_message_session_joined(lt_out_t *out,
    const lt_message_joined_t *joined, int64_t now_ms);

/*
 * broadcastPaused, broadcastResumed, broadcastMuted, broadcastUnmuted,
 * volumeChanged (with volumeLevel), speakerStateChanged (with broadcastState).
 * The speaker's reply has broadcastState and listenersNotified, and
 * pauseDuration when it is a broadcastResumed (-1: null).
 */
typedef struct {
    const char *type;
    lt_str_t session_id;
    lt_message_broadcast_t state;
    int is_reply;               /* else to the listeners */
    int64_t listeners;
    int64_t pause_ms;
} lt_message_change_t;

lt_result_t lt_message_change(lt_out_t *out,
    const lt_message_change_t *change, int64_t now_ms);

lt_result_t lt_message_session_ended(lt_out_t *out, lt_str_t session_id,
    const char *text, int64_t now_ms);

/* languageChanged */
lt_result_t lt_message_language_changed(lt_out_t *out,
    const lt_message_joined_t *joined, int64_t now_ms);

/* playbackPaused */
lt_result_t lt_message_playback_paused(lt_out_t *out, lt_str_t session_id,
    int64_t now_ms);

/* What audioAck says; bytes are PCM. */
typedef struct {
    lt_str_t session_id;
    uint64_t epoch;             /* of the numbering */
    uint64_t settled;           /* before it: stored, dropped or never sent */
    uint64_t lost;              /* of these dropped, since the socket opened */
    uint64_t window;            /* so much may be sent and not settled */
} lt_message_ack_t;

lt_result_t lt_message_audio_ack(lt_out_t *out, const lt_message_ack_t *ack,
    int64_t now_ms);

/* connectionRefreshComplete; target_language len 0: a speaker's. */
lt_result_t lt_message_refreshed(lt_out_t *out,
    const lt_message_joined_t *joined, int64_t now_ms);

typedef struct {
    lt_str_t session_id;
    lt_str_t connection_id;
    lt_str_t source_language;
    lt_str_t quality_tier;
    int partial_results;
    double min_stability;
    double max_buffer_s;
    int64_t expires_s;
} lt_message_created_t;

/* sessionCreated */
lt_result_t lt_message_session_created(lt_out_t *out,
    const lt_message_created_t *created, int64_t now_ms);

/*
 * Copies a message, with another value of its own "targetLanguage" where that
 * is a string and the name is spelled without escapes.  json is valid JSON; the result is at most label.len bytes
 * longer.  LT_INVALID: there is no such value, nothing useful was written.
 */
lt_result_t lt_message_relabel(lt_out_t *out, lt_str_t json, lt_str_t label);

/* The body of GET /health; error NULL = healthy. */
lt_result_t lt_message_health(lt_out_t *out, const char *error,
    int64_t response_ms, int64_t now_ms);

#endif
