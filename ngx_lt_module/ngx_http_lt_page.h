/*
 * Answers for operators and their collectors: GET and HEAD, one buffer, no
 * CORS, never kept by a cache.
 */
#ifndef NGX_HTTP_LT_PAGE_H
#define NGX_HTTP_LT_PAGE_H

#include "ngx_http_lt_module.h"

#include "lt_json.h"

/* A buffer of the request's for a body of up to size bytes.  NULL: *rc is what
   the handler returns. */
ngx_buf_t *ngx_http_lt_page_new(ngx_http_request_t *r, size_t size,
    ngx_int_t *rc);

/* What out has written into the buffer; results as
   ngx_http_output_filter().  Too much for it: 500. */
ngx_int_t ngx_http_lt_page_send(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_buf_t *b, const lt_out_t *out);

/* The tables of ngx_http_lt_metrics.h, in an object that is open. */
void ngx_http_lt_status_figures(lt_json_writer_t *w,
    ngx_http_lt_main_conf_t *mcf);

/* Content handlers of lt_status. */
ngx_int_t ngx_http_lt_status_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_lt_status_text_handler(ngx_http_request_t *r);

#endif
