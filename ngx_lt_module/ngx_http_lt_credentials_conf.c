#include "ngx_http_lt_credentials.h"
#include "ngx_http_lt_conf.h"
#include "ngx_http_lt_kinesis.h"

static ngx_str_t ngx_http_lt_credentials_url_name =
    ngx_string("lt_credentials_url");

/* ---- directives ---- */

char *
ngx_http_lt_credentials_conf_source(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t *value = cf->args->elts;
    lt_credentials_source_t source;
    ngx_http_lt_main_conf_t *mcf = conf;

    if (mcf->aws_credentials != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (lt_credentials_source_find(&source, ngx_http_lt_view(&value[1]))
        != LT_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "lt_aws_credentials: \"%V\" "
            "must be auto, env, file, container, web_identity or imds",
            &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->aws_credentials = source;

    return NGX_CONF_OK;
}

char *
ngx_http_lt_credentials_conf_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t *value = cf->args->elts;
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
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                "lt_aws_credentials_file: \"%V\" is not understood: after the "
                "path comes profile=<name>", &value[2]);
            return NGX_CONF_ERROR;
        }

        mcf->aws_profile.data = value[2].data + 8;
        mcf->aws_profile.len = value[2].len - 8;
    }

    return ngx_conf_full_name(cf->cycle, &mcf->aws_credentials_file, 1)
           == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}

/* ---- the variable ---- */

/* Only for the request that carries it out: it is nobody else's business. */
static ngx_int_t
ngx_http_lt_credentials_url(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_lt_credentials_t *c = ngx_http_lt_main_conf(r)->credentials;

    if (c == NULL || c->batch == NULL || r->connection->fd != -1) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) c->provider.url;
    v->len = ngx_strlen(c->provider.url);
    v->valid = 1;
    v->no_cacheable = 1;

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_credentials_add_variable(ngx_conf_t *cf)
{
    ngx_http_variable_t *var;

    var = ngx_http_add_variable(cf, &ngx_http_lt_credentials_url_name,
        NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_lt_credentials_url;

    return NGX_OK;
}

/* ---- nginx -t ---- */

static ngx_int_t
ngx_http_lt_credentials_fault(ngx_conf_t *cf, ngx_http_lt_place_t *place,
    const char *what, const char *detail)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s in %s:%ui needs %s%s",
        place->directive, place->file, place->line, what, detail);

    return NGX_ERROR;
}

static ngx_int_t
ngx_http_lt_credentials_copy_env(ngx_conf_t *cf, lt_str_t *to,
    const char *name)
{
    ngx_str_t value;

    value.data = (u_char *) getenv(name);
    value.len = value.data != NULL ? ngx_strlen(value.data) : 0;
    if (value.len == 0) {
        return NGX_OK;
    }

    to->data = (char *) ngx_pstrdup(cf->pool, &value);
    to->len = value.len;

    return to->data != NULL ? NGX_OK : NGX_ERROR;
}

static ngx_int_t
ngx_http_lt_credentials_settings(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf,
    lt_credentials_settings_t *s)
{
    s->source = mcf->aws_credentials;
    s->region = ngx_http_lt_view(&mcf->aws_region);
    s->file = ngx_http_lt_view(&mcf->aws_credentials_file);
    s->profile = ngx_http_lt_view(&mcf->aws_profile);

#define NGX_HTTP_LT_ENV(field, name)                                          \
    if (ngx_http_lt_credentials_copy_env(cf, &s->env.field, name) != NGX_OK)  \
    {                                                                         \
        return NGX_ERROR;                                                     \
    }
    LT_CREDENTIALS_VARIABLES(NGX_HTTP_LT_ENV)
#undef NGX_HTTP_LT_ENV

    return NGX_OK;
}

/* A name in a variable proxy_pass is looked up when it is used. */
static ngx_uint_t
ngx_http_lt_credentials_has_name(ngx_http_lt_credentials_t *c)
{
    char *host = ngx_strstr(c->provider.url, "://") + 3;

    return host[0] != '['
           && ngx_inet_addr((u_char *) host, strcspn(host, ":/?"))
              == INADDR_NONE;
}

static ngx_int_t
ngx_http_lt_credentials_check_location(ngx_conf_t *cf,
    ngx_http_lt_credentials_t *c, ngx_http_lt_place_t *place)
{
    const char *fault = NULL;
    ngx_str_t *uri = &c->mcf->credentials_location;
    ngx_http_core_loc_conf_t *clcf;

    clcf = ngx_http_lt_kinesis_find_location(place->server->ctx, uri);

    if (clcf == NULL) {
        fault = "does not exist there";

    } else if (!clcf->internal) {
        fault = "lacks \"internal\": anybody could use it";

    } else if (clcf->handler == NULL) {
        fault = "lacks \"proxy_pass\"";

    } else if (ngx_http_lt_credentials_has_name(c)
               && (clcf->resolver == NULL
                   || clcf->resolver->connections.nelts == 0))
    {
        fault = "needs \"resolver <address of a name server>\", because the "
                "keys come from a host with a name";
    }

    if (fault == NULL) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "lt_aws_credentials_location "
        "\"%V\" of server \"%V\" %s; it must be a location = %V with internal "
        "and proxy_pass $lt_credentials_url", uri, &place->server->server_name,
        fault, uri);

    return NGX_ERROR;
}

/* Reads files until there are keys, or somebody must be asked for them. */
static ngx_int_t
ngx_http_lt_credentials_resolve(ngx_conf_t *cf, ngx_http_lt_credentials_t *c,
    ngx_http_lt_place_t *place)
{
    lt_error_t err = { 0 };
    lt_credentials_want_t want;
    lt_credentials_outcome_t outcome = LT_CREDENTIALS_MORE;

    if (lt_credentials_start(&c->provider, &c->settings, &err) != LT_OK) {
        return ngx_http_lt_credentials_fault(cf, place, "AWS keys: ",
            err.text);
    }

    while (outcome == LT_CREDENTIALS_MORE
           && !lt_credentials_needs_http(&c->provider)
           && !lt_credentials_are_ready(&c->provider, ngx_http_lt_wall_ms()))
    {
        lt_credentials_want(&c->provider, &want, ngx_http_lt_wall_ms());
        outcome = ngx_http_lt_credentials_read(c, &want, cf->log);
    }

    if (outcome == LT_CREDENTIALS_FAILED) {
        return ngx_http_lt_credentials_fault(cf, place,
            c->settings.file.len != 0
            ? "AWS keys: lt_aws_credentials_file: " : "AWS keys: ",
            c->provider.cause);
    }

    if (!lt_credentials_needs_http(&c->provider)) {
        return NGX_OK;
    }

    if (c->mcf->credentials_location.len == 0) {
        return ngx_http_lt_credentials_fault(cf, place, "AWS keys: "
            "\"lt_aws_credentials_file <path>;\" at http level, "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, "
            "or \"lt_aws_credentials_location <uri>;\" to ask ",
            lt_credentials_source_name(c->provider.source));
    }

    return ngx_http_lt_credentials_check_location(cf, c, place);
}

ngx_int_t
ngx_http_lt_credentials_init(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_place_t *place)
{
    ngx_http_lt_credentials_t *c;

    if (mcf->credentials != NULL) {
        return NGX_OK;                  /* another lt_websocket */
    }

    if (mcf->aws_credentials_file.len != 0
        && mcf->aws_credentials != LT_CREDENTIALS_AUTO
        && mcf->aws_credentials != LT_CREDENTIALS_FILE)
    {
        return ngx_http_lt_credentials_fault(cf, place, "AWS keys from one "
            "place: lt_aws_credentials_file goes with lt_aws_credentials auto "
            "or file, not with ",
            lt_credentials_source_name(mcf->aws_credentials));
    }

    c = ngx_pcalloc(cf->pool, sizeof(ngx_http_lt_credentials_t));
    if (c == NULL
        || ngx_http_lt_credentials_settings(cf, mcf, &c->settings) != NGX_OK)
    {
        return NGX_ERROR;
    }

    c->mcf = mcf;
    c->ctx = place->server->ctx;
    mcf->credentials = c;

    return ngx_http_lt_credentials_resolve(cf, c, place);
}
