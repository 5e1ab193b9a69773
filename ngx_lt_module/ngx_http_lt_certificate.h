/*
 * When the certificates of the public servers expire, for the metrics: read at
 * configuration time, from the files that ssl_certificate names.  Names with
 * variables, keys and engines are left out.
 */
#ifndef NGX_HTTP_LT_CERTIFICATE_H
#define NGX_HTTP_LT_CERTIFICATE_H

#include "ngx_http_lt_module.h"

/* The first end, Unix seconds, of certificates in servers that have
   lt_websocket; 0: there are none, or they cannot be read. */
time_t ngx_http_lt_certificate_first_end(ngx_http_lt_main_conf_t *mcf);

#endif
