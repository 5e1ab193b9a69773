#include "edge/ltw_http.h"

#include "ltw_slots.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LTW_HTTP_RESPONSE_HEADERS_MAX 16384
#define LTW_HTTP_IDLE_CONNECTIONS 64L

/* A socket of curl's that is being watched. */
typedef struct {
    ltw_http_t *http;
    curl_socket_t fd;
    ltw_watch_t *watch;
} ltw_http_socket_t;

typedef struct {
    char *data;
    size_t len;
    size_t size;
    size_t max;
} ltw_http_buffer_t;

typedef struct {
    ltw_http_id_t id;
    CURL *easy;
    struct curl_slist *headers;
    ltw_http_handler_t handler;
    void *data;
    int64_t began_at_ms;
    ltw_http_buffer_t head;
    ltw_http_buffer_t body;
    int is_too_big;
    char error[CURL_ERROR_SIZE];
} ltw_http_exchange_t;

struct ltw_http_s {
    ltw_loop_t *loop;
    ltw_metrics_t *metrics;
    CURLM *multi;
    ltw_timer_t *timer;
    char *ca_file;
    ltw_slots_t slots;
};

/* ---- curl's view of our loop ---- */

static void ltw_http_finish_all(ltw_http_t *http);

static void
ltw_http_socket_ready(void *data, int events)
{
    ltw_http_socket_t *socket = data;
    ltw_http_t *http = socket->http;    /* socket may be gone after action */
    int bits = 0, running;

    if (events & LTW_READABLE) {
        bits |= CURL_CSELECT_IN;
    }
    if (events & LTW_WRITABLE) {
        bits |= CURL_CSELECT_OUT;
    }
    curl_multi_socket_action(http->multi, socket->fd, bits, &running);
    ltw_http_finish_all(http);
}

static void
ltw_http_timer_ready(void *data)
{
    ltw_http_t *http = data;
    int running;

    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    ltw_http_finish_all(http);
}

static int
ltw_http_on_timer(CURLM *multi, long after_ms, void *data)
{
    ltw_http_t *http = data;

    (void) multi;
    if (after_ms < 0) {
        ltw_timer_stop(http->timer);
    } else {
        ltw_timer_start(http->timer, after_ms);
    }
    return 0;
}

static int
ltw_http_on_socket(CURL *easy, curl_socket_t fd, int what, void *data,
    void *socket_data)
{
    ltw_http_t *http = data;
    ltw_http_socket_t *socket = socket_data;
    int events = 0;

    (void) easy;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL) {
            ltw_watch_free(&socket->watch);
            free(socket);
            curl_multi_assign(http->multi, fd, NULL);
        }
        return 0;
    }
    if (socket == NULL) {
        socket = calloc(1, sizeof(*socket));
        if (socket == NULL) {
            return -1;
        }
        socket->http = http;
        socket->fd = fd;
        socket->watch = ltw_watch_new(http->loop, fd, ltw_http_socket_ready,
            socket);
        if (socket->watch == NULL) {
            free(socket);
            return -1;
        }
        curl_multi_assign(http->multi, fd, socket);
    }
    if (what & CURL_POLL_IN) {
        events |= LTW_READABLE;
    }
    if (what & CURL_POLL_OUT) {
        events |= LTW_WRITABLE;
    }
    ltw_watch_set(socket->watch, events);
    return 0;
}

/* ---- what comes in ---- */

static int
ltw_http_buffer_add(ltw_http_buffer_t *b, const char *data, size_t len)
{
    size_t size = b->size > 0 ? b->size : 1024;
    char *grown;

    if (len > b->max - b->len) {
        return 0;
    }
    while (size < b->len + len) {
        size *= 2;
    }
    if (size != b->size) {
        grown = realloc(b->data, size);
        if (grown == NULL) {
            return 0;
        }
        b->data = grown;
        b->size = size;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
    return 1;
}

static size_t
ltw_http_on_header(char *line, size_t size, size_t n, void *data)
{
    ltw_http_exchange_t *x = data;
    size_t len = size * n;

    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        x->head.len = 0;        /* what came before was "100 Continue" */
    }
    if (!ltw_http_buffer_add(&x->head, line, len)) {
        x->is_too_big = 1;
        return 0;
    }
    return len;
}

static size_t
ltw_http_on_body(char *bytes, size_t size, size_t n, void *data)
{
    ltw_http_exchange_t *x = data;

    if (!ltw_http_buffer_add(&x->body, bytes, size * n)) {
        x->is_too_big = 1;
        return 0;
    }
    return size * n;
}

/* ---- one exchange ---- */

/* Out of the multi handle, out of the table; nothing finds it any more. */
static void
ltw_http_exchange_free(ltw_http_t *http, ltw_http_exchange_t *x)
{
    ltw_slots_remove(&http->slots, x->id);
    if (x->easy != NULL) {
        curl_multi_remove_handle(http->multi, x->easy);
        curl_easy_cleanup(x->easy);
    }
    curl_slist_free_all(x->headers);
    free(x->head.data);
    free(x->body.data);
    free(x);
}

static void
ltw_http_describe(ltw_http_exchange_t *x, CURLcode code,
    ltw_http_response_t *response)
{
    long status = 0, os_errno = 0, sent = 0;

    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &os_errno);
    curl_easy_getinfo(x->easy, CURLINFO_REQUEST_SIZE, &sent);
    response->has_connected = sent > 0;
    if (code == CURLE_OK) {
        response->status = (int) status;
        response->body = (lt_str_t) { x->body.data, x->body.len };
        response->headers = (lt_str_t) { x->head.data, x->head.len };
        return;
    }
    response->has_timed_out = code == CURLE_OPERATION_TIMEDOUT;
    if (x->is_too_big) {
        lt_error_set(&response->err, EMSGSIZE,
            "the answer is larger than %zu bytes", x->body.max);
    } else {
        lt_error_set(&response->err, (int) os_errno, "%s",
            x->error[0] != '\0' ? x->error : curl_easy_strerror(code));
    }
}

static void
ltw_http_finish(ltw_http_t *http, ltw_http_exchange_t *x, CURLcode code)
{
    ltw_http_response_t response = { 0 };

    ltw_http_describe(x, code, &response);
    response.elapsed_ms =
        (unsigned) (ltw_loop_now_ms(http->loop) - x->began_at_ms);
    if (response.status == 0) {
        ltw_count(http->metrics, http_failures, 1);
    }
    /* the handler may cancel its own id: it must find nothing */
    ltw_slots_remove(&http->slots, x->id);
    x->handler(x->data, &response);
    ltw_http_exchange_free(http, x);
}

static void
ltw_http_finish_all(ltw_http_t *http)
{
    ltw_http_exchange_t *x;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &x);
            ltw_http_finish(http, x, message->data.result);
        }
    }
}

static int
ltw_http_set_headers(ltw_http_exchange_t *x, const ltw_http_request_t *request)
{
    char line[8192];
    struct curl_slist *list;
    int has_type = 0, len;
    size_t i;

    for (i = 0; i <= request->headers_n + 1; i++) {
        if (i < request->headers_n) {
            /* "Name;" is how curl wants a header without value */
            len = snprintf(line, sizeof(line),
                request->headers[i].value.len > 0 ? "%.*s: %.*s" : "%.*s;",
                (int) request->headers[i].name.len,
                request->headers[i].name.data,
                (int) request->headers[i].value.len,
                request->headers[i].value.data);
            has_type |= len > 13 && strncasecmp(line, "content-type:", 13) == 0;
        } else if (i == request->headers_n) {
            len = snprintf(line, sizeof(line), "Expect:");
        } else if (has_type) {
            break;
        } else {
            len = snprintf(line, sizeof(line), "Content-Type:");
        }
        if (len < 0 || (size_t) len >= sizeof(line)) {
            return 0;
        }
        list = curl_slist_append(x->headers, line);
        if (list == NULL) {
            return 0;
        }
        x->headers = list;
    }
    return 1;
}

static void
ltw_http_set_options(ltw_http_t *http, ltw_http_exchange_t *x,
    const ltw_http_request_t *request)
{
    CURL *easy = x->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* else giving up on a name would wait for its resolver thread */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->error);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, ltw_http_on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ltw_http_on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
        (long) (request->connect_timeout_ms > 0
            ? request->connect_timeout_ms : 1000));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
        (long) (request->timeout_ms > 0 ? request->timeout_ms : 5000));
    if (http->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
    }
}

/* What curl has to copy: these can fail for want of memory. */
static int
ltw_http_set_request(ltw_http_exchange_t *x, const ltw_http_request_t *request)
{
    CURLcode code;
    char *url = strndup(request->url.data, request->url.len);

    if (url == NULL) {
        return 0;
    }
    code = curl_easy_setopt(x->easy, CURLOPT_URL, url);
    free(url);
    if (code == CURLE_OK && request->body.len > 0) {
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE,
            (curl_off_t) request->body.len);
        code = curl_easy_setopt(x->easy, CURLOPT_COPYPOSTFIELDS,
            request->body.data);
    } else if (code == CURLE_OK && strcmp(request->method, "GET") != 0) {
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) 0);
        code = curl_easy_setopt(x->easy, CURLOPT_COPYPOSTFIELDS, "");
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST,
            request->method);
    }
    return code == CURLE_OK;
}

ltw_http_id_t
ltw_http_send(ltw_http_t *http, const ltw_http_request_t *request,
    ltw_http_handler_t handler, void *data)
{
    ltw_http_exchange_t *x = calloc(1, sizeof(*x));

    if (x == NULL) {
        return 0;
    }
    x->handler = handler;
    x->data = data;
    x->head.max = LTW_HTTP_RESPONSE_HEADERS_MAX;
    x->body.max = request->response_max_bytes > 0
        ? request->response_max_bytes : 65536;
    x->began_at_ms = ltw_loop_now_ms(http->loop);
    x->id = ltw_slots_add(&http->slots, x);
    x->easy = x->id != 0 ? curl_easy_init() : NULL;
    if (x->easy == NULL || !ltw_http_set_headers(x, request)) {
        ltw_http_exchange_free(http, x);
        return 0;
    }
    ltw_http_set_options(http, x, request);
    if (!ltw_http_set_request(x, request)
        || curl_multi_add_handle(http->multi, x->easy) != CURLM_OK)
    {
        ltw_http_exchange_free(http, x);
        return 0;
    }
    ltw_count(http->metrics, http_requests, 1);
    return x->id;
}

void
ltw_http_cancel(ltw_http_t *http, ltw_http_id_t id)
{
    ltw_http_exchange_t *x = ltw_slots_get(&http->slots, id);

    if (x != NULL) {
        ltw_http_exchange_free(http, x);
    }
}

/* ---- the client ---- */

ltw_http_t *
ltw_http_new(ltw_loop_t *loop, ltw_metrics_t *metrics, const char *ca_file)
{
    ltw_http_t *http;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return NULL;
    }
    http = calloc(1, sizeof(*http));
    if (http == NULL) {
        return NULL;
    }
    http->loop = loop;
    http->metrics = metrics;
    http->multi = curl_multi_init();
    http->timer = ltw_timer_new(loop, ltw_http_timer_ready, http);
    http->ca_file = ca_file != NULL ? strdup(ca_file) : NULL;
    if (http->multi == NULL || http->timer == NULL
        || (ca_file != NULL && http->ca_file == NULL)
        || ltw_slots_init(&http->slots, LTW_HTTP_REQUESTS_MAX) != LT_OK)
    {
        ltw_http_free(&http);
        return NULL;
    }
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION,
        ltw_http_on_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, ltw_http_on_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
        LTW_HTTP_IDLE_CONNECTIONS);
    return http;
}

void
ltw_http_free(ltw_http_t **http)
{
    ltw_http_exchange_t *x;

    if (*http == NULL) {
        return;
    }
    while ((x = ltw_slots_any(&(*http)->slots)) != NULL) {
        ltw_http_exchange_free(*http, x);
    }
    curl_multi_cleanup((*http)->multi);
    ltw_timer_free(&(*http)->timer);
    ltw_slots_deinit(&(*http)->slots);
    free((*http)->ca_file);
    free(*http);
    *http = NULL;
    curl_global_cleanup();
}

/* ---- headers of a response ---- */

lt_str_t
ltw_http_header(const ltw_http_response_t *response, const char *name)
{
    size_t name_len = strlen(name);
    const char *p = response->headers.data;
    const char *end = p + response->headers.len;
    const char *eol, *value;

    while (p < end) {
        eol = memchr(p, '\n', (size_t) (end - p));
        eol = eol != NULL ? eol : end;
        if ((size_t) (eol - p) > name_len && p[name_len] == ':'
            && strncasecmp(p, name, name_len) == 0)
        {
            value = p + name_len + 1;
            while (value < eol && (*value == ' ' || *value == '\t')) {
                value++;
            }
            while (eol > value && (eol[-1] == '\r' || eol[-1] == ' ')) {
                eol--;
            }
            return (lt_str_t) { value, (size_t) (eol - value) };
        }
        p = eol + 1;
    }
    return (lt_str_t) { NULL, 0 };
}

int64_t
ltw_http_header_date_ms(const ltw_http_response_t *response, const char *name)
{
    lt_str_t value = ltw_http_header(response, name);
    char text[64];
    time_t seconds;

    if (value.len == 0 || value.len >= sizeof(text)) {
        return -1;
    }
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    seconds = curl_getdate(text, NULL);
    return seconds == -1 ? -1 : (int64_t) seconds * 1000;
}
