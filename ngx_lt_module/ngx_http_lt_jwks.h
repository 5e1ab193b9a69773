/*
 * The identity provider's public keys (JWKS, RFC 7517) and signatures made
 * with them (JWS, RFC 7515): RS256 and ES256.  The one file that includes
 * cjose.
 *
 * A key is used when it has a kid and is RSA of 2048 bits or more, or EC on
 * P-256, and its "use" and "alg", if any, agree; others are passed over.
 * Each process looks every two seconds whether the file is another one; a new
 * file that cannot be used leaves the old keys in place and is logged once.
 *
 * Memory: keys are on the heap and end with the configuration's pool.
 * Limit: a file of NGX_HTTP_LT_JWKS_MAX bytes.
 */
#ifndef NGX_HTTP_LT_JWKS_H
#define NGX_HTTP_LT_JWKS_H

#include "ngx_http_lt_module.h"

#define NGX_HTTP_LT_JWKS_MAX 65536

/* At configuration time; NULL is logged. */
ngx_http_lt_jwks_t *ngx_http_lt_jwks_new(ngx_conf_t *cf, ngx_str_t *path);

/* Starts to watch the file; jwks may be NULL. */
void ngx_http_lt_jwks_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_jwks_t *jwks);

/*
 * NGX_OK: *payload holds what was signed, in the pool.  NGX_DECLINED: *reason
 * says why not, a constant.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_lt_jwks_verify(ngx_http_lt_jwks_t *jwks, ngx_str_t *token,
    ngx_pool_t *pool, ngx_str_t *payload, const char **reason);

#endif
