#include "edge/ltw_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define LTW_SIGNALS_MAX 4

struct ltw_loop_s {
    uv_loop_t uv;
    struct {
        uv_signal_t uv;
        ltw_handler_t handler;
        void *data;
    } signals[LTW_SIGNALS_MAX];
    int signals_n;
    uint64_t random;
};

struct ltw_timer_s {
    uv_timer_t uv;
    ltw_handler_t handler;
    void *data;
    int is_post;                /* frees itself after it ran */
};

struct ltw_watch_s {
    uv_poll_t uv;
    ltw_watch_handler_t handler;
    void *data;
    int events;
};

struct ltw_lookup_s {
    uv_getaddrinfo_t uv;
    ltw_lookup_handler_t handler;       /* NULL: cancelled */
    void *data;
};

struct ltw_file_read_s {
    uv_work_t uv;
    ltw_file_handler_t handler;         /* NULL: cancelled */
    void *data;
    char *path;
    char *text;
    size_t len;
    size_t max_bytes;
    lt_error_t err;
};

/* ---- loop ---- */

ltw_loop_t *
ltw_loop_new(void)
{
    ltw_loop_t *loop = calloc(1, sizeof(*loop));

    if (loop == NULL) {
        return NULL;
    }
    if (uv_loop_init(&loop->uv) != 0) {
        free(loop);
        return NULL;
    }
    if (getrandom(&loop->random, sizeof(loop->random), GRND_NONBLOCK)
        != sizeof(loop->random))
    {
        loop->random = (uint64_t) ltw_loop_wall_ms(loop);
    }
    loop->random |= 1;
    return loop;
}

void
ltw_loop_free(ltw_loop_t **loop)
{
    int turns;

    if (*loop == NULL) {
        return;
    }
    while ((*loop)->signals_n > 0) {
        uv_close((uv_handle_t *)
            &(*loop)->signals[--(*loop)->signals_n].uv, NULL);
    }
    /* A resolver thread that hangs must not hold up the exit: leave it. */
    for (turns = 0; turns < 100; turns++) {
        if (uv_run(&(*loop)->uv, UV_RUN_NOWAIT) == 0) {
            break;
        }
        usleep(1000);
    }
    if (uv_loop_close(&(*loop)->uv) == 0) {
        free(*loop);
    }
    *loop = NULL;
}

void
ltw_loop_run(ltw_loop_t *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void
ltw_loop_stop(ltw_loop_t *loop)
{
    uv_stop(&loop->uv);
}

int64_t
ltw_loop_now_ms(ltw_loop_t *loop)
{
    (void) loop;
    return (int64_t) (uv_hrtime() / 1000000);
}

int64_t
ltw_loop_wall_ms(ltw_loop_t *loop)
{
    struct timespec ts;

    (void) loop;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

double
ltw_loop_random(ltw_loop_t *loop)
{
    /* xorshift64*, Vigna 2016 */
    loop->random ^= loop->random >> 12;
    loop->random ^= loop->random << 25;
    loop->random ^= loop->random >> 27;
    return (double) ((loop->random * 0x2545f4914f6cdd1dULL) >> 11)
        / 9007199254740992.0;
}

static void
ltw_signal_ready(uv_signal_t *uv, int number)
{
    ltw_loop_t *loop = uv->data;
    int i;

    for (i = 0; i < loop->signals_n; i++) {
        if (loop->signals[i].uv.signum == number) {
            loop->signals[i].handler(loop->signals[i].data);
        }
    }
}

void
ltw_loop_on_signal(ltw_loop_t *loop, int number, ltw_handler_t handler,
    void *data)
{
    int i = loop->signals_n;

    if (i < LTW_SIGNALS_MAX) {
        loop->signals_n++;
        loop->signals[i].handler = handler;
        loop->signals[i].data = data;
        uv_signal_init(&loop->uv, &loop->signals[i].uv);
        loop->signals[i].uv.data = loop;
        uv_signal_start(&loop->signals[i].uv, ltw_signal_ready, number);
    }
}

/* ---- timers ---- */

static void
ltw_timer_closed(uv_handle_t *uv)
{
    free(uv->data);
}

static void
ltw_timer_ready(uv_timer_t *uv)
{
    ltw_timer_t *timer = uv->data;
    ltw_handler_t handler = timer->handler;
    void *data = timer->data;

    if (timer->is_post) {
        ltw_timer_free(&timer);
    }
    handler(data);
}

ltw_timer_t *
ltw_timer_new(ltw_loop_t *loop, ltw_handler_t handler, void *data)
{
    ltw_timer_t *timer = calloc(1, sizeof(*timer));

    if (timer == NULL) {
        return NULL;
    }
    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = timer;
    timer->handler = handler;
    timer->data = data;
    return timer;
}

void
ltw_timer_start(ltw_timer_t *timer, int64_t after_ms)
{
    /* libuv counts from the start of this turn, which may be long ago */
    uv_update_time(timer->uv.loop);
    uv_timer_start(&timer->uv, ltw_timer_ready,
        after_ms > 0 ? (uint64_t) after_ms : 0, 0);
}

void
ltw_timer_stop(ltw_timer_t *timer)
{
    uv_timer_stop(&timer->uv);
}

int
ltw_timer_is_active(const ltw_timer_t *timer)
{
    return uv_is_active((const uv_handle_t *) &timer->uv);
}

void
ltw_timer_free(ltw_timer_t **timer)
{
    if (*timer != NULL) {
        uv_close((uv_handle_t *) &(*timer)->uv, ltw_timer_closed);
        *timer = NULL;
    }
}

void
ltw_loop_post(ltw_loop_t *loop, ltw_handler_t handler, void *data)
{
    ltw_timer_t *timer = ltw_timer_new(loop, handler, data);

    if (timer == NULL) {
        abort();        /* a promise that must not be lost: start afresh */
    }
    timer->is_post = 1;
    ltw_timer_start(timer, 0);
}

/* ---- readiness ---- */

static void
ltw_watch_closed(uv_handle_t *uv)
{
    free(uv->data);
}

static void
ltw_watch_ready(uv_poll_t *uv, int status, int events)
{
    ltw_watch_t *watch = uv->data;
    int ready = 0;

    if (status < 0) {
        ready = watch->events;
    }
    if (events & UV_READABLE) {
        ready |= LTW_READABLE;
    }
    if (events & UV_WRITABLE) {
        ready |= LTW_WRITABLE;
    }
    watch->handler(watch->data, ready);
}

ltw_watch_t *
ltw_watch_new(ltw_loop_t *loop, int fd, ltw_watch_handler_t handler,
    void *data)
{
    ltw_watch_t *watch = calloc(1, sizeof(*watch));

    if (watch == NULL) {
        return NULL;
    }
    if (uv_poll_init(&loop->uv, &watch->uv, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->uv.data = watch;
    watch->handler = handler;
    watch->data = data;
    return watch;
}

void
ltw_watch_set(ltw_watch_t *watch, int events)
{
    int wanted = 0;

    watch->events = events;
    if (events & LTW_READABLE) {
        wanted |= UV_READABLE;
    }
    if (events & LTW_WRITABLE) {
        wanted |= UV_WRITABLE;
    }
    if (wanted == 0) {
        uv_poll_stop(&watch->uv);
    } else {
        uv_poll_start(&watch->uv, wanted, ltw_watch_ready);
    }
}

void
ltw_watch_free(ltw_watch_t **watch)
{
    if (*watch != NULL) {
        uv_close((uv_handle_t *) &(*watch)->uv, ltw_watch_closed);
        *watch = NULL;
    }
}

/* ---- names ---- */

static void
ltw_lookup_done(uv_getaddrinfo_t *uv, int status, struct addrinfo *list)
{
    ltw_lookup_t *lookup = uv->data;
    ltw_address_t found[LTW_ADDRESSES_MAX];
    struct addrinfo *info;
    lt_error_t err = { 0 };
    size_t n = 0;

    for (info = list; info != NULL && n < LTW_ADDRESSES_MAX;
         info = info->ai_next)
    {
        if (info->ai_addrlen <= sizeof(found[n].address)) {
            memcpy(&found[n].address, info->ai_addr, info->ai_addrlen);
            found[n++].len = info->ai_addrlen;
        }
    }
    uv_freeaddrinfo(list);
    if (n == 0) {
        lt_error_set(&err, 0, "name lookup: %s",
            status != 0 ? uv_strerror(status) : "no address");
    }
    if (lookup->handler != NULL) {
        lookup->handler(lookup->data, found, n, &err);
    }
    free(lookup);
}

ltw_lookup_t *
ltw_lookup_start(ltw_loop_t *loop, const char *host, uint16_t port,
    ltw_lookup_handler_t handler, void *data)
{
    static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    ltw_lookup_t *lookup = calloc(1, sizeof(*lookup));
    char service[8];

    if (lookup == NULL) {
        return NULL;
    }
    snprintf(service, sizeof(service), "%u", (unsigned) port);
    lookup->uv.data = lookup;
    lookup->handler = handler;
    lookup->data = data;
    if (uv_getaddrinfo(&loop->uv, &lookup->uv, ltw_lookup_done, host, service,
            &hints) != 0)
    {
        free(lookup);
        return NULL;
    }
    return lookup;
}

void
ltw_lookup_cancel(ltw_lookup_t **lookup)
{
    if (*lookup != NULL) {
        (*lookup)->handler = NULL;      /* frees itself when it comes back */
        uv_cancel((uv_req_t *) &(*lookup)->uv);
        *lookup = NULL;
    }
}

lt_result_t
ltw_socket_connect(const ltw_address_t *address, int *fd, lt_error_t *err)
{
    int s = socket(address->address.ss_family,
        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (s == -1) {
        lt_error_set(err, errno, "socket: %s", strerror(errno));
        return LT_ERROR;
    }
    if (connect(s, (const struct sockaddr *) &address->address, address->len)
            != 0
        && errno != EINPROGRESS)
    {
        lt_error_set(err, errno, "connect: %s", strerror(errno));
        close(s);
        return LT_ERROR;
    }
    *fd = s;
    return LT_OK;
}

/* ---- files ---- */

static void
ltw_file_read_work(uv_work_t *uv)
{
    ltw_file_read_t *file = uv->data;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd == -1) {
        lt_error_set(&file->err, errno, "%s: %s", file->path, strerror(errno));
        return;
    }
    /* one byte more than allowed, to see that there is more */
    while (file->len <= file->max_bytes) {
        n = read(fd, file->text + file->len, file->max_bytes + 1 - file->len);
        if (n <= 0) {
            break;
        }
        file->len += (size_t) n;
    }
    if (file->len > file->max_bytes) {
        lt_error_set(&file->err, EFBIG, "%s: larger than %zu bytes",
            file->path, file->max_bytes);
    }
    close(fd);
}

static void
ltw_file_read_free(ltw_file_read_t *file)
{
    if (file->text != NULL) {
        explicit_bzero(file->text, file->len);
    }
    free(file->text);
    free(file->path);
    free(file);
}

static void
ltw_file_read_done(uv_work_t *uv, int status)
{
    ltw_file_read_t *file = uv->data;
    lt_str_t text = { NULL, 0 };

    if (status != 0) {
        lt_error_set(&file->err, 0, "%s: %s", file->path, uv_strerror(status));
    }
    if (file->err.text[0] == '\0') {
        text = (lt_str_t) { file->text, file->len };
    }
    if (file->handler != NULL) {
        file->handler(file->data, text, &file->err);
    }
    ltw_file_read_free(file);
}

static ltw_file_read_t *
ltw_file_new(const char *path, size_t size, ltw_file_handler_t handler,
    void *data)
{
    ltw_file_read_t *file = calloc(1, sizeof(*file));

    if (file == NULL) {
        return NULL;
    }
    file->uv.data = file;
    file->handler = handler;
    file->data = data;
    file->path = strdup(path);
    file->text = malloc(size);
    if (file->path == NULL || file->text == NULL) {
        ltw_file_read_free(file);
        return NULL;
    }
    return file;
}

static ltw_file_read_t *
ltw_file_queue(ltw_loop_t *loop, ltw_file_read_t *file, uv_work_cb work)
{
    if (uv_queue_work(&loop->uv, &file->uv, work, ltw_file_read_done) != 0) {
        ltw_file_read_free(file);
        return NULL;
    }
    return file;
}

ltw_file_read_t *
ltw_file_read_start(ltw_loop_t *loop, const char *path, size_t max_bytes,
    ltw_file_handler_t handler, void *data)
{
    ltw_file_read_t *file = ltw_file_new(path, max_bytes + 1, handler, data);

    if (file == NULL) {
        return NULL;
    }
    file->max_bytes = max_bytes;
    return ltw_file_queue(loop, file, ltw_file_read_work);
}

static void
ltw_file_append_work(uv_work_t *uv)
{
    ltw_file_read_t *file = uv->data;
    int fd = open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
        0600);
    size_t written = 0;
    ssize_t n = 0;

    while (fd != -1 && n >= 0 && written < file->len) {
        n = write(fd, file->text + written, file->len - written);
        written += n > 0 ? (size_t) n : 0;
    }
    if (fd == -1 || n < 0) {
        lt_error_set(&file->err, errno, "%s: %s", file->path, strerror(errno));
    }
    if (fd != -1) {
        close(fd);
    }
}

ltw_file_read_t *
ltw_file_append_start(ltw_loop_t *loop, const char *path, lt_str_t text,
    ltw_file_handler_t handler, void *data)
{
    ltw_file_read_t *file = ltw_file_new(path, text.len + 1, handler, data);

    if (file == NULL) {
        return NULL;
    }
    memcpy(file->text, text.data, text.len);
    file->len = text.len;
    return ltw_file_queue(loop, file, ltw_file_append_work);
}

void
ltw_file_read_cancel(ltw_file_read_t **read)
{
    if (*read != NULL) {
        (*read)->handler = NULL;
        uv_cancel((uv_req_t *) &(*read)->uv);
        *read = NULL;
    }
}
