/*
 * Where a process of a fleet gets its AWS keys: which source applies, what its
 * environment says about it, and where it is asked.
 * "AWS SDKs and Tools Reference Guide": standardized credential providers.
 *
 * AUTO, in this order, the first that is configured: the credentials file of
 * our own configuration and nothing else; the environment's keys; web identity
 * (EKS IRSA); the profile of the user's files; the container's agent (ECS, EKS
 * Pod Identity); the instance (IMDSv2).  Where a container's agent is named the
 * instance is never asked: its role is not ours.
 *
 * Memory: settings are views of the caller's that outlive all users.
 */
#ifndef LT_CREDENTIALS_SOURCE_H
#define LT_CREDENTIALS_SOURCE_H

#include "lt_base.h"

typedef enum {
    LT_CREDENTIALS_AUTO = 0,    /* as a result: none (is left) */
    LT_CREDENTIALS_ENV,
    LT_CREDENTIALS_FILE,
    LT_CREDENTIALS_CONTAINER,
    LT_CREDENTIALS_WEB_IDENTITY,
    LT_CREDENTIALS_IMDS
} lt_credentials_source_t;

/* Variables of the environment: field, name. */
#define LT_CREDENTIALS_VARIABLES(X)                                            \
    X(access_key, "AWS_ACCESS_KEY_ID")                                         \
    X(secret_key, "AWS_SECRET_ACCESS_KEY")                                     \
    X(session_token, "AWS_SESSION_TOKEN")                                      \
    X(profile, "AWS_PROFILE")                                                  \
    X(credentials_file, "AWS_SHARED_CREDENTIALS_FILE")                         \
    X(config_file, "AWS_CONFIG_FILE")                                          \
    X(home, "HOME")                                                            \
    X(web_token_file, "AWS_WEB_IDENTITY_TOKEN_FILE")                           \
    X(role_arn, "AWS_ROLE_ARN")                                                \
    X(role_session_name, "AWS_ROLE_SESSION_NAME")                              \
    X(sts_endpoint, "AWS_ENDPOINT_URL_STS")                                    \
    X(container_path, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")                \
    X(container_url, "AWS_CONTAINER_CREDENTIALS_FULL_URI")                     \
    X(container_token, "AWS_CONTAINER_AUTHORIZATION_TOKEN")                    \
    X(container_token_file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")          \
    X(imds_disabled, "AWS_EC2_METADATA_DISABLED")                              \
    X(imds_endpoint, "AWS_EC2_METADATA_SERVICE_ENDPOINT")                      \
    X(imds_mode, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")

typedef struct {
#define LT_CREDENTIALS_FIELD(field, name) lt_str_t field;
    LT_CREDENTIALS_VARIABLES(LT_CREDENTIALS_FIELD)
#undef LT_CREDENTIALS_FIELD
} lt_credentials_env_t;         /* len 0 = not set */

typedef struct {
    lt_credentials_source_t source;     /* as configured */
    lt_str_t region;
    lt_str_t file;              /* credentials file of our configuration */
    lt_str_t profile;           /* of our configuration; len 0 = not said */
    lt_credentials_env_t env;
} lt_credentials_settings_t;

/* "imds"; and back, LT_INVALID when there is no such source. */
const char *lt_credentials_source_name(lt_credentials_source_t source);
lt_result_t lt_credentials_source_find(lt_credentials_source_t *source,
    lt_str_t name);

/*
 * The source that applies after another one had nothing (AUTO: the first).
 * LT_INVALID: none is left, or one is configured by half; err says what lacks.
 */
lt_result_t lt_credentials_choose(lt_credentials_source_t *source,
    const lt_credentials_settings_t *settings, lt_credentials_source_t after,
    lt_error_t *err);

/* 1: a profile or file that was asked for by name must be there. */
int lt_credentials_is_file_named(const lt_credentials_settings_t *settings);
lt_str_t lt_credentials_profile_name(const lt_credentials_settings_t *settings);

/* Paths with a terminator; LT_INVALID: there is none, or it is too long. */
lt_result_t lt_credentials_file_path(lt_out_t *out,
    const lt_credentials_settings_t *settings);
lt_result_t lt_credentials_config_path(lt_out_t *out,
    const lt_credentials_settings_t *settings);

#endif
