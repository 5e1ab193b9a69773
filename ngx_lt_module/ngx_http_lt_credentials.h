/*
 * The AWS keys of an nginx worker process: lib/lt_credentials_provider.h on
 * nginx's events.
 *
 * Files are read by the master when the configuration is, so that keys may be
 * readable by the user who starts nginx only; the environment is copied then,
 * before worker processes lose it.  What must be asked is asked by each worker
 * process, through lt_aws_credentials_location, whose proxy_pass is the
 * variable $lt_credentials_url.
 *
 * Not here: which source, what it is asked and when (lib/).
 * Time: each request has its own limit, 1 to 5 s, whatever the location says.
 */
#ifndef NGX_HTTP_LT_CREDENTIALS_H
#define NGX_HTTP_LT_CREDENTIALS_H

#include "ngx_http_lt_module.h"

#include "lt_credentials_provider.h"

#define NGX_HTTP_LT_CREDENTIALS_STATUS_MAX 1024

/* ---- configuration ---- */

char *ngx_http_lt_credentials_conf_source(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_lt_credentials_conf_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* $lt_credentials_url; before any directive is read. */
ngx_int_t ngx_http_lt_credentials_add_variable(ngx_conf_t *cf);

/* After the location trees are built: there is a source, its files have keys,
   or the location to ask it through can work.  place: the lt_websocket whose
   server has that location.  NGX_ERROR: logged. */
ngx_int_t ngx_http_lt_credentials_init(ngx_conf_t *cf,
    ngx_http_lt_main_conf_t *mcf, ngx_http_lt_place_t *place);

/* ---- an nginx worker process; all may be called without _init() ---- */

void ngx_http_lt_credentials_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf);
void ngx_http_lt_credentials_exit_process(ngx_http_lt_main_conf_t *mcf);

/* 0: nothing can be signed now. */
ngx_uint_t ngx_http_lt_credentials_are_ready(ngx_http_lt_main_conf_t *mcf);

/* Views until the next event; empty when not ready. */
void ngx_http_lt_credentials_keys(ngx_http_lt_main_conf_t *mcf,
    lt_aws_keys_t *keys);

/* AWS has refused them: new ones are fetched, unless that was just tried. */
void ngx_http_lt_credentials_refused(ngx_http_lt_main_conf_t *mcf);

/* The time to sign with; and what AWS's own clock says (-1: nothing): 1 when
   that has changed the time by enough to explain a refusal. */
time_t ngx_http_lt_credentials_time(ngx_http_lt_main_conf_t *mcf);
ngx_uint_t ngx_http_lt_credentials_clock(ngx_http_lt_main_conf_t *mcf,
    time_t date_s);

/* A JSON object for lt_status: this process' source, and why it waits. */
void ngx_http_lt_credentials_status(ngx_http_lt_main_conf_t *mcf,
    lt_out_t *out);

/* ---- between the files of this room ---- */

struct ngx_http_lt_credentials_s {
    lt_credentials_settings_t settings;
    lt_credentials_provider_t provider;
    ngx_http_lt_main_conf_t *mcf;
    ngx_http_conf_ctx_t *ctx;   /* of the server that has the location */
    ngx_event_t timer;          /* before the next step, or of a request */
    struct ngx_http_lt_batch_s *batch;  /* NULL: none under way */
    ngx_uint_t is_missing;      /* counted as such */
    char logged[200];           /* the cause that was logged last */
};

/* One step of reading: what became of the file in want. */
lt_credentials_outcome_t ngx_http_lt_credentials_read(
    ngx_http_lt_credentials_t *c, const lt_credentials_want_t *want,
    ngx_log_t *log);

#endif
