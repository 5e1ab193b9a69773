/*
 * The session API: POST /sessions, GET /sessions/{id}, GET /health.
 * docs/protocol.md.  Routes go by the last segment of the path, so that the
 * location may have any prefix.
 */
#include "ngx_http_lt_module.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_jwt.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_state.h"

#include "lt_json.h"
#include "lt_language.h"
#include "lt_session_id.h"
#include "lt_text.h"

#define LT_SESSIONS_BODY_MAX 4096
#define LT_SESSIONS_TRIES 5
#define LT_SESSIONS_LIFE_S 86400
#define LT_SESSIONS_TOKEN_BYTES 32
#define LT_SESSIONS_TOKEN_LEN 43        /* base64url, no padding */
#define LT_SESSIONS_SPEAKER_BYTES 8

typedef struct {
    ngx_http_request_t *request;
    ngx_http_lt_main_conf_t *mcf;
    ngx_http_lt_command_t *cmd;
    ngx_uint_t tries;
    ngx_str_t id;
    u_char id_data[LT_SESSION_ID_MAX];
    ngx_http_lt_state_new_t session;
    ngx_http_lt_identity_t identity;
    u_char token[LT_SESSIONS_TOKEN_LEN + 1];
    u_char key[LT_SHA256_LEN * 2];
    u_char speaker_id[LT_SESSIONS_SPEAKER_BYTES * 2];
} lt_sessions_t;

static ngx_int_t
lt_sessions_error(ngx_http_request_t *r, ngx_uint_t status, const char *code,
    const char *text)
{
    lt_message_error_t error = { code, text, NULL, { NULL, 0 } };

    return ngx_http_lt_answer_error(r, status, &error);
}

static ngx_int_t
lt_sessions_unavailable(ngx_http_request_t *r)
{
    if (ngx_http_lt_answer_header(r, "Retry-After", "2") != NGX_OK) {
        return NGX_ERROR;
    }

    return lt_sessions_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
        "SERVICE_UNAVAILABLE",
        "Sessions cannot be reached at the moment; please try again.");
}

static ngx_int_t
lt_sessions_failed(ngx_http_request_t *r)
{
    return lt_sessions_error(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
        "INTERNAL_ERROR", "The server has failed; please try again.");
}

static void
lt_sessions_cleanup(void *data)
{
    lt_sessions_t *ctx = data;

    ngx_http_lt_command_forget(ctx->cmd);
    ctx->cmd = NULL;
}

static lt_sessions_t *
lt_sessions_ctx(ngx_http_request_t *r)
{
    lt_sessions_t *ctx;
    ngx_http_cleanup_t *cln;

    ctx = ngx_pcalloc(r->pool, sizeof(lt_sessions_t));
    cln = ngx_http_cleanup_add(r, 0);
    if (ctx == NULL || cln == NULL) {
        return NULL;
    }

    ctx->request = r;
    ctx->mcf = ngx_http_lt_main_conf(r);
    cln->handler = lt_sessions_cleanup;
    cln->data = ctx;

    return ctx;
}

/* The request waits for Redis; a client that leaves is noticed. */
static void
lt_sessions_wait(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
}

/* POST /sessions */

static ngx_int_t
lt_sessions_created(lt_sessions_t *ctx)
{
    u_char text[NGX_HTTP_LT_ANSWER_MAX];
    lt_out_t out;
    lt_str_t token = { (char *) ctx->token, 0 };
    lt_message_session_t session;

    NGX_HTTP_LT_COUNT(sessions_created, 1);
    ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
        "lt: event=session_created session=%V", &ctx->id);

    ngx_memzero(&session, sizeof(session));
    if (!ngx_http_lt_identity_is_on(ctx->mcf)) {
        token.len = LT_SESSIONS_TOKEN_LEN;
    }

    session.session_id = ngx_http_lt_view(&ctx->id);
    session.speaker_id = ngx_http_lt_view(&ctx->session.speaker_id);
    session.source_language = ngx_http_lt_view(&ctx->session.source_language);
    session.quality_tier = ngx_http_lt_view(&ctx->session.quality_tier);
    session.status = LT_STR("active");
    session.created_ms = ctx->session.now_ms;
    session.updated_ms = ctx->session.now_ms;
    session.expires_s = ctx->session.expires_s;

    lt_out_init(&out, text, sizeof(text));
    if (lt_message_session(&out, &session, token) != LT_OK) {
        return lt_sessions_failed(ctx->request);
    }

    return ngx_http_lt_answer(ctx->request, NGX_HTTP_CREATED, text,
        lt_out_len(&out));
}

static ngx_int_t lt_sessions_create(lt_sessions_t *ctx);

static void
lt_sessions_create_done(void *data, const ngx_http_lt_reply_t *reply)
{
    ngx_int_t rc;
    lt_sessions_t *ctx = data;

    ctx->cmd = NULL;

    switch (ngx_http_lt_state_code(reply)) {

    case LT_STATE_DONE:
        rc = lt_sessions_created(ctx);
        break;

    case LT_STATE_EXISTS:
        rc = lt_sessions_create(ctx);
        if (rc == NGX_DONE) {
            return;
        }
        break;

    default:
        rc = lt_sessions_unavailable(ctx->request);
        break;
    }

    ngx_http_lt_answer_finish(ctx->request, rc);
}

/* NGX_DONE: asked; else the result of an answer. */
static ngx_int_t
lt_sessions_create(lt_sessions_t *ctx)
{
    u_char random[8];
    lt_out_t out;

    if (ctx->tries++ == LT_SESSIONS_TRIES) {
        return lt_sessions_failed(ctx->request);
    }

    lt_out_init(&out, ctx->id_data, sizeof(ctx->id_data));
    if (ngx_http_lt_random(random, sizeof(random)) != NGX_OK
        || lt_session_id_make(&out, random) != LT_OK)
    {
        return lt_sessions_failed(ctx->request);
    }

    ctx->id.data = ctx->id_data;
    ctx->id.len = lt_out_len(&out);
    ctx->session.session_id = &ctx->id;

    ctx->cmd = ngx_http_lt_state_create(ctx->mcf, &ctx->session,
        lt_sessions_create_done, ctx);

    return ctx->cmd != NULL ? NGX_DONE : lt_sessions_unavailable(ctx->request);
}

static ngx_int_t
lt_sessions_secrets(lt_sessions_t *ctx)
{
    u_char random[LT_SESSIONS_TOKEN_BYTES];
    uint8_t sha256[LT_SHA256_LEN];
    ngx_str_t raw = { sizeof(random), random }, token;

    if (ngx_http_lt_random(random, sizeof(random)) != NGX_OK) {
        return NGX_ERROR;
    }

    token.data = ctx->token;
    ngx_encode_base64url(&token, &raw);

    if (lt_sha256(sha256, ctx->token, LT_SESSIONS_TOKEN_LEN) != LT_OK
        || ngx_http_lt_random(random, LT_SESSIONS_SPEAKER_BYTES) != NGX_OK)
    {
        return NGX_ERROR;
    }

    lt_hex_encode((char *) ctx->key, sha256, sizeof(sha256));
    ctx->session.speaker_key.data = ctx->key;
    ctx->session.speaker_key.len = sizeof(ctx->key);

    lt_hex_encode((char *) ctx->speaker_id, random,
        LT_SESSIONS_SPEAKER_BYTES);
    ctx->session.speaker_id.data = ctx->speaker_id;
    ctx->session.speaker_id.len = sizeof(ctx->speaker_id);

    return NGX_OK;
}

/* Whose the session is: the bearer's, or who gets its secret. */
static ngx_int_t
lt_sessions_owner(lt_sessions_t *ctx)
{
    if (!ngx_http_lt_identity_is_on(ctx->mcf)) {
        return lt_sessions_secrets(ctx);
    }

    ctx->session.speaker_id = ctx->identity.sub;
    ctx->session.speaker_key = ctx->identity.key;

    return NGX_OK;
}

static ngx_int_t
lt_sessions_copy(ngx_http_request_t *r, ngx_str_t *to, lt_str_t from)
{
    to->len = from.len;
    to->data = ngx_pnalloc(r->pool, from.len + 1);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_http_lt_copy(to->data, from.data, from.len);

    return NGX_OK;
}

/* The fields of a new session; NGX_OK, or the result of an answer with
   *is_refused set. */
static ngx_int_t
lt_sessions_fields(lt_sessions_t *ctx, const lt_json_t *doc,
    ngx_uint_t *is_refused)
{
    lt_str_t language, tier;
    ngx_http_request_t *r = ctx->request;

    *is_refused = 1;

    if (!lt_json_string(doc, "sourceLanguage", &language)) {
        return lt_sessions_error(r, NGX_HTTP_BAD_REQUEST,
            "MISSING_PARAMETER", "\"sourceLanguage\" is missing.");
    }

    if (!lt_language_is_source(language)) {
        return lt_sessions_error(r, NGX_HTTP_BAD_REQUEST,
            "UNSUPPORTED_LANGUAGE", "A talk cannot be in that language.");
    }

    if (lt_json_get(doc, "qualityTier") == NULL) {
        tier = LT_STR("standard");

    } else if (!lt_json_string(doc, "qualityTier", &tier)
               || (!lt_str_is(tier, "standard")
                   && !lt_str_is(tier, "premium")))
    {
        return lt_sessions_error(r, NGX_HTTP_BAD_REQUEST,
            "INVALID_PARAMETER",
            "\"qualityTier\" must be \"standard\" or \"premium\".");
    }

    if (lt_sessions_copy(r, &ctx->session.source_language, language) != NGX_OK
        || lt_sessions_copy(r, &ctx->session.quality_tier, tier) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *is_refused = 0;

    return NGX_OK;
}

static ngx_int_t
lt_sessions_post(ngx_http_request_t *r)
{
    ngx_int_t rc;
    ngx_str_t body;
    lt_json_t *doc = NULL;
    lt_error_t err;
    ngx_uint_t is_refused;
    lt_sessions_t *ctx;

    ctx = lt_sessions_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_lt_identity_is_on(ctx->mcf)) {
        if (ngx_http_lt_identity(r, &ctx->identity) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ctx->identity.state != NGX_HTTP_LT_IDENTITY_VALID) {
            return lt_sessions_error(r, NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED",
                "Unauthorized");
        }
    }

    rc = ngx_http_lt_answer_body(r, LT_SESSIONS_BODY_MAX, &body);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return lt_sessions_error(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
            "MESSAGE_TOO_LARGE", "The body is too large.");
    }

    if (lt_json_parse(&doc, ngx_http_lt_view(&body), LT_SESSIONS_BODY_MAX,
            &err) != LT_OK || !lt_json_is_object(doc))
    {
        lt_json_free(&doc);
        return lt_sessions_error(r, NGX_HTTP_BAD_REQUEST, "INVALID_MESSAGE",
            "The body must be a JSON object.");
    }

    rc = lt_sessions_fields(ctx, doc, &is_refused);
    lt_json_free(&doc);

    if (is_refused) {
        return rc;
    }

    if (lt_sessions_owner(ctx) != NGX_OK) {
        return lt_sessions_failed(r);
    }

    ctx->session.now_ms = ngx_http_lt_wall_ms();
    ctx->session.expires_s = ctx->session.now_ms / 1000 + LT_SESSIONS_LIFE_S;
    lt_sessions_wait(r);

    return lt_sessions_create(ctx);
}

static void
lt_sessions_post_handler(ngx_http_request_t *r)
{
    ngx_int_t rc = lt_sessions_post(r);

    /* the count that reading the body took is ended by the answer */
    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}

/* GET /sessions/{id} */

static void
lt_sessions_get_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    u_char text[NGX_HTTP_LT_ANSWER_MAX];
    lt_out_t out;
    lt_str_t none = { NULL, 0 };
    ngx_int_t rc;
    lt_sessions_t *ctx = data;
    lt_message_session_t session;
    ngx_http_request_t *r = ctx->request;

    ctx->cmd = NULL;

    if (code == LT_STATE_DONE) {
        ngx_http_lt_state_session(&session, reply);
        lt_out_init(&out, text, sizeof(text));

        rc = lt_message_session(&out, &session, none) == LT_OK
             ? ngx_http_lt_answer(r, NGX_HTTP_OK, text, lt_out_len(&out))
             : lt_sessions_failed(r);

    } else if (code == LT_STATE_NOT_FOUND) {
        rc = lt_sessions_error(r, NGX_HTTP_NOT_FOUND, "SESSION_NOT_FOUND",
            "There is no such session.");

    } else {
        rc = lt_sessions_unavailable(r);
    }

    ngx_http_lt_answer_finish(r, rc);
}

static ngx_int_t
lt_sessions_get(ngx_http_request_t *r, const ngx_str_t *id)
{
    lt_sessions_t *ctx = lt_sessions_ctx(r);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->cmd = ngx_http_lt_state_read(ctx->mcf, id, lt_sessions_get_done,
        ctx);
    if (ctx->cmd == NULL) {
        return lt_sessions_unavailable(r);
    }

    lt_sessions_wait(r);
    r->main->count++;

    return NGX_DONE;
}

/* GET /health */

static ngx_int_t
lt_sessions_say_health(ngx_http_request_t *r, ngx_uint_t is_up)
{
    u_char text[NGX_HTTP_LT_ANSWER_MAX];
    lt_out_t out;
    int64_t now_ms = ngx_http_lt_wall_ms(), started_ms;

    started_ms = (int64_t) r->start_sec * 1000 + r->start_msec;

    lt_out_init(&out, text, sizeof(text));
    if (lt_message_health(&out, is_up ? NULL : "Redis cannot be reached.",
            ngx_max(now_ms - started_ms, 0), now_ms) != LT_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_lt_answer(r,
        is_up ? NGX_HTTP_OK : NGX_HTTP_SERVICE_UNAVAILABLE, text,
        lt_out_len(&out));
}

static void
lt_sessions_health_done(void *data, const ngx_http_lt_reply_t *reply)
{
    lt_sessions_t *ctx = data;

    ctx->cmd = NULL;
    ngx_http_lt_answer_finish(ctx->request,
        lt_sessions_say_health(ctx->request, reply != NULL));
}

static ngx_int_t
lt_sessions_health(ngx_http_request_t *r)
{
    ngx_str_t ping = ngx_string("PING");
    lt_sessions_t *ctx = lt_sessions_ctx(r);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->cmd = ngx_http_lt_command_send(ctx->mcf->redis, 1, &ping,
        lt_sessions_health_done, ctx);
    if (ctx->cmd == NULL) {
        return lt_sessions_say_health(r, 0);
    }

    lt_sessions_wait(r);
    r->main->count++;

    return NGX_DONE;
}

static ngx_str_t
lt_sessions_last_segment(ngx_http_request_t *r)
{
    u_char *end, *p;
    ngx_str_t s;

    end = r->uri.data + r->uri.len;
    if (end > r->uri.data + 1 && end[-1] == '/') {
        end--;
    }

    for (p = end; p > r->uri.data && p[-1] != '/'; p--) { /* void */ }

    s.data = p;
    s.len = end - p;

    return s;
}

static ngx_int_t
lt_sessions_wrong_method(ngx_http_request_t *r, const char *allow)
{
    if (ngx_http_lt_answer_header(r, "Allow", allow) != NGX_OK) {
        return NGX_ERROR;
    }

    return lt_sessions_error(r, NGX_HTTP_NOT_ALLOWED, "METHOD_NOT_ALLOWED",
        "That method is not allowed here.");
}

static ngx_int_t
lt_sessions_route_get(ngx_http_request_t *r, const ngx_str_t *last)
{
    ngx_int_t rc;
    lt_str_t segment = ngx_http_lt_view(last);

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (lt_str_is(segment, "health")) {
        return lt_sessions_health(r);
    }

    if (lt_str_is(segment, "sessions")) {
        return lt_sessions_wrong_method(r, "POST, OPTIONS");
    }

    if (lt_session_id_is_valid(segment)) {
        return lt_sessions_get(r, last);
    }

    return lt_sessions_error(r, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
        "There is nothing at this address.");
}

ngx_int_t
ngx_http_lt_sessions_handler(ngx_http_request_t *r)
{
    ngx_int_t rc;
    ngx_str_t last = lt_sessions_last_segment(r);

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_http_lt_answer_preflight(r);
    }

    if (r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) {
        return lt_sessions_route_get(r, &last);
    }

    if (r->method != NGX_HTTP_POST) {
        return lt_sessions_wrong_method(r, "GET, POST, OPTIONS");
    }

    if (!lt_str_is(ngx_http_lt_view(&last), "sessions")) {
        return lt_sessions_error(r, NGX_HTTP_NOT_FOUND, "NOT_FOUND",
            "There is nothing at this address.");
    }

    r->request_body_in_single_buf = 1;
    rc = ngx_http_read_client_request_body(r, lt_sessions_post_handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}
