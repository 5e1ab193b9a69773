/* The tables of ltw_metrics.h as Prometheus reads them. */
#include "ltw_metrics.h"

#include "lt_prometheus.h"

static const int64_t ltw_bounds[] = LTW_BUCKETS;

static const lt_prometheus_family_t ltw_families[] = {
    { LT_PROMETHEUS_COUNTER, "pcm_bytes_", "", "fate",
      "audio by what became of it: fed to the recogniser, or why not" },
    { LT_PROMETHEUS_COUNTER, "cost_", "_microdollars", "service",
      "spent by list prices" },
    { 0, NULL, NULL, NULL, NULL }
};

static void
ltw_text_histogram(lt_prometheus_t *w, const char *name, const char *text,
    const lt_prometheus_label_t *labels, const ltw_histogram_t *h)
{
    const lt_prometheus_buckets_t buckets = { ltw_bounds, h->buckets,
        LTW_BUCKETS_N, h->sum_ms };

    lt_prometheus_histogram(w, name, text, labels, &buckets);
}

static void
ltw_text_calls(lt_prometheus_t *w, const ltw_metrics_t *m)
{
    size_t i;

    for (i = 0; i < m->calls_n; i++) {
        const lt_prometheus_label_t labels[] = {
            { "service", lt_str(m->calls[i].service) },
            { "operation", lt_str(m->calls[i].operation) }, { 0 } };

        lt_prometheus_labelled(w, LT_PROMETHEUS_COUNTER, "aws_calls",
            "AWS requests sent, each try counted", labels,
            (int64_t) m->calls[i].n);
    }
}

static void
ltw_text_languages(lt_prometheus_t *w, const ltw_metrics_t *m)
{
    size_t i;

#define LTW_LABELS(l)                                                       \
    (const lt_prometheus_label_t[]) { { "language", lt_str((l)->code) },    \
        { 0 } }
#define LTW_TEXT_LANGUAGE(name, text)                                       \
    for (i = 0; i < m->languages_n; i++) {                                  \
        lt_prometheus_labelled(w, LT_PROMETHEUS_COUNTER,                    \
            "language_segments_" #name, text,                               \
            LTW_LABELS(&m->languages[i]),                                   \
            (int64_t) m->languages[i].name);                                \
    }
    LTW_LANGUAGE_COUNTERS(LTW_TEXT_LANGUAGE)
    for (i = 0; i < m->languages_n; i++) {
        ltw_text_histogram(w, "heard_ms", "last word of a segment said to "
            "segment taken by nginx", LTW_LABELS(&m->languages[i]),
            &m->languages[i].heard_ms);
    }
}

#define LTW_TEXT_COUNTER(name, text)                                        \
    lt_prometheus_counter(&w, #name, text, m->name);
#define LTW_TEXT_GAUGE(name, text)                                          \
    lt_prometheus_gauge(&w, #name, text, (int64_t) m->name);
#define LTW_TEXT_HISTOGRAM(name, text)                                      \
    ltw_text_histogram(&w, #name, text, NULL, &m->name);

lt_result_t
ltw_metrics_text(const ltw_metrics_t *m, lt_out_t *out)
{
    lt_prometheus_t w;

    lt_prometheus_begin(&w, out, "worker", ltw_families);
    LTW_COUNTERS(LTW_TEXT_COUNTER)
    LTW_GAUGES(LTW_TEXT_GAUGE)
    LTW_HISTOGRAMS(LTW_TEXT_HISTOGRAM)
    ltw_text_calls(&w, m);
    ltw_text_languages(&w, m);
    return lt_out_result(out);
}
