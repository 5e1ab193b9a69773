/*
 * The event loop: time, timers, deferred work, sockets that became ready,
 * names, small files.  The one file that includes libuv.
 *
 * Callbacks run on the loop only, and never before the function that takes
 * them has returned.  A pending callback of a freed object never runs: each
 * *_free() and *_cancel() here is final at its return, and all may be called
 * from inside any callback, also the object's own.
 *
 * Not here: streams.  An owner of a socket makes it (non-blocking, close on
 * exec), watches it with ltw_watch, and reads and writes by itself.
 */
#ifndef LTW_LOOP_H
#define LTW_LOOP_H

#include "lt_base.h"

#include <netinet/in.h>
#include <sys/socket.h>

typedef struct ltw_loop_s ltw_loop_t;
typedef void (*ltw_handler_t)(void *data);

ltw_loop_t *ltw_loop_new(void);             /* NULL: no memory */
void ltw_loop_free(ltw_loop_t **loop);      /* all its users are gone */
void ltw_loop_run(ltw_loop_t *loop);        /* until stop */
void ltw_loop_stop(ltw_loop_t *loop);

int64_t ltw_loop_now_ms(ltw_loop_t *loop);  /* monotonic, read afresh */
int64_t ltw_loop_wall_ms(ltw_loop_t *loop); /* Unix ms, this host's clock */
double ltw_loop_random(ltw_loop_t *loop);   /* [0,1), for jitter only */

/* handler runs once on the next turn of the loop; cannot be taken back, so
   data must outlive it: prefer a timer with 0 ms where it might not. */
void ltw_loop_post(ltw_loop_t *loop, ltw_handler_t handler, void *data);

/* Each time that signal comes, on the loop; four signals at most. */
void ltw_loop_on_signal(ltw_loop_t *loop, int number, ltw_handler_t handler,
    void *data);

/* ---- timers: one shot; restart in the handler for more ---- */
typedef struct ltw_timer_s ltw_timer_t;

ltw_timer_t *ltw_timer_new(ltw_loop_t *loop, ltw_handler_t handler,
    void *data);                            /* NULL: no memory */
void ltw_timer_start(ltw_timer_t *timer, int64_t after_ms); /* or restart */
void ltw_timer_stop(ltw_timer_t *timer);
int ltw_timer_is_active(const ltw_timer_t *timer);
void ltw_timer_free(ltw_timer_t **timer);

/* ---- a file descriptor's readiness, level-triggered ---- */
#define LTW_READABLE 1
#define LTW_WRITABLE 2

typedef struct ltw_watch_s ltw_watch_t;

/* events: what is ready.  An error or hang-up on the socket is reported as
   everything that was asked for: the next read or write tells its errno. */
typedef void (*ltw_watch_handler_t)(void *data, int events);

ltw_watch_t *ltw_watch_new(ltw_loop_t *loop, int fd,
    ltw_watch_handler_t handler, void *data);   /* NULL: no memory, bad fd */
void ltw_watch_set(ltw_watch_t *watch, int events);  /* 0 = none for now */
/* Before close(fd): the descriptor may be closed once this returned. */
void ltw_watch_free(ltw_watch_t **watch);

/* ---- names (getaddrinfo in libuv's threads) ---- */
typedef struct ltw_lookup_s ltw_lookup_t;

typedef struct {
    struct sockaddr_storage address;
    socklen_t len;
} ltw_address_t;

#define LTW_ADDRESSES_MAX 8

/* n 0: err says why.  IPv4 and IPv6 in the resolver's order.  The lookup is
   over when this runs: do not cancel it. */
typedef void (*ltw_lookup_handler_t)(void *data, const ltw_address_t *list,
    size_t n, const lt_error_t *err);

ltw_lookup_t *ltw_lookup_start(ltw_loop_t *loop, const char *host,
    uint16_t port, ltw_lookup_handler_t handler, void *data); /* NULL: memory */
void ltw_lookup_cancel(ltw_lookup_t **lookup);

/* A non-blocking connect to address: *fd is connecting (writable, then
   SO_ERROR tells); close it when done.  LT_ERROR: err has errno. */
lt_result_t ltw_socket_connect(const ltw_address_t *address, int *fd,
    lt_error_t *err);

/* ---- a small file, read in libuv's threads ---- */
/* text.data NULL: err says why.  text lives during the call only. */
typedef void (*ltw_file_handler_t)(void *data, lt_str_t text,
    const lt_error_t *err);

typedef struct ltw_file_read_s ltw_file_read_t;

ltw_file_read_t *ltw_file_read_start(ltw_loop_t *loop, const char *path,
    size_t max_bytes, ltw_file_handler_t handler, void *data);
void ltw_file_read_cancel(ltw_file_read_t **read);

/* Appends a copy of text to a file, made with mode 600 when there is none.
   handler: text is what was written, or NULL.  Cancelled as a read is; it may
   be written nevertheless. */
ltw_file_read_t *ltw_file_append_start(ltw_loop_t *loop, const char *path,
    lt_str_t text, ltw_file_handler_t handler, void *data);

#endif
