/*
 * Who asks: the token of a request and what it proves.
 *
 * With an identity provider (lt_jwt_jwks_file) a token is a JWT (RFC 7519),
 * RS256 or ES256, and proves who its bearer is; a session belongs to the
 * "sub" that has created it.  Without one a token is the key to one session
 * and names nobody.  Either way a session's speaker is who brings the key that
 * Redis holds as speakerKey, so callers treat both alike.
 *
 * Not here: the keys (ngx_http_lt_jwks.h), what the claims must say
 * (lib/lt_claims.h), what a refused token means for a request.
 */
#ifndef NGX_HTTP_LT_JWT_H
#define NGX_HTTP_LT_JWT_H

#include "ngx_http_lt_module.h"

#define NGX_HTTP_LT_TOKEN_BYTES_MAX 8192    /* of a request's token */

typedef enum {
    NGX_HTTP_LT_IDENTITY_NONE = 0,      /* no token */
    NGX_HTTP_LT_IDENTITY_INVALID,       /* the log says why, at level info */
    NGX_HTTP_LT_IDENTITY_VALID
} ngx_http_lt_identity_e;

typedef struct {
    ngx_http_lt_identity_e state;
    ngx_str_t sub;          /* VALID, with a provider: whose token it is */
    ngx_str_t key;          /* VALID: the speakerKey of the bearer's sessions;
                               both in the request's pool */
} ngx_http_lt_identity_t;

/* Is there an identity provider? */
static ngx_inline ngx_uint_t
ngx_http_lt_identity_is_on(const ngx_http_lt_main_conf_t *mcf)
{
    return mcf->jwks != NULL;
}

/* The token is the query's "token", else what follows "Authorization:
   Bearer".  Costs one verification of a signature.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_lt_identity(ngx_http_request_t *r,
    ngx_http_lt_identity_t *id);

/* lt_jwt_audience */
char *ngx_http_lt_jwt_audience(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Required directives and bounds; before defaults are filled in.  Both:
   NGX_OK or NGX_ERROR (logged). */
ngx_int_t ngx_http_lt_jwt_check(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf);

/* Reads the keys; places the hook that hides tokens from logs. */
ngx_int_t ngx_http_lt_jwt_init(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf);

#endif
