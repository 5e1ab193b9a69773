#include "ngx_http_lt_credentials.h"
#include "ngx_http_lt_batch.h"
#include "ngx_http_lt_metrics.h"

#include "lt_json.h"

static void ngx_http_lt_credentials_go(ngx_http_lt_credentials_t *c);

static double
ngx_http_lt_credentials_random(void)
{
    return (double) (ngx_random() & 0x7fffffff) / 0x80000000;
}

/* ---- what it wants: a file ---- */

/*
 * Read where it is wanted, which blocks: these files are small, regular and
 * local, nearly always in the page cache, and looked at every few minutes at
 * most.  nginx has threads for more only where an operator configures a pool.
 */
static ssize_t
ngx_http_lt_credentials_slurp(u_char *text, const lt_credentials_want_t *want,
    ngx_err_t *err)
{
    ssize_t n = -1;
    ngx_fd_t fd;
    ngx_file_info_t info;

    /* a pipe must not stop us */
    fd = ngx_open_file(want->path, NGX_FILE_RDONLY | NGX_FILE_NONBLOCK,
        NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        *err = ngx_errno;
        return -1;
    }

    *err = 0;
    if (ngx_fd_info(fd, &info) != NGX_FILE_ERROR && ngx_is_file(&info)
        && info.st_size <= (off_t) want->max_bytes)
    {
        n = ngx_read_fd(fd, text, want->max_bytes);
        *err = n < 0 ? ngx_errno : 0;
    }

    ngx_close_file(fd);

    return n;
}

lt_credentials_outcome_t
ngx_http_lt_credentials_read(ngx_http_lt_credentials_t *c,
    const lt_credentials_want_t *want, ngx_log_t *log)
{
    u_char *text;
    ssize_t n = -1;
    lt_str_t view = { NULL, 0 };
    ngx_err_t err = NGX_ENOMEM;
    lt_credentials_outcome_t outcome;

    text = ngx_alloc(want->max_bytes, log);
    if (text != NULL) {
        n = ngx_http_lt_credentials_slurp(text, want, &err);
    }

    if (n >= 0) {
        view.data = (char *) text;
        view.len = n;
    }

    outcome = lt_credentials_file(&c->provider, view, err,
        ngx_http_lt_wall_ms(), ngx_http_lt_credentials_random());

    if (text != NULL) {
        explicit_bzero(text, want->max_bytes);
        ngx_free(text);
    }

    return outcome;
}

/* ---- what came of it ---- */

/* Who waits for keys must see it in the figures. */
static void
ngx_http_lt_credentials_note(ngx_http_lt_credentials_t *c)
{
    ngx_uint_t is_missing;

    is_missing = !lt_credentials_are_ready(&c->provider,
        ngx_http_lt_wall_ms());

    if (is_missing != c->is_missing) {
        c->is_missing = is_missing;
        NGX_HTTP_LT_GAUGE(credentials_missing, is_missing ? 1 : -1);
    }
}

static void
ngx_http_lt_credentials_settle(ngx_http_lt_credentials_t *c,
    lt_credentials_outcome_t outcome)
{
    int64_t left_ms;
    ngx_uint_t level;
    const char *source = lt_credentials_source_name(c->provider.source);

    ngx_http_lt_credentials_note(c);
    level = c->is_missing ? NGX_LOG_ERR : NGX_LOG_WARN;

    if (outcome == LT_CREDENTIALS_TAKEN) {
        NGX_HTTP_LT_COUNT(credentials_taken, 1);
        ngx_http_lt_gauges->credentials_expire_timestamp_seconds =
            (ngx_atomic_t) (c->provider.keys.expires_ms / 1000);
        left_ms = lt_credentials_left_ms(&c->provider, ngx_http_lt_wall_ms());

        if (c->provider.has_changed || c->logged[0] != '\0') {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                "lt: event=credentials_taken source=%s expires_in_s=%L",
                source, left_ms == INT64_MAX ? -1 : left_ms / 1000);
        }

        c->logged[0] = '\0';
        return;
    }

    if (outcome == LT_CREDENTIALS_FAILED) {
        NGX_HTTP_LT_COUNT(credentials_failures, 1);

        if (ngx_strcmp(c->logged, c->provider.cause) != 0) {
            ngx_memcpy(c->logged, c->provider.cause, sizeof(c->logged));
            ngx_log_error(level, ngx_cycle->log, 0,
                "lt: event=credentials_failed source=%s has_old_ones=%d "
                "error=\"%s\"", source, !c->is_missing, c->provider.cause);
        }
    }
}

/* ---- what it wants: an answer ---- */

static void
ngx_http_lt_credentials_reply(ngx_http_lt_credentials_t *c,
    const lt_credentials_reply_t *reply)
{
    lt_credentials_outcome_t outcome;

    if (c->timer.timer_set) {
        ngx_del_timer(&c->timer);
    }

    outcome = lt_credentials_reply(&c->provider, reply, ngx_http_lt_wall_ms(),
        ngx_http_lt_credentials_random());

    if (c->batch != NULL) {
        ngx_http_lt_batch_free(c->batch);
        c->batch = NULL;
    }

    ngx_http_lt_credentials_settle(c, outcome);
}

static void
ngx_http_lt_credentials_answered(void *data,
    const ngx_http_lt_batch_answer_t *answer)
{
    ngx_http_lt_credentials_t *c = data;
    lt_credentials_reply_t reply = { 0, { NULL, 0 } };

    if (answer->is_upstream && !answer->is_cut) {
        reply.status = answer->status;
        reply.body = ngx_http_lt_view(&answer->body);
    }

    if (answer->date.len != 0) {
        (void) ngx_http_lt_credentials_clock(c->mcf,
            ngx_parse_http_time(answer->date.data, answer->date.len));
    }

    ngx_http_lt_credentials_reply(c, &reply);
    ngx_http_lt_credentials_go(c);
}

static ngx_int_t
ngx_http_lt_credentials_fill(ngx_http_lt_batch_t *batch,
    const lt_credentials_want_t *want)
{
    size_t i;
    ngx_str_t value;

    for (i = 0; i < want->headers_n; i++) {
        value.data = (u_char *) want->headers[i].value.data;
        value.len = want->headers[i].value.len;

        if (ngx_http_lt_batch_header(batch, want->headers[i].name.data,
                &value) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_strcmp(want->method, "GET") == 0) {
        ngx_http_lt_batch_method(batch, NGX_HTTP_GET, "GET");

    } else if (ngx_strcmp(want->method, "PUT") == 0) {
        ngx_http_lt_batch_method(batch, NGX_HTTP_PUT, "PUT");
    }

    return NGX_OK;
}

static ngx_int_t
ngx_http_lt_credentials_ask(ngx_http_lt_credentials_t *c,
    const lt_credentials_want_t *want)
{
    ngx_str_t body;

    c->batch = ngx_http_lt_batch_new(c->ctx);
    if (c->batch == NULL) {
        return NGX_ERROR;
    }

    if (c->provider.source == LT_CREDENTIALS_CONTAINER) {
        /* who knows its path is given the container's keys */
        ngx_http_lt_batch_quiet(c->batch);
    }

    body.len = want->body.len;
    body.data = ngx_pnalloc(ngx_http_lt_batch_pool(c->batch), body.len + 1);
    if (body.data == NULL
        || ngx_http_lt_credentials_fill(c->batch, want) != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_http_lt_copy(body.data, want->body.data, body.len);
    ngx_add_timer(&c->timer, want->timeout_ms);

    return ngx_http_lt_batch_post(c->batch, &c->mcf->credentials_location,
        &body, LT_CREDENTIALS_ANSWER_MAX, ngx_http_lt_credentials_answered,
        c);
}

/* ---- step by step ---- */

static void
ngx_http_lt_credentials_go(ngx_http_lt_credentials_t *c)
{
    lt_credentials_want_t want;
    lt_credentials_reply_t none = { 0, { NULL, 0 } };

    for ( ;; ) {
        lt_credentials_want(&c->provider, &want, ngx_http_lt_wall_ms());

        if (want.need == LT_CREDENTIALS_WAIT) {
            ngx_http_lt_credentials_note(c);
            ngx_add_timer(&c->timer, ngx_max(want.wait_ms, 1));
            return;
        }

        if (want.need == LT_CREDENTIALS_READ) {
            ngx_http_lt_credentials_settle(c,
                ngx_http_lt_credentials_read(c, &want, ngx_cycle->log));

        } else if (ngx_http_lt_credentials_ask(c, &want) == NGX_OK) {
            return;

        } else {
            ngx_http_lt_credentials_reply(c, &none);
        }
    }
}

static void
ngx_http_lt_credentials_timer(ngx_event_t *ev)
{
    ngx_http_lt_credentials_t *c = ev->data;
    lt_credentials_reply_t none = { 0, { NULL, 0 } };

    if (c->batch != NULL) {             /* it took too long */
        ngx_http_lt_credentials_reply(c, &none);
    }

    ngx_http_lt_credentials_go(c);
}

void
ngx_http_lt_credentials_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_credentials_t *c = mcf->credentials;

    if (c == NULL) {
        return;
    }

    c->timer.handler = ngx_http_lt_credentials_timer;
    c->timer.data = c;
    c->timer.log = cycle->log;
    c->timer.cancelable = 1;

    ngx_http_lt_credentials_note(c);
    ngx_add_timer(&c->timer, 1);
}

void
ngx_http_lt_credentials_exit_process(ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_credentials_t *c = mcf->credentials;

    if (c == NULL) {
        return;
    }

    if (c->timer.timer_set) {
        ngx_del_timer(&c->timer);
    }

    if (c->batch != NULL) {
        ngx_http_lt_batch_free(c->batch);
        c->batch = NULL;
    }

    explicit_bzero(&c->provider, sizeof(c->provider));
}

/* ---- for those who sign ---- */

ngx_uint_t
ngx_http_lt_credentials_are_ready(ngx_http_lt_main_conf_t *mcf)
{
    return mcf->credentials != NULL
           && lt_credentials_are_ready(&mcf->credentials->provider,
                  ngx_http_lt_wall_ms());
}

void
ngx_http_lt_credentials_keys(ngx_http_lt_main_conf_t *mcf,
    lt_aws_keys_t *keys)
{
    ngx_memzero(keys, sizeof(*keys));

    if (mcf->credentials != NULL) {
        (void) lt_credentials_keys(&mcf->credentials->provider, keys,
            ngx_http_lt_wall_ms());
    }
}

void
ngx_http_lt_credentials_refused(ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_credentials_t *c = mcf->credentials;

    if (c != NULL
        && lt_credentials_refused(&c->provider, ngx_http_lt_wall_ms()))
    {
        /* not from inside an answer's handler */
        ngx_add_timer(&c->timer, 1);
    }
}

time_t
ngx_http_lt_credentials_time(ngx_http_lt_main_conf_t *mcf)
{
    return mcf->credentials == NULL ? ngx_time()
           : ngx_time() + mcf->credentials->provider.skew_ms / 1000;
}

ngx_uint_t
ngx_http_lt_credentials_clock(ngx_http_lt_main_conf_t *mcf, time_t date_s)
{
    ngx_http_lt_credentials_t *c = mcf->credentials;

    if (c == NULL || date_s == (time_t) NGX_ERROR
        || !lt_credentials_clock(&c->provider, (int64_t) date_s * 1000,
               ngx_http_lt_wall_ms()))
    {
        return 0;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
        "lt: event=clock_skew seconds=%L: this machine's clock is wrong",
        c->provider.skew_ms / 1000);

    return 1;
}

void
ngx_http_lt_credentials_status(ngx_http_lt_main_conf_t *mcf, lt_out_t *out)
{
    int64_t left_ms;
    lt_json_writer_t w;
    ngx_http_lt_credentials_t *c = mcf->credentials;

    lt_json_begin(&w, out);
    lt_json_open_object(&w, NULL);

    if (c != NULL) {
        left_ms = lt_credentials_left_ms(&c->provider, ngx_http_lt_wall_ms());

        lt_json_put_cstr(&w, "source",
            lt_credentials_source_name(c->provider.source));
        lt_json_put_bool(&w, "isReady",
            ngx_http_lt_credentials_are_ready(mcf));

        if (c->provider.keys.expires_ms != 0) {
            lt_json_put_int(&w, "expiresIn", left_ms / 1000);
        }

        lt_json_put_cstr(&w, "cause", c->provider.cause);
    }

    lt_json_close_object(&w);
}
