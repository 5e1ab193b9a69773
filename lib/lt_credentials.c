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

static void
read_setting(lt_aws_keys_t *keys, lt_str_t line)
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
        keys->access_key = value;
    } else if (lt_str_is(name, "aws_secret_access_key")) {
        keys->secret_key = value;
    } else if (lt_str_is(name, "aws_session_token")) {
        keys->session_token = value;
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
    int in_profile = 0, found = 0;
    const char *bad;

    memset(keys, 0, sizeof(*keys));
    if (profile.len == 0) {
        profile = LT_STR("default");
    }

    while (text.len != 0) {
        lt_str_t line = next_line(&text);

        /* a comment line is a setting that nobody knows */
        if (line.len != 0 && line.data[0] == '[') {
            in_profile = is_profile(line, profile);
            found |= in_profile;
        } else if (in_profile) {
            read_setting(keys, line);
        }
    }

    bad = found ? missing(keys) : NULL;
    if (found && bad == NULL) {
        return LT_OK;
    }

    memset(keys, 0, sizeof(*keys));
    if (!found) {
        lt_error_set(err, 0, "no profile \"%.*s\" in the credentials",
            profile.len > 64 ? 64 : (int)profile.len, profile.data);
    } else {
        lt_error_set(err, 0, "profile \"%.*s\" has no usable %s",
            profile.len > 64 ? 64 : (int)profile.len, profile.data, bad);
    }
    return LT_INVALID;
}
