/*
 * From an upgrade request to a WebSocket: the 101, and the end of the request.
 *
 * The request is freed right then: it would keep ten times the memory of the
 * socket for hours.  Its access log line and limit_conn end with it.
 */
#include "ngx_http_lt_connection.h"
#include "ngx_http_lt_ack.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_ring.h"
#include "ngx_http_lt_talk.h"

/* The 101 is the first that this connection sends: 200 bytes always fit. */
static ngx_int_t
lt_connection_switch(ngx_http_request_t *r, const char *accept)
{
    ngx_connection_t *c = r->connection;

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");
    r->headers_out.content_length_n = -1;
    r->header_only = 1;
    r->keepalive = 0;

    if (ngx_http_lt_answer_header(r, "Upgrade", "websocket") != NGX_OK
        || ngx_http_lt_answer_header(r, "Sec-WebSocket-Accept", accept)
            != NGX_OK
        || ngx_http_send_header(r) == NGX_ERROR
        || ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return r->out != NULL || c->buffered ? NGX_ERROR : NGX_OK;
}

/* Small messages leave at once; the kernel takes little ahead of a client that
   does not read.  A stream of HTTP/2 has no socket of its own. */
static void
lt_connection_tune(ngx_http_request_t *r)
{
    ngx_connection_t *c = r->connection;
#ifdef TCP_NOTSENT_LOWAT
    int bytes = NGX_HTTP_LT_UNSENT_MAX;
#endif

    if (r->http_version >= NGX_HTTP_VERSION_20) {
        return;
    }

    if (c->tcp_nodelay != NGX_TCP_NODELAY_SET) {
        (void) ngx_tcp_nodelay(c);
    }

#ifdef TCP_NOTSENT_LOWAT
    if (c->sockaddr->sa_family != AF_UNIX
        && setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes,
               sizeof(bytes)) == -1)
    {
        ngx_log_error(NGX_LOG_INFO, c->log, ngx_socket_errno,
            "lt: setsockopt(TCP_NOTSENT_LOWAT) failed");
    }
#endif
}

/* For who asks by @connections; without memory it is unknown. */
static void
lt_connection_copy_agent(ngx_http_lt_socket_t *s, ngx_http_request_t *r)
{
    ngx_table_elt_t *h = r->headers_in.user_agent;

    if (h == NULL || h->value.len == 0) {
        return;
    }

    s->agent_len = ngx_min(h->value.len, NGX_HTTP_LT_AGENT_MAX);
    s->agent = ngx_alloc(s->agent_len, r->connection->log);

    if (s->agent == NULL) {
        s->agent_len = 0;
        return;
    }

    ngx_memcpy(s->agent, h->value.data, s->agent_len);
}

ngx_int_t
ngx_http_lt_connection_join(ngx_http_lt_socket_t *s, ngx_http_request_t *r,
    const ngx_str_t *session_id)
{
    ngx_http_core_srv_conf_t *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    s->connection = r->connection;
    s->server = cscf->ctx;
    s->state = NGX_HTTP_LT_OPEN;
    s->connected_ms = ngx_http_lt_wall_ms();
    s->sn.str = s->id;
    s->sn.node.key = ngx_crc32_short(s->id.data, s->id.len);
    ngx_rbtree_insert(&s->mcf->sockets, &s->sn.node);

    if (ngx_http_lt_talk_enter(s, session_id) != NGX_OK) {
        ngx_rbtree_delete(&s->mcf->sockets, &s->sn.node);
        return NGX_ERROR;
    }

    lt_connection_tune(r);
    lt_connection_copy_agent(s, r);

    if (s->role == NGX_HTTP_LT_SPEAKER) {
        NGX_HTTP_LT_COUNT(sockets_opened_speaker, 1);
        NGX_HTTP_LT_GAUGE(sockets_speaker, 1);
    } else {
        NGX_HTTP_LT_COUNT(sockets_opened_listener, 1);
        NGX_HTTP_LT_GAUGE(sockets_listener, 1);
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_connection_open(ngx_http_lt_socket_t *s, ngx_http_request_t *r,
    const char *accept, const ngx_str_t *session_id)
{
    if (lt_connection_switch(r, accept) != NGX_OK
        || ngx_http_lt_connection_join(s, r, session_id) != NGX_OK)
    {
        return NGX_ERROR;
    }

#if (NGX_HTTP_SSL)
    if (r->connection->ssl != NULL) {
        ngx_ssl_free_buffer(r->connection);
        (void) SSL_set_mode(r->connection->ssl->connection,
            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
#endif

    ngx_http_lt_connection_serve(s);

    return NGX_OK;
}

/* What the connection has kept for its requests. */
static void
lt_connection_free_buffers(ngx_connection_t *c, ngx_http_connection_t *hc)
{
    ngx_chain_t *lists[2] = { hc->busy, hc->free }, *cl;
    ngx_uint_t i;

    for (i = 0; i < 2; i++) {
        for (cl = lists[i]; cl != NULL; cl = cl->next) {
            (void) ngx_pfree(c->pool, cl->buf->start);
        }
    }

    hc->busy = NULL;
    hc->free = NULL;
    hc->nbusy = 0;

    if (c->buffer != NULL) {
        (void) ngx_pfree(c->pool, c->buffer->start);
        c->buffer = NULL;
    }
}

void
ngx_http_lt_connection_start(ngx_http_lt_socket_t *s, ngx_http_request_t *r)
{
    ngx_buf_t *b = r->header_in;
    ngx_connection_t *c = s->connection;
    ngx_http_connection_t *hc = r->http_connection;

    ngx_http_lt_ack_begin(s);
    ngx_http_lt_ring_resume(s);
    ngx_http_lt_connection_input(s, b->pos, b->last);

    ngx_http_free_request(r, 0);
    c->destroyed = 0;
    c->log->action = "serving WebSocket";
    lt_connection_free_buffers(c, hc);
}
