#include "edge/ltw_dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ltw_dial_s {
    ltw_loop_t *loop;
    ltw_dial_handler_t handler;
    void *data;
    ltw_lookup_t *lookup;
    ltw_address_t addresses[LTW_ADDRESSES_MAX];
    size_t addresses_n;
    size_t next;
    int fd;
    ltw_watch_t *watch;
};

static void connect_next(ltw_dial_t *d, int code);


static void
drop_socket(ltw_dial_t *d)
{
    ltw_watch_free(&d->watch);
    if (d->fd >= 0) {
        close(d->fd);
        d->fd = -1;
    }
}


static void
over(ltw_dial_t *d, int fd, const lt_error_t *err)
{
    ltw_dial_handler_t handler = d->handler;
    void *data = d->data;

    ltw_dial_cancel(&d);
    handler(data, fd, err);
}


static void
on_writable(void *data, int events)
{
    ltw_dial_t *d = data;
    lt_error_t none = { 0 };
    int code = 0, on = 1, fd = d->fd;
    socklen_t len = sizeof(code);

    (void) events;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0) {
        code = errno;
    }
    if (code != 0) {
        drop_socket(d);
        connect_next(d, code);
        return;
    }
    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    ltw_watch_free(&d->watch);
    d->fd = -1;                 /* the caller's */
    over(d, fd, &none);
}


/* code: errno of the address before this one. */
static void
connect_next(ltw_dial_t *d, int code)
{
    lt_error_t err = { 0 };

    lt_error_set(&err, code, "connect: %s", strerror(code));
    while (d->next < d->addresses_n) {
        if (ltw_socket_connect(&d->addresses[d->next++], &d->fd, &err)
            != LT_OK)
        {
            d->fd = -1;
            continue;
        }
        d->watch = ltw_watch_new(d->loop, d->fd, on_writable, d);
        if (d->watch != NULL) {
            ltw_watch_set(d->watch, LTW_WRITABLE);
            return;
        }
        drop_socket(d);
        lt_error_set(&err, 0, "cannot watch the socket");
    }
    over(d, -1, &err);
}


static void
on_lookup(void *data, const ltw_address_t *list, size_t n,
    const lt_error_t *err)
{
    ltw_dial_t *d = data;

    d->lookup = NULL;
    if (n == 0) {
        over(d, -1, err);
        return;
    }
    d->addresses_n = n < LTW_ADDRESSES_MAX ? n : LTW_ADDRESSES_MAX;
    memcpy(d->addresses, list, d->addresses_n * sizeof(*list));
    connect_next(d, 0);
}


ltw_dial_t *
ltw_dial_start(ltw_loop_t *loop, const char *host, uint16_t port,
    ltw_dial_handler_t handler, void *data)
{
    ltw_dial_t *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        return NULL;
    }
    d->loop = loop;
    d->handler = handler;
    d->data = data;
    d->fd = -1;
    d->lookup = ltw_lookup_start(loop, host, port, on_lookup, d);
    if (d->lookup == NULL) {
        ltw_dial_cancel(&d);
    }
    return d;
}


void
ltw_dial_cancel(ltw_dial_t **dial)
{
    if (*dial != NULL) {
        ltw_lookup_cancel(&(*dial)->lookup);
        drop_socket(*dial);
        free(*dial);
        *dial = NULL;
    }
}


int
ltw_dial_is_connecting(const ltw_dial_t *dial)
{
    return dial->lookup == NULL;
}
