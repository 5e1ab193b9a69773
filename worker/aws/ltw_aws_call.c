#include "aws/ltw_aws_call.h"

#include "aws/ltw_aws_credentials.h"
#include "aws/ltw_aws_endpoint.h"
#include "aws/ltw_aws_signed.h"
#include "aws/ltw_aws_turn.h"
#include "ltw_log.h"
#include "ltw_slots.h"

#include "lt_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LTW_AWS_CALLS_AT_ONCE 2048
#define LTW_AWS_KEYS_WAIT_MS 100        /* how often a call looks for keys */

/* In metrics, logs, on the status page, and as they are signed. */
static const char *const ltw_aws_names[LTW_AWS_SERVICES_N] = {
    [LTW_AWS_KINESIS] = "kinesis",
    [LTW_AWS_TRANSCRIBE] = "transcribe",
    [LTW_AWS_TRANSLATE] = "translate",
    [LTW_AWS_POLLY] = "polly",
    [LTW_AWS_S3] = "s3",
};

struct ltw_aws_s {
    ltw_loop_t *loop;
    ltw_http_t *http;
    ltw_metrics_t *metrics;
    const ltw_config_t *config;
    ltw_aws_endpoint_t endpoints[LTW_AWS_SERVICES_N];
    ltw_slots_t slots;
    ltw_aws_credentials_t *credentials;
    ltw_aws_turns_t turns;
    char trace[LT_TRACE_LEN + 1];       /* of calls that begin now */
};

typedef struct {
    ltw_aws_t *aws;
    ltw_aws_id_t id;
    ltw_http_id_t http_id;
    ltw_timer_t *timer;         /* before the next try */
    ltw_aws_handler_t handler;
    void *data;
    ltw_aws_request_t request;  /* its views point here and into storage */
    lt_header_t headers[LTW_AWS_HEADERS_MAX];
    char trace[LT_TRACE_LEN + 1];       /* "": none */
    char payload_hash[LT_SIGV4_HEX_LEN];
    int64_t began_at_ms;
    int64_t deadline_at_ms;
    unsigned attempts;
    int has_refreshed;
    int has_set_clock;
    int has_turn;               /* the next try may go out */
    ltw_redis_id_t turn;        /* asked for */
    char storage[];
} ltw_aws_exchange_t;

/* ---- keys and time ---- */

lt_aws_keys_t
ltw_aws_keys(const ltw_aws_t *aws)
{
    lt_aws_keys_t keys;

    (void) ltw_aws_credentials_keys(aws->credentials, &keys);
    return keys;
}

int64_t
ltw_aws_time_ms(const ltw_aws_t *aws)
{
    return ltw_aws_credentials_time_ms(aws->credentials);
}

const ltw_aws_endpoint_t *
ltw_aws_endpoint(const ltw_aws_t *aws, ltw_aws_service_t service)
{
    return &aws->endpoints[service];
}

void
ltw_aws_keys_refresh(ltw_aws_t *aws)
{
    ltw_aws_credentials_refused(aws->credentials);
}

int64_t
ltw_aws_keys_left_ms(const ltw_aws_t *aws)
{
    return ltw_aws_credentials_left_ms(aws->credentials);
}

/* ---- one try ---- */

static void ltw_aws_on_response(void *data,
    const ltw_http_response_t *response);

static void
ltw_aws_exchange_free(ltw_aws_exchange_t *x)
{
    ltw_slots_remove(&x->aws->slots, x->id);
    ltw_http_cancel(x->aws->http, x->http_id);
    if (x->turn != 0) {
        ltw_redis_cancel(x->aws->turns.redis, x->turn);
    }
    ltw_timer_free(&x->timer);
    free(x);
}

static lt_result_t
ltw_aws_try(ltw_aws_exchange_t *x)
{
    ltw_aws_t *aws = x->aws;
    const char *service = ltw_aws_names[x->request.service];
    int64_t left_ms = x->deadline_at_ms - ltw_loop_now_ms(aws->loop);
    ltw_aws_try_t what = {
        .request = &x->request,
        .endpoint = &aws->endpoints[x->request.service],
        .service = service,
        .region = aws->config->aws_region,
        .trace = x->trace,
        .payload_hash = { x->payload_hash, LT_SIGV4_HEX_LEN },
        .keys = ltw_aws_keys(aws),
        .time_s = ltw_aws_time_ms(aws) / 1000,
    };
    ltw_aws_signed_t one;

    if (ltw_aws_sign(&one, &what) != LT_OK) {
        return LT_ERROR;
    }
    if (left_ms > 0 && left_ms < one.http.timeout_ms) {
        one.http.timeout_ms = (unsigned) left_ms;
    }
    x->http_id = ltw_http_send(aws->http, &one.http, ltw_aws_on_response, x);
    if (x->http_id == 0) {
        return LT_ERROR;
    }
    x->attempts++;
    ltw_count_call(aws->metrics, service, x->request.operation);
    return LT_OK;
}

/* ---- what came back ---- */

static void
ltw_aws_finish(ltw_aws_exchange_t *x, ltw_aws_answer_t *answer)
{
    ltw_aws_t *aws = x->aws;

    answer->attempts = x->attempts;
    answer->elapsed_ms =
        (unsigned) (ltw_loop_now_ms(aws->loop) - x->began_at_ms);
    if (!ltw_aws_is_ok(answer)) {
        ltw_count(aws->metrics, aws_failures, 1);
    }
    ltw_slots_remove(&aws->slots, x->id);   /* a cancel finds nothing */
    x->handler(x->data, answer);
    ltw_aws_exchange_free(x);
}

/* May it be tried again, and when?  -1: no. */
static int64_t
ltw_aws_retry_after(ltw_aws_exchange_t *x, const ltw_aws_answer_t *answer)
{
    ltw_aws_t *aws = x->aws;
    int64_t delay_ms;

    switch (answer->class) {
    case LT_AWS_EXPIRED:
        if (x->has_refreshed) {
            return -1;
        }
        x->has_refreshed = 1;
        ltw_aws_keys_refresh(aws);
        delay_ms = LTW_AWS_KEYS_WAIT_MS;
        break;
    case LT_AWS_SKEW:
        if (x->has_set_clock || answer->http == NULL
            || !ltw_aws_credentials_clock(aws->credentials,
                   ltw_http_header_date_ms(answer->http, "date")))
        {
            ltw_aws_keys_refresh(aws);  /* wrong keys say so too */
            return -1;
        }
        x->has_set_clock = 1;
        delay_ms = 0;
        break;
    case LT_AWS_THROTTLE:
        ltw_count(aws->metrics, aws_throttles, 1);
        ltw_aws_turn_throttled(&aws->turns, x->request.service);
        /* fall through */
    case LT_AWS_TRANSIENT:
        if (x->attempts >= x->request.attempts_max) {
            return -1;
        }
        delay_ms = lt_aws_retry_delay_ms(answer->class, x->attempts,
            ltw_loop_random(aws->loop));
        break;
    default:
        return -1;
    }
    return ltw_loop_now_ms(aws->loop) + delay_ms < x->deadline_at_ms
        ? delay_ms : -1;
}

/* Before there are keys, and while refused ones are replaced. */
static int
ltw_aws_waits(const ltw_aws_exchange_t *x)
{
    const ltw_aws_credentials_t *credentials = x->aws->credentials;
    lt_aws_keys_t keys;

    return !ltw_aws_credentials_keys(credentials, &keys)
        || (x->has_refreshed && ltw_aws_credentials_is_busy(credentials)
            && ltw_loop_now_ms(x->aws->loop) < x->deadline_at_ms);
}

static void
ltw_aws_wait(ltw_aws_exchange_t *x)
{
    const ltw_aws_credentials_t *credentials = x->aws->credentials;
    int64_t left_ms = x->deadline_at_ms - ltw_loop_now_ms(x->aws->loop);
    ltw_aws_answer_t answer = { .class = LT_AWS_TRANSIENT };

    if (left_ms > 0) {
        ltw_timer_start(x->timer, left_ms < LTW_AWS_KEYS_WAIT_MS
            ? left_ms : LTW_AWS_KEYS_WAIT_MS);
        return;
    }
    snprintf(answer.message, sizeof(answer.message), "no AWS keys: %.180s",
        ltw_aws_credentials_cause(credentials));
    ltw_aws_finish(x, &answer);
}

static void
ltw_aws_on_turn(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    ltw_aws_exchange_t *x = data;
    ltw_metrics_t *metrics = x->aws->metrics;
    ltw_aws_answer_t answer = { .class = LT_AWS_THROTTLE,
        .code = "RateExceeded" };
    int64_t wait_ms = ltw_aws_turn_wait_ms(reply);

    (void) err;                 /* ltw_redis.c has said it */
    x->turn = 0;
    if (wait_ms < 0) {
        ltw_count(metrics, calls_refused, 1);
        snprintf(answer.message, sizeof(answer.message),
            "the account's rate is used up for longer than this can wait");
        ltw_aws_finish(x, &answer);
        return;
    }
    ltw_count(metrics, calls_waited, wait_ms > 0);
    x->has_turn = 1;
    ltw_timer_start(x->timer, wait_ms);
}

/* 1: it will go on when it is its turn. */
static int
ltw_aws_queues(ltw_aws_exchange_t *x)
{
    int64_t left_ms = x->deadline_at_ms - ltw_loop_now_ms(x->aws->loop);

    if (!x->has_turn) {
        x->turn = ltw_aws_turn(&x->aws->turns, x->request.service,
            left_ms > 0 ? left_ms / 2 : 0, ltw_aws_on_turn, x);
    }
    x->has_turn = 0;
    return x->turn != 0;
}

static void
ltw_aws_retry(void *data)
{
    ltw_aws_exchange_t *x = data;
    ltw_aws_answer_t answer = { 0 };

    x->http_id = 0;
    if (ltw_aws_waits(x)) {
        ltw_aws_wait(x);
        return;
    }
    if (ltw_aws_queues(x)) {
        return;
    }
    if (ltw_aws_try(x) != LT_OK) {
        snprintf(answer.message, sizeof(answer.message),
            "could not be sent: no memory, or too many requests at once");
        answer.class = LT_AWS_TRANSIENT;
        ltw_aws_finish(x, &answer);
    }
}

/* For whoever asks whether Kinesis is there: a refusal is an answer too. */
static void
ltw_aws_note(const ltw_aws_exchange_t *x, const ltw_aws_answer_t *answer)
{
    int is_answer = answer->status >= 200 && answer->status < 500;

    if (is_answer && x->request.service == LTW_AWS_KINESIS) {
        x->aws->metrics->kinesis_ok_at_ms = ltw_loop_now_ms(x->aws->loop);
    }
}

static void
ltw_aws_on_response(void *data, const ltw_http_response_t *response)
{
    ltw_aws_exchange_t *x = data;
    ltw_aws_answer_t answer = { 0 };
    int64_t delay_ms;

    x->http_id = 0;
    ltw_aws_answer_read(&answer, response);
    ltw_aws_note(x, &answer);
    if (ltw_aws_is_ok(&answer)) {
        ltw_aws_finish(x, &answer);
        return;
    }
    delay_ms = ltw_aws_retry_after(x, &answer);
    if (delay_ms < 0) {
        ltw_aws_finish(x, &answer);
        return;
    }
    ltw_count(x->aws->metrics, aws_retries, 1);
    ltw_timer_start(x->timer, delay_ms);
}

/* ---- a call ---- */

static lt_str_t
ltw_aws_copy(char **pos, lt_str_t from)
{
    lt_str_t to = { *pos, from.len };

    if (from.len > 0) {
        memcpy(*pos, from.data, from.len);
    }
    *pos += from.len;
    return to;
}

static ltw_aws_exchange_t *
ltw_aws_exchange_new(ltw_aws_t *aws, const ltw_aws_request_t *request)
{
    size_t total = request->host_prefix.len + request->path.len
        + request->query.len + request->body.len;
    ltw_aws_exchange_t *x;
    char *pos;
    size_t i;

    for (i = 0; i < request->headers_n; i++) {
        total += request->headers[i].name.len + request->headers[i].value.len;
    }
    x = calloc(1, sizeof(*x) + total);
    if (x == NULL) {
        return NULL;
    }
    pos = x->storage;
    x->aws = aws;
    x->request = *request;
    x->request.headers = x->headers;
    x->request.host_prefix = ltw_aws_copy(&pos, request->host_prefix);
    x->request.path = ltw_aws_copy(&pos, request->path);
    x->request.query = ltw_aws_copy(&pos, request->query);
    x->request.body = ltw_aws_copy(&pos, request->body);
    for (i = 0; i < request->headers_n; i++) {
        x->headers[i].name = ltw_aws_copy(&pos, request->headers[i].name);
        x->headers[i].value = ltw_aws_copy(&pos, request->headers[i].value);
    }
    return x;
}

ltw_aws_id_t
ltw_aws_call(ltw_aws_t *aws, const ltw_aws_request_t *request,
    ltw_aws_handler_t handler, void *data)
{
    ltw_aws_exchange_t *x;
    uint8_t digest[LT_SHA256_LEN];
    unsigned deadline_ms;

    if (request->headers_n > LTW_AWS_HEADERS_MAX
        || lt_sha256(digest, request->body.data, request->body.len) != LT_OK)
    {
        return 0;
    }
    x = ltw_aws_exchange_new(aws, request);
    if (x == NULL) {
        return 0;
    }
    lt_hex_encode(x->payload_hash, digest, sizeof(digest));
    x->handler = handler;
    x->data = data;
    memcpy(x->trace, aws->trace, sizeof(x->trace));
    if (x->request.attempts_max == 0) {
        x->request.attempts_max = 3;
    }
    deadline_ms = request->deadline_ms > 0
        ? request->deadline_ms : request->timeout_ms;
    x->began_at_ms = ltw_loop_now_ms(aws->loop);
    x->deadline_at_ms = x->began_at_ms + deadline_ms;
    x->timer = ltw_timer_new(aws->loop, ltw_aws_retry, x);
    x->id = ltw_slots_add(&aws->slots, x);
    if (x->timer == NULL || x->id == 0) {
        ltw_aws_exchange_free(x);
        return 0;
    }
    if (ltw_aws_waits(x)) {
        ltw_timer_start(x->timer, 0);
    } else if (!ltw_aws_queues(x) && ltw_aws_try(x) != LT_OK) {
        ltw_aws_exchange_free(x);
        return 0;
    }
    return x->id;
}

void
ltw_aws_trace(ltw_aws_t *aws, const char *traceparent)
{
    snprintf(aws->trace, sizeof(aws->trace), "%s", traceparent);
}

void
ltw_aws_cancel(ltw_aws_t *aws, ltw_aws_id_t id)
{
    ltw_aws_exchange_t *x = ltw_slots_get(&aws->slots, id);

    if (x != NULL) {
        ltw_aws_exchange_free(x);
    }
}

void
ltw_aws_log(ltw_aws_service_t service, const char *operation,
    const ltw_aws_answer_t *answer)
{
    lt_str_t message = lt_str(answer->message);

    if (service == LTW_AWS_TRANSLATE || service == LTW_AWS_POLLY) {
        /* they may quote the text that they refuse */
        message.len = strcspn(message.data, "'\"");
    }
    ltw_log(LTW_ERROR, "aws_call_failed",
        ltw_cstr("service", ltw_aws_names[service]),
        ltw_cstr("operation", operation), ltw_int("status", answer->status),
        ltw_cstr("code", answer->code), ltw_str("message", message),
        ltw_str("request_id", answer->request_id),
        ltw_int("attempts", answer->attempts),
        ltw_int("elapsed_ms", answer->elapsed_ms),
        ltw_cstr("hint", ltw_aws_hint(answer->status, answer->code)));
}

/* ---- the layer ---- */

ltw_aws_t *
ltw_aws_new(ltw_loop_t *loop, ltw_http_t *http, ltw_metrics_t *metrics,
    const ltw_config_t *config, lt_error_t *err)
{
    ltw_aws_t *aws = calloc(1, sizeof(*aws));

    if (aws == NULL
        || ltw_slots_init(&aws->slots, LTW_AWS_CALLS_AT_ONCE) != LT_OK)
    {
        lt_error_set(err, 0, "no memory");
        free(aws);
        return NULL;
    }
    aws->loop = loop;
    aws->http = http;
    aws->metrics = metrics;
    aws->config = config;
    aws->credentials = ltw_aws_credentials_new(loop, http, metrics, config,
        err);
    if (aws->credentials == NULL
        || ltw_aws_endpoints_init(aws->endpoints, config, err) != LT_OK)
    {
        ltw_aws_free(&aws);
        return NULL;
    }
    return aws;
}

void
ltw_aws_share(ltw_aws_t *aws, ltw_redis_t *redis)
{
    aws->turns = (ltw_aws_turns_t) { redis, aws->config };
}

void
ltw_aws_free(ltw_aws_t **aws)
{
    void *x;

    if (*aws == NULL) {
        return;
    }
    while ((x = ltw_slots_any(&(*aws)->slots)) != NULL) {
        ltw_aws_exchange_free(x);
    }
    ltw_aws_credentials_free(&(*aws)->credentials);
    ltw_slots_deinit(&(*aws)->slots);
    free(*aws);
    *aws = NULL;
}
