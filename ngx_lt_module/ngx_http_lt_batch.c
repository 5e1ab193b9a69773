#include "ngx_http_lt_batch.h"


#define NGX_HTTP_LT_BATCH_HEADERS  8


struct ngx_http_lt_batch_s {
    ngx_connection_t            connection;     /* not of the cycle's table */
    ngx_event_t                 read;
    ngx_event_t                 write;
    ngx_event_t                 done_event;
    ngx_log_t                   log;
    ngx_http_log_ctx_t          log_ctx;
    ngx_http_connection_t       http;
    struct sockaddr_in          sockaddr;

    ngx_http_request_t         *request;        /* NULL: nginx has ended it */
    ngx_uint_t                  is_finished;    /* answer is valid */
    ngx_http_lt_batch_answer_t  answer;
    ngx_http_lt_batch_done_pt   done;
    void                       *data;
};


static void ngx_http_lt_batch_init_connection(ngx_http_lt_batch_t *b,
    ngx_http_conf_ctx_t *ctx);
static ngx_int_t ngx_http_lt_batch_init_request(ngx_http_lt_batch_t *b);
static ngx_int_t ngx_http_lt_batch_set_body(ngx_http_lt_batch_t *b,
    ngx_str_t *body);
static ngx_int_t ngx_http_lt_batch_start(ngx_http_lt_batch_t *b,
    ngx_str_t *uri, size_t answer_max);
static ngx_int_t ngx_http_lt_batch_finished(ngx_http_request_t *sr, void *data,
    ngx_int_t rc);
static void ngx_http_lt_batch_read_answer(ngx_http_lt_batch_t *b,
    ngx_http_request_t *sr, ngx_int_t rc);
static ngx_uint_t ngx_http_lt_batch_is_cut(ngx_http_request_t *sr);
static void ngx_http_lt_batch_find_header(ngx_http_upstream_t *u,
    const char *lowcase_name, ngx_str_t *value);
static void ngx_http_lt_batch_done(ngx_event_t *ev);
static void ngx_http_lt_batch_terminated(void *data);
static void ngx_http_lt_batch_cancel(ngx_event_t *ev);
static void ngx_http_lt_batch_empty_event(ngx_event_t *ev);
static void ngx_http_lt_batch_empty_handler(ngx_http_request_t *r);
static u_char *ngx_http_lt_batch_log(ngx_log_t *log, u_char *buf, size_t len);


static ngx_str_t  ngx_http_lt_batch_post_name = ngx_string("POST");
static ngx_str_t  ngx_http_lt_batch_protocol = ngx_string("HTTP/1.1");
static ngx_str_t  ngx_http_lt_batch_address = ngx_string("127.0.0.1");


ngx_http_lt_batch_t *
ngx_http_lt_batch_new(ngx_http_conf_ctx_t *ctx)
{
    ngx_http_lt_batch_t  *b;

    b = ngx_calloc(sizeof(ngx_http_lt_batch_t), ngx_cycle->log);
    if (b == NULL) {
        return NULL;
    }

    ngx_http_lt_batch_init_connection(b, ctx);

    b->request = ngx_http_create_request(&b->connection);
    if (b->request == NULL) {
        ngx_free(b);
        return NULL;
    }

    /* ngx_http_create_request() has put the http log handler in place */
    b->log.handler = ngx_http_lt_batch_log;

    if (ngx_http_lt_batch_init_request(b) != NGX_OK) {
        ngx_http_lt_batch_free(b);
        return NULL;
    }

    return b;
}


/*
 * As ngx_http_v2_create_stream() does it.  What other modules' variables read
 * ($remote_addr, geo, realip, ip_hash) holds something valid.
 */
static void
ngx_http_lt_batch_init_connection(ngx_http_lt_batch_t *b,
    ngx_http_conf_ctx_t *ctx)
{
    ngx_connection_t  *c = &b->connection;

    b->sockaddr.sin_family = AF_INET;
    b->sockaddr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    b->log = *ngx_cycle->log;
    b->log.handler = ngx_http_lt_batch_log;
    b->log.data = &b->log_ctx;
    b->log.action = "sending a batch";
    b->log_ctx.connection = c;

    b->done_event.handler = ngx_http_lt_batch_done;
    b->done_event.data = b;
    b->done_event.log = ngx_cycle->log;

    b->read.data = c;
    b->read.handler = ngx_http_lt_batch_empty_event;
    b->read.log = &b->log;
    b->read.index = NGX_INVALID_INDEX;

    b->write.data = c;
    b->write.handler = ngx_http_lt_batch_empty_event;
    b->write.log = &b->log;
    b->write.index = NGX_INVALID_INDEX;
    b->write.write = 1;
    b->write.ready = 1;

    /* so that ngx_handle_read_event() and its like leave the fd -1 alone */
    b->read.active = 1;
    b->write.active = 1;

    c->fd = (ngx_socket_t) -1;
    c->read = &b->read;
    c->write = &b->write;
    c->data = &b->http;
    c->log = &b->log;
    c->log_error = NGX_ERROR_INFO;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->sndlowat = 1;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;
    c->sockaddr = (struct sockaddr *) &b->sockaddr;
    c->socklen = sizeof(b->sockaddr);
    c->local_sockaddr = c->sockaddr;
    c->local_socklen = c->socklen;
    c->addr_text = ngx_http_lt_batch_address;
    c->listening = ngx_cycle->listening.elts;

    b->log.connection = c->number;
    b->http.conf_ctx = ctx;
}


static ngx_int_t
ngx_http_lt_batch_init_request(ngx_http_lt_batch_t *b)
{
    ngx_http_cleanup_t  *cln;
    ngx_connection_t    *c = &b->connection;
    ngx_http_request_t  *r = b->request;

    c->data = r;

    /* ngx_http_close_connection() destroys it, should nginx ever end the main
       request by itself */
    c->pool = ngx_create_pool(256, &b->log);
    if (c->pool == NULL) {
        return NGX_ERROR;
    }

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_reading, -1);
    r->stat_reading = 0;
    (void) ngx_atomic_fetch_add(ngx_stat_requests, -1);
#endif

    /* passed: no client stands behind this request */
    r->limit_req_status = 1;
    r->limit_conn_status = 1;

    r->method = NGX_HTTP_POST;
    r->method_name = ngx_http_lt_batch_post_name;
    r->http_version = NGX_HTTP_VERSION_11;
    r->http_protocol = ngx_http_lt_batch_protocol;
    r->internal = 1;
    r->valid_location = 1;
    r->valid_unparsed_uri = 1;
    r->http_state = NGX_HTTP_PROCESS_REQUEST_STATE;
    r->read_event_handler = ngx_http_lt_batch_empty_handler;
    r->write_event_handler = ngx_http_lt_batch_empty_handler;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_lt_batch_terminated;
    cln->data = b;

    return ngx_list_init(&r->headers_in.headers, r->pool,
                         NGX_HTTP_LT_BATCH_HEADERS, sizeof(ngx_table_elt_t));
}


ngx_pool_t *
ngx_http_lt_batch_pool(ngx_http_lt_batch_t *b)
{
    return b->request->pool;
}


ngx_int_t
ngx_http_lt_batch_header(ngx_http_lt_batch_t *b, const char *lowcase_name,
    const ngx_str_t *value)
{
    ngx_table_elt_t        *h;
    ngx_http_headers_in_t  *in = &b->request->headers_in;

    if (in->headers.part.nelts == NGX_HTTP_LT_BATCH_HEADERS) {
        return NGX_ERROR;
    }

    h = ngx_list_push(&in->headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(*h));
    h->key.data = (u_char *) lowcase_name;
    h->key.len = ngx_strlen(lowcase_name);
    h->lowcase_key = h->key.data;
    h->hash = ngx_hash_key(h->key.data, h->key.len);
    h->value.len = value->len;
    h->value.data = ngx_pstrdup(b->request->pool, (ngx_str_t *) value);
    if (h->value.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_strcmp(lowcase_name, "host") == 0) {
        in->host = h;                           /* $http_host */
        in->server = h->value;                 /* $host */
    }

    return NGX_OK;
}


void
ngx_http_lt_batch_method(ngx_http_lt_batch_t *b, ngx_uint_t method,
    const char *name)
{
    b->request->method = method;
    b->request->method_name.data = (u_char *) name;
    b->request->method_name.len = ngx_strlen(name);
}


void
ngx_http_lt_batch_quiet(ngx_http_lt_batch_t *b)
{
    b->log.log_level = NGX_LOG_EMERG;
}


ngx_int_t
ngx_http_lt_batch_post(ngx_http_lt_batch_t *b, ngx_str_t *uri, ngx_str_t *body,
    size_t answer_max, ngx_http_lt_batch_done_pt done, void *data)
{
    b->request->uri = *uri;
    b->request->unparsed_uri = *uri;

    if (ngx_http_lt_batch_set_body(b, body) != NGX_OK
        || ngx_http_lt_batch_start(b, uri, answer_max) != NGX_OK)
    {
        return NGX_ERROR;
    }

    b->done = done;
    b->data = data;

    ngx_http_run_posted_requests(&b->connection);

    return NGX_OK;
}


static ngx_int_t
ngx_http_lt_batch_set_body(ngx_http_lt_batch_t *b, ngx_str_t *body)
{
    ngx_buf_t           *buf;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r = b->request;

    buf = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);
    r->request_body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));

    if (buf == NULL || cl == NULL || r->request_body == NULL) {
        return NGX_ERROR;
    }

    buf->start = body->data;            /* proxy_next_upstream rewinds to it */
    buf->pos = body->data;
    buf->last = body->data + body->len;
    buf->end = buf->last;
    buf->temporary = 1;
    buf->last_buf = 1;

    cl->buf = buf;
    cl->next = NULL;

    r->request_body->bufs = body->len ? cl : NULL;
    r->headers_in.content_length_n = body->len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_lt_batch_start(ngx_http_lt_batch_t *b, ngx_str_t *uri,
    size_t answer_max)
{
    ngx_http_request_t          *sr, *r = b->request;
    ngx_http_post_subrequest_t  *ps;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_lt_batch_finished;
    ps->data = b;

    if (ngx_http_subrequest(r, uri, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_IN_MEMORY)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* a buffer of our own: the postpone filter then does not look at
       subrequest_output_buffer_size, 4k by default */
    sr->out = ngx_alloc_chain_link(r->pool);
    if (sr->out == NULL) {
        return NGX_ERROR;
    }

    sr->out->next = NULL;
    sr->out->buf = ngx_create_temp_buf(r->pool, answer_max);
    if (sr->out->buf == NULL) {
        return NGX_ERROR;
    }

    sr->out->buf->last_buf = 1;

    /* a subrequest begins as a GET */
    sr->method = r->method;
    sr->method_name = r->method_name;
    sr->headers_in.content_length_n = r->headers_in.content_length_n;
    sr->headers_in.headers.last = &sr->headers_in.headers.part;

    return NGX_OK;
}


/* Records the outcome; NGX_OK in any case, or nginx would end the main
   request because of an upstream's error. */
static ngx_int_t
ngx_http_lt_batch_finished(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_uint_t            has_filter_error;
    ngx_http_lt_batch_t  *b = data;

    has_filter_error = sr->connection->error;
    sr->connection->error = 0;

    if (!b->is_finished) {
        ngx_http_lt_batch_read_answer(b, sr, rc);
        b->answer.is_cut |= has_filter_error;
        b->is_finished = 1;
        ngx_post_event(&b->done_event, &ngx_posted_events);
    }

    return NGX_OK;
}


static void
ngx_http_lt_batch_read_answer(ngx_http_lt_batch_t *b, ngx_http_request_t *sr,
    ngx_int_t rc)
{
    ngx_buf_t                   *buf = sr->out->buf;
    ngx_http_upstream_t         *u = sr->upstream;
    ngx_http_lt_batch_answer_t  *a = &b->answer;

    a->body.data = buf->pos;
    a->body.len = buf->last - buf->pos;
    a->is_upstream = (u && u->headers_in.status_n != 0);
    a->is_cut = ngx_http_lt_batch_is_cut(sr);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        a->status = rc;

    } else if (rc != NGX_ERROR) {
        a->status = sr->headers_out.status;
    }

    if (a->is_upstream) {
        ngx_http_lt_batch_find_header(u, "x-amzn-errortype", &a->error_type);
        ngx_http_lt_batch_find_header(u, "x-amzn-requestid", &a->request_id);
        ngx_http_lt_batch_find_header(u, "x-amz-retry-after",
                                      &a->retry_after);
        ngx_http_lt_batch_find_header(u, "content-type", &a->content_type);
        ngx_http_lt_batch_find_header(u, "date", &a->date);
    }
}


/* A peer that closes too early can look like success. */
static ngx_uint_t
ngx_http_lt_batch_is_cut(ngx_http_request_t *sr)
{
    off_t                 len = sr->out->buf->last - sr->out->buf->pos;
    ngx_http_upstream_t  *u = sr->upstream;

    if (u == NULL) {
        return 0;
    }

    if (u->headers_in.content_length_n >= 0
        && u->headers_in.content_length_n != len)
    {
        return 1;
    }

    return u->buffering && u->pipe
           && (u->pipe->upstream_error || u->pipe->length > 0);
}


static void
ngx_http_lt_batch_find_header(ngx_http_upstream_t *u, const char *lowcase_name,
    ngx_str_t *value)
{
    size_t            len = ngx_strlen(lowcase_name);
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &u->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) lowcase_name, len)
                   == 0)
            {
                *value = h[i].value;
                return;
            }
        }
    }
}


static void
ngx_http_lt_batch_done(ngx_event_t *ev)
{
    ngx_http_lt_batch_t  *b = ev->data;

    b->done(b->data, &b->answer);
}


/* Runs with the main request's end: by _free(), or by nginx. */
static void
ngx_http_lt_batch_terminated(void *data)
{
    ngx_http_lt_batch_t  *b = data;

    if (b->request == NULL) {
        return;
    }

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "lt: event=kinesis_batch_terminated");

    b->request = NULL;
    b->connection.pool = NULL;
    ngx_memzero(&b->answer, sizeof(b->answer));

    if (!b->is_finished) {
        b->is_finished = 1;
        ngx_post_event(&b->done_event, &ngx_posted_events);
    }
}


void
ngx_http_lt_batch_free(ngx_http_lt_batch_t *b)
{
    ngx_http_request_t  *r = b->request;

    if (r) {
        b->request = NULL;
        r->logged = 1;                          /* not in the access log */
        ngx_http_free_request(r, 0);            /* closes the upstream */

        if (b->connection.pool) {
            ngx_destroy_pool(b->connection.pool);
        }
    }

    ngx_http_lt_batch_cancel(&b->read);
    ngx_http_lt_batch_cancel(&b->write);
    ngx_http_lt_batch_cancel(&b->done_event);

    ngx_free(b);
}


static void
ngx_http_lt_batch_cancel(ngx_event_t *ev)
{
    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}


static void
ngx_http_lt_batch_empty_event(ngx_event_t *ev)
{
}


/* The main request is woken when its subrequest is done. */
static void
ngx_http_lt_batch_empty_handler(ngx_http_request_t *r)
{
}


static u_char *
ngx_http_lt_batch_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char              *p;
    ngx_http_log_ctx_t  *ctx = log->data;
    ngx_http_request_t  *r = ctx->request;

    p = buf;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
    }

    if (r) {
        return r->log_handler(r, ctx->current_request, p, len);
    }

    return p;
}
