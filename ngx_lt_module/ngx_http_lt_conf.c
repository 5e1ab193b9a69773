#include "ngx_http_lt_conf.h"
#include "ngx_http_lt_connections.h"
#include "ngx_http_lt_kinesis.h"
#include "ngx_http_lt_metrics.h"

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
ngx_http_lt_conf_credentials(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t *value = cf->args->elts, content;
    lt_error_t err = { 0 };
    ngx_http_lt_main_conf_t *mcf = conf;

    if (mcf->aws_credentials_file.len != 0) {
        return "is duplicate";
    }

    mcf->aws_credentials_file = value[1];
    ngx_str_set(&mcf->aws_profile, "default");

    if (cf->args->nelts == 3) {
        if (value[2].len <= 8
            || ngx_strncmp(value[2].data, "profile=", 8) != 0)
        {
            LT_CONF_ERROR(cf, "lt_aws_credentials_file: \"%V\" is not "
                "understood: after the path comes profile=<name>", &value[2]);
            return NGX_CONF_ERROR;
        }

        mcf->aws_profile.data = value[2].data + 8;
        mcf->aws_profile.len = value[2].len - 8;
    }

    if (ngx_http_lt_conf_read(cf, value[0].data, &mcf->aws_credentials_file,
            &content) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (lt_credentials_parse(&mcf->aws_keys, ngx_http_lt_view(&content),
            ngx_http_lt_view(&mcf->aws_profile), &err) != LT_OK)
    {
        LT_CONF_ERROR(cf, "lt_aws_credentials_file: %s in \"%V\": the profile "
            "\"%V\" must have aws_access_key_id and aws_secret_access_key",
            err.text, &mcf->aws_credentials_file, &mcf->aws_profile);
        return NGX_CONF_ERROR;
    }

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
        if (!lt_str_is(ngx_http_lt_view(&value[1]), "trusted")) {
            LT_CONF_ERROR(cf, "%s: \"%V\" is not understood: \"trusted\" "
                "leaves it to allow and deny who may call", cmd->name.data,
                &value[1]);
            return NGX_CONF_ERROR;
        }

        clcf->handler = ngx_http_lt_connections_trusted_handler;
    }

    place->server = ngx_http_conf_get_module_srv_conf(cf,
        ngx_http_core_module);
    place->location = clcf;
    place->directive = cmd->name.data;
    place->file = cf->conf_file->file.name.data;
    place->line = cf->conf_file->line;

    return NGX_CONF_OK;
}

static ngx_int_t
ngx_http_lt_conf_missing(ngx_conf_t *cf, ngx_http_lt_place_t *place,
    const char *what)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s in %s:%ui needs %s",
        place->directive, place->file, place->line, what);

    return NGX_ERROR;
}

static ngx_int_t
ngx_http_lt_conf_copy(ngx_conf_t *cf, lt_str_t *to, const char *name)
{
    size_t len;
    u_char *copy;
    const char *value = getenv(name);

    len = value != NULL ? ngx_strlen(value) : 0;
    copy = ngx_pnalloc(cf->pool, len + 1);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    ngx_cpystrn(copy, (u_char *) (value != NULL ? value : ""), len + 1);
    to->data = (char *) copy;
    to->len = len;

    return NGX_OK;
}

static ngx_int_t
ngx_http_lt_conf_keys(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf)
{
    if (mcf->aws_credentials_file.len != 0) {
        return NGX_OK;
    }

    if (ngx_http_lt_conf_copy(cf, &mcf->aws_keys.access_key,
            "AWS_ACCESS_KEY_ID") != NGX_OK
        || ngx_http_lt_conf_copy(cf, &mcf->aws_keys.secret_key,
               "AWS_SECRET_ACCESS_KEY") != NGX_OK
        || ngx_http_lt_conf_copy(cf, &mcf->aws_keys.session_token,
               "AWS_SESSION_TOKEN") != NGX_OK)
    {
        return NGX_ERROR;
    }

    return mcf->aws_keys.access_key.len != 0
           && mcf->aws_keys.secret_key.len != 0 ? NGX_OK : NGX_DECLINED;
}

static ngx_int_t
ngx_http_lt_conf_host(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf)
{
    u_char host[256];
    lt_out_t out;

    if (mcf->kinesis_host.len != 0) {
        return NGX_OK;
    }

    lt_out_init(&out, host, sizeof(host));
    if (lt_aws_host(&out, LT_STR("kinesis"),
            ngx_http_lt_view(&mcf->aws_region)) != LT_OK)
    {
        return NGX_ERROR;
    }

    mcf->kinesis_host.len = lt_out_len(&out);
    mcf->kinesis_host.data = ngx_pnalloc(cf->pool, mcf->kinesis_host.len);
    if (mcf->kinesis_host.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(mcf->kinesis_host.data, host, mcf->kinesis_host.len);

    return NGX_OK;
}

static ngx_int_t
ngx_http_lt_conf_check_websocket(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_place_t *place)
{
    ngx_int_t rc;

    if (mcf->kinesis_location.len == 0) {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_kinesis_location <uri>;\" at http level, naming an internal "
            "location with proxy_pass in the same server");
    }

    if (mcf->kinesis_stream.len == 0) {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_kinesis_stream <name>;\" at http level");
    }

    if (mcf->aws_region.len == 0) {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_aws_region <code>;\" at http level");
    }

    rc = ngx_http_lt_conf_keys(cf, mcf);
    if (rc == NGX_DECLINED) {
        return ngx_http_lt_conf_missing(cf, place,
            "AWS keys: \"lt_aws_credentials_file <path>;\" at http level, or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment");
    }

    if (rc != NGX_OK || ngx_http_lt_conf_host(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_lt_kinesis_check_location(cf, place->server,
        &mcf->kinesis_location);
}

static ngx_int_t
ngx_http_lt_conf_check_place(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_place_t *place)
{
    ngx_http_handler_pt handler = place->location->handler;

    if (handler == ngx_http_lt_status_handler) {
        return NGX_OK;
    }

    if (mcf->redis_conf.sockaddr == NULL) {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_redis host:port;\" at http level");
    }

    /* A body of ours fits one buffer: no file is written and read back. */
    if (place->location->client_body_buffer_size < mcf->message_max) {
        place->location->client_body_buffer_size = mcf->message_max;
    }

    if (handler == ngx_http_lt_results_handler
        && mcf->results_tokens == NULL)
    {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_results_token_file <path>;\" at http level: without it "
            "anybody could speak to the listeners");
    }

    if (handler == ngx_http_lt_connections_handler
        || handler == ngx_http_lt_connections_trusted_handler)
    {
        /* what is too large is told in AWS's way, by the handler */
        place->location->client_max_body_size = 0;
    }

    if (handler == ngx_http_lt_connections_handler
        && mcf->connections_keys_n == 0)
    {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_connections_credentials_file <path>;\" at http level, or "
            "the word trusted, with allow and deny in its location: without "
            "either anybody could speak to the sockets");
    }

    if (handler == ngx_http_lt_websocket_handler) {
        return ngx_http_lt_conf_check_websocket(cf, mcf, place);
    }

    return NGX_OK;
}

static ngx_int_t
ngx_http_lt_conf_check_bounds(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf)
{
    ngx_uint_t i;
    struct {
        const char *name;
        size_t value;
        size_t min;
        size_t max;
        const char *text;
    } rows[] = {
        { "lt_kinesis_linger", mcf->kinesis_linger, 10, 5000,
          "10ms to 5s" },
        { "lt_audio_buffer", mcf->audio_buffer, 1000, 600000,
          "1s to 10m" },
        { "lt_audio_buffer_total", mcf->audio_buffer_total, 1 << 20,
          (size_t) 1 << 36, "1m to 64g" },
        { "lt_message_max", mcf->message_max, 1024, 4 << 20,
          "1k to 4m" },
        { "lt_control_max", mcf->control_max, 256, 4 << 20,
          "256 to 4m" },
        { "lt_session_age", mcf->session_age, 0, 86400,
          "0 to 24h" },
        { "lt_idle_timeout", mcf->idle_timeout, 1000, 86400000,
          "1s to 24h" },
        { "lt_speaker_grace", mcf->speaker_grace, 0, 86400000,
          "0 to 24h" },
        { "lt_end_grace", mcf->end_grace, 0, 3600000,
          "0 to 1h" },
        { "lt_zone", mcf->zone_size, NGX_HTTP_LT_ZONE_SIZE_MIN,
          (size_t) 1 << 30, "256k to 1g" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value < rows[i].min || rows[i].value > rows[i].max) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                "%s must be from %s", rows[i].name, rows[i].text);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_conf_check(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf)
{
    ngx_uint_t i;
    ngx_http_lt_place_t *place = mcf->places.elts;

    if (ngx_http_lt_conf_check_bounds(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < mcf->places.nelts; i++) {
        if (ngx_http_lt_conf_check_place(cf, mcf, &place[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
