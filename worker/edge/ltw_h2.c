#include "edge/ltw_h2.h"

#include "edge/ltw_bytes.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_HEADERS_MAX 16
#define ANSWER_HEADER_SIZE 300

typedef enum {
    H2_OPEN,                    /* the body may be written */
    H2_ENDED,                   /* END_STREAM is on its way */
    H2_CLOSED,                  /* the owner still holds it */
    H2_RELEASED                 /* freed when no callback is running */
} h2_state_t;

typedef struct {
    char name[64];
    char value[ANSWER_HEADER_SIZE];
} answer_header_t;

struct ltw_h2_s {
    ltw_tls_t *tls;
    ltw_timer_t *pump;          /* what was written is framed on the loop */
    nghttp2_session *session;
    ltw_h2_events_t events;
    void *data;
    h2_state_t state;
    unsigned in_callback;
    int32_t stream_id;
    int status;
    int has_refused;            /* a write: tell when there is room */
    int is_paused;
    size_t unconsumed;          /* came while paused */
    int is_answered;            /* the server ended the stream properly */
    lt_error_t err;             /* why the stream was closed */

    answer_header_t headers[ANSWER_HEADERS_MAX];
    size_t headers_n;

    ltw_bytes_t body;        /* at most LTW_H2_WRITE_MAX */
};


static void
shut(ltw_h2_t *h2)
{
    if (h2->state >= H2_CLOSED) {
        return;
    }
    h2->state = H2_CLOSED;
    ltw_tls_close(&h2->tls);
    ltw_timer_free(&h2->pump);
}


/* nghttp2 must not be freed inside its own callbacks: last thing here. */
static void
destroy(ltw_h2_t *h2)
{
    nghttp2_session_del(h2->session);
    ltw_bytes_clear(&h2->body);
    free(h2);
}


static void
enter(ltw_h2_t *h2)
{
    h2->in_callback++;
}


static void
leave(ltw_h2_t *h2)
{
    if (--h2->in_callback == 0 && h2->state == H2_RELEASED) {
        destroy(h2);
    }
}


void
ltw_h2_close(ltw_h2_t **h2)
{
    ltw_h2_t *h = *h2;

    if (h == NULL) {
        return;
    }
    *h2 = NULL;
    shut(h);
    h->state = H2_RELEASED;
    if (h->in_callback == 0) {
        destroy(h);
    }
}


/* Between enter and leave, like all that calls back. */
static void
finish(ltw_h2_t *h2, const lt_error_t *err)
{
    if (h2->state < H2_CLOSED) {
        shut(h2);
        h2->events.on_close(h2->data, err);
    }
}


static void
fail(ltw_h2_t *h2, const char *what, int code)
{
    lt_error_t err = { 0 };

    lt_error_set(&err, code, "%s: %s", what, nghttp2_strerror(code));
    finish(h2, &err);
}


/* ---- nghttp2's callbacks ---- */

static ssize_t
on_body_read(nghttp2_session *session, int32_t stream_id, uint8_t *buf,
    size_t length, uint32_t *flags, nghttp2_data_source *source,
    void *user_data)
{
    ltw_h2_t *h2 = user_data;
    size_t n = ltw_bytes_waiting(&h2->body);

    (void) session;
    (void) stream_id;
    (void) source;
    n = n < length ? n : length;
    if (n > 0) {
        memcpy(buf, ltw_bytes_first(&h2->body), n);
        ltw_bytes_taken(&h2->body, n);
    }
    if (ltw_bytes_waiting(&h2->body) == 0 && h2->state == H2_ENDED) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t) n;
    }
    return n > 0 ? (ssize_t) n : NGHTTP2_ERR_DEFERRED;
}


static void
keep_header(ltw_h2_t *h2, const uint8_t *name, size_t name_len,
    const uint8_t *value, size_t value_len)
{
    answer_header_t *kept = &h2->headers[h2->headers_n];

    if (h2->headers_n == ANSWER_HEADERS_MAX || name_len >= sizeof(kept->name)
        || value_len >= sizeof(kept->value))
    {
        return;
    }
    memcpy(kept->name, name, name_len);
    kept->name[name_len] = '\0';
    memcpy(kept->value, value, value_len);
    kept->value[value_len] = '\0';
    h2->headers_n++;
}


static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *user_data)
{
    ltw_h2_t *h2 = user_data;

    (void) session;
    (void) flags;
    if (frame->hd.stream_id != h2->stream_id) {
        return 0;
    }
    if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
        h2->status = atoi((const char *) value);    /* nghttp2: 3 digits */
    } else {
        keep_header(h2, name, name_len, value, value_len);
    }
    return 0;
}


static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame,
    void *user_data)
{
    ltw_h2_t *h2 = user_data;

    (void) session;
    if (frame->hd.type == NGHTTP2_PING
        && (frame->hd.flags & NGHTTP2_FLAG_ACK) && h2->state < H2_CLOSED
        && h2->events.on_pong != NULL)
    {
        h2->events.on_pong(h2->data);
        return 0;
    }
    if (frame->hd.type == NGHTTP2_GOAWAY && h2->err.text[0] == '\0') {
        h2->err.code = (int) frame->goaway.error_code;
        return 0;
    }
    if (frame->hd.stream_id != h2->stream_id || h2->state >= H2_CLOSED) {
        return 0;
    }
    if (frame->hd.type == NGHTTP2_HEADERS && h2->status >= 200) {
        h2->events.on_headers(h2->data, h2->status);
    }
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        h2->is_answered = 1;
    }
    return 0;
}


static int
on_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
    const uint8_t *data, size_t len, void *user_data)
{
    ltw_h2_t *h2 = user_data;

    (void) flags;
    if (stream_id == h2->stream_id && h2->state < H2_CLOSED) {
        h2->events.on_body(h2->data, data, len);
    }
    if (h2->is_paused) {
        h2->unconsumed += len;
        return 0;
    }
    return nghttp2_session_consume(session, stream_id, len) == 0 ? 0
        : NGHTTP2_ERR_CALLBACK_FAILURE;
}


static int
on_stream_close(nghttp2_session *session, int32_t stream_id,
    uint32_t error_code, void *user_data)
{
    ltw_h2_t *h2 = user_data;

    (void) session;
    if (stream_id != h2->stream_id) {
        return 0;
    }
    h2->stream_id = -1;
    if (!h2->is_answered) {
        lt_error_set(&h2->err, (int) error_code, "stream was reset: %s",
            nghttp2_http2_strerror(error_code));
    }
    return 0;
}


/* ---- between nghttp2 and the connection ---- */

static void
send_frames(ltw_h2_t *h2)
{
    const uint8_t *frames;
    ssize_t n;

    /* Framing stops while the connection holds enough: what waits then stays
       in body, which is bounded. */
    while (ltw_tls_waiting(h2->tls) < LTW_H2_WRITE_MAX / 2) {
        n = nghttp2_session_mem_send(h2->session, &frames);
        if (n < 0) {
            fail(h2, "HTTP/2", (int) n);
            return;
        }
        if (n == 0) {
            break;
        }
        if (ltw_tls_write(h2->tls, frames, (size_t) n) != LT_OK) {
            fail(h2, "HTTP/2 write buffer", NGHTTP2_ERR_NOMEM);
            return;
        }
    }
    if (h2->has_refused
        && ltw_bytes_waiting(&h2->body) <= LTW_H2_WRITE_MAX / 2)
    {
        h2->has_refused = 0;
        h2->events.on_drain(h2->data);
    }
}


static void
on_tls_open(void *data)
{
    ltw_h2_t *h2 = data;

    enter(h2);
    send_frames(h2);
    leave(h2);
}


static void
on_tls_data(void *data, const uint8_t *bytes, size_t len)
{
    ltw_h2_t *h2 = data;
    ssize_t n;

    enter(h2);
    n = nghttp2_session_mem_recv(h2->session, bytes, len);
    if (h2->state < H2_CLOSED) {
        if (n < 0) {
            fail(h2, "HTTP/2", (int) n);
        } else if (h2->stream_id == -1 || h2->is_answered) {
            finish(h2, &h2->err);
        } else {
            send_frames(h2);
        }
    }
    leave(h2);
}


static void
on_tls_drain(void *data)
{
    ltw_h2_t *h2 = data;

    enter(h2);
    send_frames(h2);
    leave(h2);
}


static void
on_tls_close(void *data, const lt_error_t *err)
{
    ltw_h2_t *h2 = data;
    lt_error_t cut = *err;

    if (h2->is_answered) {
        cut = (lt_error_t) { 0 };
    } else if (cut.text[0] == '\0') {
        lt_error_set(&cut, h2->err.code,
            "the server closed the connection in mid-stream");
    }
    enter(h2);
    finish(h2, &cut);
    leave(h2);
}


static void
on_pump(void *data)
{
    ltw_h2_t *h2 = data;

    enter(h2);
    if (h2->stream_id > 0) {
        (void) nghttp2_session_resume_data(h2->session, h2->stream_id);
    }
    send_frames(h2);
    leave(h2);
}


/* ---- opening ---- */

static nghttp2_nv
nv(lt_str_t name, lt_str_t value)
{
    return (nghttp2_nv) { (uint8_t *) name.data, (uint8_t *) value.data,
        name.len, value.len, NGHTTP2_NV_FLAG_NONE };
}


static int
session_make(ltw_h2_t *h2)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    int rc;

    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        return NGHTTP2_ERR_NOMEM;
    }
    if (nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        return NGHTTP2_ERR_NOMEM;
    }
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
        on_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
        on_stream_close);
    rc = nghttp2_session_client_new2(&h2->session, callbacks, h2, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return rc;
}


static int
request_submit(ltw_h2_t *h2, const ltw_h2_options_t *o)
{
    nghttp2_nv headers[4 + LTW_H2_HEADERS_MAX];
    nghttp2_data_provider body = { .read_callback = on_body_read };
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, LTW_H2_WINDOW },
    };
    size_t n = 0;
    int rc = nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
        sizeof(settings) / sizeof(settings[0]));

    if (rc == 0) {
        rc = nghttp2_session_set_local_window_size(h2->session,
            NGHTTP2_FLAG_NONE, 0, LTW_H2_WINDOW);
    }
    if (rc != 0) {
        return rc;
    }
    headers[n++] = nv(LT_STR(":method"), o->method);
    headers[n++] = nv(LT_STR(":scheme"),
        o->is_plain ? LT_STR("http") : LT_STR("https"));
    headers[n++] = nv(LT_STR(":authority"), o->authority);
    headers[n++] = nv(LT_STR(":path"), o->path);
    for (size_t i = 0; i < o->headers_n && i < LTW_H2_HEADERS_MAX; i++) {
        headers[n++] = nv(o->headers[i].name, o->headers[i].value);
    }
    h2->stream_id = nghttp2_submit_request(h2->session, NULL, headers, n,
        &body, NULL);
    return h2->stream_id < 0 ? h2->stream_id : 0;
}


ltw_h2_t *
ltw_h2_open(ltw_loop_t *loop, ltw_tls_context_t *context,
    const ltw_h2_options_t *options, const ltw_h2_events_t *events,
    void *data, lt_error_t *err)
{
    const ltw_tls_events_t tls_events = { on_tls_open, on_tls_data,
        on_tls_drain, on_tls_close };
    const ltw_tls_options_t tls_options = { options->host, options->port,
        options->is_plain, "h2", options->connect_timeout_ms,
        2 * LTW_H2_WRITE_MAX };
    ltw_h2_t *h2 = calloc(1, sizeof(*h2));
    int rc;

    if (h2 == NULL) {
        lt_error_set(err, 0, "no memory for a request");
        return NULL;
    }
    h2->events = *events;
    h2->data = data;
    rc = session_make(h2);
    if (rc == 0) {
        rc = request_submit(h2, options);
    }
    if (rc != 0) {
        lt_error_set(err, rc, "HTTP/2: %s", nghttp2_strerror(rc));
        ltw_h2_close(&h2);
        return NULL;
    }
    h2->pump = ltw_timer_new(loop, on_pump, h2);
    h2->tls = h2->pump == NULL ? NULL
        : ltw_tls_open(loop, context, &tls_options, &tls_events, h2, err);
    if (h2->tls == NULL) {
        ltw_h2_close(&h2);
    }
    return h2;
}


/* ---- writing ---- */

lt_result_t
ltw_h2_write(ltw_h2_t *h2, const void *data, size_t len)
{
    if (h2->state != H2_OPEN || len > LTW_H2_WRITE_MAX) {
        return LT_ERROR;
    }
    if (ltw_bytes_waiting(&h2->body) + len > LTW_H2_WRITE_MAX) {
        h2->has_refused = 1;
        return LT_NOSPACE;
    }
    if (ltw_bytes_add(&h2->body, data, len) != LT_OK) {
        return LT_ERROR;
    }
    ltw_timer_start(h2->pump, 0);
    return LT_OK;
}


void
ltw_h2_end(ltw_h2_t *h2)
{
    if (h2->state == H2_OPEN) {
        h2->state = H2_ENDED;
        ltw_timer_start(h2->pump, 0);
    }
}


/* ---- reading ---- */

void
ltw_h2_pause(ltw_h2_t *h2)
{
    h2->is_paused = 1;
}


void
ltw_h2_resume(ltw_h2_t *h2)
{
    if (h2->is_paused && h2->state < H2_CLOSED) {
        h2->is_paused = 0;
        (void) nghttp2_session_consume(h2->session, h2->stream_id,
            h2->unconsumed);
        h2->unconsumed = 0;
        ltw_timer_start(h2->pump, 0);
    }
}


void
ltw_h2_ping(ltw_h2_t *h2)
{
    if (h2->state < H2_CLOSED
        && nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL) == 0)
    {
        ltw_timer_start(h2->pump, 0);
    }
}


lt_str_t
ltw_h2_header(const ltw_h2_t *h2, const char *name)
{
    for (size_t i = 0; i < h2->headers_n; i++) {
        if (strcmp(h2->headers[i].name, name) == 0) {
            return lt_str(h2->headers[i].value);
        }
    }
    return (lt_str_t) { NULL, 0 };
}
