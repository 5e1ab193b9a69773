#include "ngx_http_lt_connection.h"
#include "ngx_http_lt_ack.h"
#include "ngx_http_lt_actions.h"
#include "ngx_http_lt_events.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_talk.h"

#define LT_CONNECTION_BROKEN 1006   /* RFC 6455 section 7.4.1: not said */

typedef struct {
    const char *name;
    ngx_msec_t timeout_ms;      /* 0 = lt_idle_timeout */
    ngx_uint_t reads_frames;    /* else bytes are thrown away */
} lt_connection_state_t;

static const lt_connection_state_t lt_connection_states[] = {
    [NGX_HTTP_LT_OPEN] = { "open", 0, 1 },
    [NGX_HTTP_LT_CLOSING] = { "closing", NGX_HTTP_LT_CLOSE_MS, 1 },
    [NGX_HTTP_LT_DRAINING] = { "draining", NGX_HTTP_LT_CLOSE_MS, 0 },
    [NGX_HTTP_LT_LEAVING] = { "leaving", NGX_HTTP_LT_CLOSE_MS, 0 },
    [NGX_HTTP_LT_GONE] = { "gone", NGX_HTTP_LT_CLOSE_MS, 0 },
};

/* The access log had its line at the 101: this is the other one. */
static void
lt_connection_log(ngx_http_lt_socket_t *s, uint16_t code, lt_str_t reason)
{
    ngx_log_error(NGX_LOG_NOTICE, s->connection->log, 0,
        "lt: event=socket_closed connection=%V session=%V role=%s "
        "language=%V duration_ms=%L received=%uD delivered=%uD bytes=%O "
        "code=%ui reason=\"%*s\"", &s->id, &s->talk->sn.str,
        s->role == NGX_HTTP_LT_SPEAKER ? "speaker" : "listener",
        s->role == NGX_HTTP_LT_SPEAKER ? &s->source_language : &s->language,
        ngx_http_lt_wall_ms() - s->connected_ms, s->received, s->delivered,
        s->connection->sent, (ngx_uint_t) code, reason.len, reason.data);
}

/* Out of the talk; the only way from open to any other state. */
static void
lt_connection_leave(ngx_http_lt_socket_t *s,
    ngx_http_lt_socket_state_e state, uint16_t code, lt_str_t reason)
{
    lt_connection_log(s, code, reason);
    s->state = state;
    ngx_rbtree_delete(&s->mcf->sockets, &s->sn.node);
    ngx_http_lt_actions_forget(s);
    ngx_http_lt_ack_end(s);
    ngx_http_lt_talk_exit(s);
    NGX_HTTP_LT_COUNT(sockets_broken, code == LT_CONNECTION_BROKEN);

    if (s->role == NGX_HTTP_LT_SPEAKER) {
        NGX_HTTP_LT_COUNT(sockets_closed_speaker, 1);
        NGX_HTTP_LT_GAUGE(sockets_speaker, -1);
    } else {
        NGX_HTTP_LT_COUNT(sockets_closed_listener, 1);
        NGX_HTTP_LT_GAUGE(sockets_listener, -1);
    }
}

static void
lt_connection_enter_state(ngx_http_lt_socket_t *s,
    ngx_http_lt_socket_state_e state)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, s->connection->log, 0,
        "lt socket %s -> %s", lt_connection_states[s->state].name,
        lt_connection_states[state].name);

    if (s->state == NGX_HTTP_LT_OPEN) {
        lt_connection_leave(s, state, LT_CONNECTION_BROKEN,
            LT_STR("the connection broke"));
    }

    s->state = state;

    if (s->connection->read->timer_set) {
        ngx_del_timer(s->connection->read);
    }

    ngx_add_timer(s->connection->read,
        lt_connection_states[state].timeout_ms);
}

/* Traffic either way keeps an open socket; its timer looks when. */
static void
lt_connection_alive(ngx_http_lt_socket_t *s)
{
    s->active_at_ms = ngx_current_msec;
}

void
ngx_http_lt_connection_wake(ngx_http_lt_socket_t *s)
{
    if (!s->is_waking) {
        s->is_waking = 1;
        ngx_queue_insert_tail(&s->mcf->waking, &s->waking);
        ngx_post_event(&s->mcf->wake, &ngx_posted_events);
    }
}

/* The last statement of an event handler: s and its connection are gone. */
static void
lt_connection_finish(ngx_http_lt_socket_t *s)
{
    ngx_connection_t *c = s->connection;

    if (s->state == NGX_HTTP_LT_OPEN) {
        lt_connection_enter_state(s, NGX_HTTP_LT_GONE);
    }

    /* nothing more is to be sent: no farewell of TLS either */
    if (s->out.frames != 0) {
        c->error = 1;
        NGX_HTTP_LT_COUNT(messages_dropped_closed, s->out.frames);
    }

    c->log->action = "closing WebSocket";
    c->data = NULL;
    ngx_http_lt_socket_free(&s);
    ngx_http_close_connection(c);
}

static void
lt_connection_put(ngx_http_lt_socket_t *s, ngx_http_lt_frame_t *frame)
{
    if (ngx_http_lt_out_put(&s->out, frame, s->connection->log) == NGX_OK) {
        s->delivered++;
        NGX_HTTP_LT_COUNT(messages_delivered, 1);
        ngx_http_lt_connection_wake(s);
        return;
    }

    NGX_HTTP_LT_COUNT(messages_dropped_closed,
        1 + ngx_http_lt_out_clear(&s->out));
    NGX_HTTP_LT_COUNT(sockets_too_slow, 1);
    ngx_http_lt_connection_close(s, LT_WS_CLOSE_TRY_LATER,
        "too slow: messages are not read in time");
}

void
ngx_http_lt_connection_send(ngx_http_lt_socket_t *s,
    ngx_http_lt_frame_t *frame)
{
    ngx_http_lt_frame_t *event;

    if (s->state != NGX_HTTP_LT_OPEN) {
        return;
    }

    if (s->events == NULL) {
        lt_connection_put(s, frame);
        return;
    }

    event = ngx_http_lt_events_frame(s, frame);
    if (event == NULL) {
        NGX_HTTP_LT_COUNT(messages_dropped_memory, 1);
        return;
    }

    lt_connection_put(s, event);
    ngx_http_lt_frame_unref(&event);
}

void
ngx_http_lt_connection_send_text(ngx_http_lt_socket_t *s, const u_char *text,
    size_t len)
{
    ngx_http_lt_frame_t *frame;

    frame = ngx_http_lt_frame_new(LT_WS_TEXT, text, len, s->connection->log);
    if (frame == NULL) {
        NGX_HTTP_LT_COUNT(messages_dropped_memory, 1);
        return;
    }

    ngx_http_lt_connection_send(s, frame);
    ngx_http_lt_frame_unref(&frame);
}

/* A close frame must get in, if need be instead of what waits; a pong is one
   for each ping read. */
static void
lt_connection_control(ngx_http_lt_socket_t *s, ngx_http_lt_frame_t *frame)
{
    ngx_log_t *log = s->connection->log;

    if (frame == NULL
        || ngx_http_lt_out_put(&s->out, frame, log) != NGX_OK)
    {
        NGX_HTTP_LT_COUNT(messages_dropped_closed,
            ngx_http_lt_out_clear(&s->out));

        if (frame == NULL
            || ngx_http_lt_out_put(&s->out, frame, log) != NGX_OK)
        {
            lt_connection_enter_state(s, NGX_HTTP_LT_GONE);
        }
    }

    ngx_http_lt_frame_unref(&frame);
    ngx_http_lt_connection_wake(s);
}

static void
lt_connection_say_close(ngx_http_lt_socket_t *s,
    ngx_http_lt_socket_state_e state, uint16_t code, lt_str_t reason)
{
    if (s->state == NGX_HTTP_LT_OPEN) {
        lt_connection_leave(s, state, code, reason);
    }

    lt_connection_enter_state(s, state);
    lt_connection_control(s,
        ngx_http_lt_frame_close(code, reason, s->connection->log));
}

void
ngx_http_lt_connection_close(ngx_http_lt_socket_t *s, uint16_t code,
    const char *reason)
{
    if (s->state != NGX_HTTP_LT_OPEN) {
        return;
    }

    if (s->events != NULL) {
        lt_connection_leave(s, NGX_HTTP_LT_LEAVING, code, lt_str(reason));
        ngx_http_lt_events_close(s, code, lt_str(reason));
        return;
    }

    lt_connection_say_close(s, NGX_HTTP_LT_CLOSING, code, lt_str(reason));
}

void
ngx_http_lt_connection_lost(ngx_http_lt_socket_t *s)
{
    if (s->state == NGX_HTTP_LT_OPEN) {
        lt_connection_leave(s, NGX_HTTP_LT_GONE, LT_CONNECTION_BROKEN,
            LT_STR("the connection broke"));
    }
}

/* The peer's close: answered, or the answer to ours. */
static void
lt_connection_close_received(ngx_http_lt_socket_t *s,
    const lt_ws_event_t *event)
{
    uint16_t code;
    lt_str_t reason;

    if (s->state == NGX_HTTP_LT_CLOSING) {
        lt_connection_enter_state(s, NGX_HTTP_LT_LEAVING);
        return;
    }

    if (lt_ws_close_parse(&code, &reason, event->data, event->len) != LT_OK) {
        lt_connection_say_close(s, NGX_HTTP_LT_DRAINING, LT_WS_CLOSE_PROTOCOL,
            LT_STR("the close frame is not valid"));
        return;
    }

    if (s->state == NGX_HTTP_LT_OPEN) {
        lt_connection_leave(s, NGX_HTTP_LT_LEAVING, code,
            LT_STR("closed by the client"));
    }

    lt_connection_enter_state(s, NGX_HTTP_LT_LEAVING);
    lt_connection_control(s, ngx_http_lt_frame_close(
        code == 1005 ? 0 : code, LT_STR(""), s->connection->log));
}

static void
lt_connection_control_received(ngx_http_lt_socket_t *s,
    const lt_ws_event_t *event)
{
    if (event->opcode == LT_WS_CLOSE) {
        lt_connection_close_received(s, event);

    } else if (event->opcode == LT_WS_PING && s->state == NGX_HTTP_LT_OPEN) {
        lt_connection_control(s, ngx_http_lt_frame_new(LT_WS_PONG,
            event->data, event->len, s->connection->log));
    }
}

static void
lt_connection_message(ngx_http_lt_socket_t *s, lt_ws_opcode_t opcode,
    u_char *data, size_t len)
{
    NGX_HTTP_LT_COUNT(messages_received, 1);
    s->received++;

    if (opcode == LT_WS_TEXT) {
        ngx_http_lt_actions_text(s, data, len);
    } else {
        ngx_http_lt_actions_binary(s, data, len);
    }
}

/* Pieces are gathered, doubling up to lt_message_max, which the decoder
   guards.  The usual message comes whole and is handled where it lies. */
static ngx_int_t
lt_connection_gather(ngx_http_lt_socket_t *s, const lt_ws_event_t *event)
{
    size_t need = s->message_len + event->len, size;
    u_char *grown;

    if (need > s->message_size || s->message == NULL) {
        size = ngx_max(need, s->message_size * 2);
        size = ngx_max(ngx_min(size, s->mcf->message_max), 4096);

        grown = ngx_alloc(size, s->connection->log);
        if (grown == NULL) {
            return NGX_ERROR;
        }

        if (s->message != NULL) {
            ngx_memcpy(grown, s->message, s->message_len);
            ngx_free(s->message);
        }

        s->message = grown;
        s->message_size = size;
    }

    if (event->len != 0) {
        ngx_memcpy(s->message + s->message_len, event->data, event->len);
    }
    s->message_len = need;

    return NGX_OK;
}

static void
lt_connection_data_received(ngx_http_lt_socket_t *s,
    const lt_ws_event_t *event)
{
    u_char *message;
    size_t len;

    if (s->state != NGX_HTTP_LT_OPEN) {
        return;
    }

    if (event->is_first && event->is_last) {
        lt_connection_message(s, event->opcode, event->data, event->len);
        return;
    }

    if (lt_connection_gather(s, event) != NGX_OK) {
        lt_connection_say_close(s, NGX_HTTP_LT_DRAINING, LT_WS_CLOSE_INTERNAL,
            LT_STR("no memory for the message"));
        return;
    }

    if (event->is_last) {
        message = s->message;
        len = s->message_len;
        s->message = NULL;
        s->message_len = 0;
        s->message_size = 0;

        lt_connection_message(s, event->opcode, message, len);
        ngx_free(message);
    }
}

static void
lt_connection_input(ngx_http_lt_socket_t *s, u_char *pos, u_char *end)
{
    uint16_t code;
    lt_error_t err;
    lt_result_t rc;
    lt_ws_event_t event;

    while (lt_connection_states[s->state].reads_frames) {
        err.text[0] = '\0';
        rc = lt_ws_decode(&s->decoder, &pos, end, &event, &code, &err);

        if (rc == LT_AGAIN) {
            return;
        }

        if (rc != LT_OK) {
            if (s->state == NGX_HTTP_LT_CLOSING) {
                lt_connection_enter_state(s, NGX_HTTP_LT_DRAINING);
            } else {
                lt_connection_say_close(s, NGX_HTTP_LT_DRAINING, code,
                    lt_str(err.text));
            }
            return;
        }

        if (event.kind == LT_WS_CONTROL) {
            NGX_HTTP_LT_COUNT(frames_received, 1);
            lt_connection_control_received(s, &event);
        } else {
            NGX_HTTP_LT_COUNT(frames_received, event.is_last);
            lt_connection_data_received(s, &event);
        }
    }
}

/* Reads what is there, but lets others have their turn. */
static void
lt_connection_read(ngx_http_lt_socket_t *s)
{
    ssize_t n;
    ngx_connection_t *c = s->connection;
    ngx_http_lt_main_conf_t *mcf = s->mcf;

    n = c->recv(c, mcf->scratch, mcf->scratch_size);

    if (n == NGX_AGAIN) {
        if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
            lt_connection_enter_state(s, NGX_HTTP_LT_GONE);
        }
        return;
    }

    if (n <= 0) {
        lt_connection_enter_state(s, NGX_HTTP_LT_GONE);
        return;
    }

    lt_connection_alive(s);
    lt_connection_input(s, mcf->scratch, mcf->scratch + n);

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_next_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        lt_connection_enter_state(s, NGX_HTTP_LT_GONE);
    }
}

static void
lt_connection_timed_out(ngx_http_lt_socket_t *s)
{
    ngx_msec_t idle_ms = ngx_current_msec - s->active_at_ms;

    if (s->state != NGX_HTTP_LT_OPEN) {
        lt_connection_enter_state(s, NGX_HTTP_LT_GONE);
        return;
    }

    if (idle_ms < s->mcf->idle_timeout) {
        ngx_add_timer(s->connection->read, s->mcf->idle_timeout - idle_ms);
        return;
    }

    NGX_HTTP_LT_COUNT(sockets_idle, 1);
    ngx_http_lt_connection_close(s, LT_WS_CLOSE_GOING_AWAY,
        "no traffic for too long");
}

static ngx_uint_t
lt_connection_is_over(const ngx_http_lt_socket_t *s)
{
    return s->state == NGX_HTTP_LT_GONE
           || (s->state == NGX_HTTP_LT_LEAVING && s->out.frames == 0);
}

static void
lt_connection_read_handler(ngx_event_t *rev)
{
    ngx_connection_t *c = rev->data;
    ngx_http_lt_socket_t *s = c->data;

    if (c->close) {
        /* worker_shutdown_timeout has passed */
        c->close = 0;
        c->error = 0;
        ngx_http_lt_connection_close(s, LT_WS_CLOSE_RESTART,
            "the server restarts");

    } else if (rev->timedout) {
        rev->timedout = 0;
        lt_connection_timed_out(s);

    } else {
        lt_connection_read(s);
    }

    if (lt_connection_is_over(s)) {
        lt_connection_finish(s);
    }
}

/* May free s. */
static void
lt_connection_flush(ngx_http_lt_socket_t *s)
{
    off_t before;
    ngx_connection_t *c = s->connection;

    before = c->sent;

    if (ngx_http_lt_out_send(&s->out, c) == NGX_ERROR) {
        lt_connection_enter_state(s, NGX_HTTP_LT_GONE);

    } else if (c->sent != before) {
        lt_connection_alive(s);
    }

    if (lt_connection_is_over(s)) {
        lt_connection_finish(s);
    }
}

static void
lt_connection_write_handler(ngx_event_t *wev)
{
    ngx_connection_t *c = wev->data;

    lt_connection_flush(c->data);
}

/* Thousands in a row, none of them in the processor's cache. */
static void
lt_connection_prefetch(ngx_queue_t *q)
{
    ngx_http_lt_socket_t *s = ngx_queue_data(q, ngx_http_lt_socket_t, waking);

    __builtin_prefetch(&s->out);
    __builtin_prefetch((u_char *) &s->out + 64);
    __builtin_prefetch(s->connection);
    __builtin_prefetch(&s->connection->sent);
}

static void
lt_connection_wake_handler(ngx_event_t *ev)
{
    ngx_queue_t *q;
    ngx_http_lt_socket_t *s;
    ngx_http_lt_main_conf_t *mcf = ev->data;

    while (!ngx_queue_empty(&mcf->waking)) {
        q = ngx_queue_head(&mcf->waking);
        ngx_queue_remove(q);

        if (!ngx_queue_empty(&mcf->waking)) {
            lt_connection_prefetch(ngx_queue_head(&mcf->waking));
        }

        s = ngx_queue_data(q, ngx_http_lt_socket_t, waking);
        s->is_waking = 0;

        if (s->events != NULL) {
            ngx_http_lt_events_flush(s);

        } else if (s->connection->write->ready) {
            lt_connection_flush(s);
        }
    }
}

void
ngx_http_lt_connection_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf)
{
    ngx_queue_init(&mcf->waking);
    mcf->wake.handler = lt_connection_wake_handler;
    mcf->wake.data = mcf;
    mcf->wake.log = cycle->log;
}

void
ngx_http_lt_connection_serve(ngx_http_lt_socket_t *s)
{
    ngx_connection_t *c = s->connection;

    c->data = s;
    c->log->action = "serving WebSocket";
    c->read->handler = lt_connection_read_handler;
    c->write->handler = lt_connection_write_handler;
    c->idle = 0;                /* a reload waits for it */

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    lt_connection_alive(s);
    ngx_add_timer(c->read, s->mcf->idle_timeout);
}

void
ngx_http_lt_connection_input(ngx_http_lt_socket_t *s, u_char *pos,
    u_char *end)
{
    lt_connection_input(s, pos, end);
    ngx_post_event(s->connection->read, &ngx_posted_events);
}
