#include "lt_aws.h"

#include <string.h>

#include "lt_json.h"
#include "lt_xml.h"

#define ERROR_BODY_MAX 65536
#define DELAY_MAX_MS 20000

static const char *const regions[] = {
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2",
    "ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1",
    "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1",
    "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2",
    "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1",
    "me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2",
    "us-west-1", "us-west-2",
    "cn-north-1", "cn-northwest-1",
    "us-gov-east-1", "us-gov-west-1"
};

typedef struct {
    const char *code;
    lt_aws_class_t cls;
} error_row_t;

static const error_row_t errors[] = {
    {"Throttling", LT_AWS_THROTTLE},
    {"ThrottlingException", LT_AWS_THROTTLE},
    {"ThrottledException", LT_AWS_THROTTLE},
    {"RequestThrottled", LT_AWS_THROTTLE},
    {"RequestThrottledException", LT_AWS_THROTTLE},
    {"TooManyRequestsException", LT_AWS_THROTTLE},
    {"ProvisionedThroughputExceededException", LT_AWS_THROTTLE},
    {"TransactionInProgressException", LT_AWS_THROTTLE},
    {"RequestLimitExceeded", LT_AWS_THROTTLE},
    {"BandwidthLimitExceeded", LT_AWS_THROTTLE},
    {"LimitExceededException", LT_AWS_THROTTLE},
    {"KMSThrottlingException", LT_AWS_THROTTLE},
    {"SlowDown", LT_AWS_THROTTLE},
    {"PriorRequestNotComplete", LT_AWS_THROTTLE},
    {"EC2ThrottledException", LT_AWS_THROTTLE},

    {"RequestTimeout", LT_AWS_TRANSIENT},
    {"RequestTimeoutException", LT_AWS_TRANSIENT},
    {"InternalFailure", LT_AWS_TRANSIENT},
    {"InternalFailureException", LT_AWS_TRANSIENT},
    {"InternalError", LT_AWS_TRANSIENT},
    {"InternalServerError", LT_AWS_TRANSIENT},
    {"InternalServerException", LT_AWS_TRANSIENT},
    {"ServiceFailureException", LT_AWS_TRANSIENT},
    {"ServiceUnavailable", LT_AWS_TRANSIENT},
    {"ServiceUnavailableException", LT_AWS_TRANSIENT},
    {"IDPCommunicationError", LT_AWS_TRANSIENT},

    {"ExpiredToken", LT_AWS_EXPIRED},
    {"ExpiredTokenException", LT_AWS_EXPIRED},
    {"TokenRefreshRequired", LT_AWS_EXPIRED},
    {"UnrecognizedClientException", LT_AWS_EXPIRED},

    {"RequestTimeTooSkewed", LT_AWS_SKEW},
    {"RequestExpired", LT_AWS_SKEW},
    {"RequestInTheFuture", LT_AWS_SKEW},
    {"InvalidSignatureException", LT_AWS_SKEW},
    {"SignatureDoesNotMatch", LT_AWS_SKEW},
    {"AuthFailure", LT_AWS_SKEW}
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

int
lt_aws_region_is_known(lt_str_t region)
{
    for (size_t i = 0; i < N(regions); i++) {
        if (lt_str_is(region, regions[i])) {
            return 1;
        }
    }
    return 0;
}

lt_result_t
lt_aws_host(lt_out_t *out, lt_str_t service, lt_str_t region)
{
    lt_out_str(out, service);
    lt_out_cstr(out, ".");
    lt_out_str(out, region);
    lt_out_cstr(out, ".amazonaws.com");
    if (region.len > 3 && memcmp(region.data, "cn-", 3) == 0) {
        lt_out_cstr(out, ".cn");
    }
    return lt_out_result(out);
}

static int
is_code_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* The code goes into logs: it ends at the first byte that is none of a name,
   which cuts the tail after ':' as well. */
static void
copy_code(char *code, size_t size, lt_str_t text)
{
    size_t start = 0, n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '#') {
            start = i + 1;
        } else if (text.data[i] == ':') {
            break;
        }
    }
    while (n < size - 1 && start + n < text.len
           && is_code_char(text.data[start + n])) {
        code[n] = text.data[start + n];
        n++;
    }
    code[n] = '\0';
}

static void
body_code(char *code, size_t size, lt_str_t body)
{
    lt_json_t *doc;
    lt_str_t text;

    if (body.data[0] == '<') {
        copy_code(code, size, lt_xml_text(body, "Code"));
        return;
    }
    if (lt_json_parse(&doc, body, ERROR_BODY_MAX, NULL) != LT_OK) {
        return;
    }
    if (lt_json_string(doc, "__type", &text)
        || lt_json_string(doc, "code", &text)
        || lt_json_string(doc, "Code", &text)) {
        copy_code(code, size, text);
    }
    lt_json_free(&doc);
}

void
lt_aws_error_code(char *code, size_t size, lt_str_t errortype_header,
    lt_str_t body)
{
    if (size == 0) {
        return;
    }

    code[0] = '\0';
    if (errortype_header.len != 0) {
        copy_code(code, size, errortype_header);
    } else if (body.len != 0 && body.len <= ERROR_BODY_MAX) {
        body_code(code, size, body);
    }
}

lt_aws_class_t
lt_aws_classify(int status, const char *code)
{
    for (size_t i = 0; i < N(errors); i++) {
        if (strcmp(code, errors[i].code) == 0) {
            return errors[i].cls;
        }
    }

    switch (status) {
    case 0:
    case 500:
    case 502:
    case 503:
    case 504:
        return LT_AWS_TRANSIENT;
    case 429:
        return LT_AWS_THROTTLE;
    default:
        return LT_AWS_FATAL;
    }
}

unsigned
lt_aws_retry_delay_ms(lt_aws_class_t cls, unsigned attempt, double random)
{
    unsigned delay_ms = cls == LT_AWS_THROTTLE ? 1000 : 50;

    for (; attempt > 1 && delay_ms < DELAY_MAX_MS; attempt--) {
        delay_ms *= 2;
    }
    if (delay_ms > DELAY_MAX_MS) {
        delay_ms = DELAY_MAX_MS;
    }
    return (unsigned)(delay_ms * random);
}
