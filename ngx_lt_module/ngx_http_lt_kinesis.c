#include "ngx_http_lt_kinesis.h"
#include "ngx_http_lt_batch.h"
#include "ngx_http_lt_credentials.h"
#include "ngx_http_lt_health.h"
#include "ngx_http_lt_metrics.h"
#include "lt_cbor.h"
#include "lt_kinesis.h"
#include "lt_text.h"


/* Scope, header names, signature; the access key id comes on top. */
#define NGX_HTTP_LT_AUTH_MAX       512
/* How much longer an answer's JSON may be than its CBOR. */
#define NGX_HTTP_LT_JSON_GROWTH    4


struct ngx_http_lt_kinesis_s {
    ngx_http_lt_main_conf_t       *mcf;
    const char                    *operation;
    ngx_http_lt_batch_t           *batch;
    ngx_str_t                      body;
    lt_sha256_t                   *hash;
    size_t                         hashed;      /* of the body */
    ngx_msec_t                     sent_ms;
    ngx_uint_t                     hash_failed;
    ngx_http_lt_kinesis_result_t   result;
    ngx_http_lt_kinesis_done_pt    done;
    void                          *data;
    char                           date[LT_AMZ_DATE_LEN + 1];
    char                           target[64];
};


typedef struct {
    const char  *code;          /* or how it begins */
    const char  *cause;
} ngx_http_lt_kinesis_cause_t;


static ngx_int_t ngx_http_lt_kinesis_sign(ngx_http_lt_kinesis_t *call,
    time_t now_s);
static ngx_int_t ngx_http_lt_kinesis_authorize(ngx_http_lt_kinesis_t *call,
    const lt_sigv4_request_t *request, const lt_aws_keys_t *keys,
    time_t now_s);
static void ngx_http_lt_kinesis_answered(void *data,
    const ngx_http_lt_batch_answer_t *answer);
static ngx_int_t ngx_http_lt_kinesis_read_body(ngx_http_lt_kinesis_t *call,
    const ngx_http_lt_batch_answer_t *answer);
static void ngx_http_lt_kinesis_read_error(ngx_http_lt_kinesis_t *call,
    const ngx_http_lt_batch_answer_t *answer);
static ngx_uint_t ngx_http_lt_kinesis_is_skewed(ngx_http_lt_kinesis_t *call,
    const ngx_http_lt_batch_answer_t *answer);
static const char *ngx_http_lt_kinesis_cause(
    const ngx_http_lt_kinesis_result_t *result, ngx_uint_t is_upstream);


/* What is wrong with keys, signatures and rights, and where to mend it. */
static const ngx_http_lt_kinesis_cause_t  ngx_http_lt_kinesis_causes[] = {
    { "InvalidSignature",
      "the secret key is wrong, or what is sent is not what was signed: "
      "lt_kinesis_location needs proxy_pass with the URI / and the Host of "
      "lt_kinesis_host" },
    { "SignatureDoesNotMatch", "the secret key is wrong" },
    { "IncompleteSignature",
      "a header was lost: lt_kinesis_location must pass request headers" },
    { "MissingAuthenticationToken",
      "a header was lost: lt_kinesis_location must pass request headers" },
    { "UnrecognizedClient", "the access key is unknown to AWS" },
    { "InvalidClientTokenId", "the access key is unknown to AWS" },
    { "InvalidAccessKeyId", "the access key is unknown to AWS" },
    { "ExpiredToken", "the temporary credentials have expired" },
    { "RequestExpired", "this machine's clock is wrong" },
    { "AccessDenied",
      "the keys lack a right on the stream: kinesis:PutRecords and "
      "kinesis:ListShards" },
    { NULL, NULL }
};


ngx_http_lt_kinesis_t *
ngx_http_lt_kinesis_new(ngx_http_lt_main_conf_t *mcf, ngx_http_conf_ctx_t *ctx,
    const char *operation, size_t body_size)
{
    ngx_http_lt_kinesis_t  *call;

    call = ngx_calloc(sizeof(ngx_http_lt_kinesis_t), ngx_cycle->log);
    if (call == NULL) {
        return NULL;
    }

    call->batch = ngx_http_lt_batch_new(ctx);
    if (call->batch == NULL) {
        ngx_free(call);
        return NULL;
    }

    call->hash = lt_sha256_new();
    call->body.data = ngx_palloc(ngx_http_lt_batch_pool(call->batch),
                                 body_size);

    if (call->body.data == NULL || call->hash == NULL) {
        ngx_http_lt_kinesis_free(call);
        return NULL;
    }

    call->mcf = mcf;
    call->operation = operation;

    return call;
}


u_char *
ngx_http_lt_kinesis_body(ngx_http_lt_kinesis_t *call)
{
    return call->body.data;
}


void
ngx_http_lt_kinesis_hash(ngx_http_lt_kinesis_t *call, size_t body_len)
{
    if (body_len > call->hashed
        && lt_sha256_update(call->hash, call->body.data + call->hashed,
                            body_len - call->hashed)
           != LT_OK)
    {
        call->hash_failed = 1;
    }

    call->hashed = body_len;
}


ngx_int_t
ngx_http_lt_kinesis_send(ngx_http_lt_kinesis_t *call, size_t body_len,
    size_t answer_max, ngx_http_lt_kinesis_done_pt done, void *data)
{
    ngx_http_lt_kinesis_hash(call, body_len);
    call->body.len = body_len;
    call->done = done;
    call->data = data;
    call->sent_ms = ngx_current_msec;

    if (ngx_http_lt_kinesis_sign(call, ngx_http_lt_credentials_time(call->mcf))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_lt_batch_post(call->batch, &call->mcf->kinesis_location,
                                  &call->body, answer_max,
                                  ngx_http_lt_kinesis_answered, call);
}


void
ngx_http_lt_kinesis_free(ngx_http_lt_kinesis_t *call)
{
    ngx_http_lt_batch_free(call->batch);
    lt_sha256_free(&call->hash);
    ngx_free(call);
}


static ngx_int_t
ngx_http_lt_kinesis_sign(ngx_http_lt_kinesis_t *call, time_t now_s)
{
    uint8_t                   digest[LT_SHA256_LEN];
    char                      hex[LT_SIGV4_HEX_LEN];
    ngx_str_t                 value;
    ngx_uint_t                i, n;
    lt_header_t               headers[5];
    lt_aws_keys_t             keys;
    lt_sigv4_request_t        request;
    ngx_http_lt_main_conf_t  *mcf = call->mcf;

    if (call->hash_failed || lt_sha256_final(call->hash, digest) != LT_OK) {
        return NGX_ERROR;
    }

    lt_hex_encode(hex, digest, sizeof(digest));
    lt_amz_date(call->date, now_s);
    (void) ngx_snprintf((u_char *) call->target, sizeof(call->target),
                        LT_KINESIS_TARGET "%s%Z", call->operation);
    ngx_http_lt_credentials_keys(mcf, &keys);

    n = 0;
    headers[n++] = (lt_header_t) { LT_STR("host"),
                                   ngx_http_lt_view(&mcf->kinesis_host) };
    headers[n++] = (lt_header_t) { LT_STR("content-type"),
        mcf->kinesis_protocol == LT_KINESIS_CBOR
        ? LT_STR(LT_KINESIS_CBOR_CONTENT_TYPE)
        : LT_STR(LT_KINESIS_CONTENT_TYPE) };
    headers[n++] = (lt_header_t) { LT_STR("x-amz-date"), lt_str(call->date) };
    headers[n++] = (lt_header_t) { LT_STR("x-amz-target"),
                                   lt_str(call->target) };

    if (keys.session_token.len) {
        headers[n++] = (lt_header_t) { LT_STR("x-amz-security-token"),
                                       keys.session_token };
    }

    for (i = 0; i < n; i++) {
        value.data = (u_char *) headers[i].value.data;
        value.len = headers[i].value.len;

        if (ngx_http_lt_batch_header(call->batch, headers[i].name.data,
                                     &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    request = (lt_sigv4_request_t) {
        .method = LT_STR("POST"),
        .path = LT_STR("/"),
        .query = LT_STR(""),
        .headers = headers,
        .headers_n = n,
        .payload_hash = { hex, sizeof(hex) }
    };

    return ngx_http_lt_kinesis_authorize(call, &request, &keys, now_s);
}


static ngx_int_t
ngx_http_lt_kinesis_authorize(ngx_http_lt_kinesis_t *call,
    const lt_sigv4_request_t *request, const lt_aws_keys_t *keys, time_t now_s)
{
    size_t            size;
    lt_out_t          out;
    ngx_str_t         value;
    lt_sigv4_scope_t  scope = {
        .region = ngx_http_lt_view(&call->mcf->aws_region),
        .service = LT_STR("kinesis"),
        .time_s = now_s
    };

    size = NGX_HTTP_LT_AUTH_MAX + keys->access_key.len;

    value.data = ngx_pnalloc(ngx_http_lt_batch_pool(call->batch), size);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    lt_out_init(&out, value.data, size);

    if (lt_sigv4_authorization(&out, NULL, request, &scope, keys) != LT_OK) {
        return NGX_ERROR;
    }

    value.len = lt_out_len(&out);

    return ngx_http_lt_batch_header(call->batch, "authorization", &value);
}


static void
ngx_http_lt_kinesis_answered(void *data,
    const ngx_http_lt_batch_answer_t *answer)
{
    ngx_int_t                      rc;
    ngx_http_lt_kinesis_t         *call = data;
    ngx_http_lt_kinesis_result_t  *result = &call->result;

    NGX_HTTP_LT_OBSERVE(kinesis_call_ms,
                        (ngx_msec_int_t) (ngx_current_msec - call->sent_ms));

    /* a refusal is an answer, too */
    if (answer->is_upstream && answer->status < 500) {
        ngx_http_lt_health_kinesis(call->mcf);
    }

    result->status = answer->status;
    result->request_id = answer->request_id;
    result->retry_after = answer->retry_after;

    rc = ngx_http_lt_kinesis_read_body(call, answer);

    if (rc == NGX_OK && answer->status == NGX_HTTP_OK && !answer->is_cut) {
        result->is_ok = 1;

    } else {
        ngx_http_lt_kinesis_read_error(call, answer);
    }

    call->done(call->data, result);
}


/* NGX_DECLINED: it is not what its type says. */
static ngx_int_t
ngx_http_lt_kinesis_read_body(ngx_http_lt_kinesis_t *call,
    const ngx_http_lt_batch_answer_t *answer)
{
    size_t     size, len = sizeof(LT_KINESIS_CBOR_CONTENT_TYPE) - 1;
    u_char    *json;
    lt_out_t   out;

    call->result.body = answer->body;

    if (answer->content_type.len < len
        || ngx_strncasecmp(answer->content_type.data,
                           (u_char *) LT_KINESIS_CBOR_CONTENT_TYPE, len)
           != 0)
    {
        return NGX_OK;
    }

    ngx_str_null(&call->result.body);
    size = answer->body.len * NGX_HTTP_LT_JSON_GROWTH;

    json = ngx_pnalloc(ngx_http_lt_batch_pool(call->batch), size);
    if (json == NULL) {
        return NGX_DECLINED;
    }

    lt_out_init(&out, json, size);

    if (lt_cbor_to_json(&out, ngx_http_lt_view(&answer->body)) != LT_OK) {
        return NGX_DECLINED;
    }

    call->result.body.data = json;
    call->result.body.len = lt_out_len(&out);

    return NGX_OK;
}


static void
ngx_http_lt_kinesis_read_error(ngx_http_lt_kinesis_t *call,
    const ngx_http_lt_batch_answer_t *answer)
{
    ngx_http_lt_kinesis_result_t  *result = &call->result;

    if (!answer->is_upstream && answer->status >= NGX_HTTP_BAD_GATEWAY) {
        result->status = 0;                     /* nginx's own 502 and 504 */
    }

    if (result->status == 0) {
        NGX_HTTP_LT_COUNT(kinesis_errors_no_answer, 1);
        result->class = LT_AWS_TRANSIENT;
        result->cause = "Kinesis cannot be reached or does not answer: see "
                        "proxy_pass of lt_kinesis_location";
        return;
    }

    if (result->status < NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_lt_kinesis_refuse(result);
        return;
    }

    lt_aws_error_code(result->code, sizeof(result->code),
                      ngx_http_lt_view(&answer->error_type),
                      ngx_http_lt_view(&result->body));
    result->class = lt_aws_classify(result->status, result->code);
    result->cause = ngx_http_lt_kinesis_cause(result, answer->is_upstream);

    if (ngx_http_lt_kinesis_is_skewed(call, answer)) {
        result->class = LT_AWS_TRANSIENT;

    } else if (result->class == LT_AWS_EXPIRED
               || result->class == LT_AWS_SKEW)
    {
        ngx_http_lt_credentials_refused(call->mcf);
    }
}


void
ngx_http_lt_kinesis_refuse(ngx_http_lt_kinesis_result_t *result)
{
    NGX_HTTP_LT_COUNT(kinesis_errors_bad_answer, 1);
    result->is_ok = 0;
    result->class = LT_AWS_TRANSIENT;
    result->cause = "the answer is cut or makes no sense";
}


/* A signature may be refused because our clock is wrong: then Kinesis' own
   clock mends it. */
static ngx_uint_t
ngx_http_lt_kinesis_is_skewed(ngx_http_lt_kinesis_t *call,
    const ngx_http_lt_batch_answer_t *answer)
{
    time_t  date_s;

    if (call->result.class != LT_AWS_SKEW || answer->date.len == 0) {
        return 0;
    }

    date_s = ngx_parse_http_time(answer->date.data, answer->date.len);

    return ngx_http_lt_credentials_clock(call->mcf, date_s);
}


/* Counts, too. */
static const char *
ngx_http_lt_kinesis_cause(const ngx_http_lt_kinesis_result_t *result,
    ngx_uint_t is_upstream)
{
    const ngx_http_lt_kinesis_cause_t  *row;

    for (row = ngx_http_lt_kinesis_causes; row->code; row++) {
        if (ngx_strncmp(result->code, row->code, ngx_strlen(row->code)) == 0) {
            NGX_HTTP_LT_COUNT(kinesis_errors_credentials, 1);
            return row->cause;
        }
    }

    if (is_upstream && result->class == LT_AWS_THROTTLE) {
        NGX_HTTP_LT_COUNT(kinesis_errors_throttle, 1);
        return "more than the stream's shards take";
    }

    if (is_upstream && result->class == LT_AWS_TRANSIENT) {
        NGX_HTTP_LT_COUNT(kinesis_errors_transient, 1);
        return "an error inside Kinesis";
    }

    NGX_HTTP_LT_COUNT(kinesis_errors_fatal, 1);

    if (!is_upstream) {
        return "nginx refused the request itself: see lt_kinesis_location";
    }

    if (ngx_strncmp(result->code, "ResourceNotFound", 16) == 0) {
        return "there is no such stream: see lt_kinesis_stream and "
               "lt_aws_region";
    }

    return "Kinesis refuses the request";
}


size_t
ngx_http_lt_kinesis_body_max(ngx_http_lt_main_conf_t *mcf,
    ngx_http_conf_ctx_t *ctx)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_lt_kinesis_find_location(ctx, &mcf->kinesis_location);

    return clcf ? (size_t) clcf->client_max_body_size : 0;
}


ngx_int_t
ngx_http_lt_kinesis_check_location(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_str_t *uri)
{
    const char                *fault = NULL;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_lt_kinesis_find_location(cscf->ctx, uri);

    if (clcf == NULL) {
        fault = "does not exist there";

    } else if (!clcf->internal) {
        fault = "lacks \"internal\": anybody could write to the stream";

    } else if (clcf->handler == NULL) {
        fault = "lacks \"proxy_pass\"";
    }

    if (fault == NULL) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "lt_kinesis_location \"%V\" of server \"%V\" %s; "
                       "it must be a location = %V with internal and "
                       "proxy_pass https://<Kinesis endpoint>/",
                       uri, &cscf->server_name, fault, uri);

    return NGX_ERROR;
}


ngx_http_core_loc_conf_t *
ngx_http_lt_kinesis_find_location(ngx_http_conf_ctx_t *ctx, ngx_str_t *uri)
{
    size_t                          n, len = uri->len;
    u_char                         *p = uri->data;
    ngx_int_t                       rc;
    ngx_http_core_loc_conf_t       *clcf, *found = NULL;
    ngx_http_location_tree_node_t  *node;

    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];
    node = clcf->static_locations;

    while (node) {
        n = ngx_min(len, (size_t) node->len);
        rc = ngx_filename_cmp(p, node->name, n);

        if (rc != 0) {
            node = (rc < 0) ? node->left : node->right;

        } else if (len == (size_t) node->len && node->exact) {
            return node->exact;

        } else if (len < (size_t) node->len) {
            node = node->left;

        } else if (node->inclusive) {
            found = node->inclusive;
            p += n;
            len -= n;
            node = node->tree;

        } else {
            node = node->right;
        }
    }

    return found;
}
