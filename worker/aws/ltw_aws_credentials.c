#include "aws/ltw_aws_credentials.h"

#include "ltw_log.h"

#include "lt_credentials_provider.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct ltw_aws_credentials_s {
    lt_credentials_settings_t settings;
    lt_credentials_provider_t provider;
    ltw_loop_t *loop;
    ltw_http_t *http;
    ltw_metrics_t *metrics;
    ltw_timer_t *timer;         /* need WAIT */
    ltw_file_read_t *read;      /* need READ */
    ltw_http_id_t http_id;      /* need ASK */
    char logged[200];           /* the cause that was logged last */
};

/* ---- at start ---- */

/* worker.conf's word for a source has that source's number. */
static void
ltw_aws_credentials_settings(lt_credentials_settings_t *s,
    const ltw_config_t *config)
{
    *s = (lt_credentials_settings_t) {
        .source = (lt_credentials_source_t) config->aws_credentials,
        .region = lt_str(config->aws_region),
        .file = lt_str(config->aws_credentials_file),
        .profile = lt_str(config->aws_profile),
#define LTW_FROM_ENVIRONMENT(field, name) .env.field = lt_str(getenv(name)),
        LT_CREDENTIALS_VARIABLES(LTW_FROM_ENVIRONMENT)
#undef LTW_FROM_ENVIRONMENT
    };
}

/* *len 0 and errno, or 0 for what is no small regular file. */
static int
ltw_aws_credentials_slurp(char *text, size_t *len,
    const lt_credentials_want_t *want)
{
    int fd = open(want->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code = 0;
    struct stat st;
    ssize_t n = -1;

    if (fd == -1) {
        return errno;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
        && st.st_size <= (off_t) want->max_bytes)
    {
        n = read(fd, text, want->max_bytes);
        code = n < 0 ? errno : 0;
    }
    close(fd);
    *len = n > 0 ? (size_t) n : 0;
    return n < 0 ? code : -1;
}

/* Reads files, blocking, until there are keys or somebody must be asked. */
static lt_result_t
ltw_aws_credentials_resolve(lt_credentials_provider_t *p,
    const lt_credentials_settings_t *settings, int64_t now_ms,
    lt_error_t *err)
{
    lt_credentials_outcome_t outcome = LT_CREDENTIALS_MORE;
    static char text[LT_CREDENTIALS_FILE_MAX];
    lt_credentials_want_t want;
    lt_result_t result;
    size_t len;
    int code;

    result = lt_credentials_start(p, settings, err);
    while (result == LT_OK && outcome == LT_CREDENTIALS_MORE
        && !lt_credentials_are_ready(p, now_ms)
        && !lt_credentials_needs_http(p))
    {
        lt_credentials_want(p, &want, now_ms);
        len = 0;
        code = ltw_aws_credentials_slurp(text, &len, &want);
        outcome = lt_credentials_file(p,
            code == -1 ? (lt_str_t) { text, len } : (lt_str_t) { NULL, 0 },
            code, now_ms, 0);
        explicit_bzero(text, sizeof(text));
    }
    if (outcome == LT_CREDENTIALS_FAILED) {
        lt_error_set(err, 0, "%s", p->cause);
        result = LT_INVALID;
    }
    return result;
}

static int64_t
ltw_aws_credentials_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

lt_result_t
ltw_aws_credentials_check(const ltw_config_t *config, lt_error_t *err)
{
    lt_credentials_source_t source =
        (lt_credentials_source_t) config->aws_credentials;
    static lt_credentials_provider_t provider;
    lt_credentials_settings_t settings;
    lt_result_t result;

    if (config->aws_credentials_file != NULL && source != LT_CREDENTIALS_AUTO
        && source != LT_CREDENTIALS_FILE)
    {
        lt_error_set(err, 0, "aws_credentials_file goes with "
            "aws_credentials = auto or file, not with %s",
            lt_credentials_source_name(source));
        return LT_INVALID;
    }
    ltw_aws_credentials_settings(&settings, config);
    result = ltw_aws_credentials_resolve(&provider, &settings,
        ltw_aws_credentials_now(), err);
    explicit_bzero(&provider, sizeof(provider));
    return result;
}

/* ---- what it wants ---- */

static void ltw_aws_credentials_go(void *data);

static void
ltw_aws_credentials_log(ltw_aws_credentials_t *c,
    lt_credentials_outcome_t outcome)
{
    lt_credentials_provider_t *p = &c->provider;
    int is_ready = lt_credentials_are_ready(p, ltw_loop_wall_ms(c->loop));
    int64_t left_ms = ltw_aws_credentials_left_ms(c);

    if (outcome == LT_CREDENTIALS_TAKEN) {
        ltw_count(c->metrics, credentials_taken, 1);
        ltw_gauge(c->metrics, credentials_expire_timestamp_seconds,
            p->keys.expires_ms / 1000);
        if (p->has_changed || c->logged[0] != '\0') {
            ltw_log(LTW_INFO, "credentials_taken",
                ltw_cstr("source", lt_credentials_source_name(p->source)),
                ltw_int("expires_in_s",
                    left_ms == INT64_MAX ? -1 : left_ms / 1000));
        }
        c->logged[0] = '\0';
        return;
    }
    ltw_count(c->metrics, credentials_failures, 1);
    if (strcmp(c->logged, p->cause) != 0) {     /* not each of its tries */
        memcpy(c->logged, p->cause, sizeof(c->logged));
        ltw_log(is_ready ? LTW_WARN : LTW_ERROR, "credentials_failed",
            ltw_cstr("source", lt_credentials_source_name(p->source)),
            ltw_cstr("error", p->cause), ltw_int("has_old_ones", is_ready));
    }
}

static void
ltw_aws_credentials_settle(ltw_aws_credentials_t *c,
    lt_credentials_outcome_t outcome)
{
    if (outcome != LT_CREDENTIALS_MORE) {
        ltw_aws_credentials_log(c, outcome);
        ltw_gauge(c->metrics, credentials_ready,
            lt_credentials_are_ready(&c->provider,
                ltw_loop_wall_ms(c->loop)));
    }
    ltw_aws_credentials_go(c);
}

static void
ltw_aws_credentials_on_file(void *data, lt_str_t text, const lt_error_t *err)
{
    ltw_aws_credentials_t *c = data;

    c->read = NULL;
    ltw_aws_credentials_settle(c, lt_credentials_file(&c->provider, text,
        err->code, ltw_loop_wall_ms(c->loop), ltw_loop_random(c->loop)));
}

static void
ltw_aws_credentials_on_answer(void *data, const ltw_http_response_t *response)
{
    ltw_aws_credentials_t *c = data;
    lt_credentials_reply_t reply = { response->status, response->body };

    c->http_id = 0;
    if (response->status != 0) {
        (void) ltw_aws_credentials_clock(c,
            ltw_http_header_date_ms(response, "date"));
    }
    ltw_aws_credentials_settle(c, lt_credentials_reply(&c->provider, &reply,
        ltw_loop_wall_ms(c->loop), ltw_loop_random(c->loop)));
}

static void
ltw_aws_credentials_ask(ltw_aws_credentials_t *c,
    const lt_credentials_want_t *want)
{
    ltw_http_request_t request = { .method = want->method, .url = want->url,
        .headers = want->headers, .headers_n = want->headers_n,
        .body = want->body, .connect_timeout_ms = want->timeout_ms,
        .timeout_ms = want->timeout_ms,
        .response_max_bytes = LT_CREDENTIALS_ANSWER_MAX };
    const ltw_http_response_t none = { .status = 0 };

    c->http_id = ltw_http_send(c->http, &request,
        ltw_aws_credentials_on_answer, c);
    if (c->http_id == 0) {
        ltw_aws_credentials_on_answer(c, &none);
    }
}

static void
ltw_aws_credentials_go(void *data)
{
    ltw_aws_credentials_t *c = data;
    const lt_error_t no_memory = { .code = ENOMEM };
    lt_credentials_want_t want;

    lt_credentials_want(&c->provider, &want, ltw_loop_wall_ms(c->loop));
    switch (want.need) {
    case LT_CREDENTIALS_WAIT:
        ltw_timer_start(c->timer, want.wait_ms);
        break;
    case LT_CREDENTIALS_READ:
        c->read = ltw_file_read_start(c->loop, want.path, want.max_bytes,
            ltw_aws_credentials_on_file, c);
        if (c->read == NULL) {
            ltw_aws_credentials_on_file(c, (lt_str_t) { NULL, 0 },
                &no_memory);
        }
        break;
    case LT_CREDENTIALS_ASK:
        ltw_aws_credentials_ask(c, &want);
        break;
    }
}

/* ---- for those who sign ---- */

int
ltw_aws_credentials_keys(const ltw_aws_credentials_t *c, lt_aws_keys_t *keys)
{
    return lt_credentials_keys(&c->provider, keys, ltw_loop_wall_ms(c->loop));
}

const char *
ltw_aws_credentials_cause(const ltw_aws_credentials_t *c)
{
    return c->provider.cause[0] != '\0' ? c->provider.cause
                                        : "they are being fetched";
}

int64_t
ltw_aws_credentials_left_ms(const ltw_aws_credentials_t *c)
{
    return lt_credentials_left_ms(&c->provider, ltw_loop_wall_ms(c->loop));
}

void
ltw_aws_credentials_refused(ltw_aws_credentials_t *c)
{
    if (lt_credentials_refused(&c->provider, ltw_loop_wall_ms(c->loop))) {
        ltw_aws_credentials_go(c);
    }
}

int
ltw_aws_credentials_is_busy(const ltw_aws_credentials_t *c)
{
    return lt_credentials_is_busy(&c->provider);
}

int64_t
ltw_aws_credentials_time_ms(const ltw_aws_credentials_t *c)
{
    return ltw_loop_wall_ms(c->loop) + c->provider.skew_ms;
}

int
ltw_aws_credentials_clock(ltw_aws_credentials_t *c, int64_t date_ms)
{
    if (!lt_credentials_clock(&c->provider, date_ms,
            ltw_loop_wall_ms(c->loop)))
    {
        return 0;
    }
    ltw_log(LTW_WARN, "clock_skew_corrected",
        ltw_int("skew_ms", c->provider.skew_ms),
        ltw_cstr("hint", "this host's clock is wrong: set it (NTP)"));
    return 1;
}

/* ---- life ---- */

ltw_aws_credentials_t *
ltw_aws_credentials_new(ltw_loop_t *loop, ltw_http_t *http,
    ltw_metrics_t *metrics, const ltw_config_t *config, lt_error_t *err)
{
    ltw_aws_credentials_t *c = calloc(1, sizeof(*c));

    lt_error_set(err, 0, "no memory");
    if (c == NULL) {
        return NULL;
    }
    c->loop = loop;
    c->http = http;
    c->metrics = metrics;
    c->timer = ltw_timer_new(loop, ltw_aws_credentials_go, c);
    ltw_aws_credentials_settings(&c->settings, config);
    if (c->timer == NULL
        || ltw_aws_credentials_resolve(&c->provider, &c->settings,
               ltw_loop_wall_ms(loop), err) != LT_OK)
    {
        ltw_aws_credentials_free(&c);
        return NULL;
    }
    ltw_gauge(metrics, credentials_ready,
        lt_credentials_are_ready(&c->provider, ltw_loop_wall_ms(loop)));
    ltw_timer_start(c->timer, 0);
    return c;
}

void
ltw_aws_credentials_free(ltw_aws_credentials_t **credentials)
{
    ltw_aws_credentials_t *c = *credentials;

    if (c == NULL) {
        return;
    }
    ltw_timer_free(&c->timer);
    ltw_file_read_cancel(&c->read);
    if (c->http_id != 0) {
        ltw_http_cancel(c->http, c->http_id);
    }
    explicit_bzero(c, sizeof(*c));
    free(c);
    *credentials = NULL;
}
