/*
 * PATCH and DELETE /sessions/{id}: the owner's.  In this order: a token (401),
 * the session (404), its owner (403), the values (400).  So wrong values are
 * told only when Redis has said that the rest is fine.
 */
#include "ngx_http_lt_sessions.h"
#include "ngx_http_lt_talk.h"

typedef struct {
    const ngx_http_lt_sessions_refusal_t *refusal;  /* of the values */
    ngx_http_lt_state_field_t fields[NGX_HTTP_LT_STATE_FIELDS_MAX];
    ngx_uint_t fields_n;
} lt_change_t;

/* NGX_OK: the token is one; else the result of an answer. */
static ngx_int_t
lt_change_begin(ngx_http_lt_sessions_t *ctx, const ngx_str_t *id)
{
    ctx->id = *id;

    if (ngx_http_lt_identity(ctx->request, &ctx->identity) != NGX_OK) {
        return NGX_ERROR;
    }

    return ctx->identity.state == NGX_HTTP_LT_IDENTITY_VALID
           ? NGX_OK : NGX_DECLINED;
}

static ngx_int_t
lt_change_asked(ngx_http_lt_sessions_t *ctx)
{
    if (ctx->cmd == NULL) {
        return ngx_http_lt_sessions_lost(ctx->request, NGX_HTTP_LT_STATE_LOST);
    }

    ngx_http_lt_sessions_wait(ctx->request);

    return NGX_DONE;
}

/* DELETE */

static void
lt_change_deleted(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_http_lt_sessions_t *ctx = data;
    ngx_http_request_t *r = ctx->request;

    ctx->cmd = NULL;

    if (code != LT_STATE_DONE) {
        ngx_http_lt_answer_finish(r, ngx_http_lt_sessions_lost(r, code));
        return;
    }

    if (ngx_http_lt_reply_number(reply, 1) != 0) {
        ngx_http_lt_talk_end(ctx->mcf, &ctx->id, "deleted");
    }

    ngx_http_lt_answer_finish(r,
        ngx_http_lt_answer(r, NGX_HTTP_NO_CONTENT, NULL, 0));
}

ngx_int_t
ngx_http_lt_sessions_delete(ngx_http_request_t *r, const ngx_str_t *id)
{
    ngx_int_t rc;
    ngx_http_lt_sessions_t *ctx;

    ctx = ngx_http_lt_sessions_ctx(r, 0);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    rc = lt_change_begin(ctx, id);
    if (rc == NGX_DECLINED) {
        return ngx_http_lt_sessions_unauthorized(r);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->cmd = ngx_http_lt_state_end(ctx->mcf, &ctx->id, 0,
        &ctx->identity.key, lt_change_deleted, ctx);

    rc = lt_change_asked(ctx);
    if (rc == NGX_DONE) {
        r->main->count++;
    }

    return rc;
}

/* PATCH */

static void
lt_change_updated(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_int_t rc;
    ngx_str_t none = ngx_null_string;
    ngx_http_lt_sessions_t *ctx = data;
    lt_change_t *change = ctx->data;
    ngx_http_request_t *r = ctx->request;

    ctx->cmd = NULL;

    if (code != LT_STATE_DONE) {
        rc = ngx_http_lt_sessions_lost(r, code);

    } else if (change->refusal != NULL) {
        rc = ngx_http_lt_sessions_refuse(r, change->refusal);

    } else {
        if (ngx_http_lt_reply_number(reply, 3) != 0) {
            ngx_http_lt_talk_end(ctx->mcf, &ctx->id, "patched");
        }
        rc = ngx_http_lt_sessions_record(r, NGX_HTTP_OK, reply, &none);
    }

    ngx_http_lt_answer_finish(r, rc);
}

static const ngx_http_lt_sessions_refusal_t *
lt_change_check_status(const lt_json_t *doc, lt_str_t *status)
{
    static const ngx_http_lt_sessions_refusal_t invalid = {
        NGX_HTTP_BAD_REQUEST, "INVALID_PARAMETER",
        "\"status\" must be \"active\", \"paused\" or \"ended\"."
    };

    return lt_json_string(doc, "status", status)
           && (lt_str_is(*status, "active") || lt_str_is(*status, "paused")
               || lt_str_is(*status, "ended")) ? NULL : &invalid;
}

/* The fields are views into doc. */
static void
lt_change_fields(lt_change_t *change, const lt_json_t *doc)
{
    lt_str_t value = { NULL, 0 };
    ngx_uint_t i;
    ngx_http_lt_state_field_t *field;

    static const ngx_http_lt_sessions_refusal_t none = {
        NGX_HTTP_BAD_REQUEST, "MISSING_PARAMETER",
        "One of \"status\", \"sourceLanguage\", \"qualityTier\" is needed."
    };
    static const struct {
        const char *name;
        const ngx_http_lt_sessions_refusal_t *(*check)(const lt_json_t *doc,
            lt_str_t *value);
    } rows[NGX_HTTP_LT_STATE_FIELDS_MAX] = {
        { "status", lt_change_check_status },
        { "sourceLanguage", ngx_http_lt_sessions_check_language },
        { "qualityTier", ngx_http_lt_sessions_check_tier },
    };

    for (i = 0; i < NGX_HTTP_LT_STATE_FIELDS_MAX; i++) {
        if (lt_json_get(doc, rows[i].name) == NULL) {
            continue;
        }

        change->refusal = rows[i].check(doc, &value);
        if (change->refusal != NULL) {
            return;
        }

        field = &change->fields[change->fields_n++];
        field->name.data = (u_char *) rows[i].name;
        field->name.len = ngx_strlen(rows[i].name);
        field->value.data = (u_char *) value.data;
        field->value.len = value.len;
    }

    if (change->fields_n == 0) {
        change->refusal = &none;
    }
}

static ngx_int_t
lt_change_patch(ngx_http_request_t *r)
{
    ngx_int_t rc;
    ngx_str_t body, id = ngx_http_lt_sessions_last_segment(r);
    lt_json_t *doc = NULL;
    lt_change_t *change;
    ngx_http_lt_sessions_t *ctx;

    ctx = ngx_http_lt_sessions_ctx(r, sizeof(lt_change_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    rc = lt_change_begin(ctx, &id);
    if (rc == NGX_DECLINED) {
        return ngx_http_lt_sessions_unauthorized(r);
    }

    change = ctx->data;
    if (rc != NGX_OK
        || ngx_http_lt_sessions_body(r, &body, &doc, &change->refusal)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (change->refusal == NULL) {
        lt_change_fields(change, doc);
    }

    ctx->cmd = ngx_http_lt_state_update(ctx->mcf, &ctx->id,
        &ctx->identity.key, change->fields,
        change->refusal == NULL ? change->fields_n : 0, lt_change_updated,
        ctx);
    lt_json_free(&doc);

    return lt_change_asked(ctx);
}

void
ngx_http_lt_sessions_patch_handler(ngx_http_request_t *r)
{
    ngx_int_t rc = lt_change_patch(r);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}
