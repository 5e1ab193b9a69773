/*
 * What the worker's unit tests share: a loop that runs for a while, a server's
 * socket on this machine, servers that end with the test.
 */
#ifndef ROOM_H
#define ROOM_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* What has to come, comes in its own time; how long that was is for the caller
   to look at where it matters. */
#define ROOM_PATIENCE_MS 20000
#define room_run_until(loop, stop, condition)                               \
    do {                                                                    \
        int64_t until_ms = ltw_loop_now_ms(loop) + ROOM_PATIENCE_MS;        \
                                                                            \
        while (!(condition) && ltw_loop_now_ms(loop) < until_ms) {          \
            room_run_ms(loop, stop, 20);                                    \
        }                                                                   \
        assert_true(condition);                                             \
    } while (0)

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

/* A child that does not outlive the test, however that ends. */
static inline pid_t
room_fork(void)
{
    pid_t parent = getpid(), pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(1);
        }
    }
    return pid;
}

/* A redis-server that takes connections at a socket in dir; password may be
   NULL. */
static inline pid_t
room_redis(const char *dir, const char *socket_path, const char *password)
{
    pid_t pid = room_fork();
    int i;

    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL) {
            _exit(1);
        }
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
            socket_path, "--save", "", "--appendonly", "no", "--dir", dir,
            password != NULL ? "--requirepass" : NULL, password, NULL);
        _exit(127);
    }
    for (i = 0; i < 250 && access(socket_path, F_OK) != 0; i++) {
        usleep(20000);
    }
    assert_int_equal(access(socket_path, F_OK), 0);
    return pid;
}

#endif
