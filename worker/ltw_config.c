#include "ltw_config.h"

#include "aws/ltw_aws_call.h"
#include "aws/ltw_aws_credentials.h"
#include "kinesis/ltw_failures.h"
#include "lt_aws.h"
#include "session/ltw_settings.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum {
    TEXT, URL, URLS, HOST, FILE_, SECRET, TIME, COUNT, FLAG, CHOICE
} ltw_config_type_t;

/* FILE is stdio's */
#define LTW_TYPE_TEXT TEXT
#define LTW_TYPE_URL URL
#define LTW_TYPE_URLS URLS
#define LTW_TYPE_HOST HOST
#define LTW_TYPE_FILE FILE_
#define LTW_TYPE_SECRET SECRET
#define LTW_TYPE_TIME TIME
#define LTW_TYPE_COUNT COUNT
#define LTW_TYPE_FLAG FLAG
#define LTW_TYPE_CHOICE CHOICE

typedef struct {
    const char *name;
    ltw_config_type_t type;
    const char *def;
    int64_t min;
    int64_t max;
    const char *text;
    size_t offset;
} ltw_config_row_t;

#define LTW_CONFIG_ROW(name, type, def, min, max, text)                     \
    { #name, LTW_TYPE_##type, def, min, max, text,                          \
        offsetof(ltw_config_t, name) },

static const ltw_config_row_t ltw_config_rows[] = {
    LTW_PARAMETERS(LTW_CONFIG_ROW)
};

#define LTW_CONFIG_ROWS_N \
    (sizeof(ltw_config_rows) / sizeof(ltw_config_rows[0]))
#define LTW_CONFIG_LINE_MAX 8192

static int
ltw_config_is_text(const ltw_config_row_t *row)
{
    return row->type <= SECRET;
}

static char **
ltw_config_string(ltw_config_t *config, const ltw_config_row_t *row)
{
    return (char **) (void *) ((char *) config + row->offset);
}

static int64_t *
ltw_config_number(ltw_config_t *config, const ltw_config_row_t *row)
{
    return (int64_t *) (void *) ((char *) config + row->offset);
}

/* ---- values ---- */

static lt_result_t
ltw_config_set_number(ltw_config_t *config, const ltw_config_row_t *row,
    const char *value, lt_error_t *err)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
        { "h", 3600000 } };
    int64_t number;
    size_t i;
    char *end;

    errno = 0;
    number = strtoll(value, &end, 10);
    if (end == value || errno != 0 || !isdigit((unsigned char) value[0])) {
        lt_error_set(err, 0, "%s: \"%s\" is not a number", row->name, value);
        return LT_INVALID;
    }
    if (row->type == TIME) {
        for (i = 0; i < 4 && strcmp(end, units[i].name) != 0; i++) {
        }
        if (i == 4 || number > INT64_MAX / units[i].ms) {
            lt_error_set(err, 0, "%s: \"%s\" needs a unit: ms, s, m or h",
                row->name, value);
            return LT_INVALID;
        }
        number *= units[i].ms;
    } else if (*end != '\0') {
        lt_error_set(err, 0, "%s: \"%s\" is not a number", row->name, value);
        return LT_INVALID;
    }
    if (number < row->min || number > row->max) {
        lt_error_set(err, 0, "%s: \"%s\" is not within %lld..%lld%s",
            row->name, value, (long long) row->min, (long long) row->max,
            row->type == TIME ? " ms" : "");
        return LT_INVALID;
    }
    *ltw_config_number(config, row) = number;
    return LT_OK;
}

/* The value's place among the words before ':' of the row's text. */
static lt_result_t
ltw_config_set_choice(ltw_config_t *config, const ltw_config_row_t *row,
    const char *value, lt_error_t *err)
{
    const char *words = row->type == FLAG ? "off on:" : row->text;
    const char *p = words;
    size_t len;
    int64_t i;

    for (i = 0; *p != ':'; i++) {
        len = strcspn(p, " :");
        if (strlen(value) == len && memcmp(value, p, len) == 0) {
            *ltw_config_number(config, row) = i;
            return LT_OK;
        }
        p += len + (p[len] == ' ');
    }
    lt_error_set(err, 0, "%s: \"%s\" is none of: %.*s", row->name, value,
        (int) strcspn(words, ":"), words);
    return LT_INVALID;
}

static lt_result_t
ltw_config_check_urls(const ltw_config_row_t *row, const char *value,
    lt_error_t *err)
{
    ltw_aws_endpoint_t endpoint;
    const char *p = value, *path;
    size_t len;

    while (*p != '\0') {
        len = strcspn(p, " \t");
        path = len > 8 ? memchr(p + 8, '/', len - 8) : NULL;
        if (ltw_aws_endpoint_parse(&endpoint,
                (lt_str_t) { p, path != NULL ? (size_t) (path - p) : len },
                NULL) != LT_OK)
        {
            lt_error_set(err, 0,
                "%s: \"%.*s\" is not http[s]://host[:port]/path", row->name,
                (int) len, p);
            return LT_INVALID;
        }
        p += len;
        p += strspn(p, " \t");
    }
    return LT_OK;
}

static lt_result_t
ltw_config_check_host(const ltw_config_row_t *row, const char *value,
    lt_error_t *err)
{
    const char *colon = strrchr(value, ':');
    char *end;
    long port;

    if (strncmp(value, "unix:/", 6) == 0) {
        return LT_OK;
    }
    port = colon != NULL ? strtol(colon + 1, &end, 10) : 0;
    if (colon == NULL || colon == value || *end != '\0' || port < 1
        || port > 65535)
    {
        lt_error_set(err, 0, "%s: \"%s\" is not host:port or unix:/path",
            row->name, value);
        return LT_INVALID;
    }
    return LT_OK;
}

static lt_result_t
ltw_config_set_text(ltw_config_t *config, const ltw_config_row_t *row,
    const char *value, lt_error_t *err)
{
    ltw_aws_endpoint_t endpoint;
    char **place = ltw_config_string(config, row);
    int64_t len = (int64_t) strlen(value);
    lt_error_t why;

    if (row->type != SECRET && (len < row->min || len > row->max)) {
        lt_error_set(err, 0, "%s: a value has %lld to %lld characters",
            row->name, (long long) row->min, (long long) row->max);
        return LT_INVALID;
    }
    if (row->type == URL
        && ltw_aws_endpoint_parse(&endpoint, lt_str(value), &why) != LT_OK)
    {
        lt_error_set(err, 0, "%s: %s", row->name, why.text);
        return LT_INVALID;
    }
    if (row->type == URLS && ltw_config_check_urls(row, value, err) != LT_OK) {
        return LT_INVALID;
    }
    if (row->type == HOST && ltw_config_check_host(row, value, err) != LT_OK) {
        return LT_INVALID;
    }
    /* a SECRET's path first goes where the secret will be */
    free(*place);
    *place = strdup(value);
    return *place != NULL ? LT_OK : LT_ERROR;
}

static lt_result_t
ltw_config_set(ltw_config_t *config, const ltw_config_row_t *row,
    const char *value, lt_error_t *err)
{
    switch (row->type) {
    case TIME:
    case COUNT:
        return ltw_config_set_number(config, row, value, err);
    case FLAG:
    case CHOICE:
        return ltw_config_set_choice(config, row, value, err);
    default:
        return ltw_config_set_text(config, row, value, err);
    }
}

/* ---- files ---- */

/* *text is freed by the caller, explicit_bzero first. */
static lt_result_t
ltw_config_read_file(char **text, size_t *len, const char *path,
    const char *name, lt_error_t *err)
{
    FILE *file = fopen(path, "re");
    int failed;

    *text = malloc(LTW_CREDENTIALS_MAX + 1);
    if (file == NULL || *text == NULL) {
        lt_error_set(err, 0, "%s: cannot read %s: %s", name, path,
            strerror(errno));
        if (file != NULL) {
            fclose(file);
        }
        free(*text);
        return LT_INVALID;
    }
    *len = fread(*text, 1, LTW_CREDENTIALS_MAX + 1, file);
    failed = ferror(file);
    fclose(file);
    if (failed || *len > LTW_CREDENTIALS_MAX) {
        lt_error_set(err, 0, "%s: cannot read %s: %s", name, path,
            failed ? strerror(errno) : "larger than 64 KiB");
        explicit_bzero(*text, *len);
        free(*text);
        return LT_INVALID;
    }
    (*text)[*len < LTW_CREDENTIALS_MAX ? *len : LTW_CREDENTIALS_MAX] = '\0';
    return LT_OK;
}

/* A CA bundle may be large: only see that it opens. */
static lt_result_t
ltw_config_check_file(const ltw_config_row_t *row, const char *path,
    lt_error_t *err)
{
    FILE *file = fopen(path, "re");

    if (file == NULL || fgetc(file) == EOF) {
        lt_error_set(err, 0, "%s: cannot read %s: %s", row->name, path,
            file == NULL ? strerror(errno)
            : ferror(file) ? strerror(errno) : "it is empty");
        if (file != NULL) {
            fclose(file);
        }
        return LT_INVALID;
    }
    fclose(file);
    return LT_OK;
}

static lt_result_t
ltw_config_read_secret(ltw_config_t *config, const ltw_config_row_t *row,
    lt_error_t *err)
{
    /* <name>_path stands right behind <name> */
    char **secret = ltw_config_string(config, row), **path = secret + 1;
    size_t len, line_len;
    char *text;

    *path = *secret;
    *secret = NULL;
    if (ltw_config_read_file(&text, &len, *path, row->name, err) != LT_OK) {
        return LT_INVALID;
    }
    line_len = strcspn(text, "\r\n");
    if ((int64_t) line_len >= row->min && (int64_t) line_len <= row->max) {
        *secret = strndup(text, line_len);
    } else {
        lt_error_set(err, 0,
            "%s: the first line of %s has not %lld to %lld characters",
            row->name, *path, (long long) row->min, (long long) row->max);
    }
    explicit_bzero(text, len);
    free(text);
    return *secret != NULL ? LT_OK : LT_INVALID;
}

static const ltw_config_row_t *
ltw_config_find(const char *name)
{
    size_t i;

    for (i = 0; i < LTW_CONFIG_ROWS_N; i++) {
        if (strcmp(ltw_config_rows[i].name, name) == 0) {
            return &ltw_config_rows[i];
        }
    }
    return NULL;
}

static char *
ltw_config_trim(char *text)
{
    size_t len;

    text += strspn(text, " \t\r\n");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
    return text;
}

/* lines[i]: where row i was set */
static lt_result_t
ltw_config_line(ltw_config_t *config, int *lines, int line, char *text,
    lt_error_t *err)
{
    const ltw_config_row_t *row;
    char *name, *equals;

    text[strcspn(text, "#")] = '\0';
    name = ltw_config_trim(text);
    if (*name == '\0') {
        return LT_OK;
    }
    equals = strchr(name, '=');
    if (equals == NULL) {
        lt_error_set(err, 0, "\"%.60s\" is not \"name = value\"", name);
        return LT_INVALID;
    }
    *equals = '\0';
    name = ltw_config_trim(name);
    row = ltw_config_find(name);
    if (row == NULL) {
        lt_error_set(err, 0, "unknown parameter \"%.60s\"", name);
        return LT_INVALID;
    }
    if (lines[row - ltw_config_rows] != 0) {
        lt_error_set(err, 0, "%s is given twice, first in line %d", name,
            lines[row - ltw_config_rows]);
        return LT_INVALID;
    }
    lines[row - ltw_config_rows] = line;
    return ltw_config_set(config, row, ltw_config_trim(equals + 1), err);
}

static lt_result_t
ltw_config_lines(ltw_config_t *config, int *lines, FILE *file,
    lt_error_t *err)
{
    char text[LTW_CONFIG_LINE_MAX];
    lt_result_t result = LT_OK;
    int line = 0;

    while (result == LT_OK && fgets(text, sizeof(text), file) != NULL) {
        line++;
        if (strlen(text) == sizeof(text) - 1) {
            lt_error_set(err, 0, "the line is too long");
            result = LT_INVALID;
        } else {
            result = ltw_config_line(config, lines, line, text, err);
        }
        err->code = line;
    }
    if (result == LT_OK && ferror(file)) {
        lt_error_set(err, 0, "cannot be read: %s", strerror(errno));
        result = LT_INVALID;
    }
    return result;
}

/* Defaults, what must be given, and what the values name. */
static lt_result_t
ltw_config_complete(ltw_config_t *config, const int *lines, lt_error_t *err)
{
    const ltw_config_row_t *row;
    lt_result_t result = LT_OK;
    ltw_settings_t settings;
    char *value;
    size_t i;

    for (i = 0; i < LTW_CONFIG_ROWS_N && result == LT_OK; i++) {
        row = &ltw_config_rows[i];
        err->code = lines[i];
        if (lines[i] == 0 && strcmp(row->def, "!") == 0) {
            lt_error_set(err, 0, "%s is missing: %s", row->name, row->text);
            return LT_INVALID;
        }
        if (lines[i] == 0 && row->def[0] != '\0') {
            result = ltw_config_set(config, row, row->def, err);
        }
        value = ltw_config_is_text(row) ? *ltw_config_string(config, row)
                                        : NULL;
        if (result == LT_OK && value != NULL && row->type == FILE_) {
            result = ltw_config_check_file(row, value, err);
        } else if (result == LT_OK && value != NULL && row->type == SECRET) {
            result = ltw_config_read_secret(config, row, err);
        }
        if (result != LT_OK) {
            err->code = lines[i];
        }
    }
    if (result != LT_OK) {
        return result;
    }
    if (config->mode == LTW_MODE_LIVE) {
        config->batch_window = 0;       /* audio waits for nothing */
    }
    if (config->voice_patience == 0) {
        config->voice_patience = config->mode == LTW_MODE_LIVE ? 1000 : 5000;
    }
    err->code = lines[ltw_config_find("max_cost_per_hour") - ltw_config_rows];
    if (ltw_settings_read(&settings, config, err) != LT_OK) {
        return LT_INVALID;
    }
    err->code = lines[ltw_config_find("on_failure") - ltw_config_rows];
    if (config->on_failure != NULL
        && ltw_failures_check(config->on_failure, err) != LT_OK)
    {
        return LT_INVALID;
    }
    err->code = lines[ltw_config_find("aws_region") - ltw_config_rows];
    if (!lt_aws_region_is_known(lt_str(config->aws_region))) {
        lt_error_set(err, err->code, "aws_region: \"%s\" is no region of AWS",
            config->aws_region);
        return LT_INVALID;
    }
    result = ltw_aws_credentials_check(config, err);
    err->code = lines[ltw_config_find(config->aws_credentials != 0
        ? "aws_credentials" : "aws_credentials_file") - ltw_config_rows];
    return result;
}

lt_result_t
ltw_config_read(ltw_config_t *config, const char *path, lt_error_t *err)
{
    int lines[LTW_CONFIG_ROWS_N] = { 0 };
    FILE *file = fopen(path, "re");
    lt_result_t result;
    int line;

    *config = (ltw_config_t) { 0 };
    *err = (lt_error_t) { 0 };
    if (file == NULL) {
        lt_error_set(err, 0, "cannot be read: %s", strerror(errno));
        return LT_INVALID;
    }
    result = ltw_config_lines(config, lines, file, err);
    fclose(file);
    if (result == LT_OK) {
        result = ltw_config_complete(config, lines, err);
    }
    if (result == LT_ERROR && err->text[0] == '\0') {
        line = err->code;
        lt_error_set(err, line, "no memory");
    }
    return result;
}

static void
ltw_config_wipe(char **text)
{
    if (*text != NULL) {
        explicit_bzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}

void
ltw_config_deinit(ltw_config_t *config)
{
    const ltw_config_row_t *row;
    size_t i;

    for (i = 0; i < LTW_CONFIG_ROWS_N; i++) {
        row = &ltw_config_rows[i];
        if (ltw_config_is_text(row)) {
            ltw_config_wipe(ltw_config_string(config, row));
        }
        if (row->type == SECRET) {
            ltw_config_wipe(ltw_config_string(config, row) + 1);
        }
    }
}

void
ltw_config_print_help(void)
{
    const ltw_config_row_t *row;
    size_t i;

    for (i = 0; i < LTW_CONFIG_ROWS_N; i++) {
        row = &ltw_config_rows[i];
        printf("  %-22s %-15s %s\n", row->name,
            strcmp(row->def, "!") == 0 ? "(required)"
            : row->def[0] != '\0' ? row->def : "(none)", row->text);
    }
}
