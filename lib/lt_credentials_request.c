#include "lt_credentials_request.h"

#include <string.h>
#include <strings.h>

#include "lt_aws.h"
#include "lt_text.h"

#define HEADER_MAX 4096
#define ROLE_MAX 64
#define N(array) (sizeof(array) / sizeof((array)[0]))

typedef lt_credentials_settings_t settings_t;

/* ---- URLs ---- */

typedef struct {
    int is_tls;
    lt_str_t host;              /* with its brackets, if any */
} url_t;

static int
is_port(lt_str_t s)
{
    unsigned port = 0;

    if (s.len == 0 || s.len > 5) {
        return 0;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return 0;
        }
        port = port * 10 + (unsigned)(s.data[i] - '0');
    }
    return port > 0 && port <= 65535;
}

/* Letters, digits, '.', '-'; or an IPv6 address in its brackets. */
static int
is_host(lt_str_t s)
{
    int is_ipv6 = s.len > 2 && s.data[0] == '[' && s.data[s.len - 1] == ']';
    const char *more = is_ipv6 ? ":." : ".-";

    for (size_t i = (size_t)is_ipv6; i < s.len - (size_t)is_ipv6; i++) {
        char c = s.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                || (c >= '0' && c <= '9') || c == more[0] || c == more[1])) {
            return 0;
        }
    }
    return s.len != 0;
}

/* http[s]://host[:port] and what follows, all of it printable. */
static lt_result_t
parse_url(url_t *url, lt_str_t text)
{
    static const char http[] = "http://", https[] = "https://";
    size_t start = sizeof(http) - 1, end, host_end;

    url->is_tls = text.len > sizeof(https) - 1
                  && memcmp(text.data, https, sizeof(https) - 1) == 0;
    if (url->is_tls) {
        start = sizeof(https) - 1;
    } else if (text.len <= start || memcmp(text.data, http, start) != 0) {
        return LT_INVALID;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return LT_INVALID;
        }
    }

    for (end = start; end < text.len && text.data[end] != '/'
                      && text.data[end] != '?';
         end++) {
    }
    for (host_end = end; host_end > start && text.data[host_end - 1] != ':'
                         && text.data[host_end - 1] != ']';
         host_end--) {
    }
    if (host_end == start || text.data[host_end - 1] == ']') {
        /* no port; an IPv6 address has nothing behind its bracket */
        if (host_end != start && host_end != end) {
            return LT_INVALID;
        }
        host_end = end;
    } else if (is_port((lt_str_t){text.data + host_end, end - host_end})) {
        host_end--;
    } else {
        return LT_INVALID;
    }

    url->host = (lt_str_t){text.data + start, host_end - start};
    return is_host(url->host) ? LT_OK : LT_INVALID;
}

static int
is_loopback(lt_str_t host)
{
    static const char net[] = "127.";

    if (lt_str_is(host, "localhost") || lt_str_is(host, "[::1]")) {
        return 1;
    }
    if (host.len < 7 || memcmp(host.data, net, sizeof(net) - 1) != 0) {
        return 0;
    }
    for (size_t i = 0; i < host.len; i++) {     /* not 127.example.com */
        if (host.data[i] != '.'
            && (host.data[i] < '0' || host.data[i] > '9')) {
            return 0;
        }
    }
    return 1;
}

static lt_result_t
finish(lt_out_t *out, const char *name, lt_error_t *err)
{
    lt_out_bytes(out, "", 1);
    if (lt_out_result(out) != LT_OK) {
        lt_error_set(err, 0, "%s is too long", name);
        return LT_INVALID;
    }
    return LT_OK;
}

static lt_result_t
sts_url(lt_out_t *out, const settings_t *settings,
    lt_error_t *err)
{
    lt_str_t named = settings->env.sts_endpoint;
    url_t url;

    if (named.len == 0) {
        lt_out_cstr(out, "https://");
        (void)lt_aws_host(out, LT_STR("sts"), settings->region);
        lt_out_cstr(out, "/");
        return finish(out, "the region", err);
    }
    if (parse_url(&url, named) != LT_OK
        || (!url.is_tls && !is_loopback(url.host))) {
        lt_error_set(err, 0, "AWS_ENDPOINT_URL_STS must be https://host, or "
            "http:// to this host itself");
        return LT_INVALID;
    }
    lt_out_str(out, named);
    if (named.data[named.len - 1] != '/') {
        lt_out_cstr(out, "/");
    }
    return finish(out, "AWS_ENDPOINT_URL_STS", err);
}

static int
is_agent(const url_t *url)
{
    static const char *const agents[] = {"169.254.170.2", "169.254.170.23",
        "[fd00:ec2::23]"};

    if (url->is_tls || is_loopback(url->host)) {
        return 1;
    }
    for (size_t i = 0; i < N(agents); i++) {
        if (lt_str_is(url->host, agents[i])) {
            return 1;
        }
    }
    return 0;
}

static int
is_path(lt_str_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] > '~') {
            return 0;
        }
    }
    return s.len != 0 && s.data[0] == '/';
}

static lt_result_t
container_url(lt_out_t *out, const settings_t *settings,
    lt_error_t *err)
{
    lt_str_t path = settings->env.container_path;
    url_t url;

    if (path.len != 0) {
        if (!is_path(path)) {
            lt_error_set(err, 0, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must "
                "begin with \"/\" and hold no spaces");
            return LT_INVALID;
        }
        lt_out_cstr(out, "http://169.254.170.2");
        lt_out_str(out, path);
        return finish(out, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", err);
    }
    if (parse_url(&url, settings->env.container_url) != LT_OK
        || !is_agent(&url)) {
        lt_error_set(err, 0, "AWS_CONTAINER_CREDENTIALS_FULL_URI must be "
            "https://, or http:// to this host itself, 169.254.170.2, "
            "169.254.170.23 or [fd00:ec2::23]");
        return LT_INVALID;
    }
    lt_out_str(out, settings->env.container_url);
    return finish(out, "AWS_CONTAINER_CREDENTIALS_FULL_URI", err);
}

static lt_result_t
imds_url(lt_out_t *out, const settings_t *settings, const char *path,
    lt_str_t behind, lt_error_t *err)
{
    lt_str_t endpoint = settings->env.imds_endpoint;
    lt_str_t mode = settings->env.imds_mode;
    url_t url;

    if (endpoint.len == 0) {
        endpoint = mode.len == 4 && strncasecmp(mode.data, "ipv6", 4) == 0
                       ? LT_STR("http://[fd00:ec2::254]")
                       : LT_STR("http://169.254.169.254");
    } else if (parse_url(&url, endpoint) != LT_OK) {
        lt_error_set(err, 0,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT must be http://host");
        return LT_INVALID;
    }
    while (endpoint.len != 0 && endpoint.data[endpoint.len - 1] == '/') {
        endpoint.len--;
    }
    lt_out_str(out, endpoint);
    lt_out_cstr(out, path);
    lt_out_str(out, behind);
    return finish(out, "AWS_EC2_METADATA_SERVICE_ENDPOINT", err);
}

lt_result_t
lt_credentials_url(lt_out_t *out, const settings_t *settings,
    lt_credentials_source_t source, lt_error_t *err)
{
    switch (source) {
    case LT_CREDENTIALS_WEB_IDENTITY:
        return sts_url(out, settings, err);
    case LT_CREDENTIALS_CONTAINER:
        return container_url(out, settings, err);
    default:
        return imds_url(out, settings, "/latest/api/token", LT_STR(""), err);
    }
}

lt_result_t
lt_credentials_role_url(lt_out_t *out, const settings_t *settings,
    lt_str_t role, lt_error_t *err)
{
    return imds_url(out, settings,
        "/latest/meta-data/iam/security-credentials/", role, err);
}

/* ---- what goes into requests ---- */

static int
is_printable(lt_str_t s, char lowest)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < lowest || s.data[i] > '~') {
            return 0;
        }
    }
    return s.len != 0;
}

lt_result_t
lt_credentials_check_header(lt_str_t value, const char *what, lt_error_t *err)
{
    if (value.len > HEADER_MAX || !is_printable(value, ' ')) {
        lt_error_set(err, 0, "%s must be one line of 1 to %d characters, "
            "without a line end", what, HEADER_MAX);
        return LT_INVALID;
    }
    return LT_OK;
}

lt_result_t
lt_credentials_sts_body(lt_out_t *out, const settings_t *settings,
    lt_str_t token, lt_error_t *err)
{
    const lt_credentials_env_t *env = &settings->env;

    if (!is_printable(token, '!')) {
        lt_error_set(err, 0, "the file of AWS_WEB_IDENTITY_TOKEN_FILE must "
            "hold one token, without a line end");
        return LT_INVALID;
    }
    lt_out_cstr(out, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                     "&RoleArn=");
    lt_uri_encode(out, env->role_arn, 0);
    lt_out_cstr(out, "&RoleSessionName=");
    lt_uri_encode(out, env->role_session_name.len != 0
                           ? env->role_session_name
                           : LT_STR("live-translation"), 0);
    lt_out_cstr(out, "&WebIdentityToken=");
    lt_uri_encode(out, token, 0);
    if (lt_out_result(out) != LT_OK) {
        lt_error_set(err, 0, "the token of AWS_WEB_IDENTITY_TOKEN_FILE is too "
            "long");
        return LT_INVALID;
    }
    return LT_OK;
}

static int
is_role_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9')
           || (c != '\0' && strchr("+=,.@_-", c) != NULL);
}

lt_result_t
lt_credentials_role(lt_str_t *role, lt_str_t body, lt_error_t *err)
{
    size_t len = 0;

    while (len < body.len && is_role_char(body.data[len])) {
        len++;
    }
    if (len == 0 || len > ROLE_MAX
        || (len < body.len && body.data[len] != '\n'
            && body.data[len] != '\r')) {
        lt_error_set(err, 0, "IMDS: the answer is no name of a role");
        return LT_INVALID;
    }
    *role = (lt_str_t){body.data, len};
    return LT_OK;
}
