/*
 * The session API: routes, GET /sessions/{id}, GET /health, and the words
 * that all of it shares.  Routes go by the last segment of the path, so that
 * the location may have any prefix.
 */
#include "ngx_http_lt_sessions.h"

#include "lt_language.h"
#include "lt_session_id.h"

ngx_int_t
ngx_http_lt_sessions_refuse(ngx_http_request_t *r,
    const ngx_http_lt_sessions_refusal_t *refusal)
{
    lt_message_error_t error;

    ngx_memzero(&error, sizeof(error));
    error.code = refusal->code;
    error.text = refusal->text;

    return ngx_http_lt_answer_error(r, refusal->status, &error);
}

ngx_int_t
ngx_http_lt_sessions_lost(ngx_http_request_t *r, int code)
{
    static const ngx_http_lt_sessions_refusal_t not_found = {
        NGX_HTTP_NOT_FOUND, "SESSION_NOT_FOUND", "There is no such session."
    }, forbidden = {
        NGX_HTTP_FORBIDDEN, "FORBIDDEN", "The session is somebody else's."
    }, inactive = {
        NGX_HTTP_CONFLICT, "SESSION_INACTIVE",
        "The session has ended and cannot be changed."
    }, unavailable = {
        NGX_HTTP_SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE",
        "Sessions cannot be reached at the moment; please try again."
    };

    switch (code) {

    case LT_STATE_NOT_FOUND:
        return ngx_http_lt_sessions_refuse(r, &not_found);

    case LT_STATE_UNAUTHORIZED:
        return ngx_http_lt_sessions_refuse(r, &forbidden);

    case LT_STATE_INACTIVE:
        return ngx_http_lt_sessions_refuse(r, &inactive);

    default:
        if (ngx_http_lt_answer_header(r, "Retry-After", "2") != NGX_OK) {
            return NGX_ERROR;
        }
        return ngx_http_lt_sessions_refuse(r, &unavailable);
    }
}

ngx_int_t
ngx_http_lt_sessions_failed(ngx_http_request_t *r)
{
    static const ngx_http_lt_sessions_refusal_t failed = {
        NGX_HTTP_INTERNAL_SERVER_ERROR, "INTERNAL_ERROR",
        "The server has failed; please try again."
    };

    return ngx_http_lt_sessions_refuse(r, &failed);
}

ngx_int_t
ngx_http_lt_sessions_unauthorized(ngx_http_request_t *r)
{
    static const ngx_http_lt_sessions_refusal_t unauthorized = {
        NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED", "Unauthorized"
    };

    return ngx_http_lt_sessions_refuse(r, &unauthorized);
}

ngx_int_t
ngx_http_lt_sessions_record(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_http_lt_reply_t *reply, const ngx_str_t *speaker_token)
{
    u_char text[NGX_HTTP_LT_ANSWER_MAX];
    lt_out_t out;
    lt_message_session_t session;

    ngx_http_lt_state_session(&session, reply);
    lt_out_init(&out, text, sizeof(text));

    if (lt_message_session(&out, &session, ngx_http_lt_view(speaker_token))
        != LT_OK)
    {
        return ngx_http_lt_sessions_failed(r);
    }

    return ngx_http_lt_answer(r, status, text, lt_out_len(&out));
}

static void
lt_sessions_cleanup(void *data)
{
    ngx_http_lt_sessions_t *ctx = data;

    ngx_http_lt_command_forget(ctx->cmd);
    ctx->cmd = NULL;
}

ngx_http_lt_sessions_t *
ngx_http_lt_sessions_ctx(ngx_http_request_t *r, size_t size)
{
    ngx_http_cleanup_t *cln;
    ngx_http_lt_sessions_t *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_lt_sessions_t));
    cln = ngx_http_cleanup_add(r, 0);
    if (ctx == NULL || cln == NULL) {
        return NULL;
    }

    ctx->data = ngx_pcalloc(r->pool, size + 1);
    if (ctx->data == NULL) {
        return NULL;
    }

    ctx->request = r;
    ctx->mcf = ngx_http_lt_main_conf(r);
    cln->handler = lt_sessions_cleanup;
    cln->data = ctx;

    return ctx;
}

void
ngx_http_lt_sessions_wait(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
}

ngx_int_t
ngx_http_lt_sessions_body(ngx_http_request_t *r, ngx_str_t *body,
    lt_json_t **doc, const ngx_http_lt_sessions_refusal_t **refusal)
{
    ngx_int_t rc;
    lt_error_t err;

    static const ngx_http_lt_sessions_refusal_t too_large = {
        NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "MESSAGE_TOO_LARGE",
        "The body is too large."
    }, no_object = {
        NGX_HTTP_BAD_REQUEST, "INVALID_MESSAGE",
        "The body must be a JSON object."
    };

    *doc = NULL;
    *refusal = NULL;

    rc = ngx_http_lt_answer_body(r, NGX_HTTP_LT_SESSIONS_BODY_MAX, body);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        *refusal = &too_large;
        return NGX_OK;
    }

    if (lt_json_parse(doc, ngx_http_lt_view(body),
            NGX_HTTP_LT_SESSIONS_BODY_MAX, &err) != LT_OK
        || !lt_json_is_object(*doc))
    {
        lt_json_free(doc);
        *refusal = &no_object;
    }

    return NGX_OK;
}

const ngx_http_lt_sessions_refusal_t *
ngx_http_lt_sessions_check_language(const lt_json_t *doc, lt_str_t *language)
{
    static const ngx_http_lt_sessions_refusal_t unsupported = {
        NGX_HTTP_BAD_REQUEST, "UNSUPPORTED_LANGUAGE",
        "A talk cannot be in that language."
    };

    return lt_json_string(doc, "sourceLanguage", language)
           && lt_language_is_source(*language) ? NULL : &unsupported;
}

const ngx_http_lt_sessions_refusal_t *
ngx_http_lt_sessions_check_tier(const lt_json_t *doc, lt_str_t *tier)
{
    static const ngx_http_lt_sessions_refusal_t invalid = {
        NGX_HTTP_BAD_REQUEST, "INVALID_PARAMETER",
        "\"qualityTier\" must be \"standard\" or \"premium\"."
    };

    return lt_json_string(doc, "qualityTier", tier)
           && (lt_str_is(*tier, "standard") || lt_str_is(*tier, "premium"))
           ? NULL : &invalid;
}

ngx_int_t
ngx_http_lt_sessions_digest(uint8_t sha256[LT_SHA256_LEN],
    const ngx_str_t *parts, ngx_uint_t n)
{
    ngx_int_t rc = NGX_OK;
    ngx_uint_t i;
    lt_sha256_t *h = lt_sha256_new();

    if (h == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (lt_sha256_update(h, &parts[i].len, sizeof(parts[i].len)) != LT_OK
            || lt_sha256_update(h, parts[i].data, parts[i].len) != LT_OK)
        {
            rc = NGX_ERROR;
        }
    }

    if (lt_sha256_final(h, sha256) != LT_OK) {
        rc = NGX_ERROR;
    }

    lt_sha256_free(&h);

    return rc;
}

/* GET /sessions/{id} */

static void
lt_sessions_get_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_str_t none = ngx_null_string;
    ngx_http_lt_sessions_t *ctx = data;
    ngx_http_request_t *r = ctx->request;

    ctx->cmd = NULL;

    ngx_http_lt_answer_finish(r, code == LT_STATE_DONE
        ? ngx_http_lt_sessions_record(r, NGX_HTTP_OK, reply, &none)
        : ngx_http_lt_sessions_lost(r, code));
}

static ngx_int_t
lt_sessions_get(ngx_http_request_t *r, const ngx_str_t *id)
{
    ngx_http_lt_sessions_t *ctx = ngx_http_lt_sessions_ctx(r, 0);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->cmd = ngx_http_lt_state_read(ctx->mcf, id, lt_sessions_get_done,
        ctx);
    if (ctx->cmd == NULL) {
        return ngx_http_lt_sessions_lost(r, NGX_HTTP_LT_STATE_LOST);
    }

    ngx_http_lt_sessions_wait(r);
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
    ngx_http_lt_sessions_t *ctx = data;

    ctx->cmd = NULL;
    ngx_http_lt_answer_finish(ctx->request,
        lt_sessions_say_health(ctx->request, reply != NULL));
}

static ngx_int_t
lt_sessions_health(ngx_http_request_t *r)
{
    ngx_str_t ping = ngx_string("PING");
    ngx_http_lt_sessions_t *ctx = ngx_http_lt_sessions_ctx(r, 0);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->cmd = ngx_http_lt_command_send(ctx->mcf->redis, 1, &ping,
        lt_sessions_health_done, ctx);
    if (ctx->cmd == NULL) {
        return lt_sessions_say_health(r, 0);
    }

    ngx_http_lt_sessions_wait(r);
    r->main->count++;

    return NGX_DONE;
}

ngx_str_t
ngx_http_lt_sessions_last_segment(ngx_http_request_t *r)
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
    static const ngx_http_lt_sessions_refusal_t not_allowed = {
        NGX_HTTP_NOT_ALLOWED, "METHOD_NOT_ALLOWED",
        "That method is not allowed here."
    };

    if (ngx_http_lt_answer_header(r, "Allow", allow) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_lt_sessions_refuse(r, &not_allowed);
}

static ngx_int_t
lt_sessions_nothing(ngx_http_request_t *r)
{
    static const ngx_http_lt_sessions_refusal_t nothing = {
        NGX_HTTP_NOT_FOUND, "NOT_FOUND", "There is nothing at this address."
    };

    return ngx_http_lt_sessions_refuse(r, &nothing);
}

static ngx_int_t
lt_sessions_read_body(ngx_http_request_t *r, ngx_http_client_body_handler_pt fn)
{
    ngx_int_t rc;

    r->request_body_in_single_buf = 1;
    rc = ngx_http_read_client_request_body(r, fn);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}

static ngx_int_t
lt_sessions_route_one(ngx_http_request_t *r, const ngx_str_t *id)
{
    switch (r->method) {

    case NGX_HTTP_GET:
    case NGX_HTTP_HEAD:
        return lt_sessions_get(r, id);

    case NGX_HTTP_PATCH:
        return lt_sessions_read_body(r, ngx_http_lt_sessions_patch_handler);

    case NGX_HTTP_DELETE:
        return ngx_http_lt_sessions_delete(r, id);

    default:
        return lt_sessions_wrong_method(r, "GET, PATCH, DELETE, OPTIONS");
    }
}

ngx_int_t
ngx_http_lt_sessions_handler(ngx_http_request_t *r)
{
    ngx_int_t rc;
    ngx_str_t last = ngx_http_lt_sessions_last_segment(r);
    lt_str_t segment = ngx_http_lt_view(&last);
    ngx_uint_t has_body = r->method == NGX_HTTP_POST
                          || r->method == NGX_HTTP_PATCH;

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_http_lt_answer_preflight(r);
    }

    if (!has_body) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (lt_str_is(segment, "sessions")) {
        return r->method == NGX_HTTP_POST
               ? lt_sessions_read_body(r, ngx_http_lt_sessions_post_handler)
               : lt_sessions_wrong_method(r, "POST, OPTIONS");
    }

    if (lt_str_is(segment, "health")) {
        return r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)
               ? lt_sessions_health(r)
               : lt_sessions_wrong_method(r, "GET, OPTIONS");
    }

    if (lt_session_id_is_valid(segment)) {
        return lt_sessions_route_one(r, &last);
    }

    return lt_sessions_nothing(r);
}
