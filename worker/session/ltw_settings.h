/*
 * What who made the talk wishes for it, else what the worker's configuration
 * says.  docs/design.md, "Redis": fields vocabulary, terminology, lexicons,
 * maxCostPerHour; and its trace, traceparent.
 */
#ifndef LTW_SETTINGS_H
#define LTW_SETTINGS_H

#include "asr/ltw_asr.h"
#include "cost/ltw_cost.h"
#include "lt_trace.h"
#include "ltw_config.h"

#define LTW_TERMINOLOGY_MAX 256         /* Translate, one name a request */
#define LTW_LEXICONS_MAX 5              /* Polly, names of 20 characters */
#define LTW_LEXICONS_LEN (LTW_LEXICONS_MAX * 21)

typedef struct {
    char vocabulary[LTW_VOCABULARY_MAX + 1];    /* "": none, as the others */
    char terminology[LTW_TERMINOLOGY_MAX + 1];
    char lexicons[LTW_LEXICONS_LEN + 1];        /* separated by spaces */
    char trace[LT_TRACE_LEN + 1];               /* traceparent */
    double cost_max;            /* US dollars an hour; 0: any */
} ltw_settings_t;

/* What the configuration says; its price_list is read too, and left.
   LT_INVALID: err says what is wrong.  Blocking: at start only. */
lt_result_t ltw_settings_read(ltw_settings_t *settings,
    const ltw_config_t *config, lt_error_t *err);

/* One field of a session, by its name in Redis.  0: not a setting, or its
   value is none (settings stay as they are). */
int ltw_settings_set(ltw_settings_t *settings, const char *name,
    lt_str_t value);

#endif
