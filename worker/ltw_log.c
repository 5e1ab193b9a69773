#include "ltw_log.h"

#include "lt_json.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* A pipe that is writable takes this much without blocking (PIPE_BUF). */
#define LTW_LOG_LINE_MAX 4096
#define LTW_LOG_TAIL 32             /* ,"truncated":true}\n */

static ltw_log_level_t ltw_log_level = LTW_INFO;
static uint64_t ltw_log_dropped_n;

void
ltw_log_set_level(ltw_log_level_t level)
{
    ltw_log_level = level;
}

uint64_t
ltw_log_dropped(void)
{
    return ltw_log_dropped_n;
}

static void
ltw_log_time(char *text, size_t size)
{
    struct timeval tv;
    struct tm tm;
    size_t n;

    gettimeofday(&tv, NULL);
    gmtime_r(&tv.tv_sec, &tm);
    n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, size - n, ".%03dZ", (int) (tv.tv_usec / 1000));
}

static void
ltw_log_put(lt_json_writer_t *w, const ltw_log_field_t *field)
{
    if (field->text.data != NULL) {
        lt_json_put_str(w, field->key, field->text);
    } else {
        lt_json_put_int(w, field->key, field->number);
    }
}

static void
ltw_log_send(const uint8_t *line, size_t len)
{
    struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

    if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT)
        || write(STDERR_FILENO, line, len) != (ssize_t) len)
    {
        ltw_log_dropped_n++;
    }
}

void
ltw_log_write(ltw_log_level_t level, const char *event,
    const ltw_log_field_t *fields, size_t n)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    uint8_t line[LTW_LOG_LINE_MAX];
    lt_json_writer_t w, before;
    lt_out_t out, mark;
    char time_text[40];
    size_t i;

    if (level > ltw_log_level) {
        return;
    }
    ltw_log_time(time_text, sizeof(time_text));
    lt_out_init(&out, line, sizeof(line) - LTW_LOG_TAIL);
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_cstr(&w, "time", time_text);
    lt_json_put_cstr(&w, "level", names[level]);
    lt_json_put_cstr(&w, "event", event);
    for (i = 0; i < n; i++) {
        mark = out;
        before = w;
        if (fields[i].key != NULL) {
            ltw_log_put(&w, &fields[i]);
        }
        if (lt_out_result(&out) != LT_OK) {
            out = mark;
            w = before;
            out.end = line + sizeof(line);
            lt_json_put_bool(&w, "truncated", 1);
            break;
        }
    }
    out.end = line + sizeof(line);
    lt_json_close_object(&w);
    lt_out_cstr(&out, "\n");
    ltw_log_send(line, lt_out_len(&out));
}
