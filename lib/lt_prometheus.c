#include "lt_prometheus.h"

#include <string.h>

static const struct {
    const char *end;            /* of a row's name */
    const char *unit;           /* what stands there instead */
    unsigned decimals;          /* of the value */
} units[] = {
    { "_ms", "_seconds", 3 },
    { "_microdollars", "_dollars", 6 },
};

static const char *const kinds[] = { "counter", "gauge", "histogram" };

/* One row, taken apart. */
typedef struct {
    lt_prometheus_kind_t kind;
    char name[LT_PROMETHEUS_NAME_MAX];
    lt_prometheus_label_t labels[LT_PROMETHEUS_LABELS_MAX];
    size_t labels_n;
    const char *text;
    unsigned decimals;
} row_t;

static int
ends_with(lt_str_t s, const char *end)
{
    size_t len = strlen(end);

    return s.len >= len && memcmp(s.data + s.len - len, end, len) == 0;
}

/* The part of a row's name that is a label's value; len 0: it is no member. */
static lt_str_t
label_value(const lt_prometheus_family_t *family, lt_str_t name)
{
    size_t prefix = strlen(family->prefix), suffix = strlen(family->suffix);

    if (name.len <= prefix + suffix
        || memcmp(name.data, family->prefix, prefix) != 0
        || !ends_with(name, family->suffix))
    {
        return (lt_str_t) { NULL, 0 };
    }
    return (lt_str_t) { name.data + prefix, name.len - prefix - suffix };
}

static const lt_prometheus_family_t *
find_family(const lt_prometheus_t *w, lt_prometheus_kind_t kind,
    lt_str_t name)
{
    const lt_prometheus_family_t *family = w->families;

    for (; family != NULL && family->prefix != NULL; family++) {
        if (family->kind == kind && label_value(family, name).len > 0) {
            return family;
        }
    }
    return NULL;
}

/* prefix without its last "_" when a suffix follows that begins with one */
static void
put_family_name(lt_out_t *out, const lt_prometheus_family_t *family)
{
    size_t len = strlen(family->prefix);

    lt_out_bytes(out, family->prefix, len > 0 ? len - 1 : 0);
    lt_out_cstr(out, family->suffix);
}

static void
put_unit(row_t *row, lt_out_t *out)
{
    lt_str_t name = { (const char *) out->start, lt_out_len(out) };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ends_with(name, units[i].end)) {
            out->pos -= strlen(units[i].end);
            lt_out_cstr(out, units[i].unit);
            row->decimals = units[i].decimals;
            return;
        }
    }
}

static lt_result_t
read_row(row_t *row, const lt_prometheus_t *w, lt_prometheus_kind_t kind,
    const char *name, const char *text, const lt_prometheus_label_t *labels)
{
    const lt_prometheus_family_t *family = find_family(w, kind, lt_str(name));
    lt_out_t out;

    memset(row, 0, sizeof(*row));
    row->kind = kind;
    row->text = text;
    lt_out_init(&out, row->name, sizeof(row->name) - 1);
    lt_out_cstr(&out, "lt_");
    lt_out_cstr(&out, w->program);
    lt_out_cstr(&out, "_");
    if (family != NULL) {
        put_family_name(&out, family);
        row->text = family->text;
        row->labels[row->labels_n++] = (lt_prometheus_label_t) {
            family->label, label_value(family, lt_str(name)) };
    } else {
        lt_out_cstr(&out, name);
    }
    for (; labels != NULL && labels->label != NULL
           && row->labels_n < LT_PROMETHEUS_LABELS_MAX; labels++)
    {
        row->labels[row->labels_n++] = *labels;
    }
    put_unit(row, &out);
    if (kind == LT_PROMETHEUS_COUNTER) {
        lt_out_cstr(&out, "_total");
    }
    return lt_out_result(&out);
}

static void
put_head(lt_prometheus_t *w, const row_t *row)
{
    if (strcmp(w->last, row->name) == 0) {
        return;
    }
    memcpy(w->last, row->name, sizeof(w->last));
    lt_out_cstr(w->out, "# HELP ");
    lt_out_cstr(w->out, row->name);
    lt_out_cstr(w->out, " ");
    lt_out_cstr(w->out, row->text);
    lt_out_cstr(w->out, "\n# TYPE ");
    lt_out_cstr(w->out, row->name);
    lt_out_cstr(w->out, " ");
    lt_out_cstr(w->out, kinds[row->kind]);
    lt_out_cstr(w->out, "\n");
}

static void
put_label(lt_out_t *out, size_t i, const char *label, lt_str_t value)
{
    lt_out_cstr(out, i == 0 ? "{" : ",");
    lt_out_cstr(out, label);
    lt_out_cstr(out, "=\"");
    lt_out_str(out, value);
    lt_out_cstr(out, "\"");
}

/* part: "_bucket", …; le NULL: no such label. */
static void
put_series(lt_out_t *out, const row_t *row, const char *part, lt_str_t le)
{
    size_t i;

    lt_out_cstr(out, row->name);
    lt_out_cstr(out, part);
    for (i = 0; i < row->labels_n; i++) {
        put_label(out, i, row->labels[i].label, row->labels[i].value);
    }
    if (le.data != NULL) {
        put_label(out, i++, "le", le);
    }
    lt_out_cstr(out, i > 0 ? "} " : " ");
}

/* value / 10^decimals */
static void
put_value(lt_out_t *out, int64_t value, unsigned decimals)
{
    uint64_t scale = 1, rest, n;

    for (unsigned i = 0; i < decimals; i++) {
        scale *= 10;
    }
    if (value < 0) {
        lt_out_cstr(out, "-");
    }
    n = value < 0 ? 0 - (uint64_t) value : (uint64_t) value;
    rest = n % scale;
    lt_out_u64(out, n / scale);
    if (rest == 0) {
        return;
    }
    lt_out_cstr(out, ".");
    while (rest != 0) {
        scale /= 10;
        lt_out_u64(out, rest / scale);
        rest %= scale;
    }
}

static void
put_row(lt_prometheus_t *w, const row_t *row, int64_t value)
{
    put_head(w, row);
    put_series(w->out, row, "", (lt_str_t) { NULL, 0 });
    put_value(w->out, value, row->decimals);
    lt_out_cstr(w->out, "\n");
}

void
lt_prometheus_begin(lt_prometheus_t *w, lt_out_t *out, const char *program,
    const lt_prometheus_family_t *families)
{
    memset(w, 0, sizeof(*w));
    w->out = out;
    w->program = program;
    w->families = families;
}

void
lt_prometheus_labelled(lt_prometheus_t *w, lt_prometheus_kind_t kind,
    const char *name, const char *text, const lt_prometheus_label_t *labels,
    int64_t value)
{
    row_t row;

    if (read_row(&row, w, kind, name, text, labels) != LT_OK) {
        w->out->overflow = 1;
        return;
    }
    put_row(w, &row, value);
}

void
lt_prometheus_counter(lt_prometheus_t *w, const char *name, const char *text,
    uint64_t value)
{
    lt_prometheus_labelled(w, LT_PROMETHEUS_COUNTER, name, text, NULL,
        (int64_t) (value & INT64_MAX));
}

void
lt_prometheus_gauge(lt_prometheus_t *w, const char *name, const char *text,
    int64_t value)
{
    lt_prometheus_labelled(w, LT_PROMETHEUS_GAUGE, name, text, NULL, value);
}

static void
put_bucket(lt_prometheus_t *w, const row_t *row,
    const lt_prometheus_buckets_t *b, size_t i, uint64_t below)
{
    char text[24];
    lt_out_t bound;

    lt_out_init(&bound, text, sizeof(text));
    if (i + 1 < b->n) {
        put_value(&bound, b->bounds_ms[i], row->decimals);
    } else {
        lt_out_cstr(&bound, "+Inf");
    }
    put_series(w->out, row, "_bucket",
        (lt_str_t) { text, lt_out_len(&bound) });
    lt_out_u64(w->out, below);
    lt_out_cstr(w->out, "\n");
}

void
lt_prometheus_histogram(lt_prometheus_t *w, const char *name,
    const char *text, const lt_prometheus_label_t *labels,
    const lt_prometheus_buckets_t *b)
{
    lt_str_t none = { NULL, 0 };
    uint64_t below = 0;
    row_t row;

    if (read_row(&row, w, LT_PROMETHEUS_HISTOGRAM, name, text, labels)
        != LT_OK)
    {
        w->out->overflow = 1;
        return;
    }
    put_head(w, &row);
    for (size_t i = 0; i < b->n; i++) {
        below += b->buckets[i];
        put_bucket(w, &row, b, i, below);
    }
    put_series(w->out, &row, "_sum", none);
    put_value(w->out, (int64_t) b->sum_ms, row.decimals);
    lt_out_cstr(w->out, "\n");
    put_series(w->out, &row, "_count", none);
    lt_out_u64(w->out, below);
    lt_out_cstr(w->out, "\n");
}
