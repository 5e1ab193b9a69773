/* lt_status: {"counters":{name:number,…},"gauges":{name:number,…},
   "credentials":{…}}; the last is of the process that answers. */
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_credentials.h"
#include "ngx_http_lt_module.h"


#define NGX_HTTP_LT_ROW_LEN(name, text)                                       \
    + sizeof("\"" #name "\":,") - 1 + NGX_ATOMIC_T_LEN

#define NGX_HTTP_LT_STATUS_LEN                                                \
    (sizeof("{\"counters\":{},\"gauges\":{},\"credentials\":}\n")             \
     + NGX_HTTP_LT_CREDENTIALS_STATUS_MAX                                     \
     NGX_HTTP_LT_COUNTERS(NGX_HTTP_LT_ROW_LEN)                                \
     NGX_HTTP_LT_GAUGES(NGX_HTTP_LT_ROW_LEN))


static u_char *ngx_http_lt_status_write(u_char *p, u_char *end,
    const ngx_http_lt_counters_t *counters, const ngx_http_lt_gauges_t *gauges);


ngx_int_t
ngx_http_lt_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_buf_t                *b;
    ngx_chain_t               out;
    lt_out_t                  json;
    ngx_http_lt_gauges_t      gauges;
    ngx_http_lt_counters_t    counters;
    ngx_http_lt_main_conf_t  *mcf = ngx_http_lt_main_conf(r);

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_LT_STATUS_LEN);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_lt_metrics_sum(mcf->zone, &counters, &gauges);
    b->last = ngx_http_lt_status_write(b->last, b->end, &counters, &gauges);

    lt_out_init(&json, b->last, NGX_HTTP_LT_CREDENTIALS_STATUS_MAX);
    ngx_http_lt_credentials_status(mcf, &json);
    b->last = ngx_slprintf(b->last + lt_out_len(&json), b->end, "}\n");
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static u_char *
ngx_http_lt_status_write(u_char *p, u_char *end,
    const ngx_http_lt_counters_t *counters, const ngx_http_lt_gauges_t *gauges)
{
    p = ngx_slprintf(p, end, "{\"counters\":{");

#define NGX_HTTP_LT_ROW(name, text)                                           \
    p = ngx_slprintf(p, end, "\"" #name "\":%uA,", counters->name);
    NGX_HTTP_LT_COUNTERS(NGX_HTTP_LT_ROW)
#undef NGX_HTTP_LT_ROW

    p--;                                        /* the last comma */
    p = ngx_slprintf(p, end, "},\"gauges\":{");

#define NGX_HTTP_LT_ROW(name, text)                                           \
    p = ngx_slprintf(p, end, "\"" #name "\":%A,",                             \
                     (ngx_atomic_int_t) gauges->name);
    NGX_HTTP_LT_GAUGES(NGX_HTTP_LT_ROW)
#undef NGX_HTTP_LT_ROW

    p--;

    return ngx_slprintf(p, end, "},\"credentials\":");
}
