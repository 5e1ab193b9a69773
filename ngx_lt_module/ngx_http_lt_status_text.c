/* lt_status prometheus: the same tables in Prometheus' text format. */
#include "ngx_http_lt_page.h"
#include "ngx_http_lt_metrics.h"

#include "lt_prometheus.h"

#define LT_STATUS_TEXT_SIZE 65536

static const int64_t lt_status_bounds[] = NGX_HTTP_LT_BUCKETS;

static const lt_prometheus_family_t lt_status_families[] = {
    { LT_PROMETHEUS_COUNTER, "sockets_opened_", "", "role",
      "sockets opened" },
    { LT_PROMETHEUS_COUNTER, "sockets_closed_", "", "role",
      "sockets closed" },
    { LT_PROMETHEUS_COUNTER, "messages_dropped_", "", "reason",
      "messages to listeners dropped" },
    { LT_PROMETHEUS_COUNTER, "audio_dropped_", "_bytes", "reason",
      "PCM dropped" },
    { LT_PROMETHEUS_COUNTER, "kinesis_errors_", "", "reason",
      "PutRecords calls that failed" },
    { LT_PROMETHEUS_GAUGE, "sockets_", "", "role", "sockets open" },
    { 0, NULL, NULL, NULL, NULL }
};

static void
lt_status_histogram(lt_prometheus_t *w, const char *name, const char *text,
    const ngx_http_lt_histogram_t *h)
{
    uint64_t counts[NGX_HTTP_LT_BUCKETS_N];
    ngx_uint_t i;
    const lt_prometheus_buckets_t buckets = { lt_status_bounds, counts,
        NGX_HTTP_LT_BUCKETS_N, h->sum_ms };

    for (i = 0; i < NGX_HTTP_LT_BUCKETS_N; i++) {
        counts[i] = h->buckets[i];
    }

    lt_prometheus_histogram(w, name, text, NULL, &buckets);
}

static void
lt_status_listeners(lt_prometheus_t *w, const ngx_http_lt_gauges_t *gauges)
{
    size_t i;

    for (i = 0; lt_language_at(i) != NULL; i++) {
        const lt_prometheus_label_t labels[] = {
            { "language", lt_str(lt_language_at(i)) }, { NULL, { 0 } } };

        lt_prometheus_labelled(w, LT_PROMETHEUS_GAUGE, "listeners",
            "listeners by the language that they hear", labels,
            (ngx_atomic_int_t) gauges->listeners[i]);
    }
}

ngx_int_t
ngx_http_lt_status_text_handler(ngx_http_request_t *r)
{
    lt_out_t out;
    ngx_int_t rc;
    ngx_buf_t *b;
    lt_prometheus_t w;
    ngx_http_lt_gauges_t gauges;
    ngx_http_lt_counters_t counters;

    b = ngx_http_lt_page_new(r, LT_STATUS_TEXT_SIZE, &rc);
    if (b == NULL) {
        return rc;
    }

    lt_out_init(&out, b->pos, LT_STATUS_TEXT_SIZE);
    lt_prometheus_begin(&w, &out, "nginx", lt_status_families);
    ngx_http_lt_metrics_sum(ngx_http_lt_main_conf(r)->zone, &counters,
        &gauges);

#define LT_TEXT_COUNTER(name, text)                                           \
    lt_prometheus_counter(&w, #name, text, counters.name);
#define LT_TEXT_GAUGE(name, text)                                             \
    lt_prometheus_gauge(&w, #name, text, (ngx_atomic_int_t) gauges.name);
#define LT_TEXT_HISTOGRAM(name, text)                                         \
    lt_status_histogram(&w, #name, text, &counters.name);

    NGX_HTTP_LT_COUNTERS(LT_TEXT_COUNTER)
    NGX_HTTP_LT_GAUGES(LT_TEXT_GAUGE)
    NGX_HTTP_LT_MOMENTS(LT_TEXT_GAUGE)
    NGX_HTTP_LT_HISTOGRAMS(LT_TEXT_HISTOGRAM)
    lt_status_listeners(&w, &gauges);

    return ngx_http_lt_page_send(r, NGX_HTTP_OK, LT_PROMETHEUS_TYPE, b, &out);
}
