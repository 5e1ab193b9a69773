/*
 * What is in Redis: names of keys, the Lua script of each transition, the
 * payload of a session's channel.  docs/design.md, "Redis".
 *
 * Not here: connections, commands, time.  All keys of one session share the
 * hash tag {sessionId}, so each transition is one script on one slot.
 *
 * Limits: a key LT_STATE_KEY_MAX bytes; an event's head LT_STATE_HEAD_MAX.
 */
#ifndef LT_STATE_H
#define LT_STATE_H

#include "lt_base.h"

#define LT_STATE_KEY_MAX 192
#define LT_STATE_HEAD_MAX 256

typedef enum {
    LT_STATE_KEY_SESSION,           /* lt:{id}:session     hash */
    LT_STATE_KEY_LISTENERS,         /* lt:{id}:listeners   hash */
    LT_STATE_KEY_LANGUAGES,         /* lt:{id}:languages   hash */
    LT_STATE_KEY_EVENTS,            /* lt:{id}:events      channel */
    LT_STATE_KEY_WORKER,            /* lt:{id}:worker      hash */
    LT_STATE_KEY_PROCESS,           /* lt:nginx:<id>       string */
    LT_STATE_KEY_PROCESS_SESSIONS   /* lt:nginx:<id>:sessions  set */
} lt_state_key_t;

#define LT_STATE_PROCESSES "lt:nginx"       /* set of process ids */
#define LT_STATE_CREATED "lt:created:"      /* + SHA-256 hex of a POST, 20 s */
#define LT_STATE_SWEEPER "lt:nginx:sweeper" /* string: who sweeps now */

/* id: a session's or a process's.  LT_NOSPACE. */
lt_result_t lt_state_key(lt_out_t *out, lt_state_key_t key, lt_str_t id);

/* What a session's listeners of a language were sent last: a list of channel
   payloads, newest first, kept for LT_STATE_RECENT_S seconds.
   "lt:{id}:recent:<language>" */
#define LT_STATE_RECENT_MAX 64
#define LT_STATE_RECENT_S 600
lt_result_t lt_state_recent_key(lt_out_t *out, lt_str_t session_id,
    lt_str_t language);

/* "lt:shard:<stream>:<shard>" */
lt_result_t lt_state_shard_key(lt_out_t *out, lt_str_t stream, lt_str_t shard);

/* The session id in the name of an events channel; LT_INVALID. */
lt_result_t lt_state_channel_session(lt_str_t *id, lt_str_t channel);

/*
 * Scripts.  KEYS of all: session, listeners, languages.  Each answers an array
 * whose first item is a code below; the others are listed with the script and
 * are there with LT_STATE_DONE only.  Times are Unix ms unless named _s.
 */
typedef enum {
    LT_STATE_DONE = 0,
    LT_STATE_NOT_FOUND = 1,         /* no such session */
    LT_STATE_INACTIVE = 2,          /* it has ended */
    LT_STATE_FULL = 3,
    LT_STATE_UNAUTHORIZED = 4,      /* the speaker's key is another one */
    LT_STATE_EXISTS = 5             /* create: the id is taken; -> the key of
                                       the session that has it */
} lt_state_code_t;

typedef enum {
    /* ARGV now, expires_s, sessionId, speakerId, sourceLanguage, qualityTier,
       speakerKey, then pairs of field (vocabulary|terminology|lexicons|
       maxCostPerHour) and value */
    LT_STATE_CREATE,

    /* ARGV connection, process, language ("" = only check) and, after a
       space, what its captions=… asks ("only", "live", "only,live"),
       listeners_max -> listeners, sourceLanguage, isPaused, isMuted */
    LT_STATE_JOIN,

    /* ARGV connection -> listeners */
    LT_STATE_LEAVE,

    /* ARGV connection, language -> listeners, sourceLanguage; NOT_FOUND also
       when that connection is no listener's.  What it asks of captions stays */
    LT_STATE_LANGUAGE,

    /* ARGV connection, process, speakerKey, now, the numbering to go on with
       ("" = none), traceparent, 1 when it came with the handshake -> epoch, sourceLanguage, isPaused, isMuted, speakerId,
       numbering: that one, if it is the last one; else a new one, the epoch */
    LT_STATE_ATTACH,

    /* ARGV connection, now -> 1 when it was the speaker's, else 0 */
    LT_STATE_DETACH,

    /* ARGV now, only without a speaker (0|1), speakerKey ("" = not asked) ->
       1 when it has ended just now, 0 when it had ended before or has a
       speaker */
    LT_STATE_END,

    /* ARGV now, then pairs of field (isPaused|isMuted|volume) and value ->
       isPaused, isMuted, volume, lastStateChange, the one before it,
       listeners; INACTIVE only when it has ended */
    LT_STATE_BROADCAST,

    /* ARGV now, speakerKey, only check (0|1), then pairs of field (status|
       sourceLanguage|qualityTier) and value -> as READ, then 1 when that has
       ended it; INACTIVE: it has ended, and ends once */
    LT_STATE_UPDATE,

    /* -> flat array of the session's fields, flat array of the languages;
       LT_STATE_DONE also for an ended session */
    LT_STATE_READ,

    /* Makes Redis hold exactly these of a process's connections: ARGV
       process, speaker connection or "", then pairs connection, language (as
       JOIN).
       None at all = that process is dead.
       -> listeners, 1 when an active session has lost its speaker, status */
    LT_STATE_SYNC,

    LT_STATE_SCRIPTS                /* how many there are */
} lt_state_script_t;

#define LT_STATE_SCRIPT_KEYS 3

/* Lua text; static. */
lt_str_t lt_state_script(lt_state_script_t script);

/*
 * A channel's payload: one head line, then the exact bytes of the WebSocket
 * text message (none for control).
 *   <origin> <to> <language or *> <name> <number or connection>\n<json>
 */
typedef enum {
    LT_STATE_TO_LISTENERS,
    LT_STATE_TO_SPEAKER,
    LT_STATE_TO_CONTROL,
    LT_STATE_TO_LIVE                /* listeners that asked for captions=live */
} lt_state_to_t;

/* Names of control events; others are to be ignored. */
#define LT_STATE_ENDED "ended"          /* the talk was ended */
#define LT_STATE_DRAINED "drained"      /* number: ms its last clip plays */
#define LT_STATE_REPLACED "replaced"    /* number: epoch of the speaker's new
                                           connection; older ones are to go */
#define LT_STATE_CALL "call"            /* on a process's channel, which is */
#define LT_STATE_ANSWER "answer"        /* named as a session's: number: which
                                           call; see the connections room */
#define LT_STATE_COUNTS "counts"        /* number: listeners of the session */

typedef struct {
    lt_str_t origin;        /* process id */
    lt_state_to_t to;
    lt_str_t language;      /* len 0 = all */
    lt_str_t name;          /* a message's type, or a control name */
    int64_t number;         /* listeners: of the segment, 0 = none; 0 when the
                               tail is no number */
    lt_str_t tail;          /* last word of the head; encode: len 0 = number */
    lt_str_t json;
} lt_state_event_t;

/* LT_INVALID: a word is empty or holds a space or line end. */
lt_result_t lt_state_event_encode(lt_out_t *out, const lt_state_event_t *ev);

/* Views into payload. */
lt_result_t lt_state_event_decode(lt_state_event_t *ev, lt_str_t payload);

#endif
