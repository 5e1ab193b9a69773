/*
 * What a POST to /sessions wishes of the AWS services, as fields of the
 * session for the worker.  docs/design.md, "Redis".
 */
#include "ngx_http_lt_sessions.h"

#define LT_SETTINGS_COST_MAX 1000000    /* US dollars an hour */

/* Names as AWS's own limits have them. */
static const struct {
    const char *name;
    ngx_uint_t list_max;        /* 0: one name; else an array of them */
    size_t len_max;             /* of a name */
    const char *marks;          /* beside letters and digits */
    ngx_http_lt_sessions_refusal_t invalid;
} lt_settings_rows[] = {
#define LT_SETTINGS_INVALID(text)                                             \
    { NGX_HTTP_BAD_REQUEST, "INVALID_PARAMETER", text }

    { "vocabulary", 0, 200, "._-",
      LT_SETTINGS_INVALID("\"vocabulary\" must be the name of a vocabulary of "
          "Transcribe: 1 to 200 letters, digits and . _ -.") },
    { "terminology", 0, 256, "_-",
      LT_SETTINGS_INVALID("\"terminology\" must be the name of a terminology "
          "of Translate: 1 to 256 letters, digits and _ -.") },
    { "lexicons", 5, 20, "",
      LT_SETTINGS_INVALID("\"lexicons\" must be an array of 1 to 5 names of "
          "lexicons of Polly: 1 to 20 letters and digits each.") },
};

#define LT_SETTINGS_ROWS                                                      \
    (sizeof(lt_settings_rows) / sizeof(lt_settings_rows[0]))

static const ngx_http_lt_sessions_refusal_t lt_settings_bad_cost =
    LT_SETTINGS_INVALID("\"maxCostPerHour\" must be a number of US dollars, "
        "from 0.001 to 1000000.");

static ngx_uint_t
lt_settings_is_name(lt_str_t s, ngx_uint_t row)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (!isalnum((unsigned char) s.data[i])
            && strchr(lt_settings_rows[row].marks, s.data[i]) == NULL)
        {
            return 0;
        }
    }

    return s.len != 0 && s.len <= lt_settings_rows[row].len_max;
}

/* One name, or several with a space between. */
static ngx_int_t
lt_settings_names(lt_out_t *out, const lt_json_t *doc, ngx_uint_t row)
{
    const char *name = lt_settings_rows[row].name;
    size_t i, n;
    lt_str_t text;
    const lt_json_t *list = lt_json_get(doc, name);

    if (lt_settings_rows[row].list_max == 0) {
        if (!lt_json_string(doc, name, &text)
            || !lt_settings_is_name(text, row))
        {
            return NGX_DECLINED;
        }

        lt_out_str(out, text);
        return NGX_OK;
    }

    n = lt_json_is_array(list) ? lt_json_size(list) : 0;
    if (n == 0 || n > lt_settings_rows[row].list_max) {
        return NGX_DECLINED;
    }

    for (i = 0; i < n; i++) {
        if (!lt_json_at_string(list, i, &text)
            || !lt_settings_is_name(text, row))
        {
            return NGX_DECLINED;
        }

        lt_out_cstr(out, i == 0 ? "" : " ");
        lt_out_str(out, text);
    }

    return NGX_OK;
}

static ngx_int_t
lt_settings_put(ngx_http_request_t *r, ngx_http_lt_state_new_t *session,
    const char *name, const u_char *value, size_t len)
{
    ngx_http_lt_state_field_t *field
        = &session->settings[session->settings_n++];

    field->name.data = (u_char *) name;
    field->name.len = ngx_strlen(name);
    field->value.len = len;
    field->value.data = ngx_pnalloc(r->pool, len);
    if (field->value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(field->value.data, value, len);

    return NGX_OK;
}

static ngx_int_t
lt_settings_cost(ngx_http_request_t *r, const lt_json_t *doc,
    ngx_http_lt_state_new_t *session)
{
    double usd;
    u_char text[NGX_INT64_LEN + 8];

    if (!lt_json_number(doc, "maxCostPerHour", &usd)
        || !(usd >= 0.001 && usd <= LT_SETTINGS_COST_MAX))
    {
        return NGX_DECLINED;
    }

    return lt_settings_put(r, session, "maxCostPerHour", text,
        ngx_sprintf(text, "%.3f", usd) - text);
}

ngx_int_t
ngx_http_lt_sessions_settings(ngx_http_request_t *r, const lt_json_t *doc,
    ngx_http_lt_state_new_t *session,
    const ngx_http_lt_sessions_refusal_t **refusal)
{
    u_char text[512];
    lt_out_t out;
    ngx_uint_t row;

    session->settings_n = 0;

    for (row = 0; row < LT_SETTINGS_ROWS; row++) {
        if (lt_json_get(doc, lt_settings_rows[row].name) == NULL) {
            continue;
        }

        lt_out_init(&out, text, sizeof(text));
        if (lt_settings_names(&out, doc, row) != NGX_OK) {
            *refusal = &lt_settings_rows[row].invalid;
            return NGX_OK;
        }

        if (lt_settings_put(r, session, lt_settings_rows[row].name, text,
                lt_out_len(&out)) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (lt_json_get(doc, "maxCostPerHour") != NULL) {
        switch (lt_settings_cost(r, doc, session)) {

        case NGX_DECLINED:
            *refusal = &lt_settings_bad_cost;
            break;

        case NGX_ERROR:
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
