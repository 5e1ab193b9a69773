/*
 * What the worker's unit tests share: a loop that runs for a while, and a
 * server's socket on this machine.
 */
#ifndef ROOM_H
#define ROOM_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "vectors.h"

#include "edge/ltw_loop.h"

/* For ltw_timer_new(): its data is the loop. */
static inline void
room_stop(void *loop)
{
    ltw_loop_stop(loop);
}

static inline void
room_run_ms(ltw_loop_t *loop, ltw_timer_t *stop, int64_t ms)
{
    ltw_timer_start(stop, ms);
    ltw_loop_run(loop);
}

/* A socket that listens on a free port of 127.0.0.1. */
static inline int
room_listen(int *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *) &address, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    getsockname(listener, (struct sockaddr *) &address, &len);
    *port = ntohs(address.sin_port);

    return listener;
}

#endif
