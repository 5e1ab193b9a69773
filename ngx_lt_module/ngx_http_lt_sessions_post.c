/*
 * POST /sessions.
 *
 * The existing app repeats a POST that is not answered within 5 s.  So that
 * one click makes one session, a POST with a token (or an Idempotency-Key)
 * first claims the SHA-256 of token, key and body in Redis, for 20 s: who
 * comes second takes over the first one's session, unless that has ended: then
 * it is another click.  A speaker token is in the claim, but masked by what
 * only the client knows.
 */
#include "ngx_http_lt_sessions.h"
#include "ngx_http_lt_metrics.h"

#include "lt_session_id.h"
#include "lt_text.h"

#define LT_POST_TRIES 5
#define LT_POST_LIFE_S 86400            /* without lt_session_age */
#define LT_POST_CLAIM_S "20"
#define LT_POST_KEY_MIN 16              /* characters of an Idempotency-Key */
#define LT_POST_KEY_MAX 255
#define LT_POST_TOKEN_BYTES 32
#define LT_POST_TOKEN_LEN 43            /* base64url, no padding */
#define LT_POST_SPEAKER_BYTES 8
#define LT_POST_CLAIM_MAX (LT_SESSION_ID_MAX + 1 + LT_POST_SPEAKER_BYTES * 2  \
                           + 1 + LT_POST_TOKEN_BYTES * 2)

typedef struct {
    ngx_uint_t tries;
    ngx_uint_t is_claimed;      /* the claim is ours or we have joined it */
    ngx_uint_t is_adopted;      /* the session is that of an earlier POST */
    ngx_http_lt_state_new_t session;
    u_char id[LT_SESSION_ID_MAX];
    u_char speaker_id[LT_POST_SPEAKER_BYTES * 2];
    u_char raw[LT_POST_TOKEN_BYTES];    /* the speaker token's bytes */
    u_char token[LT_POST_TOKEN_LEN + 1];
    u_char key[LT_SHA256_LEN * 2];
    u_char mask[LT_SHA256_LEN];
    u_char claim[sizeof(LT_STATE_CREATED) - 1 + LT_SHA256_LEN * 2];
} lt_post_t;

static ngx_int_t lt_post_create(ngx_http_lt_sessions_t *ctx);
static ngx_int_t lt_post_claim(ngx_http_lt_sessions_t *ctx,
    ngx_uint_t is_over);

static ngx_uint_t
lt_post_has_token(ngx_http_lt_sessions_t *ctx)
{
    return !ngx_http_lt_identity_is_on(ctx->mcf);
}

static ngx_str_t
lt_post_token(ngx_http_lt_sessions_t *ctx)
{
    lt_post_t *post = ctx->data;
    ngx_str_t token = ngx_null_string;

    if (lt_post_has_token(ctx)) {
        token.data = post->token;
        token.len = LT_POST_TOKEN_LEN;
    }

    return token;
}

/* Who the session belongs to, out of post->raw. */
static ngx_int_t
lt_post_own(ngx_http_lt_sessions_t *ctx)
{
    uint8_t sha256[LT_SHA256_LEN];
    lt_post_t *post = ctx->data;
    ngx_str_t raw = { sizeof(post->raw), post->raw }, token;

    if (!lt_post_has_token(ctx)) {
        post->session.speaker_key = ctx->identity.key;
        post->session.speaker_id = ctx->identity.sub;
        return NGX_OK;
    }

    token.data = post->token;
    ngx_encode_base64url(&token, &raw);

    if (lt_sha256(sha256, post->token, LT_POST_TOKEN_LEN) != LT_OK) {
        return NGX_ERROR;
    }

    lt_hex_encode((char *) post->key, sha256, sizeof(sha256));
    post->session.speaker_key.data = post->key;
    post->session.speaker_key.len = sizeof(post->key);
    post->session.speaker_id.data = post->speaker_id;
    post->session.speaker_id.len = sizeof(post->speaker_id);

    return NGX_OK;
}

static ngx_int_t
lt_post_new_id(ngx_http_lt_sessions_t *ctx)
{
    u_char random[8];
    lt_out_t out;
    lt_post_t *post = ctx->data;

    lt_out_init(&out, post->id, sizeof(post->id));
    if (ngx_http_lt_random(random, sizeof(random)) != NGX_OK
        || lt_session_id_make(&out, random) != LT_OK)
    {
        return NGX_ERROR;
    }

    ctx->id.data = post->id;
    ctx->id.len = lt_out_len(&out);
    post->session.session_id = &ctx->id;

    return NGX_OK;
}

static ngx_int_t
lt_post_new(ngx_http_lt_sessions_t *ctx)
{
    u_char random[LT_POST_SPEAKER_BYTES];
    lt_post_t *post = ctx->data;

    post->is_adopted = 0;

    if (ngx_http_lt_random(random, sizeof(random)) != NGX_OK
        || ngx_http_lt_random(post->raw, sizeof(post->raw)) != NGX_OK
        || lt_post_new_id(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    lt_hex_encode((char *) post->speaker_id, random, sizeof(random));

    return lt_post_own(ctx);
}

static void
lt_post_mask(u_char *raw, const u_char *mask)
{
    ngx_uint_t i;

    for (i = 0; i < LT_POST_TOKEN_BYTES; i++) {
        raw[i] ^= mask[i];
    }
}

/* "<session> <speaker> <masked token>" */
static ngx_str_t
lt_post_claim_value(ngx_http_lt_sessions_t *ctx, u_char buf[LT_POST_CLAIM_MAX])
{
    u_char *p;
    ngx_str_t value;
    lt_post_t *post = ctx->data;

    p = ngx_cpymem(buf, ctx->id.data, ctx->id.len);
    *p++ = ' ';
    p = ngx_cpymem(p, post->speaker_id, sizeof(post->speaker_id));
    *p++ = ' ';

    lt_post_mask(post->raw, post->mask);
    lt_hex_encode((char *) p, post->raw, sizeof(post->raw));
    lt_post_mask(post->raw, post->mask);

    value.data = buf;
    value.len = p + sizeof(post->raw) * 2 - buf;

    return value;
}

static ngx_int_t
lt_post_adopt(ngx_http_lt_sessions_t *ctx, const ngx_str_t *value)
{
    size_t tail = 1 + LT_POST_SPEAKER_BYTES * 2 + 1 + LT_POST_TOKEN_BYTES * 2;
    u_char *p;
    lt_str_t id, hex;
    lt_post_t *post = ctx->data;

    if (value->len <= tail || value->len - tail > sizeof(post->id)) {
        return NGX_ERROR;
    }

    id.data = (char *) value->data;
    id.len = value->len - tail;
    p = value->data + id.len + 1;
    hex.data = (char *) p + sizeof(post->speaker_id) + 1;
    hex.len = LT_POST_TOKEN_BYTES * 2;

    if (!lt_session_id_is_valid(id)
        || lt_hex_decode(post->raw, hex) != LT_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(post->id, id.data, id.len);
    ctx->id.len = id.len;
    ngx_memcpy(post->speaker_id, p, sizeof(post->speaker_id));
    lt_post_mask(post->raw, post->mask);
    post->is_adopted = 1;

    return lt_post_own(ctx);
}

static ngx_int_t
lt_post_created(ngx_http_lt_sessions_t *ctx)
{
    u_char text[NGX_HTTP_LT_ANSWER_MAX];
    lt_out_t out;
    ngx_str_t token = lt_post_token(ctx);
    lt_post_t *post = ctx->data;
    lt_message_session_t session;

    NGX_HTTP_LT_COUNT(sessions_created, 1);
    ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
        "lt: event=session_created session=%V", &ctx->id);

    ngx_memzero(&session, sizeof(session));
    session.session_id = ngx_http_lt_view(&ctx->id);
    session.speaker_id = ngx_http_lt_view(&post->session.speaker_id);
    session.source_language = ngx_http_lt_view(&post->session.source_language);
    session.quality_tier = ngx_http_lt_view(&post->session.quality_tier);
    session.status = LT_STR("active");
    session.created_ms = post->session.now_ms;
    session.updated_ms = post->session.now_ms;
    session.expires_s = post->session.expires_s;

    lt_out_init(&out, text, sizeof(text));
    if (lt_message_session(&out, &session, ngx_http_lt_view(&token))
        != LT_OK)
    {
        return ngx_http_lt_sessions_failed(ctx->request);
    }

    return ngx_http_lt_answer(ctx->request, NGX_HTTP_CREATED, text,
        lt_out_len(&out));
}

/* The earlier POST's session, told again, or another one. */
static void
lt_post_again_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_int_t rc;
    ngx_http_lt_sessions_t *ctx = data;
    ngx_str_t token = lt_post_token(ctx);
    ngx_http_request_t *r = ctx->request;
    lt_message_session_t session;

    ctx->cmd = NULL;

    if (code != LT_STATE_DONE) {
        ngx_http_lt_answer_finish(r, ngx_http_lt_sessions_lost(r, code));
        return;
    }

    ngx_http_lt_state_session(&session, reply);

    if (!lt_str_is(session.status, "ended")) {
        rc = ngx_http_lt_sessions_record(r, NGX_HTTP_CREATED, reply, &token);

    } else if (lt_post_new(ctx) == NGX_OK) {
        rc = lt_post_claim(ctx, 1);

    } else {
        rc = ngx_http_lt_sessions_failed(r);
    }

    if (rc != NGX_DONE) {
        ngx_http_lt_answer_finish(r, rc);
    }
}

/* NGX_DONE: asked; else the result of an answer. */
static ngx_int_t
lt_post_asked(ngx_http_lt_sessions_t *ctx)
{
    return ctx->cmd != NULL
           ? NGX_DONE
           : ngx_http_lt_sessions_lost(ctx->request, NGX_HTTP_LT_STATE_LOST);
}

static ngx_int_t
lt_post_exists(ngx_http_lt_sessions_t *ctx, const ngx_http_lt_reply_t *reply)
{
    ngx_str_t key = ngx_http_lt_reply_text(reply, 1);
    lt_post_t *post = ctx->data;

    if (post->is_adopted && key.len == post->session.speaker_key.len
        && lt_crypto_is_equal(key.data, post->session.speaker_key.data,
               key.len))
    {
        ctx->cmd = ngx_http_lt_state_read(ctx->mcf, &ctx->id,
            lt_post_again_done, ctx);
        return lt_post_asked(ctx);
    }

    if (++post->tries == LT_POST_TRIES || lt_post_new_id(ctx) != NGX_OK) {
        return ngx_http_lt_sessions_failed(ctx->request);
    }

    return lt_post_create(ctx);
}

static void
lt_post_create_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_int_t rc;
    ngx_http_lt_sessions_t *ctx = data;

    ctx->cmd = NULL;

    if (code == LT_STATE_DONE) {
        rc = lt_post_created(ctx);

    } else if (code == LT_STATE_EXISTS) {
        rc = lt_post_exists(ctx, reply);

    } else {
        rc = ngx_http_lt_sessions_lost(ctx->request, code);
    }

    if (rc != NGX_DONE) {
        ngx_http_lt_answer_finish(ctx->request, rc);
    }
}

static ngx_int_t
lt_post_create(ngx_http_lt_sessions_t *ctx)
{
    lt_post_t *post = ctx->data;

    ctx->cmd = ngx_http_lt_state_create(ctx->mcf, &post->session,
        lt_post_create_done, ctx);

    return lt_post_asked(ctx);
}

/* MGET of an earlier claim; it may have run out since. */
static void
lt_post_claim_read(void *data, const ngx_http_lt_reply_t *reply)
{
    ngx_int_t rc;
    ngx_str_t value = ngx_http_lt_reply_text(reply, 0);
    ngx_http_lt_sessions_t *ctx = data;

    ctx->cmd = NULL;

    if (reply == NULL) {
        rc = ngx_http_lt_sessions_lost(ctx->request, NGX_HTTP_LT_STATE_LOST);

    } else if (value.len != 0 && lt_post_adopt(ctx, &value) != NGX_OK) {
        rc = ngx_http_lt_sessions_failed(ctx->request);

    } else {
        rc = lt_post_create(ctx);
    }

    if (rc != NGX_DONE) {
        ngx_http_lt_answer_finish(ctx->request, rc);
    }
}

static ngx_str_t
lt_post_claim_key(lt_post_t *post)
{
    ngx_str_t key = { sizeof(post->claim), post->claim };

    return key;
}

static void
lt_post_claim_done(void *data, const ngx_http_lt_reply_t *reply)
{
    ngx_int_t rc;
    ngx_str_t words[2];
    ngx_http_lt_sessions_t *ctx = data;

    ctx->cmd = NULL;

    if (reply == NULL) {
        rc = ngx_http_lt_sessions_lost(ctx->request, NGX_HTTP_LT_STATE_LOST);

    } else if (ngx_http_lt_reply_value(reply) == 1) {
        rc = lt_post_create(ctx);

    } else {
        ngx_str_set(&words[0], "MGET");
        words[1] = lt_post_claim_key(ctx->data);
        ctx->cmd = ngx_http_lt_command_send(ctx->mcf->redis, 2, words,
            lt_post_claim_read, ctx);
        rc = lt_post_asked(ctx);
    }

    if (rc != NGX_DONE) {
        ngx_http_lt_answer_finish(ctx->request, rc);
    }
}

/* is_over: in place of one whose session has ended. */
static ngx_int_t
lt_post_claim(ngx_http_lt_sessions_t *ctx, ngx_uint_t is_over)
{
    u_char value[LT_POST_CLAIM_MAX];
    ngx_str_t words[6];

    ngx_str_set(&words[0], "SET");
    words[1] = lt_post_claim_key(ctx->data);
    words[2] = lt_post_claim_value(ctx, value);
    ngx_str_set(&words[3], "EX");
    ngx_str_set(&words[4], LT_POST_CLAIM_S);
    ngx_str_set(&words[5], "NX");

    ctx->cmd = ngx_http_lt_command_send(ctx->mcf->redis, is_over ? 5 : 6,
        words, lt_post_claim_done, ctx);

    return lt_post_asked(ctx);
}

/* What tells a repeated POST; *refusal as elsewhere. */
static ngx_int_t
lt_post_identify(ngx_http_lt_sessions_t *ctx, const ngx_str_t *body,
    const ngx_http_lt_sessions_refusal_t **refusal)
{
    uint8_t sha256[LT_SHA256_LEN];
    ngx_str_t parts[3];
    ngx_uint_t n;
    lt_post_t *post = ctx->data;
    ngx_http_request_t *r = ctx->request;

    static const ngx_http_lt_sessions_refusal_t bad_key = {
        NGX_HTTP_BAD_REQUEST, "INVALID_PARAMETER",
        "Idempotency-Key must be given once, with 16 to 255 characters."
    };

    parts[0] = ngx_http_lt_identity_is_on(ctx->mcf)
               ? ctx->identity.key : ngx_http_lt_answer_bearer(r);
    parts[1] = ngx_http_lt_answer_request_header(r, "Idempotency-Key", &n);
    parts[2] = *body;

    if (n > 1 || (n == 1 && (parts[1].len < LT_POST_KEY_MIN
                             || parts[1].len > LT_POST_KEY_MAX)))
    {
        *refusal = &bad_key;
        return NGX_OK;
    }

    if (parts[0].len == 0 && n == 0) {
        return NGX_OK;
    }

    if (ngx_http_lt_sessions_digest(post->mask, parts, 2) != NGX_OK
        || ngx_http_lt_sessions_digest(sha256, parts, 3) != NGX_OK)
    {
        return NGX_ERROR;
    }

    lt_hex_encode((char *) ngx_cpymem(post->claim, LT_STATE_CREATED,
                      sizeof(LT_STATE_CREATED) - 1),
        sha256, sizeof(sha256));
    post->is_claimed = 1;

    return NGX_OK;
}

static ngx_int_t
lt_post_copy(ngx_http_request_t *r, ngx_str_t *to, lt_str_t from)
{
    to->len = from.len;
    to->data = ngx_pnalloc(r->pool, from.len + 1);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_http_lt_copy(to->data, from.data, from.len);

    return NGX_OK;
}

static ngx_int_t
lt_post_fields(ngx_http_lt_sessions_t *ctx, const lt_json_t *doc,
    const ngx_http_lt_sessions_refusal_t **refusal)
{
    lt_str_t language = LT_STR(""), tier = LT_STR("standard");
    lt_post_t *post = ctx->data;

    static const ngx_http_lt_sessions_refusal_t missing = {
        NGX_HTTP_BAD_REQUEST, "MISSING_PARAMETER",
        "\"sourceLanguage\" is missing."
    };

    *refusal = lt_json_get(doc, "sourceLanguage") == NULL
               ? &missing
               : ngx_http_lt_sessions_check_language(doc, &language);

    if (*refusal == NULL && lt_json_get(doc, "qualityTier") != NULL) {
        *refusal = ngx_http_lt_sessions_check_tier(doc, &tier);
    }

    if (*refusal == NULL
        && ngx_http_lt_sessions_settings(ctx->request, doc, &post->session,
               refusal) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (*refusal != NULL) {
        return NGX_OK;
    }

    return lt_post_copy(ctx->request, &post->session.source_language, language)
               == NGX_OK
           && lt_post_copy(ctx->request, &post->session.quality_tier, tier)
               == NGX_OK ? NGX_OK : NGX_ERROR;
}

static ngx_int_t
lt_post_check(ngx_http_lt_sessions_t *ctx,
    const ngx_http_lt_sessions_refusal_t **refusal)
{
    ngx_int_t rc;
    ngx_str_t body;
    lt_json_t *doc;

    rc = ngx_http_lt_sessions_body(ctx->request, &body, &doc, refusal);
    if (rc != NGX_OK || *refusal != NULL) {
        return rc;
    }

    rc = lt_post_fields(ctx, doc, refusal);
    lt_json_free(&doc);

    return rc == NGX_OK && *refusal == NULL
           ? lt_post_identify(ctx, &body, refusal) : rc;
}

static ngx_int_t
lt_post(ngx_http_request_t *r)
{
    lt_post_t *post;
    ngx_http_lt_sessions_t *ctx;
    const ngx_http_lt_sessions_refusal_t *refusal;

    ctx = ngx_http_lt_sessions_ctx(r, sizeof(lt_post_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_lt_identity_is_on(ctx->mcf)) {
        if (ngx_http_lt_identity(r, &ctx->identity) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ctx->identity.state != NGX_HTTP_LT_IDENTITY_VALID) {
            return ngx_http_lt_sessions_unauthorized(r);
        }
    }

    if (lt_post_check(ctx, &refusal) != NGX_OK) {
        return NGX_ERROR;
    }

    if (refusal != NULL) {
        return ngx_http_lt_sessions_refuse(r, refusal);
    }

    if (lt_post_new(ctx) != NGX_OK) {
        return ngx_http_lt_sessions_failed(r);
    }

    post = ctx->data;
    post->session.now_ms = ngx_http_lt_wall_ms();
    post->session.expires_s = post->session.now_ms / 1000
        + (ctx->mcf->session_age != 0 ? ctx->mcf->session_age
                                      : LT_POST_LIFE_S);
    ngx_http_lt_sessions_wait(r);

    return post->is_claimed ? lt_post_claim(ctx, 0) : lt_post_create(ctx);
}

void
ngx_http_lt_sessions_post_handler(ngx_http_request_t *r)
{
    ngx_int_t rc = lt_post(r);

    /* the count that reading the body took is ended by the answer */
    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}
