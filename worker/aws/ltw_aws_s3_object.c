#include "aws/ltw_aws_s3_object.h"

#define TIMEOUT_MS 5000
#define PATH_MAX_LEN 1024
#define HOST_MAX_LEN 512

static lt_result_t
object_path(lt_out_t *out, const ltw_aws_s3_object_t *object)
{
    lt_out_cstr(out, "/");
    if (object->config->s3_path_style) {
        lt_out_cstr(out, object->config->s3_bucket);
        lt_out_cstr(out, "/");
    }
    lt_out_str(out, object->key);
    return lt_out_result(out);
}


/* "bucket." in front of the host, or nothing. */
static lt_result_t
host_prefix(lt_out_t *out, const ltw_aws_s3_object_t *object)
{
    if (!object->config->s3_path_style) {
        lt_out_cstr(out, object->config->s3_bucket);
        lt_out_cstr(out, ".");
    }
    return lt_out_result(out);
}


ltw_aws_id_t
ltw_aws_s3_put(ltw_aws_t *aws, const ltw_aws_s3_object_t *object,
    lt_str_t bytes, unsigned deadline_ms, ltw_aws_handler_t handler, void *data)
{
    const lt_header_t headers[] = {
        { LT_STR("Content-Type"), object->content_type.len > 0
            ? object->content_type : LT_STR("audio/mpeg") },
        { LT_STR("Cache-Control"), LT_STR("private, max-age=600") },
    };
    char path[PATH_MAX_LEN], prefix[HOST_MAX_LEN];
    lt_out_t path_out, prefix_out;
    ltw_aws_request_t call = { .service = LTW_AWS_S3,
        .operation = "PutObject", .method = "PUT", .headers = headers,
        .headers_n = sizeof(headers) / sizeof(headers[0]), .body = bytes,
        .timeout_ms = deadline_ms < TIMEOUT_MS ? deadline_ms : TIMEOUT_MS,
        .deadline_ms = deadline_ms };

    lt_out_init(&path_out, path, sizeof(path));
    lt_out_init(&prefix_out, prefix, sizeof(prefix));
    if (object_path(&path_out, object) != LT_OK
        || host_prefix(&prefix_out, object) != LT_OK)
    {
        return 0;
    }
    call.path = (lt_str_t) { path, lt_out_len(&path_out) };
    call.host_prefix = (lt_str_t) { prefix, lt_out_len(&prefix_out) };
    return ltw_aws_call(aws, &call, handler, data);
}


lt_result_t
ltw_aws_s3_presign(lt_out_t *url, ltw_aws_t *aws,
    const ltw_aws_s3_object_t *object)
{
    const ltw_config_t *config = object->config;
    const ltw_aws_endpoint_t *endpoint = ltw_aws_endpoint(aws, LTW_AWS_S3);
    lt_sigv4_scope_t scope = { lt_str(config->aws_region), LT_STR("s3"),
        ltw_aws_time_ms(aws) / 1000 };
    lt_aws_keys_t keys = ltw_aws_keys(aws);
    int64_t expires_ms = config->presign_expires;
    char path[PATH_MAX_LEN], host[HOST_MAX_LEN];
    lt_out_t path_out, host_out;
    lt_str_t path_str, host_str;

    lt_out_init(&path_out, path, sizeof(path));
    lt_out_init(&host_out, host, sizeof(host));
    (void) host_prefix(&host_out, object);
    lt_out_cstr(&host_out, endpoint->authority);
    if (object_path(&path_out, object) != LT_OK
        || lt_out_result(&host_out) != LT_OK)
    {
        return LT_NOSPACE;
    }
    /* a URL is good for no longer than the keys that have signed it */
    if (expires_ms > ltw_aws_keys_left_ms(aws)) {
        expires_ms = ltw_aws_keys_left_ms(aws);
    }
    if (expires_ms < 1000) {
        return LT_ERROR;
    }
    path_str = (lt_str_t) { path, lt_out_len(&path_out) };
    host_str = (lt_str_t) { host, lt_out_len(&host_out) };

    lt_out_cstr(url, endpoint->is_tls ? "https://" : "http://");
    lt_out_str(url, host_str);
    lt_out_str(url, path_str);
    lt_out_cstr(url, "?");
    return lt_sigv4_presign(url, host_str, path_str, (lt_str_t) { NULL, 0 },
        (unsigned) (expires_ms / 1000), &scope, &keys);
}
