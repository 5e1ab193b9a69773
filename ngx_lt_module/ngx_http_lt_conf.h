/*
 * Values of directives: parsing with clear refusals, and the checks that need
 * the whole configuration.  Everything runs at configuration time only, so
 * files are read and names resolved blockingly here and nowhere else.
 *
 * Directive handlers return NGX_CONF_OK or NGX_CONF_ERROR (already logged).
 */
#ifndef NGX_HTTP_LT_CONF_H
#define NGX_HTTP_LT_CONF_H

#include "ngx_http_lt_module.h"

#define NGX_HTTP_LT_FILE_MAX 65536          /* bytes of a key or token file */
#define NGX_HTTP_LT_TOKEN_MIN 16
#define NGX_HTTP_LT_TOKEN_MAX 256
#define NGX_HTTP_LT_TOKENS_MAX 16

char *ngx_http_lt_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_lt_conf_region(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_lt_conf_token_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_lt_conf_connections(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_lt_conf_location(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* lt_websocket, lt_sessions, lt_results, lt_status: cmd->post is the content
   handler */
char *ngx_http_lt_conf_place(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* After all of http{} is read: required directives, bounds, keys from the
   environment, the Kinesis location.  NGX_OK or NGX_ERROR (logged). */
ngx_int_t ngx_http_lt_conf_check(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf);

#endif
