#include "ngx_http_lt_events.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_ring.h"

#include "lt_json.h"
#include "lt_sse.h"

struct ngx_http_lt_events_s {
    ngx_http_lt_socket_t *socket;   /* NULL: not open, or freed */
    ngx_http_request_t *request;
    ngx_http_lt_frame_t *sending;   /* the output filters hold its bytes */
    ngx_buf_t buf;
    ngx_chain_t link;
    ngx_event_t beat;
};

/* Text that is not a message: a comment, or for how long to wait. */
static ngx_http_lt_frame_t *
lt_events_text(ngx_http_lt_socket_t *s, lt_str_t text)
{
    return ngx_http_lt_frame_text((const u_char *) text.data, text.len,
        s->connection->log);
}

static ngx_http_lt_frame_t *
lt_events_make(const char *event, int64_t id, lt_str_t data, ngx_log_t *log)
{
    size_t size = lt_sse_size(data);
    u_char *text;
    lt_out_t out;
    ngx_http_lt_frame_t *frame = NULL;

    text = ngx_alloc(size, log);
    if (text == NULL) {
        return NULL;
    }

    lt_out_init(&out, text, size);
    lt_sse_event(&out, event, id, data);

    if (lt_out_result(&out) == LT_OK) {
        frame = ngx_http_lt_frame_text(text, lt_out_len(&out), log);
    }

    ngx_free(text);

    return frame;
}

/* Made once for all that hear it.  A segment that comes late has no id: who
   comes back would be given again what came before it. */
ngx_http_lt_frame_t *
ngx_http_lt_events_frame(const ngx_http_lt_socket_t *s,
    ngx_http_lt_frame_t *frame)
{
    lt_str_t data = { (const char *) frame->data + frame->head,
                      frame->len - frame->head };
    ngx_uint_t is_late = frame->number != 0 && frame->number < s->segment;
    ngx_http_lt_frame_t *event;

    if (is_late || frame->event == NULL) {
        event = lt_events_make(NULL, is_late ? 0 : frame->number, data,
            s->connection->log);
        if (event == NULL) {
            return NULL;
        }

        event->kind = frame->kind;

        if (is_late) {
            return event;
        }

        frame->event = event;
    }

    frame->event->refs++;

    return frame->event;
}

static void
lt_events_put(ngx_http_lt_socket_t *s, ngx_http_lt_frame_t *frame)
{
    if (frame != NULL
        && ngx_http_lt_out_put(&s->out, frame, s->connection->log) == NGX_OK)
    {
        ngx_http_lt_connection_wake(s);
    }

    ngx_http_lt_frame_unref(&frame);
}

void
ngx_http_lt_events_close(ngx_http_lt_socket_t *s, uint16_t code,
    lt_str_t reason)
{
    u_char text[256];
    lt_out_t out;
    lt_str_t data;
    lt_json_writer_t w;
    ngx_http_lt_events_t *events = s->events;

    lt_out_init(&out, text, sizeof(text));
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_int(&w, "code", code);
    lt_json_put_str(&w, "reason", reason);
    lt_json_close_object(&w);
    data.data = (char *) text;
    data.len = lt_out_len(&out);

    lt_events_put(s, lt_events_make("close", 0, data, s->connection->log));
    ngx_http_lt_connection_wake(s);

    if (events->beat.timer_set) {
        ngx_del_timer(&events->beat);
    }

    ngx_add_timer(&events->beat, NGX_HTTP_LT_CLOSE_MS);
}

/* NGX_OK: nothing is held; NGX_AGAIN: the socket is full. */
static ngx_int_t
lt_events_pass(ngx_http_lt_events_t *events, ngx_chain_t *in)
{
    off_t before = events->buf.last - events->buf.pos;
    ngx_http_request_t *r = events->request;

    if (ngx_http_output_filter(r, in) == NGX_ERROR || r->connection->error) {
        return NGX_ERROR;
    }

    if (events->buf.last - events->buf.pos != before) {
        events->socket->active_at_ms = ngx_current_msec;
    }

    if (events->buf.pos != events->buf.last) {
        return NGX_AGAIN;
    }

    ngx_http_lt_frame_unref(&events->sending);

    return NGX_OK;
}

static ngx_int_t
lt_events_send(ngx_http_lt_socket_t *s)
{
    ngx_int_t rc = NGX_OK;
    ngx_buf_t *b;
    ngx_http_lt_events_t *events = s->events;

    if (events->sending != NULL) {
        rc = lt_events_pass(events, NULL);
    }

    while (rc == NGX_OK && s->out.frames != 0) {
        events->sending = ngx_http_lt_out_take(&s->out);

        b = &events->buf;
        ngx_memzero(b, sizeof(ngx_buf_t));
        b->pos = b->start = events->sending->data;
        b->last = b->end = b->pos + events->sending->len;
        b->memory = 1;
        b->flush = 1;
        b->last_in_chain = 1;
        events->link.buf = b;
        events->link.next = NULL;

        rc = lt_events_pass(events, &events->link);
    }

    if (rc == NGX_AGAIN) {
        rc = ngx_handle_write_event(s->connection->write, 0) == NGX_OK
             ? NGX_AGAIN : NGX_ERROR;
    }

    return rc;
}

/* The last of s: what still waits in nginx leaves by nginx's own hand. */
static void
lt_events_finish(ngx_http_lt_events_t *events, ngx_int_t rc)
{
    ngx_http_request_t *r = events->request;

    events->socket->state = NGX_HTTP_LT_GONE;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (rc == NGX_OK) {
        rc = ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    ngx_http_lt_answer_finish(r, rc);
}

void
ngx_http_lt_events_flush(ngx_http_lt_socket_t *s)
{
    ngx_int_t rc;

    if (s->state == NGX_HTTP_LT_GONE) {
        return;
    }

    rc = lt_events_send(s);

    if (rc == NGX_ERROR) {
        ngx_http_lt_connection_lost(s);
    }

    if (rc == NGX_ERROR
        || (rc == NGX_OK && s->state != NGX_HTTP_LT_OPEN))
    {
        lt_events_finish(s->events, rc);
    }
}

static void
lt_events_write_handler(ngx_http_request_t *r)
{
    ngx_http_lt_events_t *events;

    events = ngx_http_get_module_ctx(r, ngx_http_lt_module);

    if (!r->connection->write->delayed) {
        ngx_http_lt_events_flush(events->socket);
    }
}

static void
lt_events_beat_arm(ngx_http_lt_events_t *events)
{
    ngx_add_timer(&events->beat, ngx_min(NGX_HTTP_LT_EVENTS_BEAT_MS,
        events->socket->mcf->idle_timeout / 2));
}

static void
lt_events_beat_handler(ngx_event_t *ev)
{
    ngx_http_lt_events_t *events = ev->data;
    ngx_http_lt_socket_t *s = events->socket;

    if (s->state != NGX_HTTP_LT_OPEN) {     /* too slow in leaving */
        lt_events_finish(events, NGX_ERROR);
        return;
    }

    lt_events_beat_arm(events);

    if (s->out.frames == 0 && events->sending == NULL) {
        lt_events_put(s, lt_events_text(s, LT_STR(":\n\n")));

    } else if (ngx_current_msec - s->active_at_ms >= s->mcf->idle_timeout) {
        NGX_HTTP_LT_COUNT(sockets_idle, 1);
        ngx_http_lt_connection_close(s, LT_WS_CLOSE_GOING_AWAY,
            "no traffic for too long");
    }
}

/* The request ends: with its client, or by lt_events_finish(). */
static void
lt_events_cleanup(void *data)
{
    ngx_http_lt_events_t *events = data;
    ngx_http_lt_socket_t *s = events->socket;

    if (s == NULL) {
        return;
    }

    ngx_http_lt_connection_lost(s);
    NGX_HTTP_LT_COUNT(messages_dropped_closed,
        s->out.frames + (events->sending != NULL));

    if (events->beat.timer_set) {
        ngx_del_timer(&events->beat);
    }

    ngx_http_lt_socket_free(&events->socket);
}

static void
lt_events_pool_cleanup(void *data)
{
    ngx_http_lt_events_t *events = data;

    ngx_http_lt_frame_unref(&events->sending);
}

static ngx_http_lt_events_t *
lt_events_new(ngx_http_request_t *r)
{
    ngx_http_cleanup_t *cln;
    ngx_pool_cleanup_t *pool_cln;
    ngx_http_lt_events_t *events;

    events = ngx_pcalloc(r->pool, sizeof(ngx_http_lt_events_t));
    cln = ngx_http_cleanup_add(r, 0);
    pool_cln = ngx_pool_cleanup_add(r->pool, 0);

    if (events == NULL || cln == NULL || pool_cln == NULL) {
        return NULL;
    }

    events->request = r;
    events->beat.handler = lt_events_beat_handler;
    events->beat.data = events;
    events->beat.log = r->connection->log;
    cln->handler = lt_events_cleanup;
    cln->data = events;
    pool_cln->handler = lt_events_pool_cleanup;
    pool_cln->data = events;
    ngx_http_set_ctx(r, events, ngx_http_lt_module);    /* was: its token */

    return events;
}

static ngx_int_t
lt_events_header(ngx_http_request_t *r)
{
    ngx_int_t rc;

    if (ngx_http_lt_answer_header(r, "Access-Control-Allow-Origin", "*")
            != NGX_OK
        || ngx_http_lt_answer_header(r, "Cache-Control", "no-store") != NGX_OK
        || ngx_http_lt_answer_header(r, "X-Accel-Buffering", "no") != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = -1;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    return rc == NGX_ERROR || rc > NGX_OK ? NGX_ERROR : NGX_OK;
}

ngx_int_t
ngx_http_lt_events_open(ngx_http_lt_socket_t *s, ngx_http_request_t *r,
    const ngx_str_t *session_id)
{
    ngx_http_lt_events_t *events;

    events = lt_events_new(r);

    if (events == NULL || lt_events_header(r) != NGX_OK
        || ngx_http_lt_connection_join(s, r, session_id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    events->socket = s;
    s->events = events;
    s->resumes = 1;
    s->active_at_ms = ngx_current_msec;
    NGX_HTTP_LT_COUNT(events_opened, 1);

    return NGX_OK;
}

void
ngx_http_lt_events_start(ngx_http_lt_socket_t *s)
{
    u_char text[32];
    lt_str_t retry = { (char *) text, 0 };

    s->events->request->write_event_handler = lt_events_write_handler;
    lt_events_beat_arm(s->events);

    retry.len = ngx_sprintf(text, "retry: %d\n\n", NGX_HTTP_LT_EVENTS_RETRY_MS)
                - text;
    lt_events_put(s, lt_events_text(s, retry));
    ngx_http_lt_ring_resume(s);
}
