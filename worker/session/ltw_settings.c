#include "session/ltw_settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define COST_MAX 1e6


/* What AWS's names consist of: nothing that ends a header. */
static int
is_name(lt_str_t s, int with_spaces)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char) s.data[i];

        if (!isalnum(c) && strchr("-_.", c) == NULL
            && !(with_spaces && c == ' '))
        {
            return 0;
        }
    }
    return s.len > 0;
}


static size_t
count_words(lt_str_t s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        n += s.data[i] != ' ' && (i == 0 || s.data[i - 1] == ' ');
    }
    return n;
}


static int
set_text(char *to, size_t size, lt_str_t value, int with_spaces)
{
    if (value.len >= size || !is_name(value, with_spaces)) {
        return 0;
    }
    memcpy(to, value.data, value.len);
    to[value.len] = '\0';
    return 1;
}


/* A talk may spend less than its deployment allows, never more. */
static int
set_cost(double *to, lt_str_t value)
{
    char text[24], *end;
    double usd;

    if (value.len == 0 || value.len >= sizeof(text)
        || !isdigit((unsigned char) value.data[0]))
    {
        return 0;
    }
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    usd = strtod(text, &end);
    if (*end != '\0' || !(usd > 0 && usd <= COST_MAX)) {
        return 0;
    }
    *to = *to > 0 && *to < usd ? *to : usd;
    return 1;
}


int
ltw_settings_set(ltw_settings_t *s, const char *name, lt_str_t value)
{
    if (strcmp(name, "vocabulary") == 0) {
        return set_text(s->vocabulary, sizeof(s->vocabulary), value, 0);
    }
    if (strcmp(name, "terminology") == 0) {
        return set_text(s->terminology, sizeof(s->terminology), value, 0);
    }
    if (strcmp(name, "lexicons") == 0) {
        size_t n = count_words(value);

        return n >= 1 && n <= LTW_LEXICONS_MAX
            && set_text(s->lexicons, sizeof(s->lexicons), value, 1);
    }
    if (strcmp(name, "traceparent") == 0) {
        return lt_trace_is_valid(value)
            && set_text(s->trace, sizeof(s->trace), value, 0);
    }
    return strcmp(name, "maxCostPerHour") == 0
        && set_cost(&s->cost_max, value);
}


lt_result_t
ltw_settings_read(ltw_settings_t *s, const ltw_config_t *config,
    lt_error_t *err)
{
    const struct {
        const char *parameter;
        const char *name;
        const char *value;
        const char *right;
    } rows[] = {
        { "vocabulary", "vocabulary", config->vocabulary,
          "letters, digits and - _ ." },
        { "terminology", "terminology", config->terminology,
          "letters, digits and - _ ." },
        { "lexicons", "lexicons", config->lexicons,
          "up to five names, separated by spaces" },
        { "max_cost_per_hour", "maxCostPerHour", config->max_cost_per_hour,
          "US dollars, more than 0" },
    };
    ltw_price_list_t prices;

    *s = (ltw_settings_t) { 0 };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value != NULL
            && !ltw_settings_set(s, rows[i].name, lt_str(rows[i].value)))
        {
            lt_error_set(err, err->code, "%s: \"%s\" is not %s",
                rows[i].parameter, rows[i].value, rows[i].right);
            return LT_INVALID;
        }
    }
    if (config->price_list == NULL && s->cost_max > 0) {
        lt_error_set(err, err->code,
            "max_cost_per_hour: needs a price_list to be metered by");
        return LT_INVALID;
    }
    return config->price_list == NULL ? LT_OK
        : ltw_price_list_read(&prices, config->price_list, err);
}
