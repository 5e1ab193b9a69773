#include "ngx_http_lt_jwt.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_jwks.h"
#include "ngx_http_lt_metrics.h"

#include "lt_claims.h"
#include "lt_crypto.h"
#include "lt_text.h"

#define LT_JWT_LEEWAY_MAX_S 300
#define LT_JWT_KEY_HEAD "sub:"      /* no key of a session begins so */

/* The token that the query had before it was hidden. */
static ngx_int_t
lt_jwt_take(ngx_http_request_t *r)
{
    ngx_str_t *token;

    token = ngx_palloc(r->pool, sizeof(ngx_str_t));
    if (token == NULL || ngx_http_lt_answer_arg(r, "token", token) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    ngx_http_lt_answer_hide_arg(r, "token");
    ngx_http_set_ctx(r, token, ngx_http_lt_module);

    return NGX_OK;
}

/* Before any module refuses the request and logs it, as limit_req does. */
static ngx_int_t
lt_jwt_preaccess(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if ((clcf->handler == ngx_http_lt_websocket_handler
         || clcf->handler == ngx_http_lt_events_handler
         || clcf->handler == ngx_http_lt_sessions_handler)
        && ngx_http_get_module_ctx(r, ngx_http_lt_module) == NULL
        && lt_jwt_take(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}

/* HEAD + hex of the SHA-256 of what the session belongs to. */
static ngx_int_t
lt_jwt_key(ngx_http_request_t *r, const char *head, const ngx_str_t *owner,
    ngx_str_t *key)
{
    u_char *p;
    uint8_t sha256[LT_SHA256_LEN];

    key->len = ngx_strlen(head) + sizeof(sha256) * 2;
    key->data = ngx_pnalloc(r->pool, key->len);
    if (key->data == NULL
        || lt_sha256(sha256, owner->data, owner->len) != LT_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_cpymem(key->data, head, ngx_strlen(head));
    lt_hex_encode((char *) p, sha256, sizeof(sha256));

    return NGX_OK;
}

static ngx_int_t
lt_jwt_claims(ngx_http_request_t *r, ngx_str_t *payload, ngx_str_t *sub,
    const char **reason)
{
    u_char *storage;
    lt_out_t out;
    lt_result_t rc;
    lt_claims_rules_t rules;
    ngx_http_lt_main_conf_t *mcf = ngx_http_lt_main_conf(r);

    storage = ngx_pnalloc(r->pool, LT_CLAIMS_SUB_MAX);
    if (storage == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&rules, sizeof(lt_claims_rules_t));
    rules.issuer = ngx_http_lt_view(&mcf->jwt_issuer);
    rules.audience = mcf->jwt_audience->elts;
    rules.audience_n = mcf->jwt_audience->nelts;
    rules.use = mcf->jwt_token_use;
    rules.now_s = ngx_time();
    rules.leeway_s = mcf->jwt_leeway;

    lt_out_init(&out, storage, LT_CLAIMS_SUB_MAX);
    rc = lt_claims_check(&out, ngx_http_lt_view(payload), &rules, reason);
    if (rc != LT_OK) {
        return rc == LT_INVALID ? NGX_DECLINED : NGX_ERROR;
    }

    sub->data = storage;
    sub->len = lt_out_len(&out);

    return NGX_OK;
}

/* NGX_DECLINED: *reason says why. */
static ngx_int_t
lt_jwt_prove(ngx_http_request_t *r, ngx_str_t *token,
    ngx_http_lt_identity_t *id, const char **reason)
{
    ngx_int_t rc;
    ngx_str_t payload;
    ngx_http_lt_main_conf_t *mcf = ngx_http_lt_main_conf(r);

    if (token->len > NGX_HTTP_LT_TOKEN_BYTES_MAX) {
        *reason = "it is longer than 8192 bytes";
        return NGX_DECLINED;
    }

    if (!ngx_http_lt_identity_is_on(mcf)) {
        return lt_jwt_key(r, "", token, &id->key);
    }

    rc = ngx_http_lt_jwks_verify(mcf->jwks, token, r->pool, &payload, reason);
    if (rc == NGX_OK) {
        rc = lt_jwt_claims(r, &payload, &id->sub, reason);
    }

    return rc == NGX_OK ? lt_jwt_key(r, LT_JWT_KEY_HEAD, &id->sub, &id->key)
                        : rc;
}

static ngx_str_t
lt_jwt_token(ngx_http_request_t *r)
{
    ngx_str_t *taken = ngx_http_get_module_ctx(r, ngx_http_lt_module);

    return taken != NULL && taken->len != 0 ? *taken
                                            : ngx_http_lt_answer_bearer(r);
}

ngx_int_t
ngx_http_lt_identity(ngx_http_request_t *r, ngx_http_lt_identity_t *id)
{
    ngx_int_t rc;
    ngx_str_t token = lt_jwt_token(r);
    const char *reason = NULL;

    ngx_memzero(id, sizeof(ngx_http_lt_identity_t));

    if (token.len == 0) {
        return NGX_OK;
    }

    rc = lt_jwt_prove(r, &token, id, &reason);
    if (rc == NGX_OK) {
        id->state = NGX_HTTP_LT_IDENTITY_VALID;
        return NGX_OK;
    }

    if (rc != NGX_DECLINED) {
        return NGX_ERROR;
    }

    NGX_HTTP_LT_COUNT(tokens_refused, 1);
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
        "lt: event=token_refused reason=\"%s\"", reason);
    id->state = NGX_HTTP_LT_IDENTITY_INVALID;

    return NGX_OK;
}

char *
ngx_http_lt_jwt_audience(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    lt_str_t *audience;
    ngx_str_t *value = cf->args->elts;
    ngx_uint_t i;
    ngx_http_lt_main_conf_t *mcf = conf;

    (void) cmd;

    if (mcf->jwt_audience != NULL) {
        return "is duplicate";
    }

    mcf->jwt_audience = ngx_array_create(cf->pool, cf->args->nelts,
        sizeof(lt_str_t));
    if (mcf->jwt_audience == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (value[i].len == 0) {
            return "must not be empty";
        }

        audience = ngx_array_push(mcf->jwt_audience);
        if (audience == NULL) {
            return NGX_CONF_ERROR;
        }

        *audience = ngx_http_lt_view(&value[i]);
    }

    return NGX_CONF_OK;
}

static ngx_int_t
lt_jwt_refuse(ngx_conf_t *cf, const char *text)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s", text);

    return NGX_ERROR;
}

ngx_int_t
ngx_http_lt_jwt_check(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf)
{
    if (mcf->jwt_leeway > LT_JWT_LEEWAY_MAX_S) {
        return lt_jwt_refuse(cf, "lt_jwt_leeway must be from 0 to 5m");
    }

    if (mcf->jwt_jwks_file.len == 0) {
        return mcf->jwt_issuer.len == 0 && mcf->jwt_audience == NULL
               && mcf->jwt_leeway == NGX_CONF_UNSET
               && mcf->jwt_token_use == NGX_CONF_UNSET_UINT
               ? NGX_OK
               : lt_jwt_refuse(cf, "lt_jwt_ directives need "
                     "\"lt_jwt_jwks_file <path>;\": without keys no token "
                     "can be verified");
    }

    if (mcf->jwt_issuer.len == 0) {
        return lt_jwt_refuse(cf, "lt_jwt_jwks_file needs \"lt_jwt_issuer "
            "<url>;\": what tokens have as iss");
    }

    if (mcf->jwt_audience == NULL) {
        return lt_jwt_refuse(cf, "lt_jwt_jwks_file needs \"lt_jwt_audience "
            "<id>;\": the client ids whose tokens are taken");
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_jwt_init(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_handler_pt *handler;
    ngx_http_core_main_conf_t *cmcf;

    if (mcf->jwt_jwks_file.len != 0) {
        mcf->jwks = ngx_http_lt_jwks_new(cf, &mcf->jwt_jwks_file);
        if (mcf->jwks == NULL) {
            return NGX_ERROR;
        }
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    handler = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (handler == NULL) {
        return NGX_ERROR;
    }

    *handler = lt_jwt_preaccess;

    return NGX_OK;
}
