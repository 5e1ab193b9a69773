#include "ltw_metrics.h"

#include "lt_json.h"

#include <string.h>

static const int64_t ltw_bounds[] = LTW_BUCKETS;

void
ltw_histogram_add(ltw_histogram_t *h, int64_t ms)
{
    size_t i = 0;

    if (ms < 0) {
        ms = 0;
    }
    while (i < LTW_BUCKETS_N - 1 && ms > ltw_bounds[i]) {
        i++;
    }
    h->buckets[i]++;
    h->count++;
    h->sum_ms += (uint64_t) ms;
    if ((uint64_t) ms > h->max_ms) {
        h->max_ms = (uint64_t) ms;
    }
}

void
ltw_count_call(ltw_metrics_t *m, const char *service, const char *operation)
{
    size_t i;

    for (i = 0; i < m->calls_n; i++) {
        if (strcmp(m->calls[i].service, service) == 0
            && strcmp(m->calls[i].operation, operation) == 0)
        {
            m->calls[i].n++;
            return;
        }
    }
    if (m->calls_n < LTW_CALLS_MAX) {
        m->calls[m->calls_n].service = service;
        m->calls[m->calls_n].operation = operation;
        m->calls[m->calls_n++].n = 1;
    }
}

ltw_language_figures_t *
ltw_metrics_language(ltw_metrics_t *m, const char *code)
{
    size_t i;

    for (i = 0; i < m->languages_n; i++) {
        if (strcmp(m->languages[i].code, code) == 0) {
            return &m->languages[i];
        }
    }
    if (m->languages_n == LTW_LANGUAGES_MAX || strlen(code) != 2) {
        return &m->languages[LTW_LANGUAGES_MAX - 1];
    }
    memcpy(m->languages[i].code, code, 3);
    return &m->languages[m->languages_n++];
}

static void
ltw_histogram_json(lt_json_writer_t *w, const char *name,
    const ltw_histogram_t *h)
{
    size_t i;

    lt_json_open_object(w, name);
    lt_json_put_int(w, "count", (int64_t) h->count);
    lt_json_put_int(w, "sum_ms", (int64_t) h->sum_ms);
    lt_json_put_int(w, "max_ms", (int64_t) h->max_ms);
    lt_json_open_array(w, "buckets");
    for (i = 0; i < LTW_BUCKETS_N; i++) {
        lt_json_put_int(w, NULL, (int64_t) h->buckets[i]);
    }
    lt_json_close_array(w);
    lt_json_close_object(w);
}

static int
ltw_calls_is_first(const ltw_metrics_t *m, size_t i)
{
    size_t j;

    for (j = 0; j < i; j++) {
        if (strcmp(m->calls[j].service, m->calls[i].service) == 0) {
            return 0;
        }
    }
    return 1;
}

static void
ltw_calls_json(lt_json_writer_t *w, const ltw_metrics_t *m)
{
    size_t i, j;

    lt_json_open_object(w, "aws_calls");
    for (i = 0; i < m->calls_n; i++) {
        if (!ltw_calls_is_first(m, i)) {
            continue;
        }
        lt_json_open_object(w, m->calls[i].service);
        for (j = i; j < m->calls_n; j++) {
            if (strcmp(m->calls[j].service, m->calls[i].service) == 0) {
                lt_json_put_int(w, m->calls[j].operation,
                    (int64_t) m->calls[j].n);
            }
        }
        lt_json_close_object(w);
    }
    lt_json_close_object(w);
}

static void
ltw_languages_json(lt_json_writer_t *w, const ltw_metrics_t *m)
{
    size_t i;

    lt_json_open_object(w, "languages");
    for (i = 0; i < m->languages_n; i++) {
        const ltw_language_figures_t *l = &m->languages[i];

        lt_json_open_object(w, l->code);
#define LTW_PUT_LANGUAGE(name, text)                                        \
        lt_json_put_int(w, #name, (int64_t) l->name);
        LTW_LANGUAGE_COUNTERS(LTW_PUT_LANGUAGE)
        ltw_histogram_json(w, "heard_ms", &l->heard_ms);
        lt_json_close_object(w);
    }
    lt_json_close_object(w);
}

#define LTW_PUT_METRIC(name, text)                                          \
    lt_json_put_int(&w, #name, (int64_t) m->name);
#define LTW_PUT_HISTOGRAM(name, text) ltw_histogram_json(&w, #name, &m->name);

lt_result_t
ltw_metrics_json(const ltw_metrics_t *m, lt_out_t *out)
{
    lt_json_writer_t w;
    size_t i;

    lt_json_begin(&w, out);
    lt_json_open_object(&w, NULL);
    lt_json_open_object(&w, "counters");
    LTW_COUNTERS(LTW_PUT_METRIC)
    lt_json_close_object(&w);
    lt_json_open_object(&w, "gauges");
    LTW_GAUGES(LTW_PUT_METRIC)
    lt_json_close_object(&w);
    lt_json_open_array(&w, "bucket_bounds_ms");
    for (i = 0; i < LTW_BUCKETS_N - 1; i++) {
        lt_json_put_int(&w, NULL, ltw_bounds[i]);
    }
    lt_json_close_array(&w);
    lt_json_open_object(&w, "histograms");
    LTW_HISTOGRAMS(LTW_PUT_HISTOGRAM)
    lt_json_close_object(&w);
    ltw_calls_json(&w, m);
    ltw_languages_json(&w, m);
    lt_json_close_object(&w);
    return lt_out_result(out);
}
