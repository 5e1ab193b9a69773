/*
 * What the claims of a JWT (RFC 7519 section 4) must say, once its signature
 * has been verified elsewhere.  Names beyond the RFC are Amazon Cognito's:
 * token_use, and client_id in place of aud in access tokens.
 */
#ifndef LT_CLAIMS_H
#define LT_CLAIMS_H

#include "lt_base.h"

#define LT_CLAIMS_PAYLOAD_MAX 8192      /* bytes of JSON */
#define LT_CLAIMS_SUB_MAX 256           /* bytes of a subject */

typedef enum {
    LT_CLAIMS_USE_ID = 0,
    LT_CLAIMS_USE_ACCESS,
    LT_CLAIMS_USE_ANY                   /* token_use is not looked at */
} lt_claims_use_t;

typedef struct {
    lt_str_t issuer;                    /* iss, byte for byte */
    const lt_str_t *audience;           /* aud has one of them */
    size_t audience_n;
    lt_claims_use_t use;
    int64_t now_s;                      /* Unix seconds */
    int64_t leeway_s;                   /* for exp, nbf and iat */
} lt_claims_rules_t;

/*
 * Writes the subject.  LT_INVALID: refused, *reason says why, a constant;
 * LT_ERROR: no memory.  exp must be there and in the future; nbf and iat, if
 * there, must not be.
 */
lt_result_t lt_claims_check(lt_out_t *sub, lt_str_t payload,
    const lt_claims_rules_t *rules, const char **reason);

#endif
