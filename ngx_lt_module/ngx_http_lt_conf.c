#include "ngx_http_lt_conf.h"
#include "ngx_http_lt_connections.h"
#include "ngx_http_lt_health.h"
#include "ngx_http_lt_page.h"

#include "lt_aws.h"
#include "lt_credentials.h"

#define LT_CONF_ERROR(cf, ...)                                                \
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, __VA_ARGS__)

/* A small file in memory, zero-terminated; refusals name the directive. */
static ngx_int_t
ngx_http_lt_conf_read(ngx_conf_t *cf, const u_char *directive,
    ngx_str_t *path, ngx_str_t *content)
{
    size_t size;
    ssize_t n;
    ngx_fd_t fd;
    ngx_file_info_t info;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
            "%s: cannot read \"%V\": it must be a file that the user who "
            "starts nginx may read", directive, path);
        return NGX_ERROR;
    }

    n = -1;
    if (ngx_fd_info(fd, &info) != NGX_FILE_ERROR && ngx_is_file(&info)
        && ngx_file_size(&info) <= NGX_HTTP_LT_FILE_MAX)
    {
        size = (size_t) ngx_file_size(&info);
        content->data = ngx_pnalloc(cf->pool, size + 1);
        if (content->data != NULL) {
            n = ngx_read_fd(fd, content->data, size);
        }
    }

    ngx_close_file(fd);

    if (n < 0) {
        LT_CONF_ERROR(cf, "%s: cannot read \"%V\": it must be a regular file "
            "of at most %d bytes", directive, path, NGX_HTTP_LT_FILE_MAX);
        return NGX_ERROR;
    }

    content->data[n] = '\0';
    content->len = n;

    return NGX_OK;
}

static void
ngx_http_lt_conf_trim(ngx_str_t *s)
{
    while (s->len != 0 && s->data[0] <= ' ') {
        s->data++;
        s->len--;
    }

    while (s->len != 0 && s->data[s->len - 1] <= ' ') {
        s->len--;
    }
}

static ngx_int_t
ngx_http_lt_conf_redis_option(ngx_conf_t *cf, ngx_http_lt_redis_conf_t *redis,
    ngx_str_t *arg)
{
    ngx_str_t path;

    if (arg->len > 14 && ngx_strncmp(arg->data, "password_file=", 14) == 0) {
        path.data = arg->data + 14;
        path.len = arg->len - 14;

        if (ngx_http_lt_conf_read(cf, (u_char *) "lt_redis", &path,
                &redis->password) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_lt_conf_trim(&redis->password);
        if (redis->password.len == 0) {
            LT_CONF_ERROR(cf, "lt_redis: \"%V\" is empty: it must hold the "
                "password of Redis", &path);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (arg->len > 3 && ngx_strncmp(arg->data, "db=", 3) == 0) {
        redis->db = ngx_atoi(arg->data + 3, arg->len - 3);
        if (redis->db != NGX_ERROR) {
            return NGX_OK;
        }
    }

    LT_CONF_ERROR(cf, "lt_redis: \"%V\" is not understood: after the address "
        "come password_file=<path> and db=<number>", arg);
    return NGX_ERROR;
}

char *
ngx_http_lt_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_url_t u;
    ngx_str_t *value = cf->args->elts;
    ngx_uint_t i;
    ngx_http_lt_main_conf_t *mcf = conf;

    if (mcf->redis_conf.sockaddr != NULL) {
        return "is duplicate";
    }

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = value[1];
    u.default_port = 6379;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        LT_CONF_ERROR(cf, "lt_redis: %s in \"%V\": it must be host:port or "
            "unix:/path", u.err ? u.err : "no address", &u.url);
        return NGX_CONF_ERROR;
    }

    mcf->redis_conf.name = value[1];
    mcf->redis_conf.sockaddr = u.addrs[0].sockaddr;
    mcf->redis_conf.socklen = u.addrs[0].socklen;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_lt_conf_redis_option(cf, &mcf->redis_conf, &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}

char *
ngx_http_lt_conf_region(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t *value = cf->args->elts;
    ngx_http_lt_main_conf_t *mcf = conf;

    if (mcf->aws_region.len != 0) {
        return "is duplicate";
    }

    if (!lt_aws_region_is_known(ngx_http_lt_view(&value[1]))) {
        LT_CONF_ERROR(cf, "lt_aws_region: unknown region \"%V\": it must be "
            "the code of an AWS region, such as eu-west-1", &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->aws_region = value[1];

    return NGX_CONF_OK;
}

char *
ngx_http_lt_conf_connections(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t *value = cf->args->elts, content;
    lt_error_t err = { 0 };
    ngx_http_lt_main_conf_t *mcf = conf;

    if (mcf->connections_file.len != 0) {
        return "is duplicate";
    }

    mcf->connections_file = value[1];

    if (ngx_http_lt_conf_read(cf, value[0].data, &mcf->connections_file,
            &content) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (lt_credentials_parse(&mcf->connections_keys[0],
            ngx_http_lt_view(&content), LT_STR("default"), &err) != LT_OK)
    {
        LT_CONF_ERROR(cf, "lt_connections_credentials_file: %s in \"%V\": the "
            "profile \"default\" must have aws_access_key_id and "
            "aws_secret_access_key", err.text, &mcf->connections_file);
        return NGX_CONF_ERROR;
    }

    mcf->connections_keys_n = 1;

    /* a second key, while the first is being replaced */
    if (lt_credentials_parse(&mcf->connections_keys[1],
            ngx_http_lt_view(&content), LT_STR("next"), &err) == LT_OK)
    {
        mcf->connections_keys_n = 2;
    }

    return NGX_CONF_OK;
}

char *
ngx_http_lt_conf_location(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t *value = cf->args->elts;
    ngx_http_lt_main_conf_t *mcf = conf;

    if (mcf->kinesis_location.len != 0) {
        return "is duplicate";
    }

    if (value[1].len == 0 || value[1].data[0] != '/') {
        LT_CONF_ERROR(cf, "lt_kinesis_location: \"%V\" must be the URI of an "
            "internal location and begin with \"/\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->kinesis_location = value[1];

    return NGX_CONF_OK;
}

static ngx_int_t
ngx_http_lt_conf_token(ngx_conf_t *cf, ngx_array_t *tokens, ngx_str_t *line)
{
    ngx_http_lt_token_t *token;

    if (line->len < NGX_HTTP_LT_TOKEN_MIN || line->len > NGX_HTTP_LT_TOKEN_MAX
        || tokens->nelts == NGX_HTTP_LT_TOKENS_MAX)
    {
        LT_CONF_ERROR(cf, "lt_results_token_file: each of at most %d lines "
            "must hold one token of %d to %d characters",
            NGX_HTTP_LT_TOKENS_MAX, NGX_HTTP_LT_TOKEN_MIN,
            NGX_HTTP_LT_TOKEN_MAX);
        return NGX_ERROR;
    }

    token = ngx_array_push(tokens);
    if (token == NULL
        || lt_sha256(token->sha256, line->data, line->len) != LT_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}

char *
ngx_http_lt_conf_token_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char *p, *end, *eol;
    ngx_str_t *value = cf->args->elts, content, line;
    ngx_http_lt_main_conf_t *mcf = conf;

    if (mcf->results_token_file.len != 0) {
        return "is duplicate";
    }

    mcf->results_token_file = value[1];
    mcf->results_tokens = ngx_array_create(cf->pool, 2,
        sizeof(ngx_http_lt_token_t));

    if (mcf->results_tokens == NULL
        || ngx_http_lt_conf_read(cf, value[0].data, &mcf->results_token_file,
               &content) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (p = content.data, end = p + content.len; p < end; p = eol + 1) {
        eol = ngx_strlchr(p, end, '\n');
        if (eol == NULL) {
            eol = end;
        }

        line.data = p;
        line.len = eol - p;
        ngx_http_lt_conf_trim(&line);

        if (line.len != 0
            && ngx_http_lt_conf_token(cf, mcf->results_tokens, &line)
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (mcf->results_tokens->nelts == 0) {
        LT_CONF_ERROR(cf, "lt_results_token_file: \"%V\" holds no token: each "
            "line must hold one", &mcf->results_token_file);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}

/* What may stand behind a flag, and who serves the location then. */
static const struct {
    const char *flag;
    const char *word;
    ngx_http_handler_pt handler;
    const char *words;              /* all of the flag's */
} ngx_http_lt_words[] = {
    { "lt_connections", "trusted", ngx_http_lt_connections_trusted_handler,
      "trusted: allow and deny say who may call" },
    { "lt_status", "json", ngx_http_lt_status_handler,
      "json or prometheus" },
    { "lt_status", "prometheus", ngx_http_lt_status_text_handler, NULL },
    { "lt_health", "live", ngx_http_lt_health_live_handler, "live or ready" },
    { "lt_health", "ready", ngx_http_lt_health_ready_handler, NULL },
};

#define NGX_HTTP_LT_WORDS_N                                                   \
    (sizeof(ngx_http_lt_words) / sizeof(ngx_http_lt_words[0]))

static ngx_http_handler_pt
ngx_http_lt_conf_word(const ngx_str_t *flag, const ngx_str_t *word)
{
    size_t i;

    for (i = 0; i < NGX_HTTP_LT_WORDS_N; i++) {
        if (lt_str_is(ngx_http_lt_view(flag), ngx_http_lt_words[i].flag)
            && lt_str_is(ngx_http_lt_view(word), ngx_http_lt_words[i].word))
        {
            return ngx_http_lt_words[i].handler;
        }
    }

    return NULL;
}

static const char *
ngx_http_lt_conf_words(const ngx_str_t *flag)
{
    size_t i = 0;

    while (i < NGX_HTTP_LT_WORDS_N - 1
           && !lt_str_is(ngx_http_lt_view(flag), ngx_http_lt_words[i].flag))
    {
        i++;
    }

    return ngx_http_lt_words[i].words;
}

char *
ngx_http_lt_conf_place(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t *value = cf->args->elts;
    ngx_http_lt_place_t *place;
    ngx_http_core_loc_conf_t *clcf;
    ngx_http_lt_main_conf_t *mcf = conf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return "must be the only content handler of its location";
    }

    place = ngx_array_push(&mcf->places);
    if (place == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->handler = (ngx_http_handler_pt) (uintptr_t) cmd->post;

    if (cf->args->nelts == 2) {
        clcf->handler = ngx_http_lt_conf_word(&cmd->name, &value[1]);
        if (clcf->handler == NULL) {
            LT_CONF_ERROR(cf, "%V: \"%V\" is not understood: it may be %s",
                &cmd->name, &value[1], ngx_http_lt_conf_words(&cmd->name));
            return NGX_CONF_ERROR;
        }
    }

    place->server = ngx_http_conf_get_module_srv_conf(cf,
        ngx_http_core_module);
    place->location = clcf;
    place->directive = cmd->name.data;
    place->file = cf->conf_file->file.name.data;
    place->line = cf->conf_file->line;

    return NGX_CONF_OK;
}
