/*
 * What the load generators and sinks in C share: a clock, a way out, and a
 * socket to this machine.
 */
#ifndef LOAD_H
#define LOAD_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static inline void
die(const char *what)
{
    perror(what);
    exit(2);
}

/* CLOCK_MONOTONIC */
static inline uint64_t
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

/* Connects to 127.0.0.1 or ends the program; receive_buffer in bytes, 0: as
   the kernel likes. */
static inline int
dial(int port, int receive_buffer)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in to = { .sin_family = AF_INET,
        .sin_port = htons((uint16_t) port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    if (receive_buffer != 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                   sizeof(receive_buffer));
    }

    if (fd < 0 || connect(fd, (void *) &to, sizeof(to)) != 0) {
        die("connect");
    }

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    return fd;
}

#endif
