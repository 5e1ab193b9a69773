/*
 * lt_status: {"counters":{name:number,…},"gauges":{name:number,…},
 * "bucket_bounds_ms":[…],"histograms":{name:{"count","sum_ms","buckets"},…},
 * "listeners":{language:number,…},"credentials":{…}}; the last is of the
 * process that answers, all else of all of them.
 */
#include "ngx_http_lt_page.h"
#include "ngx_http_lt_credentials.h"
#include "ngx_http_lt_metrics.h"

#define LT_STATUS_SIZE 32768

static void
lt_status_bounds(lt_json_writer_t *w)
{
    static const int64_t bounds[] = NGX_HTTP_LT_BUCKETS;

    ngx_uint_t i;

    lt_json_open_array(w, "bucket_bounds_ms");
    for (i = 0; i < NGX_HTTP_LT_BUCKETS_N - 1; i++) {
        lt_json_put_int(w, NULL, bounds[i]);
    }
    lt_json_close_array(w);
}

static void
lt_status_histogram(lt_json_writer_t *w, const char *name,
    const ngx_http_lt_histogram_t *h)
{
    int64_t count = 0;
    ngx_uint_t i;

    lt_json_open_object(w, name);
    lt_json_put_int(w, "sum_ms", (int64_t) h->sum_ms);
    lt_json_open_array(w, "buckets");
    for (i = 0; i < NGX_HTTP_LT_BUCKETS_N; i++) {
        lt_json_put_int(w, NULL, (int64_t) h->buckets[i]);
        count += (int64_t) h->buckets[i];
    }
    lt_json_close_array(w);
    lt_json_put_int(w, "count", count);
    lt_json_close_object(w);
}

static void
lt_status_listeners(lt_json_writer_t *w, const ngx_http_lt_gauges_t *gauges)
{
    size_t i;

    lt_json_open_object(w, "listeners");
    for (i = 0; lt_language_at(i) != NULL; i++) {
        if (gauges->listeners[i] != 0) {
            lt_json_put_int(w, lt_language_at(i),
                (ngx_atomic_int_t) gauges->listeners[i]);
        }
    }
    lt_json_close_object(w);
}

void
ngx_http_lt_status_figures(lt_json_writer_t *w, ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_gauges_t gauges;
    ngx_http_lt_counters_t counters;

    ngx_http_lt_metrics_sum(mcf->zone, &counters, &gauges);

#define LT_STATUS_ROW(name, text)                                             \
    lt_json_put_int(w, #name, (ngx_atomic_int_t) rows->name);
#define LT_STATUS_HISTOGRAM(name, text)                                       \
    lt_status_histogram(w, #name, &counters.name);

    {
        const ngx_http_lt_counters_t *rows = &counters;

        lt_json_open_object(w, "counters");
        NGX_HTTP_LT_COUNTERS(LT_STATUS_ROW)
        lt_json_close_object(w);
    }
    {
        const ngx_http_lt_gauges_t *rows = &gauges;

        lt_json_open_object(w, "gauges");
        NGX_HTTP_LT_GAUGES(LT_STATUS_ROW)
        NGX_HTTP_LT_MOMENTS(LT_STATUS_ROW)
        lt_json_close_object(w);
    }

    lt_status_bounds(w);
    lt_json_open_object(w, "histograms");
    NGX_HTTP_LT_HISTOGRAMS(LT_STATUS_HISTOGRAM)
    lt_json_close_object(w);
    lt_status_listeners(w, &gauges);
}

ngx_int_t
ngx_http_lt_status_handler(ngx_http_request_t *r)
{
    u_char credentials[NGX_HTTP_LT_CREDENTIALS_STATUS_MAX];
    lt_out_t out, text;
    ngx_int_t rc;
    ngx_buf_t *b;
    lt_json_writer_t w;
    ngx_http_lt_main_conf_t *mcf = ngx_http_lt_main_conf(r);

    b = ngx_http_lt_page_new(r, LT_STATUS_SIZE, &rc);
    if (b == NULL) {
        return rc;
    }

    lt_out_init(&text, credentials, sizeof(credentials));
    ngx_http_lt_credentials_status(mcf, &text);

    lt_out_init(&out, b->pos, LT_STATUS_SIZE);
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    ngx_http_lt_status_figures(&w, mcf);
    lt_json_put_raw(&w, "credentials",
        (lt_str_t) { (char *) credentials, lt_out_len(&text) });
    lt_json_close_object(&w);
    lt_out_cstr(&out, "\n");

    return ngx_http_lt_page_send(r, NGX_HTTP_OK, "application/json", b, &out);
}
