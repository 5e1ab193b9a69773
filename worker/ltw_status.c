#define _GNU_SOURCE         /* accept4 */

#include "ltw_status.h"

#include "ltw_health.h"

#include "lt_prometheus.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LTW_STATUS_CONNS_MAX 16
#define LTW_STATUS_REQUEST_MAX 4096
#define LTW_STATUS_BODY_MAX (256 * 1024)
#define LTW_STATUS_HEAD_MAX 256
#define LTW_STATUS_TIMEOUT_MS 5000

typedef enum {
    LTW_STATUS_FREE, LTW_STATUS_READING, LTW_STATUS_WRITING
} ltw_status_state_t;

/* READING and WRITING end by the timer at the latest. */
typedef struct {
    ltw_status_t *status;
    ltw_status_state_t state;
    int fd;
    uint64_t number;            /* of those accepted */
    ltw_watch_t *watch;
    ltw_timer_t *timer;
    char request[LTW_STATUS_REQUEST_MAX];
    size_t request_len;
    char *answer;
    size_t answer_len;
    size_t sent;
} ltw_status_conn_t;

struct ltw_status_s {
    const ltw_services_t *services;
    ltw_health_t *health;
    ltw_handler_t refresh;
    void *data;
    int fd;
    uint64_t accepted;
    ltw_watch_t *watch;
    ltw_status_conn_t conns[LTW_STATUS_CONNS_MAX];
};

/* ---- one connection ---- */

static void
ltw_status_close(void *data)
{
    ltw_status_conn_t *conn = data;

    if (conn->state == LTW_STATUS_FREE) {
        return;
    }
    ltw_watch_free(&conn->watch);
    ltw_timer_free(&conn->timer);
    close(conn->fd);
    free(conn->answer);
    *conn = (ltw_status_conn_t) { .status = conn->status };
}

static void
ltw_status_write(ltw_status_conn_t *conn)
{
    ssize_t n = send(conn->fd, conn->answer + conn->sent,
        conn->answer_len - conn->sent, MSG_NOSIGNAL);

    if (n >= 0) {
        conn->sent += (size_t) n;
    } else if (errno != EAGAIN && errno != EINTR) {
        ltw_status_close(conn);
        return;
    }
    if (conn->sent == conn->answer_len) {
        ltw_status_close(conn);
    } else {
        ltw_watch_set(conn->watch, LTW_WRITABLE);
    }
}

/* Puts the body; 1: 200, 0: 503. */
typedef int (*ltw_status_page_t)(ltw_status_t *status, lt_out_t *out);

static int
ltw_status_figures(ltw_status_t *status, lt_out_t *out)
{
    status->refresh(status->data);
    return ltw_metrics_json(status->services->metrics, out) == LT_OK;
}

static int
ltw_status_metrics(ltw_status_t *status, lt_out_t *out)
{
    status->refresh(status->data);
    return ltw_metrics_text(status->services->metrics, out) == LT_OK;
}

static int
ltw_status_live(ltw_status_t *status, lt_out_t *out)
{
    (void) status;
    lt_out_cstr(out, "{\"status\":\"live\"}");
    return 1;
}

static int
ltw_status_is_ready(ltw_status_t *status, lt_out_t *out)
{
    return ltw_health_ready(status->health, out);
}

static const struct {
    const char *path;
    const char *type;
    ltw_status_page_t page;
} ltw_status_pages[] = {
    { "/", "application/json", ltw_status_figures },
    { "/metrics", LT_PROMETHEUS_TYPE, ltw_status_metrics },
    { "/live", "application/json", ltw_status_live },
    { "/ready", "application/json", ltw_status_is_ready },
};

#define LTW_STATUS_PAGES_N                                                  \
    (sizeof(ltw_status_pages) / sizeof(ltw_status_pages[0]))

/* What is asked for: an index, or LTW_STATUS_PAGES_N; a query is ignored. */
static size_t
ltw_status_find(const char *request)
{
    const char *space = strchr(request, ' ');
    const char *path = space != NULL ? space + 1 : "";
    lt_str_t asked = { path, strcspn(path, " ?\r\n") };
    size_t i = 0;

    while (i < LTW_STATUS_PAGES_N
        && !lt_str_is(asked, ltw_status_pages[i].path))
    {
        i++;
    }
    return i;
}

static void
ltw_status_answer(ltw_status_conn_t *conn)
{
    size_t size = LTW_STATUS_BODY_MAX + LTW_STATUS_HEAD_MAX, page;
    const char *line = "404 Not Found", *type = "application/json";
    int is_head = strncmp(conn->request, "HEAD ", 5) == 0, len;
    char *body;
    lt_out_t out;

    conn->answer = malloc(size);
    if (conn->answer == NULL) {
        ltw_status_close(conn);
        return;
    }
    body = conn->answer + LTW_STATUS_HEAD_MAX;
    lt_out_init(&out, body, LTW_STATUS_BODY_MAX);
    page = ltw_status_find(conn->request);
    if (!is_head && strncmp(conn->request, "GET ", 4) != 0) {
        line = "405 Method Not Allowed";
        lt_out_cstr(&out, "{\"error\":\"only GET is answered\"}");
    } else if (page == LTW_STATUS_PAGES_N) {
        lt_out_cstr(&out, "{\"error\":\"/, /metrics, /live and /ready are "
            "here\"}");
    } else {
        type = ltw_status_pages[page].type;
        line = ltw_status_pages[page].page(conn->status, &out)
            ? "200 OK" : "503 Service Unavailable";
    }
    len = snprintf(conn->answer, LTW_STATUS_HEAD_MAX,
        "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n", line, type,
        lt_out_len(&out));
    memmove(conn->answer + len, body, lt_out_len(&out));
    conn->answer_len = (size_t) len + (is_head ? 0 : lt_out_len(&out));
    conn->state = LTW_STATUS_WRITING;
    ltw_status_write(conn);
}

static void
ltw_status_read(ltw_status_conn_t *conn)
{
    ssize_t n = read(conn->fd, conn->request + conn->request_len,
        sizeof(conn->request) - 1 - conn->request_len);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {               /* closed, broken, or too long a request */
        ltw_status_close(conn);
        return;
    }
    conn->request_len += (size_t) n;
    conn->request[conn->request_len] = '\0';
    if (strstr(conn->request, "\r\n\r\n") != NULL) {
        ltw_status_answer(conn);
    }
}

static void
ltw_status_ready(void *data, int events)
{
    ltw_status_conn_t *conn = data;

    (void) events;
    if (conn->state == LTW_STATUS_READING) {
        ltw_status_read(conn);
    } else if (conn->state == LTW_STATUS_WRITING) {
        ltw_status_write(conn);
    }
}

/* ---- the listener ---- */

/* A free one, or that of the oldest: who only holds on keeps nobody out. */
static ltw_status_conn_t *
ltw_status_place(ltw_status_t *status)
{
    ltw_status_conn_t *oldest = &status->conns[0];
    size_t i;

    for (i = 0; i < LTW_STATUS_CONNS_MAX; i++) {
        if (status->conns[i].state == LTW_STATUS_FREE) {
            return &status->conns[i];
        }
        if (status->conns[i].number < oldest->number) {
            oldest = &status->conns[i];
        }
    }
    ltw_status_close(oldest);
    return oldest;
}

static void
ltw_status_accept(void *data, int events)
{
    ltw_status_t *status = data;
    ltw_status_conn_t *conn;
    int fd = accept4(status->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void) events;
    if (fd == -1) {
        return;
    }
    conn = ltw_status_place(status);
    conn->fd = fd;
    conn->number = ++status->accepted;
    conn->state = LTW_STATUS_READING;
    conn->watch = ltw_watch_new(status->services->loop, fd, ltw_status_ready,
        conn);
    conn->timer = ltw_timer_new(status->services->loop, ltw_status_close,
        conn);
    if (conn->watch == NULL || conn->timer == NULL) {
        ltw_status_close(conn);
        return;
    }
    ltw_watch_set(conn->watch, LTW_READABLE);
    ltw_timer_start(conn->timer, LTW_STATUS_TIMEOUT_MS);
}

lt_result_t
ltw_status_address(ltw_address_t *address, const char *listen,
    lt_error_t *err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *) &address->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &address->address;
    const char *colon = strrchr(listen, ':');
    size_t len = colon != NULL ? (size_t) (colon - listen) : 0;
    long port = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;
    char host[INET6_ADDRSTRLEN + 2];

    *address = (ltw_address_t) { .len = sizeof(*v4) };
    if (port >= 1 && port <= 65535 && len > 0 && len < sizeof(host)) {
        memcpy(host, listen, len);
        host[len] = '\0';
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t) port);
        if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
            return LT_OK;
        }
        address->len = sizeof(*v6);
        v6->sin6_family = AF_INET6;
        if (host[0] == '[' && host[len - 1] == ']') {
            host[len - 1] = '\0';
            if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1) {
                return LT_OK;
            }
        }
    }
    lt_error_set(err, 0,
        "status_listen: \"%s\" is not address:port, like 127.0.0.1:9100",
        listen);
    return LT_INVALID;
}

static int
ltw_status_listen(const ltw_address_t *address, const char *text,
    lt_error_t *err)
{
    int on = 1;
    int fd = socket(address->address.ss_family,
        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd != -1
        && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0
        && bind(fd, (const struct sockaddr *) &address->address, address->len)
            == 0
        && listen(fd, LTW_STATUS_CONNS_MAX) == 0)
    {
        return fd;
    }
    lt_error_set(err, errno, "status_listen: %s: %s", text,
        strerror(errno));
    if (fd != -1) {
        close(fd);
    }
    return -1;
}

ltw_status_t *
ltw_status_new(const ltw_services_t *services, const char *listen,
    ltw_handler_t refresh, void *data, lt_error_t *err)
{
    ltw_status_t *status;
    ltw_address_t address;
    size_t i;

    if (ltw_status_address(&address, listen, err) != LT_OK) {
        return NULL;
    }
    status = calloc(1, sizeof(*status));
    if (status == NULL) {
        lt_error_set(err, 0, "no memory");
        return NULL;
    }
    status->services = services;
    status->refresh = refresh;
    status->data = data;
    for (i = 0; i < LTW_STATUS_CONNS_MAX; i++) {
        status->conns[i].status = status;
    }
    status->health = ltw_health_new(services);
    status->fd = ltw_status_listen(&address, listen, err);
    if (status->fd != -1 && status->health != NULL) {
        status->watch = ltw_watch_new(services->loop, status->fd,
            ltw_status_accept, status);
    }
    if (status->watch == NULL) {
        ltw_status_free(&status);
        return NULL;
    }
    ltw_watch_set(status->watch, LTW_READABLE);
    return status;
}

void
ltw_status_leave(ltw_status_t *status)
{
    if (status != NULL) {
        ltw_health_leave(status->health);
    }
}

void
ltw_status_free(ltw_status_t **status)
{
    size_t i;

    if (*status == NULL) {
        return;
    }
    for (i = 0; i < LTW_STATUS_CONNS_MAX; i++) {
        ltw_status_close(&(*status)->conns[i]);
    }
    ltw_watch_free(&(*status)->watch);
    ltw_health_free(&(*status)->health);
    if ((*status)->fd != -1) {
        close((*status)->fd);
    }
    free(*status);
    *status = NULL;
}
