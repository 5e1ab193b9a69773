#include "aws/ltw_aws_endpoint.h"

#include "lt_json.h"
#include "lt_xml.h"

#include <stdio.h>
#include <string.h>

#define LTW_AWS_ERROR_BODY_MAX 65536

/* ---- endpoints ---- */

static lt_result_t
ltw_aws_endpoint_port(uint16_t *port, lt_str_t text)
{
    unsigned n = 0;
    size_t i;

    if (text.len == 0 || text.len > 5) {
        return LT_INVALID;
    }
    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return LT_INVALID;
        }
        n = n * 10 + (unsigned) (text.data[i] - '0');
    }
    *port = (uint16_t) n;
    return n >= 1 && n <= 65535 ? LT_OK : LT_INVALID;
}

/* Splits "host", "host:port", "[v6]", "[v6]:port". */
static lt_result_t
ltw_aws_endpoint_authority(ltw_aws_endpoint_t *endpoint, lt_str_t text)
{
    const char *end = text.data + text.len, *host = text.data, *host_end;
    const char *after;

    if (text.len > 0 && text.data[0] == '[') {
        host = text.data + 1;
        host_end = memchr(host, ']', (size_t) (end - host));
        if (host_end == NULL) {
            return LT_INVALID;
        }
        after = host_end + 1;
    } else {
        host_end = memchr(text.data, ':', text.len);
        host_end = host_end != NULL ? host_end : end;
        after = host_end;
    }
    if (host_end == host
        || (size_t) (host_end - host) >= sizeof(endpoint->host))
    {
        return LT_INVALID;
    }
    snprintf(endpoint->host, sizeof(endpoint->host), "%.*s",
        (int) (host_end - host), host);
    if (strspn(endpoint->host, "abcdefghijklmnopqrstuvwxyz"
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:")
        != strlen(endpoint->host))
    {
        return LT_INVALID;
    }
    if (after == end) {
        return LT_OK;
    }
    return *after == ':' ? ltw_aws_endpoint_port(&endpoint->port,
        (lt_str_t) { after + 1, (size_t) (end - after - 1) }) : LT_INVALID;
}

lt_result_t
ltw_aws_endpoint_parse(ltw_aws_endpoint_t *endpoint, lt_str_t url,
    lt_error_t *err)
{
    size_t scheme_len;

    *endpoint = (ltw_aws_endpoint_t) { 0 };
    if (url.len > 8 && memcmp(url.data, "https://", 8) == 0) {
        endpoint->is_tls = 1;
        scheme_len = 8;
    } else if (url.len > 7 && memcmp(url.data, "http://", 7) == 0) {
        scheme_len = 7;
    } else {
        lt_error_set(err, 0, "an endpoint begins with http:// or https://");
        return LT_INVALID;
    }
    if (url.data[url.len - 1] == '/') {
        url.len--;
    }
    endpoint->port = endpoint->is_tls ? 443 : 80;
    if (url.len >= sizeof(endpoint->authority)
        || ltw_aws_endpoint_authority(endpoint,
               (lt_str_t) { url.data + scheme_len, url.len - scheme_len })
            != LT_OK)
    {
        lt_error_set(err, 0,
            "an endpoint is http[s]://host[:port] without a path");
        return LT_INVALID;
    }
    snprintf(endpoint->authority, sizeof(endpoint->authority), "%.*s",
        (int) (url.len - scheme_len), url.data + scheme_len);
    snprintf(endpoint->url, sizeof(endpoint->url), "%.*s", (int) url.len,
        url.data);
    return LT_OK;
}

lt_result_t
ltw_aws_endpoints_init(ltw_aws_endpoint_t endpoints[LTW_AWS_SERVICES_N],
    const ltw_config_t *config, lt_error_t *err)
{
    const struct {
        const char *configured;
        const char *prefix;
    } rows[LTW_AWS_SERVICES_N] = {
        [LTW_AWS_KINESIS] = { config->kinesis_endpoint, "kinesis" },
        [LTW_AWS_TRANSCRIBE] =
            { config->transcribe_endpoint, "transcribestreaming" },
        [LTW_AWS_TRANSLATE] = { config->translate_endpoint, "translate" },
        [LTW_AWS_POLLY] = { config->polly_endpoint, "polly" },
        [LTW_AWS_S3] = { config->s3_endpoint, "s3" },
    };
    char text[300];
    lt_out_t out;
    int i;

    for (i = 0; i < LTW_AWS_SERVICES_N; i++) {
        lt_out_init(&out, text, sizeof(text));
        if (rows[i].configured != NULL) {
            lt_out_cstr(&out, rows[i].configured);
        } else {
            lt_out_cstr(&out, "https://");
            lt_aws_host(&out, lt_str(rows[i].prefix),
                lt_str(config->aws_region));
        }
        if (lt_out_result(&out) != LT_OK) {
            lt_error_set(err, 0, "an endpoint is too long");
            return LT_INVALID;
        }
        if (ltw_aws_endpoint_parse(&endpoints[i],
                (lt_str_t) { text, lt_out_len(&out) }, err) != LT_OK)
        {
            return LT_INVALID;
        }
    }
    return LT_OK;
}

/* ---- answers ---- */

static void
ltw_aws_read_error(ltw_aws_answer_t *answer,
    const ltw_http_response_t *response)
{
    lt_json_t *doc = NULL;
    lt_str_t text = { NULL, 0 };

    lt_aws_error_code(answer->code, sizeof(answer->code),
        ltw_http_header(response, "x-amzn-errortype"), response->body);
    if (lt_json_parse(&doc, response->body, LTW_AWS_ERROR_BODY_MAX, NULL)
        != LT_OK)
    {
        text = lt_xml_element(response->body, "Message")   /* S3 */;
    } else if (!lt_json_string(doc, "message", &text)) {
        lt_json_string(doc, "Message", &text);
    }
    snprintf(answer->message, sizeof(answer->message), "%.*s",
        (int) text.len, text.len > 0 ? text.data : "");
    /* about a wrong signature AWS goes on with all that was signed */
    answer->message[strcspn(answer->message, "\r\n")] = '\0';
    lt_json_free(&doc);
}

void
ltw_aws_answer_read(ltw_aws_answer_t *answer,
    const ltw_http_response_t *response)
{
    answer->status = response->status;
    if (response->status == 0) {
        snprintf(answer->message, sizeof(answer->message), "%s",
            response->err.text);
        answer->class = lt_aws_classify(0, "");
        return;
    }
    answer->http = response;
    answer->body = response->body;
    answer->request_id = ltw_http_header(response, "x-amzn-requestid");
    if (answer->request_id.len == 0) {
        answer->request_id = ltw_http_header(response, "x-amz-request-id");
    }
    if (!ltw_aws_is_ok(answer)) {
        ltw_aws_read_error(answer, response);
        answer->class = lt_aws_classify(answer->status, answer->code);
    }
}

const char *
ltw_aws_hint(int status, const char *code)
{
    static const struct {
        const char *code;
        const char *hint;
    } rows[] = {
        { "UnrecognizedClientException",
            "the access key is unknown: check aws_credentials_file" },
        { "InvalidAccessKeyId",
            "the access key is unknown: check aws_credentials_file" },
        { "InvalidClientTokenId",
            "the access key is unknown: check aws_credentials_file" },
        { "InvalidSignatureException",
            "the secret key, the region or this host's clock is wrong" },
        { "SignatureDoesNotMatch",
            "the secret key, the region or this host's clock is wrong" },
        { "MissingAuthenticationTokenException", "no keys were sent" },
        { "ExpiredTokenException",
            "the keys have expired: renew aws_credentials_file" },
        { "ExpiredToken",
            "the keys have expired: renew aws_credentials_file" },
        { "AccessDeniedException", "these keys lack the permission" },
        { "AccessDenied", "these keys lack the permission" },
        { "ResourceNotFoundException",
            "check kinesis_stream, aws_region and the endpoint" },
        { "untrusted_certificate",
            "tls_ca_file does not hold who signed it: check the endpoint" },
        { "RateExceeded",
            "translate_rate, polly_rate: ask AWS for a larger quota" },
        { "NoSuchBucket", "check s3_bucket, aws_region and s3_endpoint" },
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(code, rows[i].code) == 0) {
            return rows[i].hint;
        }
    }
    return status == 0 ? "no answer: check the endpoint and the network" : "";
}
