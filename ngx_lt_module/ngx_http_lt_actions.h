/*
 * What messages from browsers mean: one table of actions, a file for each
 * under actions/.  docs/protocol/.
 *
 * Limits: lt_control_max for all but audio, lt_audio_rate, lt_control_rate
 * (a heartbeat has that rate for itself).  A socket may be ahead of a rate by
 * a few seconds: what a stalled network delivers at once is no flood.
 * Who is told of a limit is told once a second.
 *
 * A bad message is answered with an error and the socket stays.  Session and
 * role are the socket's; what a message says about them does not count.
 * Limits: NGX_HTTP_LT_CHUNK_MAX bytes of PCM in one chunk;
 * NGX_HTTP_LT_ASKS_MAX questions to Redis under way for one socket.
 */
#ifndef NGX_HTTP_LT_ACTIONS_H
#define NGX_HTTP_LT_ACTIONS_H

#include "ngx_http_lt_connection.h"
#include "ngx_http_lt_state.h"
#include "ngx_http_lt_talk.h"

#include "lt_json.h"
#include "lt_session_id.h"

#define NGX_HTTP_LT_CHUNK_MAX 32768
#define NGX_HTTP_LT_ASKS_MAX 16
#define NGX_HTTP_LT_PLAYED_MAX 600000   /* ms: more is a wrong clock */
#define NGX_HTTP_LT_AUDIO_BURST_S 4
#define NGX_HTTP_LT_CONTROL_BURST_S 2

/* doc is the message, an object; it is freed after the call. */
typedef void (*ngx_http_lt_action_pt)(ngx_http_lt_socket_t *s,
    const lt_json_t *doc);

typedef enum {
    NGX_HTTP_LT_FIELD_TEXT,     /* min and max: bytes; "" is missing */
    NGX_HTTP_LT_FIELD_NUMBER,   /* or text that is one */
    NGX_HTTP_LT_FIELD_OBJECT    /* with something in it */
} ngx_http_lt_field_e;

typedef struct {
    const char *name;           /* NULL ends the list */
    ngx_http_lt_field_e kind;
    ngx_uint_t is_required;
    double min;
    double max;
} ngx_http_lt_field_t;

#define NGX_HTTP_LT_FIELDS_MAX 4

typedef struct {
    const char *name;
    ngx_uint_t roles;           /* ngx_http_lt_role_e bits */
    ngx_http_lt_rate_e rate;
    ngx_http_lt_action_pt handler;
    ngx_http_lt_field_t fields[NGX_HTTP_LT_FIELDS_MAX];
} ngx_http_lt_action_t;

/* Whole messages, unmasked; text may be written to. */
void ngx_http_lt_actions_text(ngx_http_lt_socket_t *s, u_char *text,
    size_t len);
void ngx_http_lt_actions_binary(ngx_http_lt_socket_t *s, u_char *data,
    size_t len);

/* The socket is no longer open: answers still under way are for nobody. */
void ngx_http_lt_actions_forget(ngx_http_lt_socket_t *s);

/* For actions: an error to the sender, counted. */
void ngx_http_lt_action_error(ngx_http_lt_socket_t *s, const char *code,
    const char *text);
void ngx_http_lt_action_error_detail(ngx_http_lt_socket_t *s,
    const char *code, const char *text, const char *key, lt_str_t value);

/* A number, or text that is one; 0: neither. */
ngx_uint_t ngx_http_lt_action_number(const lt_json_t *doc, const char *key,
    double *value);

/*
 * A question to Redis whose answer is for a socket.  begin: NULL when too
 * many are under way (answered).  The caller puts the command in ask->cmd or,
 * without one, calls _fail().  The done handler gets ask as its data and ends
 * with _done().
 */
typedef struct {
    ngx_queue_t queue;
    ngx_http_lt_socket_t *socket;   /* NULL: it has gone */
    ngx_http_lt_command_t *cmd;
    ngx_http_lt_main_conf_t *mcf;
    ngx_str_t session_id;
    u_char id_data[LT_SESSION_ID_MAX];
    ngx_uint_t row;                 /* the caller's */
    u_char language[NGX_HTTP_LT_LANGUAGE_MAX];  /* the caller's */
    size_t language_len;
    void *data;                     /* the caller's; freed with ngx_free() */
} ngx_http_lt_ask_t;

ngx_http_lt_ask_t *ngx_http_lt_ask_begin(ngx_http_lt_socket_t *s);
void ngx_http_lt_ask_done(ngx_http_lt_ask_t *ask);

/* Ends it with the error of a code, LT_STATE_DONE excluded. */
void ngx_http_lt_ask_fail(ngx_http_lt_ask_t *ask, int code);

/* The rows' handlers. */
void ngx_http_lt_action_audio(ngx_http_lt_socket_t *s, const lt_json_t *doc);
void ngx_http_lt_action_audio_base64(ngx_http_lt_socket_t *s, lt_str_t text);
void ngx_http_lt_action_audio_pcm(ngx_http_lt_socket_t *s,
    const u_char *pcm, size_t len);
void ngx_http_lt_action_heartbeat(ngx_http_lt_socket_t *s,
    const lt_json_t *doc);
void ngx_http_lt_action_join(ngx_http_lt_socket_t *s, const lt_json_t *doc);
void ngx_http_lt_action_language(ngx_http_lt_socket_t *s,
    const lt_json_t *doc);
void ngx_http_lt_action_create(ngx_http_lt_socket_t *s, const lt_json_t *doc);
void ngx_http_lt_action_playback(ngx_http_lt_socket_t *s,
    const lt_json_t *doc);
void ngx_http_lt_action_refresh(ngx_http_lt_socket_t *s,
    const lt_json_t *doc);
void ngx_http_lt_action_end(ngx_http_lt_socket_t *s, const lt_json_t *doc);
void ngx_http_lt_action_status(ngx_http_lt_socket_t *s, const lt_json_t *doc);
void ngx_http_lt_action_broadcast(ngx_http_lt_socket_t *s,
    const lt_json_t *doc);

#endif
