/*
 * What the sources of AWS keys are asked, byte for byte, and how much of
 * environment and files is trusted to say so.
 *
 * STS: API reference, AssumeRoleWithWebIdentity.  Containers: SDK reference
 * guide, "Container credential provider".  IMDSv2: EC2 user guide, "Retrieve
 * security credentials from instance metadata".
 *
 * Limits: header values 4096 bytes, a role's name 64.
 */
#ifndef LT_CREDENTIALS_REQUEST_H
#define LT_CREDENTIALS_REQUEST_H

#include "lt_credentials_source.h"

/*
 * Where a source is asked first, with a terminator.  LT_INVALID: err says why
 * it must not be: secrets go over TLS, to this host itself, or to the agents'
 * own addresses only.
 */
lt_result_t lt_credentials_url(lt_out_t *out,
    const lt_credentials_settings_t *settings, lt_credentials_source_t source,
    lt_error_t *err);

/* IMDS: where the role's name stands (role len 0), and its keys. */
lt_result_t lt_credentials_role_url(lt_out_t *out,
    const lt_credentials_settings_t *settings, lt_str_t role, lt_error_t *err);

/* The role's name in what IMDS answers; a view. */
lt_result_t lt_credentials_role(lt_str_t *role, lt_str_t body,
    lt_error_t *err);

/* The form that is posted to STS.  LT_INVALID: the token is none. */
lt_result_t lt_credentials_sts_body(lt_out_t *out,
    const lt_credentials_settings_t *settings, lt_str_t token,
    lt_error_t *err);

/* LT_INVALID: value (of what) must not become a header. */
lt_result_t lt_credentials_check_header(lt_str_t value, const char *what,
    lt_error_t *err);

#endif
