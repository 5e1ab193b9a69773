#include "ngx_http_lt_variables.h"
#include "ngx_http_lt_answer.h"

#include "lt_trace.h"

static ngx_str_t lt_variables_names[NGX_HTTP_LT_VARIABLES] = {
    [NGX_HTTP_LT_VARIABLE_SESSION] = ngx_string("lt_session"),
    [NGX_HTTP_LT_VARIABLE_CONNECTION] = ngx_string("lt_connection"),
    [NGX_HTTP_LT_VARIABLE_ROLE] = ngx_string("lt_role"),
    [NGX_HTTP_LT_VARIABLE_LANGUAGE] = ngx_string("lt_language"),
    [NGX_HTTP_LT_VARIABLE_CODE] = ngx_string("lt_code"),
    [NGX_HTTP_LT_VARIABLE_TRACE] = ngx_string("lt_trace"),
};

/* Nobody has set it. */
static ngx_int_t
lt_variables_none(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    v->not_found = 1;

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_variables_add(ngx_conf_t *cf)
{
    ngx_uint_t i;
    ngx_http_variable_t *var;
    ngx_http_lt_main_conf_t *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_lt_module);

    for (i = 0; i < NGX_HTTP_LT_VARIABLES; i++) {
        var = ngx_http_add_variable(cf, &lt_variables_names[i], 0);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = lt_variables_none;
        mcf->variables[i] = ngx_http_get_variable_index(cf,
            &lt_variables_names[i]);
        if (mcf->variables[i] == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}

void
ngx_http_lt_variables_set(ngx_http_request_t *r, ngx_http_lt_variable_e which,
    const ngx_str_t *value)
{
    ngx_http_variable_value_t *v;

    if (value->len == 0) {
        return;
    }

    v = &r->variables[ngx_http_lt_main_conf(r)->variables[which]];
    v->data = value->data;
    v->len = value->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}

void
ngx_http_lt_variables_copy(ngx_http_request_t *r,
    ngx_http_lt_variable_e which, const ngx_str_t *value)
{
    ngx_str_t copy;

    copy.data = ngx_pstrdup(r->pool, (ngx_str_t *) value);
    copy.len = value->len;

    if (copy.data != NULL) {
        ngx_http_lt_variables_set(r, which, &copy);
    }
}

ngx_str_t
ngx_http_lt_variables_trace(ngx_http_request_t *r, ngx_uint_t *is_given)
{
    uint8_t random[LT_TRACE_RANDOM];
    ngx_str_t trace;
    ngx_uint_t n;

    trace = ngx_http_lt_answer_request_header(r, "traceparent", &n);
    *is_given = n == 1 && lt_trace_is_valid(ngx_http_lt_view(&trace));

    if (*is_given) {
        trace.len = LT_TRACE_LEN;
        return trace;
    }

    ngx_str_null(&trace);

    if (ngx_http_lt_random(random, sizeof(random)) == NGX_OK) {
        trace.data = ngx_pnalloc(r->pool, LT_TRACE_LEN + 1);
        if (trace.data != NULL) {
            lt_trace_make((char *) trace.data, random);
            trace.len = LT_TRACE_LEN;
        }
    }

    return trace;
}
