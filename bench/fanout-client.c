/*
 * Listeners for bench/fanout.mjs, and who publishes to them: many WebSocket
 * clients in one epoll loop that cost little beside what is measured.
 *
 *   fanout-client LISTENERS SLOW PORT plain|tls PATH
 * connects, prints {"ready":n}, then takes lines on standard input:
 *   run PORT SECONDS BYTES BURST PUBLISH_PATH [TOKEN]
 * and answers each with a line of figures.  A run is a closed loop: BURST
 * connections post one message each at the same moment, and when every
 * listener has them all, the next round begins.  A message carries the
 * microsecond (CLOCK_MONOTONIC) at which it was posted.
 *
 * The first SLOW listeners read 625 bytes a second and are not waited for.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define BEGIN "{\"type\":\"caption\",\"at\":\""
#define BEGIN_LEN (sizeof(BEGIN) - 1)
#define STAMP_LEN 16
#define HEAD_MAX (10 + BEGIN_LEN + STAMP_LEN)
#define READ_SIZE 65536
#define EVENTS_MAX 512
#define BURST_MAX 64
#define SLOW_BYTES 625                  /* a second: 5 kbit/s */
#define BUCKET_US 20
#define BUCKETS 500000                  /* 10 s */

typedef struct {
    int fd;
    SSL *ssl;
    uint8_t head[HEAD_MAX];             /* of the frame that is coming in */
    size_t head_len;
    uint64_t left;                      /* of its payload, unread */
} listener_t;

typedef struct {
    int fd;
    int is_waiting;                     /* for its answer */
} publisher_t;

typedef struct {
    int epoll;
    SSL_CTX *tls;
    listener_t *listeners;
    size_t n, slow;
    uint64_t received, bytes, closed, max_us, slow_at_us;
    uint32_t *latency;
} load_t;

static uint8_t scratch[READ_SIZE + 1];

static ssize_t
listener_recv(listener_t *c, void *out, size_t size)
{
    int n;

    if (c->ssl == NULL) {
        return recv(c->fd, out, size, 0);
    }

    n = SSL_read(c->ssl, out, (int) size);
    if (n <= 0 && SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ) {
        errno = EAGAIN;
        return -1;
    }

    return n > 0 ? n : 0;
}

static void
listener_open(load_t *l, listener_t *c, int port, const char *path)
{
    char text[4096];
    ssize_t n;
    size_t got = 0;

    c->fd = dial(port, c < l->listeners + l->slow ? 4096 : 0);

    if (l->tls != NULL) {
        c->ssl = SSL_new(l->tls);
        SSL_set_fd(c->ssl, c->fd);
        if (SSL_connect(c->ssl) != 1) {
            die("SSL_connect");
        }
    }

    n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                 "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                 "Sec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path);
    if ((c->ssl != NULL ? SSL_write(c->ssl, text, (int) n)
                        : send(c->fd, text, (size_t) n, 0)) != n)
    {
        die("send");
    }

    do {
        n = listener_recv(c, text + got, sizeof(text) - 1 - got);
        got += n > 0 ? (size_t) n : 0;
        text[got] = '\0';
    } while (n > 0 && strstr(text, "\r\n\r\n") == NULL);

    if (strncmp(text, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "no 101: %.200s\n", text);
        exit(2);
    }

    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void
listener_stamped(load_t *l, const listener_t *c, size_t at)
{
    char text[STAMP_LEN + 1];
    uint64_t us;

    l->received++;

    if (memcmp(c->head + at, BEGIN, BEGIN_LEN) != 0) {
        return;
    }

    memcpy(text, c->head + at + BEGIN_LEN, STAMP_LEN);
    text[STAMP_LEN] = '\0';
    us = now_us() - strtoull(text, NULL, 10);

    if (c >= l->listeners + l->slow) {
        l->latency[us / BUCKET_US < BUCKETS ? us / BUCKET_US : BUCKETS - 1]++;
        l->max_us = us > l->max_us ? us : l->max_us;
    }
}

/* 0: more of the head is needed. */
static size_t
head_size(const listener_t *c, uint64_t *payload)
{
    size_t i, n;

    if (c->head_len < 2) {
        return 0;
    }

    n = c->head[1] < 126 ? 2 : c->head[1] == 126 ? 4 : 10;
    if (c->head_len < n) {
        return 0;
    }

    *payload = n == 2 ? c->head[1] : 0;
    for (i = 2; i < n; i++) {
        *payload = *payload << 8 | c->head[i];
    }

    return n;
}

static void
listener_take(load_t *l, listener_t *c, const uint8_t *p, size_t len)
{
    size_t n, head;
    uint64_t payload, want;

    l->bytes += len;

    while (len > 0) {
        if (c->left > 0) {
            n = c->left < len ? c->left : len;
            c->left -= n;
            p += n;
            len -= n;
            continue;
        }

        c->head[c->head_len++] = *p++;
        len--;
        head = head_size(c, &payload);
        want = payload < BEGIN_LEN + STAMP_LEN ? payload
                                               : BEGIN_LEN + STAMP_LEN;

        if (head != 0 && c->head_len == head + want) {
            if (c->head[0] == 0x81 && want == BEGIN_LEN + STAMP_LEN) {
                listener_stamped(l, c, head);
            }
            c->left = payload - want;
            c->head_len = 0;
        }
    }
}

static void
listener_read(load_t *l, listener_t *c)
{
    ssize_t n;

    do {
        n = listener_recv(c, scratch, READ_SIZE);
        if (n > 0) {
            listener_take(l, c, scratch, (size_t) n);
        }
    } while (n == (ssize_t) READ_SIZE
             || (n > 0 && c->ssl != NULL && SSL_pending(c->ssl) > 0));

    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        l->closed++;
        close(c->fd);
        c->fd = -1;
    }
}

static void
slow_read(load_t *l)
{
    size_t i;
    ssize_t n;

    if (now_us() - l->slow_at_us < 1000000) {
        return;
    }

    l->slow_at_us = now_us();

    for (i = 0; i < l->slow; i++) {
        if (l->listeners[i].fd >= 0) {
            n = listener_recv(&l->listeners[i], scratch, SLOW_BYTES);
            if (n == 0) {
                l->closed++;
                close(l->listeners[i].fd);
                l->listeners[i].fd = -1;
            }
        }
    }
}

static void
load_open(load_t *l, int port, const char *path)
{
    size_t i;
    struct epoll_event ev = { .events = EPOLLIN };

    for (i = 0; i < l->n; i++) {
        listener_open(l, &l->listeners[i], port, path);

        if (i >= l->slow) {
            ev.data.ptr = &l->listeners[i];
            epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->listeners[i].fd, &ev);
        }
    }

    printf("{\"ready\":%zu}\n", l->n);
    fflush(stdout);
}

static void
publisher_answered(publisher_t *p)
{
    ssize_t n = recv(p->fd, scratch, READ_SIZE, 0);

    if (n <= 0) {
        die("publisher");
    }

    scratch[n] = '\0';
    if (p->is_waiting && strncmp((char *) scratch, "HTTP/1.1 2", 10) != 0) {
        fprintf(stderr, "not published: %.200s\n", (char *) scratch);
        exit(2);
    }

    p->is_waiting = 0;
}

static void
publish(publisher_t *p, const char *head, const char *body, size_t bytes)
{
    static char out[1 << 20];
    char stamp[STAMP_LEN + 1];
    size_t n;

    n = (size_t) snprintf(out, sizeof(out), "%s", head);
    memcpy(out + n, body, bytes);
    snprintf(stamp, sizeof(stamp), "%016" PRIu64, now_us());
    memcpy(out + n + BEGIN_LEN, stamp, STAMP_LEN);

    p->is_waiting = 1;
    if (send(p->fd, out, n + bytes, 0) != (ssize_t) (n + bytes)) {
        die("publish");
    }
}

static void
round_wait(load_t *l, publisher_t *publishers, size_t burst, uint64_t until)
{
    int i, n;
    size_t k, waiting = burst;
    uint64_t give_up = now_us() + 20000000;
    struct epoll_event ev[EVENTS_MAX];

    while (l->received < until || waiting > 0) {
        n = epoll_wait(l->epoll, ev, EVENTS_MAX, 1000);

        for (i = 0; i < n; i++) {
            if ((publisher_t *) ev[i].data.ptr >= publishers
                && (publisher_t *) ev[i].data.ptr < publishers + burst)
            {
                publisher_answered(ev[i].data.ptr);
            } else {
                listener_read(l, ev[i].data.ptr);
            }
        }

        for (k = 0, waiting = 0; k < burst; k++) {
            waiting += (size_t) publishers[k].is_waiting;
        }

        slow_read(l);

        if (now_us() > give_up) {
            fprintf(stderr, "only %ju of %ju came\n",
                    (uintmax_t) l->received, (uintmax_t) until);
            exit(2);
        }
    }
}

static double
percentile(const load_t *l, double part)
{
    size_t i;
    uint64_t total = 0, sum = 0;

    for (i = 0; i < BUCKETS; i++) {
        total += l->latency[i];
    }

    for (i = 0; i < BUCKETS; i++) {
        sum += l->latency[i];
        if (sum >= part * total) {
            break;
        }
    }

    return (i + 0.5) * BUCKET_US / 1000;
}

static char *
make_body(size_t bytes)
{
    char *body = malloc(bytes);

    memset(body, 'x', bytes);
    memcpy(body, BEGIN "0000000000000000\",\"text\":\"",
           BEGIN_LEN + STAMP_LEN + 10);
    memcpy(body + bytes - 2, "\"}", 2);

    return body;
}

static void
run(load_t *l, int port, double seconds, size_t bytes, size_t burst,
    const char *path, const char *token)
{
    char head[1024], *body = make_body(bytes);
    size_t k;
    uint64_t start = now_us(), rounds = 0;
    publisher_t publishers[BURST_MAX];
    struct epoll_event ev = { .events = EPOLLIN };

    snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: localhost\r\n"
             "Content-Type: application/json\r\nAuthorization: Bearer %s\r\n"
             "Content-Length: %zu\r\n\r\n", path, token, bytes);

    for (k = 0; k < burst; k++) {
        publishers[k].fd = dial(port, 0);
        ev.data.ptr = &publishers[k];
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, publishers[k].fd, &ev);
    }

    l->received = l->bytes = l->max_us = 0;
    memset(l->latency, 0, BUCKETS * sizeof(l->latency[0]));

    while (now_us() - start < seconds * 1e6) {
        for (k = 0; k < burst; k++) {
            publish(&publishers[k], head, body, bytes);
        }
        rounds++;
        round_wait(l, publishers, burst,
                   rounds * burst * (l->n - l->slow));
    }

    for (k = 0; k < burst; k++) {
        close(publishers[k].fd);
    }

    printf("{\"seconds\":%.3f,\"received\":%ju,\"bytes\":%ju,\"closed\":%ju,"
           "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
           (now_us() - start) / 1e6, (uintmax_t) l->received,
           (uintmax_t) l->bytes, (uintmax_t) l->closed, percentile(l, 0.5),
           percentile(l, 0.99), l->max_us / 1000.0);
    fflush(stdout);
    free(body);
}

int
main(int argc, char **argv)
{
    int port;
    char line[1024], path[512], token[256];
    double seconds;
    size_t bytes, burst;
    load_t l = { 0 };

    if (argc != 6) {
        fprintf(stderr, "usage: fanout-client LISTENERS SLOW PORT plain|tls "
                "PATH\n");
        return 2;
    }

    l.n = strtoul(argv[1], NULL, 10);
    l.slow = strtoul(argv[2], NULL, 10);
    l.epoll = epoll_create1(0);
    l.listeners = calloc(l.n, sizeof(listener_t));
    l.latency = calloc(BUCKETS, sizeof(l.latency[0]));
    if (strcmp(argv[4], "tls") == 0) {
        l.tls = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(l.tls, SSL_MODE_RELEASE_BUFFERS);
    }

    if (l.epoll < 0 || l.listeners == NULL || l.latency == NULL
        || l.slow >= l.n)
    {
        die("arguments");
    }

    load_open(&l, atoi(argv[3]), argv[5]);

    while (fgets(line, sizeof(line), stdin) != NULL) {
        token[0] = '\0';
        if (sscanf(line, "run %d %lf %zu %zu %511s %255s", &port, &seconds,
                   &bytes, &burst, path, token) < 5
            || burst == 0 || burst > BURST_MAX || bytes < 64
            || bytes > 1000000)
        {
            fprintf(stderr, "not understood: %s", line);
            return 2;
        }

        run(&l, port, seconds, bytes, burst, path, token);
    }

    return 0;
}
