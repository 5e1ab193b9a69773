/*
 * The transitions of sessions and connections as calls: the order of each
 * script's arguments (lib/lt_state.h) is known here and nowhere else.
 *
 * All return the command, NULL when Redis takes none now (done will not run).
 * In done, a reply of NULL means the same; ngx_http_lt_state_code() maps it
 * to NGX_HTTP_LT_STATE_LOST.
 */
#ifndef NGX_HTTP_LT_STATE_H
#define NGX_HTTP_LT_STATE_H

#include "ngx_http_lt_command.h"

#include "lt_message.h"

#define NGX_HTTP_LT_STATE_LOST (-1)

/* lt_state_code_t, or NGX_HTTP_LT_STATE_LOST. */
int ngx_http_lt_state_code(const ngx_http_lt_reply_t *reply);

typedef struct {
    ngx_str_t name;
    ngx_str_t value;
} ngx_http_lt_state_field_t;

#define NGX_HTTP_LT_STATE_FIELDS_MAX 4

typedef struct {
    const ngx_str_t *session_id;
    ngx_str_t speaker_id;
    ngx_str_t source_language;
    ngx_str_t quality_tier;
    ngx_str_t speaker_key;      /* what its speaker has to bring, hashed */
    int64_t now_ms;
    int64_t expires_s;
    ngx_uint_t settings_n;
    ngx_http_lt_state_field_t settings[NGX_HTTP_LT_STATE_FIELDS_MAX];
} ngx_http_lt_state_new_t;

ngx_http_lt_command_t *ngx_http_lt_state_create(ngx_http_lt_main_conf_t *mcf,
    const ngx_http_lt_state_new_t *n, ngx_http_lt_command_done_pt done,
    void *data);

/* language: and what is asked of captions, ngx_http_lt_captions_wish(); len 0:
   only checks that the session can be joined. */
ngx_http_lt_command_t *ngx_http_lt_state_join(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    const ngx_str_t *language, ngx_http_lt_command_done_pt done, void *data);

ngx_http_lt_command_t *ngx_http_lt_state_leave(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    ngx_http_lt_command_done_pt done, void *data);

ngx_http_lt_command_t *ngx_http_lt_state_language(
    ngx_http_lt_main_conf_t *mcf, const ngx_str_t *session_id,
    const ngx_str_t *connection, const ngx_str_t *language,
    ngx_http_lt_command_done_pt done, void *data);

/* numbering: of a connection before; len 0: begin one. */
ngx_http_lt_command_t *ngx_http_lt_state_attach(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    const ngx_str_t *speaker_key, const ngx_str_t *numbering,
    const ngx_str_t *trace, ngx_uint_t is_trace_given,
    ngx_http_lt_command_done_pt done, void *data);

ngx_http_lt_command_t *ngx_http_lt_state_detach(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    ngx_http_lt_command_done_pt done, void *data);

/* speaker_key len 0: whoever it was who asked may. */
ngx_http_lt_command_t *ngx_http_lt_state_end(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, ngx_uint_t only_without_speaker,
    const ngx_str_t *speaker_key, ngx_http_lt_command_done_pt done,
    void *data);

/* A field of the session and what it becomes. */
/* fields: isPaused, isMuted, volume. */
ngx_http_lt_command_t *ngx_http_lt_state_broadcast(
    ngx_http_lt_main_conf_t *mcf, const ngx_str_t *session_id,
    const ngx_http_lt_state_field_t *fields, ngx_uint_t n,
    ngx_http_lt_command_done_pt done, void *data);

/* fields: status, sourceLanguage, qualityTier; n 0: only asks whether the key
   is the session's. */
ngx_http_lt_command_t *ngx_http_lt_state_update(
    ngx_http_lt_main_conf_t *mcf, const ngx_str_t *session_id,
    const ngx_str_t *speaker_key, const ngx_http_lt_state_field_t *fields,
    ngx_uint_t n, ngx_http_lt_command_done_pt done, void *data);

ngx_http_lt_command_t *ngx_http_lt_state_read(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, ngx_http_lt_command_done_pt done, void *data);

/* The answer of _read() and _update(); views into the reply. */
void ngx_http_lt_state_session(lt_message_session_t *session,
    const ngx_http_lt_reply_t *reply);

/* One field of it that is a number; 0 when absent. */
int64_t ngx_http_lt_state_number(const ngx_http_lt_reply_t *reply,
    const char *name);

#endif
