/*
 * What the parts of the session API share: a request that waits for Redis,
 * and its answers.  docs/protocol/, "Session API".
 *
 * The parts: sessions (routes, GET, health), sessions_post (and _settings),
 * sessions_change (PATCH, DELETE).
 */
#ifndef NGX_HTTP_LT_SESSIONS_H
#define NGX_HTTP_LT_SESSIONS_H

#include "ngx_http_lt_module.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_jwt.h"
#include "ngx_http_lt_state.h"

#include "lt_crypto.h"
#include "lt_json.h"

#define NGX_HTTP_LT_SESSIONS_BODY_MAX 4096

/* In the request's pool; the command is forgotten with the request. */
typedef struct {
    ngx_http_request_t *request;
    ngx_http_lt_main_conf_t *mcf;
    ngx_http_lt_command_t *cmd;
    ngx_http_lt_identity_t identity;
    ngx_str_t id;               /* the session's */
    void *data;                 /* the part's own */
} ngx_http_lt_sessions_t;

typedef struct {
    ngx_uint_t status;
    const char *code;
    const char *text;
} ngx_http_lt_sessions_refusal_t;

/* With size bytes of zeroed data; NULL: no memory. */
ngx_http_lt_sessions_t *ngx_http_lt_sessions_ctx(ngx_http_request_t *r,
    size_t size);

/* The request waits for Redis; a client that leaves is noticed. */
void ngx_http_lt_sessions_wait(ngx_http_request_t *r);

/* Answers; results as ngx_http_lt_answer(). */
ngx_int_t ngx_http_lt_sessions_refuse(ngx_http_request_t *r,
    const ngx_http_lt_sessions_refusal_t *refusal);
ngx_int_t ngx_http_lt_sessions_lost(ngx_http_request_t *r, int code);
ngx_int_t ngx_http_lt_sessions_failed(ngx_http_request_t *r);
ngx_int_t ngx_http_lt_sessions_unauthorized(ngx_http_request_t *r);
ngx_int_t ngx_http_lt_sessions_record(ngx_http_request_t *r,
    ngx_uint_t status, const ngx_http_lt_reply_t *reply,
    const ngx_str_t *speaker_token);

/* The body as an object.  *refusal NULL: fine, *doc is to be freed.
   NGX_ERROR: no memory. */
ngx_int_t ngx_http_lt_sessions_body(ngx_http_request_t *r, ngx_str_t *body,
    lt_json_t **doc, const ngx_http_lt_sessions_refusal_t **refusal);

/* A field of the body that is there; NULL: it may be so. */
const ngx_http_lt_sessions_refusal_t *ngx_http_lt_sessions_check_language(
    const lt_json_t *doc, lt_str_t *language);
const ngx_http_lt_sessions_refusal_t *ngx_http_lt_sessions_check_tier(
    const lt_json_t *doc, lt_str_t *tier);

/* What the body wishes of the AWS services, into session->settings.  *refusal
   is set when something of it cannot be.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_lt_sessions_settings(ngx_http_request_t *r,
    const lt_json_t *doc, ngx_http_lt_state_new_t *session,
    const ngx_http_lt_sessions_refusal_t **refusal);

/* SHA-256 of the parts, each with its length before it. */
ngx_int_t ngx_http_lt_sessions_digest(uint8_t sha256[LT_SHA256_LEN],
    const ngx_str_t *parts, ngx_uint_t n);

/* The parts; NGX_DONE, or the result of an answer. */
void ngx_http_lt_sessions_post_handler(ngx_http_request_t *r);
void ngx_http_lt_sessions_patch_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_lt_sessions_delete(ngx_http_request_t *r,
    const ngx_str_t *id);

/* The last segment of the path: the session's id, where there is one. */
ngx_str_t ngx_http_lt_sessions_last_segment(ngx_http_request_t *r);

#endif
