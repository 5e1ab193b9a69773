#include "lt_credentials.h"

#include <string.h>

static int
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static lt_str_t
trim(lt_str_t s)
{
    while (s.len > 0 && is_space(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.data[s.len - 1])) {
        s.len--;
    }
    return s;
}

static lt_str_t
next_line(lt_str_t *text)
{
    const char *end = memchr(text->data, '\n', text->len);
    lt_str_t line = *text;

    if (end == NULL) {
        text->len = 0;
        return trim(line);
    }
    line.len = (size_t)(end - text->data);
    text->data = end + 1;
    text->len -= line.len + 1;
    return trim(line);
}

/* Keys are signed and sent as they are, so nothing but printable ASCII. */
static int
is_printable(lt_str_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] > '~') {
            return 0;
        }
    }
    return 1;
}

/* "[name]", or "[profile name]" as the config file writes it. */
static int
is_profile(lt_str_t line, lt_str_t profile)
{
    static const char word[] = "profile ";
    lt_str_t name = {line.data + 1, line.len - 1};
    const char *end = memchr(name.data, ']', name.len);

    if (end == NULL) {
        return 0;
    }
    name.len = (size_t)(end - name.data);
    name = trim(name);
    if (name.len > sizeof(word) - 1
        && memcmp(name.data, word, sizeof(word) - 1) == 0) {
        name.data += sizeof(word) - 1;
        name.len -= sizeof(word) - 1;
        name = trim(name);
    }
    return name.len == profile.len
           && memcmp(name.data, profile.data, name.len) == 0;
}

/* Ways to keys that are not followed: they are named when there are no
   others. */
static const char *const others[] = {"role_arn", "source_profile",
    "credential_source", "credential_process", "web_identity_token_file",
    "sso_session", "sso_start_url", "sso_account_id", "login_session"};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
read_setting(lt_credentials_profile_t *out, lt_str_t line)
{
    const char *equals = memchr(line.data, '=', line.len);
    lt_str_t name = line, value;

    if (equals == NULL) {
        return;
    }
    name.len = (size_t)(equals - line.data);
    name = trim(name);
    value.data = equals + 1;
    value.len = (size_t)(line.data + line.len - value.data);
    value = trim(value);

    if (lt_str_is(name, "aws_access_key_id")) {
        out->keys.access_key = value;
        out->has_keys = 1;
    } else if (lt_str_is(name, "aws_secret_access_key")) {
        out->keys.secret_key = value;
        out->has_keys = 1;
    } else if (lt_str_is(name, "aws_session_token")) {
        out->keys.session_token = value;
    }

    for (size_t i = 0; i < N(others); i++) {
        if (out->other == NULL && lt_str_is(name, others[i])) {
            out->other = others[i];
        }
    }
}

void
lt_credentials_profile(lt_credentials_profile_t *out, lt_str_t text,
    lt_str_t profile)
{
    int in_profile = 0;

    memset(out, 0, sizeof(*out));
    if (profile.len == 0) {
        profile = LT_STR("default");
    }

    while (text.len != 0) {
        lt_str_t line = next_line(&text);

        /* a comment line is a setting that nobody knows */
        if (line.len != 0 && line.data[0] == '[') {
            in_profile = is_profile(line, profile);
            out->is_there |= in_profile;
        } else if (in_profile) {
            read_setting(out, line);
        }
    }
}

static const char *
missing(const lt_aws_keys_t *keys)
{
    if (keys->access_key.len == 0 || !is_printable(keys->access_key)) {
        return "aws_access_key_id";
    }
    if (keys->secret_key.len == 0 || !is_printable(keys->secret_key)) {
        return "aws_secret_access_key";
    }
    return is_printable(keys->session_token) ? NULL : "aws_session_token";
}

lt_result_t
lt_credentials_parse(lt_aws_keys_t *keys, lt_str_t text, lt_str_t profile,
    lt_error_t *err)
{
    lt_credentials_profile_t found;
    const char *bad;

    if (profile.len == 0) {
        profile = LT_STR("default");
    }
    lt_credentials_profile(&found, text, profile);

    bad = found.is_there ? missing(&found.keys) : NULL;
    if (found.is_there && bad == NULL) {
        *keys = found.keys;
        return LT_OK;
    }

    memset(keys, 0, sizeof(*keys));
    if (!found.is_there) {
        lt_error_set(err, 0, "no profile \"%.*s\" in the credentials",
            profile.len > 64 ? 64 : (int)profile.len, profile.data);
    } else {
        lt_error_set(err, 0, "profile \"%.*s\" has no usable %s",
            profile.len > 64 ? 64 : (int)profile.len, profile.data, bad);
    }
    return LT_INVALID;
}

lt_aws_keys_t
lt_credentials_view(const lt_credentials_t *c)
{
    return (lt_aws_keys_t){lt_str(c->access_key), lt_str(c->secret_key),
        lt_str(c->session_token)};
}

static void
store(char *to, lt_str_t from)
{
    if (from.len != 0) {
        memcpy(to, from.data, from.len);
    }
}

lt_result_t
lt_credentials_copy(lt_credentials_t *c, const lt_aws_keys_t *keys,
    int64_t expires_ms, lt_error_t *err)
{
    const char *bad = missing(keys);

    if (bad != NULL) {
        lt_error_set(err, 0, "there is no usable %s", bad);
        return LT_INVALID;
    }
    if (keys->access_key.len > LT_CREDENTIALS_KEY_MAX
        || keys->secret_key.len > LT_CREDENTIALS_KEY_MAX
        || keys->session_token.len > LT_CREDENTIALS_TOKEN_MAX) {
        lt_error_set(err, 0, "a key or the session token is too long");
        return LT_INVALID;
    }

    memset(c, 0, sizeof(*c));   /* so that equal keys are equal bytes */
    store(c->access_key, keys->access_key);
    store(c->secret_key, keys->secret_key);
    store(c->session_token, keys->session_token);
    c->expires_ms = expires_ms;
    return LT_OK;
}

void
lt_credentials_wipe(lt_credentials_t *c)
{
    explicit_bzero(c, sizeof(*c));
}
