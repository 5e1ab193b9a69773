/*
 * One PutRecords call: body, signature, request, outcome of each record.
 *
 * Not here: which audio goes into it, retries, waiting, the log (ingest).
 * Memory: a call and all it holds die in ngx_http_lt_kinesis_free(), at the
 * earliest in its done handler; record data is copied by _add().
 * Limits: LT_KINESIS_RECORDS_MAX records; the body size given to _new().
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
    ngx_uint_t                   status;    /* HTTP; 0 = no answer */
    char                         code[64];  /* AWS's, "" = none */
    lt_aws_class_t               class;     /* of a failed call */
    const char                  *cause;     /* of a failed call, for people */
    const lt_kinesis_outcome_t  *outcomes;  /* in the order of _add();
                                               NULL: the whole call failed */
    size_t                       failed_n;  /* records */
    time_t                       date_s;    /* Kinesis' clock; -1 = unknown */
    ngx_str_t                    request_id;
} ngx_http_lt_kinesis_result_t;


/* Never runs before _send() returns; result lives until _free(). */
typedef void (*ngx_http_lt_kinesis_done_pt)(void *data,
    const ngx_http_lt_kinesis_result_t *result);


/* ctx: the server of lt_kinesis_location; records_n and body_size: exactly
   and at most what will be added (lt_kinesis_*_size()).  NULL: no memory. */
ngx_http_lt_kinesis_t *ngx_http_lt_kinesis_new(ngx_http_lt_main_conf_t *mcf,
    ngx_http_conf_ctx_t *ctx, size_t records_n, size_t body_size);

void ngx_http_lt_kinesis_add(ngx_http_lt_kinesis_t *call, lt_str_t key,
    lt_str_t head, lt_str_t pcm);

/* now_s: Unix time to sign with.  NGX_ERROR: no memory or OpenSSL failed;
   done will not run. */
ngx_int_t ngx_http_lt_kinesis_send(ngx_http_lt_kinesis_t *call, time_t now_s,
    ngx_http_lt_kinesis_done_pt done, void *data);

/* In any state; done will not run. */
void ngx_http_lt_kinesis_free(ngx_http_lt_kinesis_t *call);

/* The largest body that the location lets through; 0 = any. */
size_t ngx_http_lt_kinesis_body_max(ngx_http_lt_main_conf_t *mcf,
    ngx_http_conf_ctx_t *ctx);

/* The keys of now; views live until the next call. */
void ngx_http_lt_kinesis_keys(ngx_http_lt_main_conf_t *mcf,
    lt_aws_keys_t *keys);

/*
 * For nginx -t, after the location trees are built (postconfiguration):
 * the location exists in this server as a prefix or exact one, is internal
 * and has a content handler.  NGX_ERROR: reported with what would be right.
 */
ngx_int_t ngx_http_lt_kinesis_check_location(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_str_t *uri);


#endif
