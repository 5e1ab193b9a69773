#include "ngx_http_lt_connections.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_command.h"
#include "ngx_http_lt_connection.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_push.h"

#include "lt_json.h"
#include "lt_sigv4_verify.h"
#include "lt_text.h"

#define LT_CALL_HEADERS_MAX 64
#define LT_CALL_JSON_MAX 1024
#define LT_CALL_METHOD_MAX 8

/* In the request's pool. */
typedef struct {
    ngx_queue_t queue;              /* of mcf->calls, while it waits */
    ngx_http_request_t *request;
    ngx_http_lt_main_conf_t *mcf;
    ngx_http_lt_command_t *cmd;
    ngx_event_t timer;
    int64_t number;
    ngx_uint_t is_waiting;
} lt_call_t;

static const struct {
    ngx_uint_t status;
    const char *type;               /* how AWS's clients know it */
    const char *text;
} lt_call_errors[] = {
    { 403, "ForbiddenException", "The request is not signed by a known key." },
    { 404, "NotFoundException", "There is no such address." },
    { 405, "MethodNotAllowedException", "POST, GET and DELETE are allowed." },
    { 410, "GoneException", "The connection is gone." },
    { 411, "BadRequestException", "Content-Length is needed." },
    { 413, "PayloadTooLargeException", "The message is too large." },
    { 429, "LimitExceededException", "The client does not read that fast." },
    { 504, "InternalServerErrorException", "No answer in time." },
    { 503, "ServiceUnavailableException", "Redis cannot be reached." },
    { 500, "InternalServerErrorException", "The server has failed." },
};

#define LT_CALL_ERRORS (sizeof(lt_call_errors) / sizeof(lt_call_errors[0]))

static ngx_int_t
lt_call_refuse(ngx_http_request_t *r, ngx_uint_t status)
{
    u_char text[LT_CALL_JSON_MAX];
    ngx_uint_t i;
    lt_out_t out;
    lt_json_writer_t w;

    for (i = 0; i < LT_CALL_ERRORS - 1; i++) {
        if (lt_call_errors[i].status == status) {
            break;
        }
    }

    NGX_HTTP_LT_COUNT(calls_refused, 1);

    lt_out_init(&out, text, sizeof(text));
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_cstr(&w, "message", lt_call_errors[i].text);
    lt_json_close_object(&w);

    if (ngx_http_lt_answer_header(r, "x-amzn-ErrorType",
            lt_call_errors[i].type) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_lt_answer(r, lt_call_errors[i].status, text,
        lt_out_len(&out));
}

/* JSON is there with 200 after a GET only. */
static ngx_int_t
lt_call_answer(ngx_http_request_t *r, ngx_uint_t status, lt_str_t json)
{
    if (status >= 300) {
        return lt_call_refuse(r, status);
    }

    NGX_HTTP_LT_COUNT(calls_done, 1);

    return ngx_http_lt_answer(r, status, (u_char *) json.data, json.len);
}

/* What is done to a socket of this process. */

static ngx_uint_t
lt_call_post(ngx_http_lt_socket_t *s, lt_str_t body)
{
    lt_utf8_t utf8;
    ngx_uint_t is_text;
    ngx_http_lt_frame_t *frame;

    if (body.len > s->mcf->message_max) {
        return 413;
    }

    if (s->out.bytes + body.len > NGX_HTTP_LT_OUT_MAX / 2
        || s->out.frames >= NGX_HTTP_LT_OUT_FRAMES_MAX / 2)
    {
        return 429;     /* it is not closed for what a backend does */
    }

    lt_utf8_init(&utf8);
    is_text = lt_utf8_feed(&utf8, (uint8_t *) body.data, body.len) == LT_OK
              && lt_utf8_is_complete(&utf8);

    frame = ngx_http_lt_frame_new(is_text ? LT_WS_TEXT : LT_WS_BINARY,
        (u_char *) body.data, body.len, ngx_cycle->log);
    if (frame == NULL) {
        return 500;
    }

    ngx_http_lt_connection_send(s, frame);
    ngx_http_lt_frame_unref(&frame);

    return 200;
}

static void
lt_call_put_time(lt_json_writer_t *w, const char *key, int64_t ms)
{
    u_char text[32];
    ngx_tm_t tm;
    lt_str_t s = { (char *) text, 0 };

    ngx_gmtime((time_t) (ms / 1000), &tm);
    s.len = ngx_sprintf(text, "%4d-%02d-%02dT%02d:%02d:%02d.%03LZ",
                tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday, tm.ngx_tm_hour,
                tm.ngx_tm_min, tm.ngx_tm_sec, ms % 1000) - text;
    lt_json_put_str(w, key, s);
}

static ngx_uint_t
lt_call_get(ngx_http_lt_socket_t *s, lt_out_t *out)
{
    lt_str_t agent = { (char *) s->agent, s->agent_len };
    lt_json_writer_t w;

    lt_json_begin(&w, out);
    lt_json_open_object(&w, NULL);
    lt_call_put_time(&w, "connectedAt", s->connected_ms);
    lt_json_open_object(&w, "identity");
    lt_json_put_str(&w, "sourceIp",
        ngx_http_lt_view(&s->connection->addr_text));
    lt_json_put_str(&w, "userAgent", agent);
    lt_json_close_object(&w);
    lt_call_put_time(&w, "lastActiveAt",
        ngx_http_lt_wall_ms() - (int64_t) (ngx_current_msec - s->active_at_ms));
    lt_json_close_object(&w);

    return lt_out_result(out) == LT_OK ? 200 : 500;
}

/* The status; out gets the JSON of a GET. */
static ngx_uint_t
lt_call_do(ngx_http_lt_main_conf_t *mcf, lt_str_t method, const ngx_str_t *id,
    lt_str_t body, lt_out_t *out)
{
    ngx_http_lt_socket_t *s = ngx_http_lt_socket_find(mcf, id);

    if (s == NULL) {
        return 410;
    }

    if (lt_str_is(method, "POST")) {
        return lt_call_post(s, body);
    }

    if (lt_str_is(method, "GET")) {
        return lt_call_get(s, out);
    }

    ngx_http_lt_connection_close(s, LT_WS_CLOSE_NORMAL,
        "closed by the backend");

    return 204;
}

/* A socket of another process. */

static void
lt_call_end(lt_call_t *call)
{
    if (call->is_waiting) {
        call->is_waiting = 0;
        ngx_queue_remove(&call->queue);
        call->mcf->calls_n--;
    }

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    ngx_http_lt_command_forget(call->cmd);
    call->cmd = NULL;
}

static void
lt_call_finish(lt_call_t *call, ngx_uint_t status, lt_str_t json)
{
    ngx_http_request_t *r = call->request;

    lt_call_end(call);
    ngx_http_lt_answer_finish(r, lt_call_answer(r, status, json));
}

static void
lt_call_timer_handler(ngx_event_t *ev)
{
    lt_str_t none = { NULL, 0 };

    lt_call_finish(ev->data, 504, none);
}

/* How many heard it: none is a process that is no more. */
static void
lt_call_published(void *data, const ngx_http_lt_reply_t *reply)
{
    lt_call_t *call = data;
    lt_str_t none = { NULL, 0 };

    call->cmd = NULL;

    if (reply == NULL) {
        lt_call_finish(call, 503, none);

    } else if (ngx_http_lt_reply_value(reply) == 0) {
        lt_call_finish(call, 410, none);
    }
}

/* Published on a process's channel. */
static ngx_http_lt_command_t *
lt_call_publish(ngx_http_lt_main_conf_t *mcf, const ngx_str_t *process,
    const char *name, int64_t number, lt_str_t head, lt_str_t body,
    ngx_http_lt_command_done_pt done, void *data)
{
    size_t size = head.len + body.len + 1;
    u_char *text;
    lt_out_t out;
    lt_state_event_t ev;
    ngx_http_lt_command_t *cmd;

    text = ngx_alloc(size, ngx_cycle->log);
    if (text == NULL) {
        return NULL;
    }

    lt_out_init(&out, text, size);
    lt_out_str(&out, head);
    lt_out_cstr(&out, "\n");
    lt_out_str(&out, body);

    ngx_memzero(&ev, sizeof(ev));
    ev.to = LT_STATE_TO_CONTROL;
    ev.name = lt_str(name);
    ev.number = number;
    ev.json.data = (char *) text;
    ev.json.len = lt_out_len(&out);

    cmd = ngx_http_lt_push_send(mcf, process, &ev, done, data);
    ngx_free(text);

    return cmd;
}

static void
lt_call_cleanup(void *data)
{
    lt_call_end(data);
}

/* NGX_DONE: it is under way; else the result of an answer. */
static ngx_int_t
lt_call_remote(ngx_http_request_t *r, u_char *process, const ngx_str_t *id,
    const ngx_str_t *body)
{
    u_char text[LT_CALL_METHOD_MAX + 1 + NGX_HTTP_LT_CONNECTION_ID_LEN];
    lt_str_t head = { (char *) text, 0 };
    ngx_str_t to = { NGX_HTTP_LT_PROCESS_ID_LEN, process };
    lt_call_t *call;
    ngx_http_cleanup_t *cln;
    ngx_http_lt_main_conf_t *mcf = ngx_http_lt_main_conf(r);

    if (mcf->calls_n >= NGX_HTTP_LT_CALLS_MAX) {
        return lt_call_refuse(r, 429);
    }

    call = ngx_pcalloc(r->pool, sizeof(lt_call_t));
    cln = ngx_http_cleanup_add(r, 0);
    if (call == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    call->request = r;
    call->mcf = mcf;
    call->number = ++mcf->calls_number;
    call->timer.handler = lt_call_timer_handler;
    call->timer.data = call;
    call->timer.log = r->connection->log;
    cln->handler = lt_call_cleanup;
    cln->data = call;

    head.len = ngx_sprintf(text, "%V %V", &r->method_name, id) - text;
    call->cmd = lt_call_publish(mcf, &to, LT_STATE_CALL, call->number, head,
        ngx_http_lt_view(body), lt_call_published, call);
    if (call->cmd == NULL) {
        return lt_call_refuse(r, 503);
    }

    call->is_waiting = 1;
    ngx_queue_insert_tail(&mcf->calls, &call->queue);
    mcf->calls_n++;
    ngx_add_timer(&call->timer, NGX_HTTP_LT_CALL_MS);

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_DONE;
}

static lt_str_t
lt_call_line(lt_str_t *text, char end)
{
    lt_str_t line = *text;
    const char *eol = text->len != 0 ? memchr(text->data, end, text->len)
                                     : NULL;

    if (eol == NULL) {
        text->len = 0;
        return line;
    }

    line.len = (size_t) (eol - text->data);
    text->data = eol + 1;
    text->len -= line.len + 1;

    return line;
}

static void
lt_call_serve(ngx_http_lt_main_conf_t *mcf, const lt_state_event_t *ev)
{
    u_char json[LT_CALL_JSON_MAX], number[NGX_INT_T_LEN];
    lt_str_t body = ev->json, line = lt_call_line(&body, '\n'), method;
    lt_str_t status = { (char *) number, 0 }, text = { (char *) json, 0 };
    lt_out_t out;
    ngx_str_t id, origin;

    method = lt_call_line(&line, ' ');
    id.data = (u_char *) line.data;
    id.len = line.len;
    origin.data = (u_char *) ev->origin.data;
    origin.len = ev->origin.len;

    lt_out_init(&out, json, sizeof(json));
    status.len = ngx_sprintf(number, "%ui",
                     lt_call_do(mcf, method, &id, body, &out)) - number;
    text.len = lt_out_len(&out);

    (void) lt_call_publish(mcf, &origin, LT_STATE_ANSWER, ev->number, status,
        text, NULL, NULL);
}

static void
lt_call_answered(ngx_http_lt_main_conf_t *mcf, const lt_state_event_t *ev)
{
    lt_str_t json = ev->json, line = lt_call_line(&json, '\n');
    lt_call_t *call;
    ngx_int_t status;
    ngx_queue_t *q;

    status = ngx_atoi((u_char *) line.data, line.len);
    if (status < 200 || status > 599) {
        return;
    }

    for (q = ngx_queue_head(&mcf->calls);
         q != ngx_queue_sentinel(&mcf->calls); q = ngx_queue_next(q))
    {
        call = ngx_queue_data(q, lt_call_t, queue);

        if (call->number == ev->number) {
            lt_call_finish(call, (ngx_uint_t) status, json);
            return;
        }
    }
}

void
ngx_http_lt_connections_received(ngx_http_lt_main_conf_t *mcf,
    const lt_state_event_t *ev)
{
    if (lt_str_is(ev->name, LT_STATE_CALL)) {
        lt_call_serve(mcf, ev);

    } else if (lt_str_is(ev->name, LT_STATE_ANSWER)) {
        lt_call_answered(mcf, ev);
    }
}

/* The request. */

/* "…/@connections/<id>" */
static ngx_int_t
lt_call_id(ngx_http_request_t *r, ngx_str_t *id)
{
    static const char before[] = "/@connections/";
    size_t len = sizeof(before) - 1;
    u_char *p, *end = r->uri.data + r->uri.len;

    for (p = end; p > r->uri.data && p[-1] != '/'; p--) { /* void */ }

    if ((size_t) (p - r->uri.data) < len
        || ngx_memcmp(p - len, before, len) != 0)
    {
        return NGX_DECLINED;
    }

    id->data = p;
    id->len = end - p;

    return NGX_OK;
}

static ngx_uint_t
lt_call_is_signed(ngx_http_request_t *r, const ngx_str_t *body)
{
    ngx_uint_t i;
    const char *reason = "too many headers";
    lt_header_t headers[LT_CALL_HEADERS_MAX];
    ngx_list_part_t *part = &r->headers_in.headers.part;
    ngx_table_elt_t *h = part->elts;
    lt_sigv4_received_t req;
    ngx_http_lt_main_conf_t *mcf = ngx_http_lt_main_conf(r);

    ngx_memzero(&req, sizeof(req));
    req.method = ngx_http_lt_view(&r->method_name);
    req.path = ngx_http_lt_view(&r->unparsed_uri);
    req.query = ngx_http_lt_view(&r->args);
    req.headers = headers;
    req.body = body->len != 0 ? (void *) body->data : "";
    req.body_len = body->len;

    for (i = 0; i < req.path.len; i++) {
        if (req.path.data[i] == '?') {
            req.path.len = i;
        }
    }

    for (i = 0; /* void */ ; i++) {
        if (i == part->nelts) {
            if (part->next == NULL) {
                break;
            }
            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (req.headers_n == LT_CALL_HEADERS_MAX) {
            goto refused;
        }

        headers[req.headers_n].name = ngx_http_lt_view(&h[i].key);
        headers[req.headers_n++].value = ngx_http_lt_view(&h[i].value);
    }

    if (lt_sigv4_verify(&req, mcf->connections_keys, mcf->connections_keys_n,
            LT_STR("execute-api"), ngx_time(), &reason) == LT_OK)
    {
        return 1;
    }

refused:

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
        "lt: event=call_refused reason=\"%s\"", reason);

    return 0;
}

/* NGX_DONE: it is under way; else the result of an answer. */
static ngx_int_t
lt_call(ngx_http_request_t *r, ngx_uint_t is_trusted)
{
    u_char process[NGX_HTTP_LT_PROCESS_ID_LEN], json[LT_CALL_JSON_MAX];
    lt_out_t out;
    lt_str_t text = { (char *) json, 0 };
    ngx_int_t rc;
    ngx_str_t body, id;
    ngx_uint_t status;
    ngx_http_lt_main_conf_t *mcf = ngx_http_lt_main_conf(r);

    rc = ngx_http_lt_answer_body(r, mcf->message_max, &body);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return lt_call_refuse(r, 413);
    }

    if (!is_trusted && !lt_call_is_signed(r, &body)) {
        return lt_call_refuse(r, 403);
    }

    if (lt_call_id(r, &id) != NGX_OK) {
        return lt_call_refuse(r, 404);
    }

    if (ngx_http_lt_socket_process(process, &id) != NGX_OK) {
        return lt_call_refuse(r, 410);
    }

    if (ngx_memcmp(process, mcf->process_id, sizeof(process)) != 0) {
        return lt_call_remote(r, process, &id, &body);
    }

    lt_out_init(&out, json, sizeof(json));
    status = lt_call_do(mcf, ngx_http_lt_view(&r->method_name), &id,
        ngx_http_lt_view(&body), &out);
    text.len = lt_out_len(&out);

    return lt_call_answer(r, status, text);
}

static void
lt_call_signed_body(ngx_http_request_t *r)
{
    ngx_int_t rc = lt_call(r, 0);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}

static void
lt_call_trusted_body(ngx_http_request_t *r)
{
    ngx_int_t rc = lt_call(r, 1);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}

/* The body is read for all methods: it is part of what is signed. */
static ngx_int_t
lt_call_begin(ngx_http_request_t *r, ngx_http_client_body_handler_pt handler)
{
    ngx_int_t rc;
    ngx_http_lt_main_conf_t *mcf = ngx_http_lt_main_conf(r);

    if ((r->method & (NGX_HTTP_POST | NGX_HTTP_GET | NGX_HTTP_DELETE)) == 0) {
        return lt_call_refuse(r, 405);
    }

    if (r->headers_in.chunked) {
        return lt_call_refuse(r, 411);
    }

    if (r->headers_in.content_length_n > (off_t) mcf->message_max) {
        return lt_call_refuse(r, 413);
    }

    r->request_body_in_single_buf = 1;
    rc = ngx_http_read_client_request_body(r, handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}

ngx_int_t
ngx_http_lt_connections_handler(ngx_http_request_t *r)
{
    return lt_call_begin(r, lt_call_signed_body);
}

ngx_int_t
ngx_http_lt_connections_trusted_handler(ngx_http_request_t *r)
{
    return lt_call_begin(r, lt_call_trusted_body);
}
