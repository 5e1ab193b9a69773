#include "ltw_reload.h"

#include <stdio.h>
#include <string.h>

/* Whoever adds one: nobody may keep a copy or a view of it. */
static const char *const ltw_reload_names[] = {
    "results_urls", "results_token_file", "batch_window", "batch_size",
    "maximum_record_age", "maximum_retry_attempts", "bisect_on_error",
    "on_failure", "sessions_max", "transcribe_streams_max",
    "transcribe_starts_max", "transcribe_stream_age",
    "transcribe_silence", "translate_rate", "polly_rate", "poll_interval",
    "presign_expires", "starting_position", "log_level",
};

static int
ltw_reload_takes(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(ltw_reload_names) / sizeof(char *); i++) {
        if (strcmp(ltw_reload_names[i], name) == 0) {
            return 1;
        }
    }
    return 0;
}

static void
ltw_reload_note(char names[LTW_RELOAD_NAMES_MAX], const char *name)
{
    size_t len = strlen(names);

    snprintf(names + len, LTW_RELOAD_NAMES_MAX - len, "%s%s",
        len > 0 ? " " : "", name);
}

static int
ltw_reload_differs(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

static void
ltw_reload_swap(const char **a, const char **b)
{
    const char *kept = *a;

    *a = *b;
    *b = kept;
}

/* The types of ltw_config.h: pointers, numbers, and a secret with its path. */
#define LTW_NUMBER_DIFFERS(name) (now->name != next.name)
#define LTW_NUMBER_TAKE(name) now->name = next.name
#define LTW_POINTER_DIFFERS(name) ltw_reload_differs(now->name, next.name)
#define LTW_POINTER_TAKE(name) ltw_reload_swap(&now->name, &next.name)
#define LTW_SECRET_TAKE(name)                                               \
    LTW_POINTER_TAKE(name); LTW_POINTER_TAKE(name##_path)

#define LTW_TEXT_DIFFERS LTW_POINTER_DIFFERS
#define LTW_TEXT_TAKE LTW_POINTER_TAKE
#define LTW_URL_DIFFERS LTW_POINTER_DIFFERS
#define LTW_URL_TAKE LTW_POINTER_TAKE
#define LTW_URLS_DIFFERS LTW_POINTER_DIFFERS
#define LTW_URLS_TAKE LTW_POINTER_TAKE
#define LTW_HOST_DIFFERS LTW_POINTER_DIFFERS
#define LTW_HOST_TAKE LTW_POINTER_TAKE
#define LTW_FILE_DIFFERS LTW_POINTER_DIFFERS
#define LTW_FILE_TAKE LTW_POINTER_TAKE
#define LTW_SECRET_DIFFERS LTW_POINTER_DIFFERS
#define LTW_TIME_DIFFERS LTW_NUMBER_DIFFERS
#define LTW_TIME_TAKE LTW_NUMBER_TAKE
#define LTW_COUNT_DIFFERS LTW_NUMBER_DIFFERS
#define LTW_COUNT_TAKE LTW_NUMBER_TAKE
#define LTW_FLAG_DIFFERS LTW_NUMBER_DIFFERS
#define LTW_FLAG_TAKE LTW_NUMBER_TAKE
#define LTW_CHOICE_DIFFERS LTW_NUMBER_DIFFERS
#define LTW_CHOICE_TAKE LTW_NUMBER_TAKE

#define LTW_RELOAD_ROW(name, type, def, min, max, text)                     \
    if (LTW_##type##_DIFFERS(name)) {                                       \
        if (ltw_reload_takes(#name)) {                                      \
            ltw_reload_note(reload->taken, #name);                          \
            LTW_##type##_TAKE(name);                                        \
        } else {                                                            \
            ltw_reload_note(reload->pinned, #name);                         \
        }                                                                   \
    }

lt_result_t
ltw_reload(ltw_config_t *now, const char *path, ltw_reload_t *reload,
    lt_error_t *err)
{
    ltw_config_t next;
    lt_result_t result = ltw_config_read(&next, path, err);

    *reload = (ltw_reload_t) { "", "" };
    if (result == LT_OK) {
        if (next.mode != now->mode) {
            next.batch_window = now->batch_window;      /* the mode's */
        }
        LTW_PARAMETERS(LTW_RELOAD_ROW)
    }
    ltw_config_deinit(&next);
    return result;
}
