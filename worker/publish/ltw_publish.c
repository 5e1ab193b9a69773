#include "publish/ltw_publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt_text.h"
#include "ltw_log.h"

#define URLS_MAX 32
#define URL_SIZE 1024
#define QUERY_SIZE 256
#define TRY_TIMEOUT_MS 2000
#define CONNECT_TIMEOUT_MS 500
#define RETRY_BASE_MS 50
#define HOLD_MS 100

/* Addresses and token are looked up each time: they may be reloaded. */
struct ltw_publisher_s {
    const ltw_services_t *services;
    size_t preferred;           /* the one that answered last */
};

typedef struct post_s post_t;

struct post_s {
    post_t *next;
    ltw_posted_t handler;
    void *data;
    char query[QUERY_SIZE];
    size_t body_len;
    char body[];
};

struct ltw_lane_s {
    ltw_publisher_t *publisher;
    const ltw_talk_t *talk;
    post_t *head;               /* the one under way */
    post_t **tail;
    size_t n;
    ltw_http_id_t request;      /* 0: none, the timer runs */
    ltw_timer_t *timer;         /* next post, next try */
    int64_t began_at_ms;        /* of head */
    unsigned tries;
    int is_held;                /* head is */
    size_t url;                 /* index */
};


/* ---- the hosts ---- */

/* The i-th address, from the first again after the last. */
static lt_str_t
url_at(const ltw_publisher_t *p, size_t i, size_t *urls_n)
{
    const char *text = p->services->config->results_urls;
    lt_str_t urls[URLS_MAX];
    size_t n = 0, len;

    for (text += strspn(text, " \t"); *text != '\0' && n < URLS_MAX;
         text += strspn(text, " \t"))
    {
        len = strcspn(text, " \t");
        urls[n++] = (lt_str_t) { text, len };
        text += len;
    }
    *urls_n = n;
    return n > 0 ? urls[i % n] : LT_STR("");
}


ltw_publisher_t *
ltw_publisher_new(const ltw_services_t *services, lt_error_t *err)
{
    ltw_publisher_t *p = calloc(1, sizeof(*p));
    size_t urls_n;

    if (p == NULL) {
        lt_error_set(err, 0, "no memory for the publisher");
        return NULL;
    }
    p->services = services;
    (void) url_at(p, 0, &urls_n);
    if (urls_n == 0) {
        lt_error_set(err, 0, "results_urls is empty");
        ltw_publisher_free(&p);
    }
    return p;
}


void
ltw_publisher_free(ltw_publisher_t **publisher)
{
    free(*publisher);
    *publisher = NULL;
}


/* ---- one post ---- */

static void
start_head(ltw_lane_t *lane)
{
    lane->began_at_ms = ltw_loop_now_ms(lane->publisher->services->loop);
    lane->tries = 0;
    lane->is_held = 0;
    lane->url = lane->publisher->preferred;
    ltw_timer_start(lane->timer, 0);
}


static void
finish_head(ltw_lane_t *lane, int is_delivered)
{
    const ltw_services_t *services = lane->publisher->services;
    post_t *post = lane->head;
    int64_t elapsed_ms = ltw_loop_now_ms(services->loop) - lane->began_at_ms;

    lane->head = post->next;
    lane->n--;
    if (lane->head == NULL) {
        lane->tail = &lane->head;
    } else {
        start_head(lane);
    }
    if (is_delivered) {
        ltw_count(services->metrics, results_posted, 1);
        ltw_observe(services->metrics, publish_ms, elapsed_ms);
    } else {
        ltw_count(services->metrics, results_failed, 1);
    }
    post->handler(post->data, is_delivered, (unsigned) elapsed_ms);
    explicit_bzero(post->body, post->body_len);
    free(post);
}


static const char *
hint(int status)
{
    switch (status) {
    case 401:
        return "results_token_file and nginx's lt_results_token_file differ";
    case 404:
        return "results_urls must point at a location with lt_results";
    case 0:
        return "is nginx running at that address?";
    default:
        return "";
    }
}


static void
log_failure(const ltw_lane_t *lane, const ltw_http_response_t *response)
{
    size_t urls_n;

    ltw_log(LTW_WARN, "publish_failed", ltw_cstr("session", lane->talk->id),
        ltw_str("url", url_at(lane->publisher, lane->url, &urls_n)),
        ltw_int("status", response->status),
        ltw_cstr("message", response->err.text),
        ltw_cstr("hint", hint(response->status)),
        ltw_int("tries", lane->tries));
}


static void
try_again(ltw_lane_t *lane)
{
    ltw_publisher_t *p = lane->publisher;
    ltw_loop_t *loop = p->services->loop;
    int64_t waited_ms = ltw_loop_now_ms(loop) - lane->began_at_ms;
    int64_t delay_ms = 0;
    unsigned rounds;
    size_t urls_n;

    (void) url_at(p, 0, &urls_n);
    rounds = lane->tries / (unsigned) urls_n;
    lane->url++;
    if (lane->tries % urls_n == 0) {            /* all were tried: a pause */
        delay_ms = RETRY_BASE_MS << (rounds < 6 ? rounds : 6);
        delay_ms += (int64_t) (ltw_loop_random(loop) * (double) delay_ms);
    }
    if (waited_ms + delay_ms > LTW_PUBLISH_DEADLINE_MS) {
        finish_head(lane, 0);
        return;
    }
    ltw_timer_start(lane->timer, delay_ms);
}


static int
is_worth_retrying(int status)
{
    return status == 0 || status >= 500 || status == 429 || status == 408;
}


static void
on_response(void *data, const ltw_http_response_t *response)
{
    ltw_lane_t *lane = data;

    lane->request = 0;
    if (response->status >= 200 && response->status < 300) {
        lane->publisher->preferred = lane->url;
        finish_head(lane, 1);
        return;
    }
    log_failure(lane, response);
    if (is_worth_retrying(response->status)) {
        try_again(lane);
    } else {
        finish_head(lane, 0);
    }
}


/* Another worker may have the talk: wait until that is known. */
static void
hold_head(ltw_lane_t *lane)
{
    const ltw_services_t *services = lane->publisher->services;

    if (!lane->is_held) {
        lane->is_held = 1;
        ltw_count(services->metrics, results_held, 1);
    }
    lane->began_at_ms = ltw_loop_now_ms(services->loop);
    ltw_timer_start(lane->timer, HOLD_MS);
}


static void
send_head(ltw_lane_t *lane)
{
    ltw_publisher_t *p = lane->publisher;
    char authorization[300];
    ltw_trace_t trace;
    lt_header_t headers[2 + LTW_TRACE_HEADERS] = {
        { LT_STR("Content-Type"), LT_STR("application/json") },
        { LT_STR("Authorization"), { authorization,
            (size_t) snprintf(authorization, sizeof(authorization),
                "Bearer %s", p->services->config->results_token_file) } },
    };
    size_t urls_n;
    char url[URL_SIZE + QUERY_SIZE];
    ltw_http_request_t request = { .method = "POST", .headers = headers,
        .headers_n = 2, .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = TRY_TIMEOUT_MS };
    lt_out_t out;

    ltw_trace_request(&trace, lane->talk->settings.trace);
    memcpy(headers + 2, trace.headers,
        trace.headers_n * sizeof(headers[0]));
    request.headers_n += trace.headers_n;
    lt_out_init(&out, url, sizeof(url));
    lt_out_str(&out, url_at(p, lane->url, &urls_n));
    lt_out_cstr(&out, "?session=");
    lt_uri_encode(&out, lt_str(lane->talk->id), 0);
    lt_out_cstr(&out, lane->head->query);
    request.url = (lt_str_t) { url, lt_out_len(&out) };
    request.body = (lt_str_t) { lane->head->body, lane->head->body_len };

    lane->tries++;
    if (lt_out_result(&out) == LT_OK) {
        lane->request = ltw_http_send(p->services->http, &request,
            on_response, lane);
    }
    explicit_bzero(authorization, sizeof(authorization));
    if (lane->request == 0) {
        try_again(lane);
    }
}


static void
on_turn(void *data)
{
    ltw_lane_t *lane = data;

    if (ltw_talk_may_speak(lane->talk, lane->publisher->services->loop)) {
        send_head(lane);
    } else {
        hold_head(lane);
    }
}


/* ---- lanes ---- */

ltw_lane_t *
ltw_lane_new(ltw_publisher_t *publisher, const ltw_talk_t *talk)
{
    ltw_lane_t *lane = calloc(1, sizeof(*lane));

    if (lane == NULL) {
        return NULL;
    }
    lane->publisher = publisher;
    lane->tail = &lane->head;
    lane->talk = talk;
    lane->timer = ltw_timer_new(publisher->services->loop, on_turn, lane);
    if (lane->timer == NULL) {
        ltw_lane_free(&lane);
    }
    return lane;
}


void
ltw_lane_free(ltw_lane_t **lane)
{
    ltw_lane_t *l = *lane;
    post_t *post;

    if (l == NULL) {
        return;
    }
    *lane = NULL;
    ltw_http_cancel(l->publisher->services->http, l->request);
    ltw_timer_free(&l->timer);
    while ((post = l->head) != NULL) {
        l->head = post->next;
        explicit_bzero(post->body, post->body_len);
        free(post);
    }
    free(l);
}


lt_result_t
ltw_lane_post(ltw_lane_t *lane, lt_str_t query, lt_str_t body,
    ltw_posted_t handler, void *data)
{
    post_t *post;

    if (lane->n == LTW_LANE_MAX || query.len >= QUERY_SIZE) {
        ltw_count(lane->publisher->services->metrics, results_dropped, 1);
        return LT_NOSPACE;
    }
    post = malloc(sizeof(*post) + body.len);
    if (post == NULL) {
        return LT_ERROR;
    }
    post->next = NULL;
    post->handler = handler;
    post->data = data;
    memcpy(post->query, query.data, query.len);
    post->query[query.len] = '\0';
    post->body_len = body.len;
    if (body.len > 0) {
        memcpy(post->body, body.data, body.len);
    }
    *lane->tail = post;
    lane->tail = &post->next;
    if (lane->n++ == 0) {
        start_head(lane);
    }
    return LT_OK;
}


int
ltw_lane_is_empty(const ltw_lane_t *lane)
{
    return lane->n == 0;
}
