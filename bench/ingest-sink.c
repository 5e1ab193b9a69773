/*
 * The Kinesis of bench/ingest.mjs: says yes to every PutRecords (JSON 1.1 or
 * CBOR 1.1) at once, one thread a connection, HTTP/1.1 with or without TLS.
 * It verifies no signature.
 *
 *   ingest-sink CHUNK_BYTES HEADER_BYTES [CERT KEY]
 *
 * It prints {"port":n}, and for each line "stats" or "reset" on its standard
 * input one line of figures since the last reset.  A record is a header of
 * HEADER_BYTES and whole chunks of ingest-load, whose stamps tell how long each
 * took and whether one is missing.
 */
#define _GNU_SOURCE
#include "ingest-kinesis.h"
#include "load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX (12u << 20)
#define BUCKET_US 100
#define BUCKETS 600000                  /* one minute */
#define SESSIONS 65536              /* more than there ever are */
#define STAMP_BYTES 12
#define PAYLOAD_UNIT (25 * 1024)

typedef struct {
    int fd;
    SSL *tls;
    char *buf;
    size_t len;
    uint64_t wire;                      /* bytes read, counted so far */
    body_t body;
} conn_t;

typedef struct {
    char name[64];
    uint32_t next;                      /* chunk of that session */
} session_t;

typedef struct {
    uint64_t calls, records, chunks, bytes, wire, units, disorder, bad;
    uint64_t max_us;
    uint32_t latency[BUCKETS];
} counts_t;

static struct {
    size_t chunk, header;
    SSL_CTX *tls;
    pthread_mutex_t lock;
    counts_t counts;
    session_t sessions[SESSIONS];
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- what is in a record ---- */

static session_t *
session_of(const record_t *r)
{
    size_t i, len = r->key_len < 63 ? r->key_len : 63;
    uint32_t hash = 2166136261u;
    session_t *s;

    for (i = 0; i < len; i++) {
        hash = (hash ^ r->key[i]) * 16777619u;
    }

    for (;; hash++) {
        s = &sink.sessions[hash % SESSIONS];

        if (s->name[0] == '\0') {
            memcpy(s->name, r->key, len);
            return s;
        }

        if (strlen(s->name) == len && memcmp(s->name, r->key, len) == 0) {
            return s;
        }
    }
}

static void
count_chunk(session_t *s, const uint8_t *stamp, uint64_t now)
{
    uint64_t sent_us, took_us;
    uint32_t number;
    counts_t *n = &sink.counts;

    memcpy(&sent_us, stamp, 8);
    memcpy(&number, stamp + 8, 4);

    took_us = now > sent_us ? now - sent_us : 0;
    n->latency[took_us / BUCKET_US < BUCKETS ? took_us / BUCKET_US
                                             : BUCKETS - 1]++;
    n->max_us = took_us > n->max_us ? took_us : n->max_us;
    n->disorder += number != s->next;
    s->next = number + 1;
    n->chunks++;
}

static void
count_record(const conn_t *c, const record_t *r, uint64_t now)
{
    size_t at, size = record_size(&c->body, r);
    uint8_t stamp[STAMP_BYTES];
    counts_t *n = &sink.counts;
    session_t *s = session_of(r);

    n->records++;
    n->units += (size + r->key_len + PAYLOAD_UNIT - 1) / PAYLOAD_UNIT;

    if (size < sink.header || (size - sink.header) % sink.chunk != 0) {
        n->bad++;
        return;
    }

    n->bytes += size - sink.header;

    for (at = sink.header; at < size; at += sink.chunk) {
        record_peek(&c->body, r, at, stamp, STAMP_BYTES);
        count_chunk(s, stamp, now);
    }
}

static uint64_t
wire_read(const conn_t *c, uint64_t plain)
{
    return c->tls ? BIO_number_read(SSL_get_rbio(c->tls)) : plain;
}

static void
count_call(conn_t *c, uint64_t plain)
{
    size_t i;
    uint64_t now = now_us(), wire = wire_read(c, plain);

    pthread_mutex_lock(&sink.lock);

    sink.counts.calls++;
    sink.counts.wire += wire - c->wire;
    c->wire = wire;

    for (i = 0; i < c->body.records_n; i++) {
        count_record(c, &c->body.records[i], now);
    }

    pthread_mutex_unlock(&sink.lock);
}

/* ---- HTTP ---- */

static ssize_t
conn_read(conn_t *c)
{
    if (c->len == BODY_MAX) {
        return -1;
    }

    return c->tls ? SSL_read(c->tls, c->buf + c->len, (int) (BODY_MAX - c->len))
                  : read(c->fd, c->buf + c->len, BODY_MAX - c->len);
}

static int
conn_write(conn_t *c, const char *text, size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = c->tls ? SSL_write(c->tls, text, (int) len)
                   : write(c->fd, text, len);
        if (n <= 0) {
            return -1;
        }

        text += n;
        len -= (size_t) n;
    }

    return 0;
}

static int
answer(conn_t *c, call_t call)
{
    int head, result;
    char text[160], out[ANSWER_MAX];
    size_t n = body_answer(&c->body, call, out);

    head = sprintf(text, "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-%s"
                   "-1.1\r\nx-amzn-RequestId: 1\r\nContent-Length: %zu\r\n\r\n",
                   c->body.is_cbor ? "cbor" : "json", n);

    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &(int) { 1 }, sizeof(int));
    result = conn_write(c, text, (size_t) head) || conn_write(c, out, n);
    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &(int) { 0 }, sizeof(int));

    return result;
}

/* Bytes of the request at the front; 0: not all of it is here.  Its head is
   ended with a NUL then. */
static size_t
request_size(conn_t *c, size_t *body_at)
{
    char *end = memmem(c->buf, c->len, "\r\n\r\n", 4), *length;

    if (end == NULL) {
        return 0;
    }

    end[2] = '\0';
    length = strcasestr(c->buf, "\r\ncontent-length:");
    *body_at = (size_t) (end - c->buf) + 4;

    if (length == NULL
        || c->len < *body_at + strtoul(length + 17, NULL, 10))
    {
        end[2] = '\r';
        return 0;
    }

    return *body_at + strtoul(length + 17, NULL, 10);
}

/* The head is ended with a NUL. */
static int
serve_one(conn_t *c, size_t body_at, size_t size, uint64_t plain)
{
    call_t call = strcasestr(c->buf, ".PutRecords\r") ? CALL_PUT_RECORDS
                  : strcasestr(c->buf, ".PutRecord\r") ? CALL_PUT_RECORD
                  : CALL_LIST_SHARDS;

    c->body.is_cbor = strcasestr(c->buf, "amz-cbor") != NULL;
    body_read(&c->body, (const uint8_t *) c->buf + body_at, size - body_at);

    if (call != CALL_LIST_SHARDS) {
        count_call(c, plain);
    }

    return answer(c, call);
}

static void
serve(conn_t *c)
{
    ssize_t n;
    size_t size, body_at;
    uint64_t plain = 0;

    while ((n = conn_read(c)) > 0) {
        c->len += (size_t) n;
        plain += (size_t) n;

        while ((size = request_size(c, &body_at)) > 0) {
            if (serve_one(c, body_at, size, plain) != 0) {
                return;
            }

            memmove(c->buf, c->buf + size, c->len - size);
            c->len -= size;
        }
    }
}

static void *
run_conn(void *data)
{
    conn_t *c = data;

    c->buf = malloc(BODY_MAX);
    if (c->buf == NULL) {
        die("memory");
    }

    if (sink.tls) {
        c->tls = SSL_new(sink.tls);
        SSL_set_fd(c->tls, c->fd);
    }

    if (c->tls == NULL || SSL_accept(c->tls) == 1) {
        serve(c);
    }

    SSL_free(c->tls);
    close(c->fd);
    free(c->buf);
    free(c);

    return NULL;
}

static void *
run_listener(void *data)
{
    int one = 1;
    conn_t *c;
    pthread_t thread;

    for (;;) {
        c = calloc(1, sizeof(*c));
        if (c == NULL || (c->fd = accept(*(int *) data, NULL, NULL)) < 0) {
            die("accept");
        }

        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

        if (pthread_create(&thread, NULL, run_conn, c) != 0) {
            die("thread");
        }

        pthread_detach(thread);
    }

    return NULL;
}

/* ---- figures ---- */

static double
latency_ms(double share)
{
    size_t i;
    uint64_t seen = 0, want = (uint64_t) (share * sink.counts.chunks);

    for (i = 0; i < BUCKETS; i++) {
        seen += sink.counts.latency[i];
        if (seen > want) {
            return (double) (i + 1) * BUCKET_US / 1000;
        }
    }

    return 0;
}

static void
report(int is_reset)
{
    const counts_t *n = &sink.counts;

    pthread_mutex_lock(&sink.lock);
    printf("{\"calls\":%ju,\"records\":%ju,\"chunks\":%ju,\"bytes\":%ju,"
           "\"wire\":%ju,\"units\":%ju,\"disorder\":%ju,\"bad\":%ju,"
           "\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f}\n",
           (uintmax_t) n->calls, (uintmax_t) n->records,
           (uintmax_t) n->chunks, (uintmax_t) n->bytes, (uintmax_t) n->wire,
           (uintmax_t) n->units, (uintmax_t) n->disorder, (uintmax_t) n->bad,
           latency_ms(0.5), latency_ms(0.99), (double) n->max_us / 1000);
    fflush(stdout);

    if (is_reset) {
        memset(&sink.counts, 0, sizeof(sink.counts));
    }
    pthread_mutex_unlock(&sink.lock);
}

static int
listen_any(int *port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);

    if (fd < 0 || bind(fd, (void *) &at, len) != 0 || listen(fd, 1024) != 0
        || getsockname(fd, (void *) &at, &len) != 0)
    {
        die("listen");
    }

    *port = ntohs(at.sin_port);

    return fd;
}

int
main(int argc, char **argv)
{
    int fd, port;
    char line[32];
    pthread_t thread;

    if (argc != 3 && argc != 5) {
        fprintf(stderr,
                "usage: ingest-sink CHUNK_BYTES HEADER_BYTES [CERT KEY]\n");
        return 2;
    }

    sink.chunk = strtoul(argv[1], NULL, 10);
    sink.header = strtoul(argv[2], NULL, 10);

    if (argc == 5) {
        sink.tls = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(sink.tls, argv[3]) != 1
            || SSL_CTX_use_PrivateKey_file(sink.tls, argv[4],
                                           SSL_FILETYPE_PEM) != 1)
        {
            die("certificate");
        }
    }

    fd = listen_any(&port);
    printf("{\"port\":%d}\n", port);
    fflush(stdout);

    if (pthread_create(&thread, NULL, run_listener, &fd) != 0) {
        die("thread");
    }

    while (fgets(line, sizeof(line), stdin)) {
        report(line[0] == 'r');
    }

    return 0;
}
