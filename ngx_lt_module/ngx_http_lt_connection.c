#include "ngx_http_lt_connection.h"
#include "ngx_http_lt_ack.h"
#include "ngx_http_lt_actions.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_talk.h"

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

/* Out of the talk; the only way from open to any other state. */
static void
lt_connection_enter_state(ngx_http_lt_socket_t *s,
    ngx_http_lt_socket_state_e state)
{
    if (s->state == NGX_HTTP_LT_OPEN) {
        ngx_rbtree_delete(&s->mcf->sockets, &s->sn.node);
        ngx_http_lt_actions_forget(s);
        ngx_http_lt_ack_end(s);
        ngx_http_lt_talk_exit(s);

        if (s->role == NGX_HTTP_LT_SPEAKER) {
            NGX_HTTP_LT_COUNT(sockets_closed_speaker, 1);
            NGX_HTTP_LT_GAUGE(sockets_speaker, -1);
        } else {
            NGX_HTTP_LT_COUNT(sockets_closed_listener, 1);
            NGX_HTTP_LT_GAUGE(sockets_listener, -1);
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, s->connection->log, 0,
        "lt socket %s -> %s", lt_connection_states[s->state].name,
        lt_connection_states[state].name);

    s->state = state;

    if (s->connection->read->timer_set) {
        ngx_del_timer(s->connection->read);
    }

    ngx_add_timer(s->connection->read,
        lt_connection_states[state].timeout_ms);
}

/* Traffic either way keeps an open socket. */
static void
lt_connection_alive(ngx_http_lt_socket_t *s)
{
    if (s->state == NGX_HTTP_LT_OPEN) {
        s->active_ms = ngx_http_lt_wall_ms();
        ngx_add_timer(s->connection->read, s->mcf->idle_timeout);
    }
}

static void
lt_connection_wake(ngx_http_lt_socket_t *s)
{
    ngx_event_t *wev = s->connection->write;

    if (wev->ready) {
        ngx_post_event(wev, &ngx_posted_events);
    }
}

/* The last statement of an event handler: s and its connection are gone. */
static void
lt_connection_finish(ngx_http_lt_socket_t *s)
{
    ngx_int_t rc;
    ngx_connection_t *c = s->connection;
    ngx_http_request_t *r = s->request;

    /* a close that both have said ends in nginx's lingering close */
    rc = s->state == NGX_HTTP_LT_GONE ? NGX_HTTP_CLIENT_CLOSED_REQUEST
                                      : NGX_OK;

    if (s->state == NGX_HTTP_LT_OPEN) {
        lt_connection_enter_state(s, NGX_HTTP_LT_GONE);
    }

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->data = r;
    r->keepalive = 0;
    c->log->action = "closing WebSocket";

    ngx_http_lt_socket_free(&s);
    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}

void
ngx_http_lt_connection_send(ngx_http_lt_socket_t *s,
    ngx_http_lt_frame_t *frame)
{
    ngx_int_t rc;

    if (s->state != NGX_HTTP_LT_OPEN) {
        return;
    }

    rc = ngx_http_lt_out_put(&s->out, frame, s->connection->log);

    if (rc == NGX_OK) {
        NGX_HTTP_LT_COUNT(messages_delivered, 1);
        lt_connection_wake(s);
        return;
    }

    NGX_HTTP_LT_COUNT(messages_dropped, 1 + ngx_http_lt_out_clear(&s->out));
    ngx_http_lt_connection_close(s, LT_WS_CLOSE_TRY_LATER,
        "too slow: messages are not read in time");
}

void
ngx_http_lt_connection_send_text(ngx_http_lt_socket_t *s, const u_char *text,
    size_t len)
{
    ngx_http_lt_frame_t *frame;

    frame = ngx_http_lt_frame_new(LT_WS_TEXT, text, len, s->connection->log);
    if (frame == NULL) {
        NGX_HTTP_LT_COUNT(messages_dropped, 1);
        return;
    }

    ngx_http_lt_connection_send(s, frame);
    ngx_http_lt_frame_unref(&frame);
}

/* Control frames do not count against the queue's limit: a close frame must
   get in after a clear, a pong is one for each ping read. */
static void
lt_connection_control(ngx_http_lt_socket_t *s, ngx_http_lt_frame_t *frame)
{
    if (frame == NULL
        || ngx_http_lt_out_put(&s->out, frame, s->connection->log) != NGX_OK)
    {
        (void) ngx_http_lt_out_clear(&s->out);

        if (frame == NULL
            || ngx_http_lt_out_put(&s->out, frame, s->connection->log)
               != NGX_OK)
        {
            lt_connection_enter_state(s, NGX_HTTP_LT_GONE);
        }
    }

    ngx_http_lt_frame_unref(&frame);
    lt_connection_wake(s);
}

static void
lt_connection_say_close(ngx_http_lt_socket_t *s,
    ngx_http_lt_socket_state_e state, uint16_t code, lt_str_t reason)
{
    ngx_uint_t level;

    level = code == LT_WS_CLOSE_NORMAL ? NGX_LOG_INFO : NGX_LOG_NOTICE;

    ngx_log_error(level, s->connection->log, 0,
        "lt: event=socket_closed connection=%V role=%s code=%ui "
        "reason=\"%*s\"", &s->id,
        s->role == NGX_HTTP_LT_SPEAKER ? "speaker" : "listener",
        (ngx_uint_t) code, reason.len, reason.data);

    lt_connection_enter_state(s, state);
    lt_connection_control(s,
        ngx_http_lt_frame_close(code, reason, s->connection->log));
}

void
ngx_http_lt_connection_close(ngx_http_lt_socket_t *s, uint16_t code,
    const char *reason)
{
    if (s->state == NGX_HTTP_LT_OPEN) {
        lt_connection_say_close(s, NGX_HTTP_LT_CLOSING, code, lt_str(reason));
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
    if (s->state == NGX_HTTP_LT_OPEN) {
        ngx_http_lt_connection_close(s, LT_WS_CLOSE_GOING_AWAY,
            "no traffic for too long");
        return;
    }

    lt_connection_enter_state(s, NGX_HTTP_LT_GONE);
}

static ngx_uint_t
lt_connection_is_over(const ngx_http_lt_socket_t *s)
{
    return s->state == NGX_HTTP_LT_GONE
           || (s->state == NGX_HTTP_LT_LEAVING && s->out.head == NULL);
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

static void
lt_connection_write_handler(ngx_event_t *wev)
{
    off_t before;
    ngx_connection_t *c = wev->data;
    ngx_http_lt_socket_t *s = c->data;

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

static ngx_int_t
lt_connection_header(ngx_http_request_t *r, const char *key,
    const ngx_str_t *value)
{
    ngx_table_elt_t *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    h->key.data = (u_char *) key;
    h->key.len = ngx_strlen(key);
    h->value = *value;

    return NGX_OK;
}

/* The 101 is the first that this connection sends: 200 bytes always fit. */
static ngx_int_t
lt_connection_switch(ngx_http_request_t *r, const ngx_str_t *accept)
{
    ngx_str_t upgrade = ngx_string("websocket");
    ngx_connection_t *c = r->connection;

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");
    r->headers_out.content_length_n = -1;
    r->header_only = 1;
    r->keepalive = 0;

    if (lt_connection_header(r, "Upgrade", &upgrade) != NGX_OK
        || lt_connection_header(r, "Sec-WebSocket-Accept", accept) != NGX_OK
        || ngx_http_send_header(r) == NGX_ERROR
        || ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return r->out != NULL || c->buffered ? NGX_ERROR : NGX_OK;
}

ngx_int_t
ngx_http_lt_connection_open(ngx_http_lt_socket_t *s, ngx_http_request_t *r,
    const ngx_str_t *accept, const ngx_str_t *session_id)
{
    ngx_connection_t *c = r->connection;

    s->request = r;
    s->connection = c;
    s->state = NGX_HTTP_LT_OPEN;

    if (lt_connection_switch(r, accept) != NGX_OK) {
        return NGX_ERROR;
    }

    s->connected_ms = ngx_http_lt_wall_ms();
    s->sn.str = s->id;
    s->sn.node.key = ngx_crc32_short(s->id.data, s->id.len);
    ngx_rbtree_insert(&s->mcf->sockets, &s->sn.node);

    if (ngx_http_lt_talk_enter(s, session_id) != NGX_OK) {
        ngx_rbtree_delete(&s->mcf->sockets, &s->sn.node);
        return NGX_ERROR;
    }

    if (c->tcp_nodelay != NGX_TCP_NODELAY_SET) {
        (void) ngx_tcp_nodelay(c);
    }

#if (NGX_HTTP_SSL)
    if (c->ssl != NULL) {
        ngx_ssl_free_buffer(c);
    }
#endif

    c->data = s;
    c->log->action = "serving WebSocket";
    c->read->handler = lt_connection_read_handler;
    c->write->handler = lt_connection_write_handler;
    c->idle = 0;                /* a reload waits for it */

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (s->role == NGX_HTTP_LT_SPEAKER) {
        NGX_HTTP_LT_COUNT(sockets_opened_speaker, 1);
        NGX_HTTP_LT_GAUGE(sockets_speaker, 1);
    } else {
        NGX_HTTP_LT_COUNT(sockets_opened_listener, 1);
        NGX_HTTP_LT_GAUGE(sockets_listener, 1);
    }

    lt_connection_alive(s);

    return NGX_OK;
}

void
ngx_http_lt_connection_start(ngx_http_lt_socket_t *s)
{
    ngx_buf_t *b = s->request->header_in;
    ngx_connection_t *c = s->connection;

    ngx_http_lt_ack_begin(s);

    if (b->pos < b->last) {
        lt_connection_input(s, b->pos, b->last);
        b->pos = b->last;
    }

    ngx_post_event(c->read, &ngx_posted_events);
}
