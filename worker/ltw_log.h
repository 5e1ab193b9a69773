/*
 * The log: one JSON line an event on standard error.
 *   {"time":"2026-05-04T10:11:12.345Z","level":"info","event":"batch_closed",
 *    "shard":"shardId-000000000000","records":7}
 * An event has a stable snake_case name; ids are fields, never text.  Never
 * logged: audio, transcripts, translations, tokens, keys, presigned URLs.
 *
 *   ltw_log(LTW_INFO, "batch_closed", ltw_str("shard", shard),
 *       ltw_int("records", n));
 *
 * A line is at most 4096 bytes; longer ones are written without their last
 * fields and with "truncated":true.  A reader that stalls never blocks us:
 * lines that do not fit the pipe are dropped and counted (ltw_log_dropped).
 */
#ifndef LTW_LOG_H
#define LTW_LOG_H

#include "lt_base.h"

typedef enum {
    LTW_SILENT = -1,            /* a level to set: nothing is written */
    LTW_ERROR, LTW_WARN, LTW_INFO, LTW_DEBUG
} ltw_log_level_t;

typedef struct {
    const char *key;            /* NULL: an empty field, skipped */
    lt_str_t text;              /* data NULL: the field is the number */
    int64_t number;
} ltw_log_field_t;

/* Process-wide: what is above level is not written.  Default LTW_INFO. */
void ltw_log_set_level(ltw_log_level_t level);
uint64_t ltw_log_dropped(void);

#define ltw_log(level, event, ...)                                          \
    ltw_log_write(level, event,                                             \
        (const ltw_log_field_t[]) { { 0 }, ##__VA_ARGS__ },                 \
        sizeof((const ltw_log_field_t[]) { { 0 }, ##__VA_ARGS__ })          \
            / sizeof(ltw_log_field_t))

void ltw_log_write(ltw_log_level_t level, const char *event,
    const ltw_log_field_t *fields, size_t n);

static inline ltw_log_field_t
ltw_str(const char *key, lt_str_t text)
{
    return (ltw_log_field_t) { key,
        { text.data != NULL ? text.data : "", text.len }, 0 };
}

/* text may be NULL: reads as "" */
static inline ltw_log_field_t
ltw_cstr(const char *key, const char *text)
{
    return ltw_str(key, lt_str(text));
}

static inline ltw_log_field_t
ltw_int(const char *key, int64_t number)
{
    return (ltw_log_field_t) { key, { NULL, 0 }, number };
}

#endif
