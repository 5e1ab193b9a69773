/*
 * One PutRecords call: body, signature, request, outcome of each record.
 *
 * Not here: which audio goes into it, retries, waiting (ngx_http_lt_ingest.c).
 * Memory: a call and all it holds die in ngx_http_lt_kinesis_free(); record
 * data is copied by _add().
 * Limits: LT_KINESIS_RECORDS_MAX records; body_max bytes of JSON.
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



/*
 * For nginx -t, after the location trees are built (postconfiguration):
 * the location exists in this server as a prefix or exact one, is internal
 * and has a content handler.  NGX_ERROR: reported with what would be right.
 */
ngx_int_t ngx_http_lt_kinesis_check_location(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_str_t *uri);


#endif
