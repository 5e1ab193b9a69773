/*
 * Speakers for bench/ingest.mjs: many WebSocket clients in one epoll loop that
 * cost as little as possible beside what is measured.
 *
 *   ingest-load PORT SPEAKERS SECONDS CHUNKS_PER_S BYTES json|binary
 * and on standard input, for each speaker, a line "<session id> <token>".
 *
 * Each speaker's frame is made and masked once; a chunk changes its first 12
 * bytes of PCM only: u64 microseconds (CLOCK_MONOTONIC) at which it was sent,
 * u32 number in its session.  Prints {"ready":n} when all are connected, and
 * when the time is over and all is sent, one line of figures.  A chunk that
 * has to wait because its socket takes nothing keeps the time it was due.
 * Sockets stay open until standard input ends.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define STAMP_BYTES 12                  /* 16 characters of base64 */
#define EVENTS_MAX 256
#define DRAIN_US 30000000

typedef struct {
    int fd;
    uint8_t *frame;                     /* as it goes out, masked */
    size_t frame_len;
    size_t stamp_at;                    /* in frame; where the stamp stands */
    size_t mask_at;
    size_t left;                        /* of the frame that is going out */
    uint32_t owed;                      /* chunks that are due and wait */
    uint32_t sent;
    uint64_t owed_due_us;               /* when the first of them was due */
} speaker_t;

typedef struct {
    int epoll;
    int is_json;
    size_t bytes;
    uint64_t interval_us;
    speaker_t *speakers;
    size_t n;
    uint64_t chunks, blocked, closed, received;
} load_t;

static const uint8_t MASK[4] = { 0x3c, 0xa5, 0x69, 0x0f };
static const char BASE64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void *
need(void *memory)
{
    if (memory == NULL) {
        die("memory");
    }

    return memory;
}

static size_t
encode(char *out, const uint8_t *in, size_t len)
{
    size_t i, n = 0;

    for (i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t) in[i] << 16
                     | (i + 1 < len ? (uint32_t) in[i + 1] << 8 : 0)
                     | (i + 2 < len ? in[i + 2] : 0);

        out[n++] = BASE64[v >> 18];
        out[n++] = BASE64[v >> 12 & 63];
        out[n++] = i + 1 < len ? BASE64[v >> 6 & 63] : '=';
        out[n++] = i + 2 < len ? BASE64[v & 63] : '=';
    }

    return n;
}

/* The fields of the existing app, in its order. */
static size_t
make_payload(const load_t *l, const char *id, char *out, size_t *stamp_at)
{
    size_t i, n;
    uint8_t *pcm = need(malloc(l->bytes));

    for (i = 0; i < l->bytes; i++) {
        pcm[i] = (uint8_t) (i * 2654435761u >> 13);
    }

    if (l->is_json) {
        n = (size_t) sprintf(out, "{\"action\":\"audioChunk\","
                             "\"sessionId\":\"%s\",\"audioData\":\"", id);
        *stamp_at = n;
        n += encode(out + n, pcm, l->bytes);
        n += (size_t) sprintf(out + n, "\",\"timestamp\":1732800000000,"
                              "\"format\":\"pcm\",\"sampleRate\":16000,"
                              "\"channels\":1,\"encoding\":\"s16le\"}");
    } else {
        memcpy(out, pcm, l->bytes);
        *stamp_at = 0;
        n = l->bytes;
    }

    free(pcm);

    return n;
}

static void
make_frame(const load_t *l, speaker_t *s, const char *id)
{
    size_t i, head, len, stamp_at;
    char *payload = need(malloc(l->bytes * 2 + 512));

    len = make_payload(l, id, payload, &stamp_at);
    if (len > 0xffff) {
        fprintf(stderr, "BYTES is too large\n");
        exit(2);
    }

    head = len < 126 ? 6 : 8;
    s->frame_len = head + len;
    s->frame = need(malloc(s->frame_len));
    s->frame[0] = l->is_json ? 0x81 : 0x82;

    if (head == 6) {
        s->frame[1] = (uint8_t) (0x80 | len);
    } else {
        s->frame[1] = 0x80 | 126;
        s->frame[2] = (uint8_t) (len >> 8);
        s->frame[3] = (uint8_t) len;
    }

    memcpy(s->frame + head - 4, MASK, 4);
    for (i = 0; i < len; i++) {
        s->frame[head + i] = (uint8_t) payload[i] ^ MASK[i & 3];
    }

    s->stamp_at = head + stamp_at;
    s->mask_at = stamp_at;
    free(payload);
}

static void
stamp(const load_t *l, speaker_t *s, uint64_t at_us)
{
    char text[STAMP_BYTES / 3 * 4];
    size_t i, n = STAMP_BYTES;
    uint8_t pcm[STAMP_BYTES];
    const uint8_t *from = pcm;

    memcpy(pcm, &at_us, 8);
    memcpy(pcm + 8, &s->sent, 4);

    if (l->is_json) {
        n = encode(text, pcm, STAMP_BYTES);
        from = (const uint8_t *) text;
    }

    for (i = 0; i < n; i++) {
        s->frame[s->stamp_at + i] = from[i] ^ MASK[(s->mask_at + i) & 3];
    }
}

static void
watch(load_t *l, speaker_t *s, uint32_t events, int op)
{
    struct epoll_event ev = { .events = events, .data.ptr = s };

    if (epoll_ctl(l->epoll, op, s->fd, &ev) != 0) {
        die("epoll_ctl");
    }
}

static void
speaker_lost(load_t *l, speaker_t *s)
{
    close(s->fd);
    s->fd = -1;
    s->owed = 0;
    s->left = 0;
    l->closed++;
}

/* Writes until nothing is owed or the socket takes no more. */
static void
speaker_write(load_t *l, speaker_t *s)
{
    int was_waiting = s->left > 0;
    ssize_t n;

    while (s->left > 0 || s->owed > 0) {
        if (s->left == 0) {
            uint64_t now = now_us();

            stamp(l, s, was_waiting && s->owed_due_us < now ? s->owed_due_us
                                                            : now);
            s->left = s->frame_len;
            s->owed--;
            s->owed_due_us += l->interval_us;
        }

        n = send(s->fd, s->frame + s->frame_len - s->left, s->left,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            if (errno != EAGAIN) {
                speaker_lost(l, s);
                return;
            }
            break;
        }

        s->left -= (size_t) n;
        if (s->left == 0) {
            s->sent++;
            l->chunks++;
        }
    }

    if (s->left > 0 && !was_waiting) {
        l->blocked++;
        watch(l, s, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);

    } else if (s->left == 0 && was_waiting) {
        watch(l, s, EPOLLIN, EPOLL_CTL_MOD);
    }
}

static void
speaker_due(load_t *l, speaker_t *s, uint64_t due_us)
{
    if (s->fd < 0) {
        return;
    }

    if (s->owed == 0) {
        s->owed_due_us = due_us;
    }

    s->owed++;
    if (s->left == 0) {
        speaker_write(l, s);
    }
}

/* What the server says is read and not looked at. */
static void
speaker_read(load_t *l, speaker_t *s)
{
    char waste[4096];
    ssize_t n = recv(s->fd, waste, sizeof(waste), MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        speaker_lost(l, s);
    } else if (n > 0) {
        l->received++;
    }
}

static void
speaker_connect(load_t *l, speaker_t *s, int port, const char *id,
    const char *token)
{
    char text[1024];
    size_t got = 0;
    ssize_t n;

    s->fd = dial(port, 0);
    n = snprintf(text, sizeof(text), "GET /ws?sessionId=%s&token=%s HTTP/1.1\r\n"
                 "Host: 127.0.0.1\r\nConnection: Upgrade\r\n"
                 "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
                 id, token);
    if (send(s->fd, text, (size_t) n, MSG_NOSIGNAL) != n) {
        die("send");
    }

    do {
        n = recv(s->fd, text + got, sizeof(text) - 1 - got, 0);
        got += n > 0 ? (size_t) n : 0;
        text[got] = '\0';
    } while (n > 0 && strstr(text, "\r\n\r\n") == NULL);

    if (strncmp(text, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "no 101: %.60s\n", text);
        exit(2);
    }

    watch(l, s, EPOLLIN, EPOLL_CTL_ADD);
}

static void
load_open(load_t *l, int port)
{
    size_t i;
    char id[128], token[256];

    l->speakers = need(calloc(l->n, sizeof(speaker_t)));

    for (i = 0; i < l->n; i++) {
        if (scanf("%127s %255s", id, token) != 2) {
            fprintf(stderr, "fewer than SPEAKERS lines\n");
            exit(2);
        }

        make_frame(l, &l->speakers[i], id);
        speaker_connect(l, &l->speakers[i], port, id, token);
    }

    printf("{\"ready\":%zu}\n", l->n);
    fflush(stdout);
}

static void
load_wait(load_t *l, uint64_t until_us)
{
    int i, n;
    uint64_t now = now_us();
    struct epoll_event ev[EVENTS_MAX];

    n = epoll_wait(l->epoll, ev, EVENTS_MAX,
                   until_us > now ? (int) ((until_us - now + 999) / 1000) : 0);

    for (i = 0; i < n; i++) {
        speaker_t *s = ev[i].data.ptr;

        if (ev[i].events & EPOLLOUT) {
            speaker_write(l, s);
        }

        if (s->fd >= 0 && (ev[i].events & ~EPOLLOUT)) {
            speaker_read(l, s);
        }
    }
}

/* Speakers take turns, evenly over the interval. */
static void
load_run(load_t *l, uint64_t duration_us, uint64_t *late_us)
{
    uint64_t k, due, start = now_us();

    for (k = 0; ; k++) {
        due = start + k * l->interval_us / l->n;
        if (due - start >= duration_us) {
            return;
        }

        while (now_us() < due) {
            load_wait(l, due);
        }

        if (now_us() - due > *late_us) {
            *late_us = now_us() - due;
        }

        speaker_due(l, &l->speakers[k % l->n], due);

        if (k % 64 == 0) {
            load_wait(l, 0);            /* also when it is late */
        }
    }
}

static uint64_t
load_owed(const load_t *l)
{
    size_t i;
    uint64_t owed = 0;

    for (i = 0; i < l->n; i++) {
        owed += l->speakers[i].owed + (l->speakers[i].left > 0);
    }

    return owed;
}

static void
load_report(const load_t *l, uint64_t late_us)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    printf("{\"chunks\":%ju,\"bytes\":%ju,\"unsent\":%ju,\"blocked\":%ju,"
           "\"closed\":%ju,\"received\":%ju,\"late_ms\":%.3f,\"cpu_s\":%.3f}\n",
           (uintmax_t) l->chunks, (uintmax_t) l->chunks * l->bytes,
           (uintmax_t) load_owed(l), (uintmax_t) l->blocked,
           (uintmax_t) l->closed, (uintmax_t) l->received, late_us / 1000.0,
           use.ru_utime.tv_sec + use.ru_stime.tv_sec
           + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    load_t l = { 0 };
    double rate, seconds;
    uint64_t end, late_us = 0;

    if (argc != 7) {
        fprintf(stderr, "usage: ingest-load PORT SPEAKERS SECONDS "
                "CHUNKS_PER_S BYTES json|binary\n");
        return 2;
    }

    l.n = strtoul(argv[2], NULL, 10);
    seconds = atof(argv[3]);
    rate = atof(argv[4]);
    l.bytes = strtoul(argv[5], NULL, 10);
    l.is_json = strcmp(argv[6], "json") == 0;
    l.interval_us = (uint64_t) (1e6 / rate);
    l.epoll = epoll_create1(0);

    if (l.epoll < 0 || l.n == 0 || l.bytes < STAMP_BYTES) {
        die("arguments");
    }

    load_open(&l, atoi(argv[1]));
    load_run(&l, (uint64_t) (seconds * 1e6), &late_us);

    end = now_us() + DRAIN_US;
    while (load_owed(&l) > 0 && now_us() < end) {
        load_wait(&l, now_us() + 10000);
    }

    load_report(&l, late_us);

    while (getchar() != EOF) {
        /* the peers are still looked at */
    }

    return 0;
}
