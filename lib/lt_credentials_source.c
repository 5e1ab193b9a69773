#include "lt_credentials_source.h"

#include <string.h>
#include <strings.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

typedef lt_credentials_settings_t settings_t;

/* ---- names ---- */

static const char *const names[] = {
    [LT_CREDENTIALS_AUTO] = "auto",
    [LT_CREDENTIALS_ENV] = "env",
    [LT_CREDENTIALS_FILE] = "file",
    [LT_CREDENTIALS_CONTAINER] = "container",
    [LT_CREDENTIALS_WEB_IDENTITY] = "web_identity",
    [LT_CREDENTIALS_IMDS] = "imds",
};

const char *
lt_credentials_source_name(lt_credentials_source_t source)
{
    return names[source];
}

lt_result_t
lt_credentials_source_find(lt_credentials_source_t *source, lt_str_t name)
{
    for (size_t i = 0; i < N(names); i++) {
        if (lt_str_is(name, names[i])) {
            *source = (lt_credentials_source_t)i;
            return LT_OK;
        }
    }
    return LT_INVALID;
}

/* ---- files ---- */

int
lt_credentials_is_file_named(const settings_t *settings)
{
    return settings->source == LT_CREDENTIALS_FILE || settings->file.len != 0
           || settings->profile.len != 0 || settings->env.profile.len != 0;
}

lt_str_t
lt_credentials_profile_name(const settings_t *settings)
{
    if (settings->profile.len != 0) {
        return settings->profile;
    }
    if (settings->env.profile.len != 0 && settings->file.len == 0) {
        return settings->env.profile;
    }
    return LT_STR("default");
}

static lt_result_t
write_path(lt_out_t *out, lt_str_t named, lt_str_t home, const char *below)
{
    if (named.len != 0) {
        lt_out_str(out, named);
    } else if (home.len != 0) {
        lt_out_str(out, home);
        lt_out_cstr(out, below);
    } else {
        return LT_INVALID;
    }
    lt_out_bytes(out, "", 1);
    return lt_out_result(out) == LT_OK ? LT_OK : LT_INVALID;
}

lt_result_t
lt_credentials_file_path(lt_out_t *out, const settings_t *settings)
{
    if (settings->file.len != 0) {
        return write_path(out, settings->file, settings->env.home, "");
    }
    return write_path(out, settings->env.credentials_file, settings->env.home,
        "/.aws/credentials");
}

lt_result_t
lt_credentials_config_path(lt_out_t *out, const settings_t *settings)
{
    if (settings->file.len != 0) {
        return LT_INVALID;          /* that file and nothing else */
    }
    return write_path(out, settings->env.config_file, settings->env.home,
        "/.aws/config");
}

/* ---- which source ---- */

static int
is_true(lt_str_t s)
{
    return s.len == 4 && strncasecmp(s.data, "true", 4) == 0;
}

static int
has_container(const settings_t *settings)
{
    return settings->env.container_path.len != 0
           || settings->env.container_url.len != 0;
}

/* 1 when the source is configured; what lacks of one that is by half, or that
   was asked for, is *lacks. */
static int
is_configured(const settings_t *settings, lt_credentials_source_t source,
    const char **lacks)
{
    const lt_credentials_env_t *env = &settings->env;

    switch (source) {
    case LT_CREDENTIALS_ENV:
        *lacks = env->access_key.len == 0    ? "AWS_ACCESS_KEY_ID"
                 : env->secret_key.len == 0 ? "AWS_SECRET_ACCESS_KEY"
                                            : NULL;
        return env->access_key.len != 0 || env->secret_key.len != 0;
    case LT_CREDENTIALS_WEB_IDENTITY:
        *lacks = env->web_token_file.len == 0 ? "AWS_WEB_IDENTITY_TOKEN_FILE"
                 : env->role_arn.len == 0     ? "AWS_ROLE_ARN"
                                              : NULL;
        return env->web_token_file.len != 0;
    case LT_CREDENTIALS_FILE:
        *lacks = settings->file.len == 0 && env->credentials_file.len == 0
                         && env->home.len == 0
                     ? "a credentials file, AWS_SHARED_CREDENTIALS_FILE or HOME"
                     : NULL;
        return *lacks == NULL;
    case LT_CREDENTIALS_CONTAINER:
        *lacks = has_container(settings)
                     ? NULL
                     : "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI";
        return has_container(settings);
    case LT_CREDENTIALS_IMDS:
        *lacks = is_true(env->imds_disabled)
                     ? "an AWS_EC2_METADATA_DISABLED that is not true"
                     : NULL;
        return *lacks == NULL && !has_container(settings);
    default:
        return 0;
    }
}

lt_result_t
lt_credentials_choose(lt_credentials_source_t *source,
    const settings_t *settings, lt_credentials_source_t after, lt_error_t *err)
{
    static const lt_credentials_source_t order[] = {LT_CREDENTIALS_ENV,
        LT_CREDENTIALS_WEB_IDENTITY, LT_CREDENTIALS_FILE,
        LT_CREDENTIALS_CONTAINER, LT_CREDENTIALS_IMDS};
    const char *lacks = NULL;
    int is_behind = after == LT_CREDENTIALS_AUTO;

    *source = settings->source;
    if (settings->source == LT_CREDENTIALS_AUTO && settings->file.len != 0) {
        *source = LT_CREDENTIALS_FILE;
    }
    for (size_t i = 0; i < N(order) && *source == LT_CREDENTIALS_AUTO; i++) {
        if (is_behind && is_configured(settings, order[i], &lacks)) {
            *source = order[i];
        }
        is_behind |= order[i] == after;
    }

    if (*source == LT_CREDENTIALS_AUTO || *source == after) {
        lt_error_set(err, 0, "no AWS keys in the environment or a file, and no "
            "container's agent or instance to ask");
        return LT_INVALID;
    }
    (void)is_configured(settings, *source, &lacks);
    if (lacks != NULL) {
        lt_error_set(err, 0, "%s: needs %s", names[*source], lacks);
        return LT_INVALID;
    }
    return LT_OK;
}
