/*
 * One request, mostly a POST, to an internal location that hangs on no client: a detached main
 * request with a pool of its own, and in it one subrequest whose answer is
 * kept in memory.
 *
 * Memory: everything of a batch is in its pool and dies in _free().  The
 * caller frees, in the done handler at the earliest.
 * Limits: an answer longer than answer_max counts as none (is_cut).
 * Time: bounded by the location's proxy_*_timeout directives.
 */
#ifndef NGX_HTTP_LT_BATCH_H
#define NGX_HTTP_LT_BATCH_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct ngx_http_lt_batch_s  ngx_http_lt_batch_t;


typedef struct {
    ngx_uint_t  status;         /* 0: no answer */
    ngx_uint_t  is_cut;         /* the body is not all that was announced */
    ngx_uint_t  is_upstream;    /* the status line came from the peer */
    ngx_str_t   body;
    ngx_str_t   error_type;     /* x-amzn-errortype */
    ngx_str_t   request_id;     /* x-amzn-requestid */
    ngx_str_t   retry_after;    /* x-amz-retry-after */
    ngx_str_t   content_type;
    ngx_str_t   date;
} ngx_http_lt_batch_answer_t;


/* Never runs before _post() returns; answer lives until _free(). */
typedef void (*ngx_http_lt_batch_done_pt)(void *data,
    const ngx_http_lt_batch_answer_t *answer);


/* ctx: the server in which the location is looked up.  NULL: no memory. */
ngx_http_lt_batch_t *ngx_http_lt_batch_new(ngx_http_conf_ctx_t *ctx);

ngx_pool_t *ngx_http_lt_batch_pool(ngx_http_lt_batch_t *b);

/* value is copied; lowcase_name must live as long as the batch.  At most 8. */
ngx_int_t ngx_http_lt_batch_header(ngx_http_lt_batch_t *b,
    const char *lowcase_name, const ngx_str_t *value);

/* Another one than POST: both forms of it, the name a literal. */
void ngx_http_lt_batch_method(ngx_http_lt_batch_t *b, ngx_uint_t method,
    const char *name);

/* nginx itself shall not log what goes wrong: it would tell the address. */
void ngx_http_lt_batch_quiet(ngx_http_lt_batch_t *b);

/* Once.  NGX_ERROR: no memory; done will not run.  body is in the pool; len 0:
   none. */
ngx_int_t ngx_http_lt_batch_post(ngx_http_lt_batch_t *b, ngx_str_t *uri,
    ngx_str_t *body, size_t answer_max, ngx_http_lt_batch_done_pt done,
    void *data);

/* In any state: a call on its way is closed, done will not run. */
void ngx_http_lt_batch_free(ngx_http_lt_batch_t *b);


#endif
