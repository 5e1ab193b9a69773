/*
 * Metrics in Prometheus' text format 0.0.4, from rows "name, text" as the
 * tables of both programs have them.
 *
 * Names: lt_<program>_<name>, counters with _total.  Units by the end of the
 * name: _ms becomes _seconds, _microdollars becomes _dollars, and values are
 * divided.  Rows that are one metric with a label are named by a family:
 *   { "audio_dropped_", "_bytes", "reason", "PCM dropped" }
 * makes audio_dropped_full_bytes audio_dropped_bytes_total{reason="full"}.
 * Rows of a family stand together; a label's values are [a-z0-9_], never ids.
 *
 * Memory: nothing is kept but pointers, which outlive the writer.
 * Limits: a name LT_PROMETHEUS_NAME_MAX; what is longer is LT_NOSPACE of out.
 */
#ifndef LT_PROMETHEUS_H
#define LT_PROMETHEUS_H

#include "lt_base.h"

#define LT_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define LT_PROMETHEUS_NAME_MAX 96

typedef enum {
    LT_PROMETHEUS_COUNTER, LT_PROMETHEUS_GAUGE, LT_PROMETHEUS_HISTOGRAM
} lt_prometheus_kind_t;

typedef struct {
    lt_prometheus_kind_t kind;
    const char *prefix;         /* a row's name begins so, */
    const char *suffix;         /* and ends so; between is the label's value */
    const char *label;
    const char *text;           /* the family's; a row's own is not shown */
} lt_prometheus_family_t;

typedef struct {
    lt_out_t *out;
    const char *program;        /* "nginx", "worker" */
    const lt_prometheus_family_t *families;     /* prefix NULL ends them */
    char last[LT_PROMETHEUS_NAME_MAX];  /* the metric whose head is out */
} lt_prometheus_t;

/* A list of them ends with label NULL; NULL is no list. */
#define LT_PROMETHEUS_LABELS_MAX 3
typedef struct {
    const char *label;
    lt_str_t value;
} lt_prometheus_label_t;

/* bounds_ms has n - 1 bounds, buckets n counts, not cumulative. */
typedef struct {
    const int64_t *bounds_ms;
    const uint64_t *buckets;
    size_t n;
    uint64_t sum_ms;
} lt_prometheus_buckets_t;

void lt_prometheus_begin(lt_prometheus_t *w, lt_out_t *out,
    const char *program, const lt_prometheus_family_t *families);

void lt_prometheus_counter(lt_prometheus_t *w, const char *name,
    const char *text, uint64_t value);
void lt_prometheus_gauge(lt_prometheus_t *w, const char *name,
    const char *text, int64_t value);

/* kind: counter or gauge, with labels of the caller's. */
void lt_prometheus_labelled(lt_prometheus_t *w, lt_prometheus_kind_t kind,
    const char *name, const char *text, const lt_prometheus_label_t *labels,
    int64_t value);

/* name ends in _ms */
void lt_prometheus_histogram(lt_prometheus_t *w, const char *name,
    const char *text, const lt_prometheus_label_t *labels,
    const lt_prometheus_buckets_t *buckets);

#endif
