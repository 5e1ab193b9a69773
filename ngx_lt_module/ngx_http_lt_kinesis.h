/*
 * One call of Kinesis: signature, request, what became of it.
 *
 * Not here: what bodies say (lt_kinesis.h), which audio goes, retries,
 * waiting, the log (producer, shards).
 * Memory: a call and all it holds die in ngx_http_lt_kinesis_free(), at the
 * earliest in its done handler.
 * Time: see ngx_http_lt_batch.h.
 */
#ifndef NGX_HTTP_LT_KINESIS_H
#define NGX_HTTP_LT_KINESIS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_lt_module.h"
#include "lt_aws.h"
#include "lt_kinesis.h"
#include "lt_sigv4.h"


typedef struct ngx_http_lt_kinesis_s  ngx_http_lt_kinesis_t;


typedef struct {
    ngx_uint_t       status;        /* HTTP; 0 = no answer */
    ngx_uint_t       is_ok;         /* 200, and body is all of it */
    ngx_str_t        body;          /* JSON, whatever came */
    char             code[64];      /* AWS's, "" = none */
    lt_aws_class_t   class;         /* of a failed call */
    const char      *cause;         /* of a failed call, for people */
    ngx_str_t        request_id;
    ngx_str_t        retry_after;   /* ms, as Kinesis said it; len 0: not */
} ngx_http_lt_kinesis_result_t;


/* Never runs before _send() returns; result lives until _free(). */
typedef void (*ngx_http_lt_kinesis_done_pt)(void *data,
    ngx_http_lt_kinesis_result_t *result);


/* ctx: the server of lt_kinesis_location; operation: a literal.  NULL: no
   memory. */
ngx_http_lt_kinesis_t *ngx_http_lt_kinesis_new(ngx_http_lt_main_conf_t *mcf,
    ngx_http_conf_ctx_t *ctx, const char *operation, size_t body_size);

/* Room for the body_size bytes, in lt_kinesis_protocol, before _send(). */
u_char *ngx_http_lt_kinesis_body(ngx_http_lt_kinesis_t *call);

/* The first body_len bytes of the body are final: those that are new are
   hashed while they are in the processor's cache.  Need not be called. */
void ngx_http_lt_kinesis_hash(ngx_http_lt_kinesis_t *call, size_t body_len);

/* Signs with the clock that Kinesis has.  NGX_ERROR: no memory or OpenSSL
   failed; done will not run. */
ngx_int_t ngx_http_lt_kinesis_send(ngx_http_lt_kinesis_t *call,
    size_t body_len, size_t answer_max, ngx_http_lt_kinesis_done_pt done,
    void *data);

/* For the caller of a call that is ok: its body makes no sense. */
void ngx_http_lt_kinesis_refuse(ngx_http_lt_kinesis_result_t *result);

/* In any state; done will not run. */
void ngx_http_lt_kinesis_free(ngx_http_lt_kinesis_t *call);

/* The largest body that the location lets through; 0 = any. */
size_t ngx_http_lt_kinesis_body_max(ngx_http_lt_main_conf_t *mcf,
    ngx_http_conf_ctx_t *ctx);

/*
 * For nginx -t, after the location trees are built (postconfiguration):
 * the location exists in this server as a prefix or exact one, is internal
 * and has a content handler.  NGX_ERROR: reported with what would be right.
 */
ngx_int_t ngx_http_lt_kinesis_check_location(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_str_t *uri);

/* The exact or longest prefix location, as a request for uri finds it when no
   regular expression matches; or NULL. */
ngx_http_core_loc_conf_t *ngx_http_lt_kinesis_find_location(
    ngx_http_conf_ctx_t *ctx, ngx_str_t *uri);


#endif
