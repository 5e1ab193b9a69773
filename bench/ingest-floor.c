/*
 * What nobody can go below in bench/ingest.mjs: a program that reads the
 * speakers' frames from their sockets and throws them away, hashes as many bytes
 * of PCM as SigV4 would have it, and sends them to Kinesis as CBOR.  It decodes,
 * checks and keeps nothing.
 *
 *   ingest-floor SINK_PORT CHUNK_BYTES LINGER_MS
 *
 * Prints {"port":n}; ends with its standard input.
 */
#define _GNU_SOURCE
#include "load.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_SIZE 65536
#define EVENTS_MAX 256
#define RECORD_MAX (1u << 20)           /* bytes, of one PutRecords call */
#define HEAD_LEN 8                      /* of a masked frame below 64 KiB */

typedef struct {
    int fd;
    size_t head_len;
    uint8_t head[HEAD_LEN];
    size_t left;                        /* of the frame's payload */
} speaker_t;

typedef struct {
    int epoll, listener, sink;
    size_t chunk, pending;              /* chunks that are not sent yet */
    uint8_t pcm[RECORD_MAX];
} floor_t;

static uint8_t scratch[READ_SIZE];
static floor_t floor_;

static void
watch(floor_t *f, int fd, void *data)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = data };

    if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
        die("epoll_ctl");
    }
}

static void
speaker_accept(floor_t *f)
{
    static const char yes[] = "HTTP/1.1 101 Switching Protocols\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    speaker_t *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        die("memory");
    }

    s->fd = accept(f->listener, NULL, NULL);
    if (s->fd < 0
        || recv(s->fd, scratch, sizeof(scratch), 0) <= 0
        || send(s->fd, yes, sizeof(yes) - 1, MSG_NOSIGNAL) < 0)
    {
        die("accept");
    }

    watch(f, s->fd, s);
}

/* Counts the frames that end in what came. */
static void
speaker_skip(floor_t *f, speaker_t *s, const uint8_t *p, size_t len)
{
    size_t n;

    while (len > 0) {
        if (s->head_len < HEAD_LEN) {
            s->head[s->head_len++] = *p++;
            len--;
            s->left = (size_t) s->head[2] << 8 | s->head[3];
            continue;
        }

        n = len < s->left ? len : s->left;
        p += n;
        len -= n;
        s->left -= n;

        if (s->left == 0) {
            s->head_len = 0;
            f->pending++;
        }
    }
}

static void
speaker_read(floor_t *f, speaker_t *s)
{
    ssize_t n = recv(s->fd, scratch, sizeof(scratch), 0);

    if (n <= 0) {
        close(s->fd);
        free(s);
        return;
    }

    speaker_skip(f, s, scratch, (size_t) n);
}

static void
send_all(int fd, struct iovec *iov, int count)
{
    ssize_t n;

    while (count > 0) {
        n = writev(fd, iov, count);
        if (n < 0) {
            die("sink");
        }

        while (count > 0 && (size_t) n >= iov->iov_len) {
            n -= (ssize_t) iov->iov_len;
            iov++;
            count--;
        }

        if (count > 0) {
            iov->iov_base = (uint8_t *) iov->iov_base + n;
            iov->iov_len -= (size_t) n;
        }
    }
}

/* One call with one record: {"Records":[{"PartitionKey":"k","Data":…}]}. */
static void
put(floor_t *f, size_t chunks)
{
    char head[512];
    uint8_t digest[EVP_MAX_MD_SIZE];
    uint32_t size = (uint32_t) (chunks * f->chunk);
    uint8_t cbor[] = "\xa1\x67Records\x81\xa2\x6cPartitionKey\x61k\x64" "Data\x5a"
        "....";
    size_t at = sizeof(cbor) - 5;
    struct iovec iov[3];

    cbor[at] = (uint8_t) (size >> 24);
    cbor[at + 1] = (uint8_t) (size >> 16);
    cbor[at + 2] = (uint8_t) (size >> 8);
    cbor[at + 3] = (uint8_t) size;

    EVP_Digest(f->pcm, size, digest, NULL, EVP_sha256(), NULL);

    iov[0].iov_base = head;
    iov[0].iov_len = (size_t) snprintf(head, sizeof(head),
        "POST / HTTP/1.1\r\nHost: k\r\nX-Amz-Target: Kinesis_20131202.PutRecords"
        "\r\nContent-Type: application/x-amz-cbor-1.1\r\nX-Digest: %02x%02x\r\n"
        "Content-Length: %zu\r\n\r\n", digest[0], digest[1],
        sizeof(cbor) - 1 + size);
    iov[1].iov_base = cbor;
    iov[1].iov_len = sizeof(cbor) - 1;
    iov[2].iov_base = f->pcm;
    iov[2].iov_len = size;

    send_all(f->sink, iov, 3);

    if (recv(f->sink, scratch, sizeof(scratch), 0) <= 0) {
        die("sink");
    }
}

static void
flush(floor_t *f)
{
    size_t n, most = RECORD_MAX / f->chunk;

    while (f->pending > 0) {
        n = f->pending < most ? f->pending : most;
        put(f, n);
        f->pending -= n;
    }
}

static void
serve(floor_t *f, uint64_t linger_us)
{
    int i, n;
    uint64_t now, due = now_us() + linger_us;
    struct epoll_event ev[EVENTS_MAX];

    for (;;) {
        now = now_us();
        if (now >= due) {
            flush(f);
            due = now + linger_us;
        }

        n = epoll_wait(f->epoll, ev, EVENTS_MAX,
                       (int) ((due - now) / 1000) + 1);
        for (i = 0; i < n; i++) {
            if (ev[i].data.ptr == f) {
                speaker_accept(f);
            } else if (ev[i].data.ptr == NULL) {
                return;                 /* standard input has ended */
            } else {
                speaker_read(f, ev[i].data.ptr);
            }
        }
    }
}

int
main(int argc, char **argv)
{
    floor_t *f = &floor_;
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);

    if (argc != 4) {
        fprintf(stderr, "usage: ingest-floor SINK_PORT CHUNK_BYTES LINGER_MS\n");
        return 2;
    }

    f->chunk = strtoul(argv[2], NULL, 10);
    f->sink = dial(atoi(argv[1]), 0);
    f->epoll = epoll_create1(0);
    f->listener = socket(AF_INET, SOCK_STREAM, 0);

    if (f->chunk == 0 || f->chunk > RECORD_MAX
        || bind(f->listener, (void *) &at, sizeof(at)) != 0
        || listen(f->listener, 4096) != 0
        || getsockname(f->listener, (void *) &at, &len) != 0)
    {
        die("listen");
    }

    watch(f, f->listener, f);
    watch(f, STDIN_FILENO, NULL);
    printf("{\"port\":%d}\n", ntohs(at.sin_port));
    fflush(stdout);

    serve(f, strtoull(argv[3], NULL, 10) * 1000);

    return 0;
}
