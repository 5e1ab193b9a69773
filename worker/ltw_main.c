/* lt-worker: reads its configuration, makes the rooms, waits for the end. */
#include "kinesis/ltw_consumer.h"
#include "kinesis/ltw_stream.h"
#include "ltw_figures.h"
#include "ltw_log.h"
#include "ltw_memory.h"
#include "ltw_reload.h"
#include "ltw_services.h"
#include "ltw_status.h"
#include "session/ltw_session_table.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LTW_VERSION "0.1.0"
#define LTW_TICK_MS 100
/* After SIGTERM: talks may finish, then leases are given back regardless. */
#define LTW_DRAIN_MS 8000
#define LTW_HURRY_MS 1500

typedef enum {
    LTW_RUNNING,
    LTW_DRAINING,               /* ends by itself, or after LTW_DRAIN_MS */
    LTW_HURRYING                /* ends after LTW_HURRY_MS */
} ltw_worker_state_t;

typedef struct {
    ltw_worker_state_t state;
    const char *path;           /* of the configuration */
    ltw_config_t config;
    ltw_metrics_t metrics;
    ltw_services_t services;
    ltw_inflow_t inflow;
    ltw_session_table_t *sessions;
    ltw_stream_t *stream;
    ltw_status_t *status;
    ltw_figures_t *figures;
    ltw_memory_t *memory;
    ltw_timer_t *tick;          /* measures how late the loop is */
    int64_t tick_due_at_ms;
    ltw_timer_t *patience;      /* of the states after RUNNING */
    int is_stream_drained;
    int are_sessions_drained;
} ltw_worker_t;

/* ---- running ---- */

static void
ltw_worker_batch(void *data, const ltw_batch_t *batch, ltw_batch_done_t done,
    void *done_data)
{
    ltw_worker_t *worker = data;

    ltw_session_table_batch(worker->sessions, batch, done, done_data);
}

static void
ltw_worker_tick(void *data)
{
    ltw_worker_t *worker = data;
    int64_t now = ltw_loop_now_ms(worker->services.loop);

    ltw_observe(&worker->metrics, loop_late_ms, now - worker->tick_due_at_ms);
    worker->tick_due_at_ms = now + LTW_TICK_MS;
    ltw_timer_start(worker->tick, LTW_TICK_MS);
}

static void
ltw_worker_measure(void *data)
{
    ltw_worker_t *worker = data;

    ltw_stream_measure(worker->stream);
    worker->metrics.log_lines_dropped = ltw_log_dropped();
}

/* ---- ending ---- */

static void
ltw_worker_failures_drained(void *data)
{
    ltw_loop_stop(((ltw_worker_t *) data)->services.loop);
}

static void
ltw_worker_check_drained(ltw_worker_t *worker)
{
    if (worker->is_stream_drained && worker->are_sessions_drained) {
        ltw_failures_drain(worker->services.failures,
            ltw_worker_failures_drained, worker);
    }
}

static void
ltw_worker_stream_drained(void *data)
{
    ltw_worker_t *worker = data;

    worker->is_stream_drained = 1;
    ltw_worker_check_drained(worker);
}

static void
ltw_worker_sessions_drained(void *data)
{
    ltw_worker_t *worker = data;

    worker->are_sessions_drained = 1;
    ltw_worker_check_drained(worker);
}

static void
ltw_worker_impatient(void *data)
{
    ltw_worker_t *worker = data;

    if (worker->state == LTW_DRAINING) {
        ltw_log(LTW_WARN, "drain_cut_short",
            ltw_int("stream", worker->is_stream_drained),
            ltw_int("sessions", worker->are_sessions_drained));
        worker->state = LTW_HURRYING;
        worker->are_sessions_drained = 1;
        ltw_stream_hurry(worker->stream);
        ltw_timer_start(worker->patience, LTW_HURRY_MS);
        ltw_worker_check_drained(worker);
    } else {
        ltw_loop_stop(worker->services.loop);
    }
}

static void
ltw_worker_terminate(void *data)
{
    ltw_worker_t *worker = data;

    if (worker->state != LTW_RUNNING) {
        ltw_loop_stop(worker->services.loop);   /* asked twice: at once */
        return;
    }
    ltw_log(LTW_INFO, "worker_draining");
    worker->state = LTW_DRAINING;
    ltw_status_leave(worker->status);
    ltw_timer_start(worker->patience, LTW_DRAIN_MS);
    ltw_stream_drain(worker->stream, ltw_worker_stream_drained, worker);
    ltw_session_table_drain(worker->sessions, ltw_worker_sessions_drained,
        worker);
}

/* ---- SIGHUP ---- */

/* What those have who cannot read the configuration each time. */
static void
ltw_worker_apply(ltw_worker_t *worker)
{
    const ltw_config_t *config = &worker->config;

    ltw_log_set_level((ltw_log_level_t) config->log_level);
    ltw_inflow_pace(&worker->inflow, config->poll_interval,
        config->batch_window);
}

static void
ltw_worker_reload(void *data)
{
    ltw_worker_t *worker = data;
    ltw_reload_t reload;
    lt_error_t err = { 0 };

    if (ltw_reload(&worker->config, worker->path, &reload, &err) != LT_OK) {
        ltw_log(LTW_ERROR, "reload_refused", ltw_cstr("file", worker->path),
            ltw_int("line", err.code), ltw_cstr("error", err.text),
            ltw_cstr("hint", "nothing was changed; check with lt-worker -t"));
        return;
    }
    ltw_worker_apply(worker);
    ltw_log(LTW_INFO, "reloaded", ltw_cstr("changed", reload.taken));
    if (reload.pinned[0] != '\0') {
        ltw_log(LTW_WARN, "reload_needs_restart",
            ltw_cstr("parameters", reload.pinned),
            ltw_cstr("hint", "the old values are in use until then"));
    }
}

/* ---- life ---- */

static void
ltw_worker_deinit(ltw_worker_t *worker)
{
    ltw_status_free(&worker->status);
    ltw_memory_free(&worker->memory);
    ltw_figures_free(&worker->figures);
    ltw_session_table_free(&worker->sessions);
    ltw_stream_free(&worker->stream);
    ltw_timer_free(&worker->tick);
    ltw_timer_free(&worker->patience);
    ltw_failures_free(&worker->services.failures);
    ltw_consumer_free(&worker->services.consumer);
    ltw_aws_free(&worker->services.aws);
    ltw_redis_free(&worker->services.redis);
    ltw_http_free(&worker->services.http);
    ltw_loop_free(&worker->services.loop);
    ltw_config_deinit(&worker->config);
}

static lt_result_t
ltw_worker_init_services(ltw_worker_t *worker, lt_error_t *err)
{
    ltw_services_t *s = &worker->services;
    ltw_redis_options_t redis = { worker->config.redis,
        worker->config.redis_password_file, (int) worker->config.redis_db };

    lt_error_set(err, 0, "no memory");
    s->config = &worker->config;
    s->metrics = &worker->metrics;
    s->inflow = &worker->inflow;
    ltw_inflow_init(s->inflow, s->config->poll_interval,
        s->config->batch_window);
    s->loop = ltw_loop_new();
    if (s->loop == NULL) {
        return LT_ERROR;
    }
    s->http = ltw_http_new(s->loop, s->metrics, worker->config.tls_ca_file);
    s->redis = ltw_redis_new(s->loop, s->metrics, &redis);
    if (s->http == NULL || s->redis == NULL) {
        return LT_ERROR;
    }
    s->aws = ltw_aws_new(s->loop, s->http, s->metrics, s->config, err);
    if (s->aws == NULL) {
        return LT_ERROR;
    }
    ltw_aws_share(s->aws, s->redis);
    s->failures = ltw_failures_new(s->loop, s->aws, s->metrics, s->config);
    return s->failures != NULL ? LT_OK : LT_ERROR;
}

static lt_result_t
ltw_worker_init(ltw_worker_t *worker, lt_error_t *err)
{
    ltw_loop_t *loop;

    if (ltw_worker_init_services(worker, err) != LT_OK) {
        return LT_ERROR;
    }
    loop = worker->services.loop;
    if (worker->config.consumer == LTW_READ_FANOUT) {
        worker->services.consumer = ltw_consumer_new(&worker->services, err);
        if (worker->services.consumer == NULL) {
            return LT_ERROR;
        }
    }
    lt_error_set(err, 0, "no memory, or what the line above says");
    worker->sessions = ltw_session_table_new(&worker->services);
    worker->tick = ltw_timer_new(loop, ltw_worker_tick, worker);
    worker->patience = ltw_timer_new(loop, ltw_worker_impatient, worker);
    if (worker->sessions == NULL || worker->tick == NULL
        || worker->patience == NULL)
    {
        return LT_ERROR;
    }
    worker->stream = ltw_stream_new(&worker->services, ltw_worker_batch,
        worker);
    if (worker->stream == NULL) {
        return LT_ERROR;
    }
    worker->figures = ltw_figures_new(&worker->services,
        ltw_stream_worker(worker->stream), ltw_worker_measure, worker);
    worker->memory = ltw_memory_new(&worker->services);
    if (worker->figures == NULL || worker->memory == NULL) {
        return LT_ERROR;
    }
    if (worker->config.status_listen != NULL) {
        worker->status = ltw_status_new(&worker->services,
            worker->config.status_listen, ltw_worker_measure, worker, err);
        if (worker->status == NULL) {
            return LT_ERROR;
        }
    }
    ltw_loop_on_signal(loop, SIGTERM, ltw_worker_terminate, worker);
    ltw_loop_on_signal(loop, SIGINT, ltw_worker_terminate, worker);
    ltw_loop_on_signal(loop, SIGHUP, ltw_worker_reload, worker);
    worker->tick_due_at_ms = ltw_loop_now_ms(loop) + LTW_TICK_MS;
    ltw_timer_start(worker->tick, LTW_TICK_MS);
    return LT_OK;
}

static int
ltw_worker_run(ltw_worker_t *worker)
{
    lt_error_t err = { 0 };

    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);            /* until we can read it again */
    ltw_log_set_level((ltw_log_level_t) worker->config.log_level);
    if (ltw_worker_init(worker, &err) != LT_OK) {
        ltw_log(LTW_ERROR, "worker_not_started", ltw_cstr("error", err.text));
        ltw_worker_deinit(worker);
        return 1;
    }
    ltw_log(LTW_INFO, "worker_started", ltw_cstr("version", LTW_VERSION),
        ltw_cstr("region", worker->config.aws_region),
        ltw_cstr("stream", worker->config.kinesis_stream),
        ltw_cstr("kinesis",
            ltw_aws_endpoint(worker->services.aws, LTW_AWS_KINESIS)->url),
        ltw_cstr("mode", worker->config.mode == LTW_MODE_LIVE
            ? "live" : "window"),
        ltw_int("batch_window_ms", worker->config.batch_window),
        ltw_int("batch_size", worker->config.batch_size));
    ltw_loop_run(worker->services.loop);
    ltw_log(LTW_INFO, "worker_stopped",
        ltw_int("stream_drained", worker->is_stream_drained),
        ltw_int("sessions_drained", worker->are_sessions_drained));
    ltw_worker_deinit(worker);
    return 0;
}

static void
ltw_help(FILE *out)
{
    fprintf(out,
        "usage: lt-worker -c FILE [-t]\n"
        "  -c FILE  configuration: \"name = value\" lines, # comments\n"
        "  -t       check the configuration and exit: 0 good, 1 bad\n"
        "  -V       version\n"
        "  -h       this text, and all parameters\n");
}

static void
ltw_bad_config(const char *path, const lt_error_t *err)
{
    if (err->code > 0) {
        fprintf(stderr, "lt-worker: %s, line %d: %s\n", path, err->code,
            err->text);
    } else {
        fprintf(stderr, "lt-worker: %s: %s\n", path, err->text);
    }
}

static lt_result_t
ltw_read_config(ltw_config_t *config, const char *path)
{
    ltw_address_t address;
    lt_error_t err = { 0 };

    if (ltw_config_read(config, path, &err) == LT_OK
        && (config->status_listen == NULL
            || ltw_status_address(&address, config->status_listen, &err)
                == LT_OK))
    {
        return LT_OK;
    }
    ltw_bad_config(path, &err);
    ltw_config_deinit(config);
    return LT_INVALID;
}

int
main(int argc, char **argv)
{
    static ltw_worker_t worker;
    const char *path = NULL;
    int option, is_test = 0;

    while ((option = getopt(argc, argv, "c:tVh")) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 't':
            is_test = 1;
            break;
        case 'V':
            printf("lt-worker %s\n", LTW_VERSION);
            return 0;
        case 'h':
            ltw_help(stdout);
            printf("\nparameters: name, default, meaning\n");
            ltw_config_print_help();
            return 0;
        default:
            ltw_help(stderr);
            return 2;
        }
    }
    if (path == NULL || optind != argc) {
        ltw_help(stderr);
        return 2;
    }
    if (ltw_read_config(&worker.config, path) != LT_OK) {
        return 1;
    }
    worker.path = path;
    if (is_test) {
        ltw_config_deinit(&worker.config);
        printf("lt-worker: %s is good\n", path);
        return 0;
    }
    return ltw_worker_run(&worker);
}
