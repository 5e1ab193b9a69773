#include "kinesis/ltw_subscription.h"

#include "aws/ltw_aws_endpoint.h"
#include "aws/ltw_aws_kinesis_subscribe.h"
#include "edge/ltw_bytes.h"
#include "edge/ltw_h2.h"

#include "lt_eventstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LTW_SUBSCRIPTION_CONNECT_MS 5000
#define LTW_SUBSCRIPTION_OPEN_MS 10000
#define LTW_SUBSCRIPTION_TICK_MS 500
#define LTW_SUBSCRIPTION_PING_MS 5000
#define LTW_SUBSCRIPTION_QUIET_MS 7000          /* a ping is not answered */
#define LTW_SUBSCRIPTION_DEAD_MS 10000
#define LTW_SUBSCRIPTION_HOLD_MS 100
#define LTW_SUBSCRIPTION_IN_KEPT (256 * 1024)   /* by one that is idle */
#define LTW_SUBSCRIPTION_IN_MAX (LTW_GET_RECORDS_BODY_MAX + 2 * LTW_H2_WINDOW)

typedef enum {
    LTW_SUBSCRIPTION_OPENING, LTW_SUBSCRIPTION_LIVE, LTW_SUBSCRIPTION_HELD,
    LTW_SUBSCRIPTION_OVER,
    LTW_SUBSCRIPTION_CLOSED             /* freed when no callback runs */
} ltw_subscription_state_t;

struct ltw_subscription_s {
    const ltw_services_t *services;
    const ltw_subscription_events_t *events;
    void *data;
    ltw_subscription_state_t state;
    unsigned in_callback;
    ltw_h2_t *h2;
    ltw_timer_t *timer;
    int status;                         /* HTTP; 0: no answer yet */
    int64_t heard_at_ms;
    int64_t pinged_at_ms;

    ltw_bytes_t in;                     /* events not taken, or an error */
};

/* ---- ends ---- */

static void
ltw_subscription_destroy(ltw_subscription_t *s)
{
    ltw_h2_close(&s->h2);
    ltw_timer_free(&s->timer);
    ltw_bytes_clear(&s->in);
    free(s);
}

static void
ltw_subscription_leave(ltw_subscription_t *s)
{
    if (--s->in_callback == 0 && s->state == LTW_SUBSCRIPTION_CLOSED) {
        ltw_subscription_destroy(s);
    }
}

void
ltw_subscription_close(ltw_subscription_t **subscription)
{
    ltw_subscription_t *s = *subscription;

    if (s == NULL) {
        return;
    }
    *subscription = NULL;
    s->state = LTW_SUBSCRIPTION_CLOSED;
    if (s->in_callback == 0) {
        ltw_subscription_destroy(s);
    } else {
        ltw_h2_close(&s->h2);
        ltw_timer_stop(s->timer);
    }
}

/* Between ++in_callback and leave, as all that calls back. */
static void
ltw_subscription_end(ltw_subscription_t *s, const ltw_aws_answer_t *answer)
{
    if (s->state < LTW_SUBSCRIPTION_OVER) {
        s->state = LTW_SUBSCRIPTION_OVER;
        ltw_timer_stop(s->timer);
        s->events->on_over(s->data, answer);
        ltw_h2_close(&s->h2);
    }
}

static void
ltw_subscription_broken(ltw_subscription_t *s, const char *code,
    const char *why)
{
    ltw_aws_answer_t answer = { .class = LT_AWS_TRANSIENT };

    snprintf(answer.code, sizeof(answer.code), "%s", code);
    snprintf(answer.message, sizeof(answer.message), "%s", why);
    ltw_subscription_end(s, &answer);
}

/* Said by AWS: instead of events, or among them (then with its name). */
static void
ltw_subscription_refused(ltw_subscription_t *s, int status, lt_str_t name,
    lt_str_t body)
{
    ltw_http_response_t response = { .status = status, .body = body };
    ltw_aws_answer_t answer = { 0 };

    ltw_aws_answer_read(&answer, &response);
    if (name.len > 0) {
        lt_aws_error_code(answer.code, sizeof(answer.code), name, body);
        answer.class = lt_aws_classify(status, answer.code);
    }
    answer.http = NULL;
    answer.request_id = ltw_h2_header(s->h2, "x-amzn-requestid");
    ltw_subscription_end(s, &answer);
}

/* ---- events ---- */

static void
ltw_subscription_take(ltw_subscription_t *s, lt_str_t payload)
{
    lt_str_t next = { "", 0 };
    ltw_records_t records;
    lt_error_t err = { 0 };
    int is_taken;

    if (ltw_records_read(&records, payload, &err) != LT_OK) {
        ltw_subscription_broken(s, "bad_event", err.text);
        return;
    }
    lt_json_string(records.doc, "ContinuationSequenceNumber", &next);
    is_taken = s->events->on_event(s->data, &records, next);
    ltw_records_deinit(&records);
    if (!is_taken) {
        ltw_subscription_broken(s, "not_taken",
            "no memory for the records, or no usable position after them");
    }
}

static void
ltw_subscription_event(ltw_subscription_t *s, const lt_event_t *event)
{
    lt_str_t kind = lt_event_string(event, ":message-type");
    lt_str_t name = lt_event_string(event, ":event-type");

    if (lt_str_is(kind, "event")) {
        if (lt_str_is(name, "SubscribeToShardEvent")) {
            ltw_subscription_take(s, event->payload);
        }
        return;             /* initial-response, and those of a later API */
    }
    if (lt_str_is(kind, "error")) {
        name = lt_event_string(event, ":error-code");
    } else if (lt_event_string(event, ":exception-type").len > 0) {
        name = lt_event_string(event, ":exception-type");
    }
    ltw_subscription_refused(s, 400, name, event->payload);
}

static void
ltw_subscription_hold(ltw_subscription_t *s)
{
    s->state = LTW_SUBSCRIPTION_HELD;
    ltw_h2_pause(s->h2);
    ltw_timer_start(s->timer, LTW_SUBSCRIPTION_HOLD_MS);
}

/* Takes events as long as it may; only whole ones hold the server back. */
static void
ltw_subscription_decode(ltw_subscription_t *s)
{
    lt_result_t result = LT_OK;
    lt_error_t err = { 0 };
    lt_event_t event;
    size_t consumed;

    while (s->state == LTW_SUBSCRIPTION_LIVE
           && ltw_bytes_waiting(&s->in) > 0)
    {
        result = lt_event_decode(&event, &consumed, ltw_bytes_first(&s->in),
            ltw_bytes_waiting(&s->in), LTW_GET_RECORDS_BODY_MAX, &err);
        if (result != LT_OK) {
            break;
        }
        if (!s->events->is_ready(s->data)) {
            ltw_subscription_hold(s);
            break;
        }
        ltw_subscription_event(s, &event);
        ltw_bytes_taken(&s->in, consumed);
    }
    if (result < 0) {
        ltw_subscription_broken(s, "bad_event_stream", err.text);
    }
}

/* ---- what comes over HTTP/2 ---- */

static void
ltw_subscription_on_headers(void *data, int status)
{
    ltw_subscription_t *s = data;

    s->in_callback++;
    s->status = status;
    s->heard_at_ms = ltw_loop_now_ms(s->services->loop);
    s->pinged_at_ms = s->heard_at_ms;
    if (status == 200 && s->state == LTW_SUBSCRIPTION_OPENING) {
        s->state = LTW_SUBSCRIPTION_LIVE;
        ltw_timer_start(s->timer, LTW_SUBSCRIPTION_TICK_MS);
        s->events->on_open(s->data);
    }
    ltw_subscription_leave(s);
}

static void
ltw_subscription_on_body(void *data, const uint8_t *bytes, size_t len)
{
    ltw_subscription_t *s = data;

    s->in_callback++;
    s->heard_at_ms = ltw_loop_now_ms(s->services->loop);
    if (ltw_bytes_waiting(&s->in) + len > LTW_SUBSCRIPTION_IN_MAX
        || ltw_bytes_add(&s->in, bytes, len) != LT_OK)
    {
        ltw_subscription_broken(s, "event_too_large", "");
    } else {
        ltw_subscription_decode(s);
    }
    ltw_subscription_leave(s);
}

static void
ltw_subscription_on_drain(void *data)
{
    (void) data;                        /* all was said at once */
}

static void
ltw_subscription_on_close(void *data, const lt_error_t *err)
{
    ltw_subscription_t *s = data;

    s->in_callback++;
    if (s->status != 0 && s->status != 200) {
        ltw_subscription_refused(s, s->status, (lt_str_t) { NULL, 0 },
            ltw_bytes_str(&s->in));
    } else if (err->code == LTW_TLS_UNTRUSTED) {
        ltw_subscription_broken(s, "untrusted_certificate", err->text);
    } else if (err->text[0] != '\0') {
        ltw_subscription_broken(s, s->status == 0 ? "cannot_connect"
            : "connection_lost", err->text);
    } else {
        ltw_subscription_end(s, NULL);
    }
    ltw_subscription_leave(s);
}

static void
ltw_subscription_on_pong(void *data)
{
    ltw_subscription_t *s = data;

    s->heard_at_ms = ltw_loop_now_ms(s->services->loop);
}

/* ---- time ---- */

static void
ltw_subscription_tick(ltw_subscription_t *s)
{
    int64_t now = ltw_loop_now_ms(s->services->loop);

    if (now - s->heard_at_ms >= LTW_SUBSCRIPTION_DEAD_MS) {
        ltw_subscription_broken(s, "no_sign_of_life",
            "the server does not answer pings");
        return;
    }
    if (now - s->pinged_at_ms >= LTW_SUBSCRIPTION_PING_MS) {
        s->pinged_at_ms = now;
        ltw_h2_ping(s->h2);
    }
    ltw_timer_start(s->timer, LTW_SUBSCRIPTION_TICK_MS);
    if (now - s->heard_at_ms < LTW_SUBSCRIPTION_QUIET_MS) {
        s->events->on_alive(s->data);
    }
}

static void
ltw_subscription_timer_ready(void *data)
{
    ltw_subscription_t *s = data;

    s->in_callback++;
    if (s->state == LTW_SUBSCRIPTION_OPENING) {
        ltw_subscription_broken(s, "open_timeout", "no answer");
    } else if (s->state == LTW_SUBSCRIPTION_LIVE) {
        ltw_subscription_tick(s);
    } else if (!s->events->is_ready(s->data)) {
        ltw_timer_start(s->timer, LTW_SUBSCRIPTION_HOLD_MS);
    } else {
        s->state = LTW_SUBSCRIPTION_LIVE;
        s->heard_at_ms = ltw_loop_now_ms(s->services->loop);
        ltw_timer_start(s->timer, LTW_SUBSCRIPTION_TICK_MS);
        ltw_h2_resume(s->h2);
        ltw_subscription_decode(s);     /* may hold again */
    }
    ltw_subscription_leave(s);
}

/* ---- opening ---- */

static lt_result_t
ltw_subscription_send(ltw_subscription_t *s, ltw_tls_context_t *tls,
    const ltw_subscribe_options_t *o, lt_error_t *err)
{
    static const ltw_h2_events_t events = { ltw_subscription_on_headers,
        ltw_subscription_on_body, ltw_subscription_on_drain,
        ltw_subscription_on_close, ltw_subscription_on_pong };
    const ltw_aws_endpoint_t *endpoint = ltw_aws_endpoint(s->services->aws,
        LTW_AWS_KINESIS);
    ltw_subscribe_request_t request;
    ltw_h2_options_t h2 = { endpoint->host, endpoint->port, !endpoint->is_tls,
        LTW_SUBSCRIPTION_CONNECT_MS, LT_STR("POST"), o->authority,
        LT_STR("/"), request.headers, 0 };
    lt_result_t result = LT_ERROR;

    if (ltw_aws_kinesis_subscribe(&request, o) != LT_OK) {
        lt_error_set(err, 0, "the request cannot be signed");
    } else {
        h2.headers_n = request.headers_n;
        s->h2 = ltw_h2_open(s->services->loop, tls, &h2, &events, s, err);
        if (s->h2 != NULL) {
            result = ltw_h2_write(s->h2, request.body.data, request.body.len);
            ltw_h2_end(s->h2);
        }
    }
    explicit_bzero(&request, sizeof(request));
    return result;
}

ltw_subscription_t *
ltw_subscription_open(const ltw_services_t *services, ltw_tls_context_t *tls,
    lt_str_t consumer_arn, lt_str_t shard, lt_str_t position,
    const ltw_subscription_events_t *events, void *data, lt_error_t *err)
{
    ltw_subscribe_options_t options = {
        lt_str(ltw_aws_endpoint(services->aws, LTW_AWS_KINESIS)->authority),
        lt_str(services->config->aws_region), consumer_arn, shard, position,
        ltw_aws_keys(services->aws), ltw_aws_time_ms(services->aws) / 1000 };
    ltw_subscription_t *s;

    if (options.keys.access_key.len == 0) {
        lt_error_set(err, 0, "there are no AWS keys now");
        return NULL;
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        lt_error_set(err, 0, "no memory");
        return NULL;
    }
    s->services = services;
    s->events = events;
    s->data = data;
    s->in.kept = LTW_SUBSCRIPTION_IN_KEPT;
    s->timer = ltw_timer_new(services->loop, ltw_subscription_timer_ready, s);
    if (s->timer == NULL
        || ltw_subscription_send(s, tls, &options, err) != LT_OK)
    {
        ltw_subscription_close(&s);
        return NULL;
    }
    ltw_timer_start(s->timer, LTW_SUBSCRIPTION_OPEN_MS);
    ltw_count_call(services->metrics, "kinesis", "SubscribeToShard");
    return s;
}
