#include "edge/ltw_tls.h"

#include "edge/ltw_bytes.h"
#include "edge/ltw_dial.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 16384
#define READS_A_TURN 8          /* then other events get their turn */

typedef enum {
    TLS_DIALLING, TLS_HANDSHAKE, TLS_OPEN,
    TLS_CLOSED,                 /* the owner still holds it */
    TLS_RELEASED                /* freed when no callback is running */
} tls_state_t;

struct ltw_tls_context_s {
    SSL_CTX *ssl_ctx;
};

struct ltw_tls_s {
    ltw_loop_t *loop;
    ltw_tls_context_t *context;
    ltw_tls_events_t events;
    void *data;
    tls_state_t state;
    unsigned in_callback;       /* freed at the end of the outermost */

    char host[256];
    char alpn[16];
    int is_plain;
    size_t write_max;

    ltw_dial_t *dial;
    ltw_timer_t *timer;         /* until open */

    int fd;
    ltw_watch_t *watch;
    SSL *ssl;
    int want;                   /* what the handshake waits for */

    ltw_bytes_t out;         /* at most write_max */
};

ltw_tls_context_t *
ltw_tls_context_new(const char *ca_file, lt_error_t *err)
{
    ltw_tls_context_t *context = calloc(1, sizeof(*context));
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    int is_loaded;

    if (context == NULL || ctx == NULL) {
        lt_error_set(err, 0, "no memory for TLS");
        goto failed;
    }
    is_loaded = ca_file != NULL && ca_file[0] != '\0'
        ? SSL_CTX_load_verify_locations(ctx, ca_file, NULL)
        : SSL_CTX_set_default_verify_paths(ctx);
    if (is_loaded != 1) {
        lt_error_set(err, 0, "cannot load certificates from %s",
            ca_file != NULL ? ca_file : "the system");
        goto failed;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
        | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    context->ssl_ctx = ctx;
    return context;

failed:
    ERR_clear_error();
    SSL_CTX_free(ctx);
    free(context);
    return NULL;
}


void
ltw_tls_context_free(ltw_tls_context_t **context)
{
    if (*context != NULL) {
        SSL_CTX_free((*context)->ssl_ctx);
        free(*context);
        *context = NULL;
    }
}


static void
drop_socket(ltw_tls_t *t)
{
    SSL_free(t->ssl);
    t->ssl = NULL;
    ltw_watch_free(&t->watch);
    if (t->fd >= 0) {
        close(t->fd);
        t->fd = -1;
    }
}


/* Nothing of the outside world is held after this; the struct still lives. */
static void
shut(ltw_tls_t *t)
{
    if (t->state >= TLS_CLOSED) {
        return;
    }
    if (t->state == TLS_OPEN && t->ssl != NULL) {
        ERR_clear_error();
        (void) SSL_shutdown(t->ssl);        /* close_notify, no waiting */
    }
    t->state = TLS_CLOSED;
    ltw_dial_cancel(&t->dial);
    ltw_timer_free(&t->timer);
    drop_socket(t);
    ltw_bytes_clear(&t->out);
}


static void
enter(ltw_tls_t *t)
{
    t->in_callback++;
}


/* 1 when the connection lives on. */
static int
leave(ltw_tls_t *t)
{
    int is_closed = t->state >= TLS_CLOSED;

    if (--t->in_callback == 0 && t->state == TLS_RELEASED) {
        free(t);
    }
    return !is_closed;
}


void
ltw_tls_close(ltw_tls_t **tls)
{
    ltw_tls_t *t = *tls;

    if (t == NULL) {
        return;
    }
    *tls = NULL;
    shut(t);
    t->state = TLS_RELEASED;
    if (t->in_callback == 0) {
        free(t);
    }
}


static void
fail(ltw_tls_t *t, const lt_error_t *err)
{
    if (t->state >= TLS_CLOSED) {
        return;
    }
    shut(t);
    enter(t);
    t->events.on_close(t->data, err);
    (void) leave(t);
}


static void
fail_ssl(ltw_tls_t *t, const char *what, int saved_errno)
{
    lt_error_t err = { 0 };
    unsigned long code = ERR_get_error();
    long verify = t->ssl != NULL ? SSL_get_verify_result(t->ssl) : X509_V_OK;

    if (verify != X509_V_OK) {
        lt_error_set(&err, LTW_TLS_UNTRUSTED, "%s: certificate of %s not accepted: %s", what,
            t->host, X509_verify_cert_error_string(verify));
    } else if (code != 0) {
        lt_error_set(&err, 0, "%s: %s", what, ERR_reason_error_string(code));
    } else {
        lt_error_set(&err, saved_errno, "%s: %s", what,
            saved_errno != 0 ? strerror(saved_errno) : "connection cut off");
    }
    ERR_clear_error();
    fail(t, &err);
}


static void
update_watch(ltw_tls_t *t)
{
    int events = t->state == TLS_OPEN ? LTW_READABLE : t->want;

    if (t->state == TLS_OPEN && ltw_tls_waiting(t) > 0) {
        events |= LTW_WRITABLE;
    }
    ltw_watch_set(t->watch, events);
}


/* > 0 bytes, 0 would block, -1 failed (and closed) */
static ssize_t
send_some(ltw_tls_t *t)
{
    size_t len = ltw_tls_waiting(t);
    ssize_t n;
    int rc;

    if (t->is_plain) {
        n = send(t->fd, ltw_bytes_first(&t->out), len, MSG_NOSIGNAL);
        if (n >= 0) {
            return n;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
            return 0;
        }
        fail_ssl(t, "send", errno);
        return -1;
    }
    ERR_clear_error();
    rc = SSL_write(t->ssl, ltw_bytes_first(&t->out),
        (int) (len < INT32_MAX ? len : INT32_MAX));
    if (rc > 0) {
        return rc;
    }
    rc = SSL_get_error(t->ssl, rc);
    if (rc == SSL_ERROR_WANT_WRITE || rc == SSL_ERROR_WANT_READ) {
        return 0;
    }
    fail_ssl(t, "send", errno);
    return -1;
}


/* 1 when the connection lives on. */
static int
flush(ltw_tls_t *t)
{
    ssize_t n;

    if (ltw_tls_waiting(t) == 0) {
        return 1;
    }
    while (ltw_tls_waiting(t) > 0) {
        n = send_some(t);
        if (n < 0) {
            return 0;
        }
        if (n == 0) {
            return 1;
        }
        ltw_bytes_taken(&t->out, (size_t) n);
    }
    enter(t);
    t->events.on_drain(t->data);
    return leave(t);
}


/* > 0 bytes, 0 would block, -1 over (and closed) */
static ssize_t
receive_some(ltw_tls_t *t, uint8_t *buffer)
{
    lt_error_t none = { 0 };
    ssize_t n;
    int rc;

    if (t->is_plain) {
        n = recv(t->fd, buffer, READ_SIZE, 0);
        if (n > 0) {
            return n;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return 0;
        }
        if (n == 0) {
            fail(t, &none);
        } else {
            fail_ssl(t, "receive", errno);
        }
        return -1;
    }
    ERR_clear_error();
    rc = SSL_read(t->ssl, buffer, READ_SIZE);
    if (rc > 0) {
        return rc;
    }
    rc = SSL_get_error(t->ssl, rc);
    if (rc == SSL_ERROR_WANT_READ || rc == SSL_ERROR_WANT_WRITE) {
        return 0;
    }
    if (rc == SSL_ERROR_ZERO_RETURN) {
        fail(t, &none);
    } else {
        fail_ssl(t, "receive", errno);
    }
    return -1;
}


static void
on_readable(ltw_tls_t *t)
{
    uint8_t buffer[READ_SIZE];
    ssize_t n;
    int turns = 0;

    /* What OpenSSL has decrypted already wakes no poll: read it all. */
    while (turns++ < READS_A_TURN
           || (t->ssl != NULL && SSL_pending(t->ssl) > 0))
    {
        n = receive_some(t, buffer);
        if (n <= 0) {
            return;
        }
        enter(t);
        t->events.on_data(t->data, buffer, (size_t) n);
        if (!leave(t)) {
            return;
        }
    }
}


static void
opened(ltw_tls_t *t)
{
    t->state = TLS_OPEN;
    ltw_timer_stop(t->timer);
    t->events.on_open(t->data);
    if (t->state == TLS_OPEN) {
        (void) flush(t);
    }
}


static int
alpn_is_agreed(ltw_tls_t *t)
{
    const unsigned char *proto = NULL;
    unsigned len = 0;

    SSL_get0_alpn_selected(t->ssl, &proto, &len);
    return t->alpn[0] == '\0'
           || (len == strlen(t->alpn) && memcmp(proto, t->alpn, len) == 0);
}


static void
handshake(ltw_tls_t *t)
{
    lt_error_t err = { 0 };
    int rc;

    ERR_clear_error();
    rc = SSL_connect(t->ssl);
    if (rc == 1) {
        if (!alpn_is_agreed(t)) {
            lt_error_set(&err, 0, "%s does not speak %s", t->host, t->alpn);
            fail(t, &err);
            return;
        }
        opened(t);
        return;
    }
    rc = SSL_get_error(t->ssl, rc);
    if (rc == SSL_ERROR_WANT_READ) {
        t->want = LTW_READABLE;
    } else if (rc == SSL_ERROR_WANT_WRITE) {
        t->want = LTW_WRITABLE;
    } else {
        fail_ssl(t, "TLS handshake", errno);
    }
}


static int
host_is_address(const char *host)
{
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);
    int is_address = ip != NULL;

    ASN1_OCTET_STRING_free(ip);
    ERR_clear_error();
    return is_address;
}


static int
ssl_prepare(ltw_tls_t *t)
{
    unsigned char alpn[sizeof(t->alpn) + 1];
    size_t alpn_len = strlen(t->alpn);

    t->ssl = SSL_new(t->context->ssl_ctx);
    if (t->ssl == NULL || SSL_set_fd(t->ssl, t->fd) != 1) {
        return 0;
    }
    if (host_is_address(t->host)) {
        if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), t->host)
            != 1)
        {
            return 0;
        }
    } else if (SSL_set1_host(t->ssl, t->host) != 1
               || SSL_set_tlsext_host_name(t->ssl, t->host) != 1)
    {
        return 0;
    }
    if (alpn_len == 0) {
        return 1;
    }
    alpn[0] = (unsigned char) alpn_len;
    memcpy(alpn + 1, t->alpn, alpn_len);
    return SSL_set_alpn_protos(t->ssl, alpn, (unsigned) alpn_len + 1) == 0;
}


static void
on_ready(void *data, int events)
{
    ltw_tls_t *t = data;

    enter(t);
    if (t->state == TLS_HANDSHAKE) {
        handshake(t);
    } else if (t->state == TLS_OPEN) {
        if (!(events & LTW_WRITABLE) || flush(t)) {
            if (events & LTW_READABLE) {
                on_readable(t);
            }
        }
    }
    if (t->state < TLS_CLOSED && t->watch != NULL) {
        update_watch(t);
    }
    (void) leave(t);
}


static void
connected(ltw_tls_t *t)
{
    t->watch = ltw_watch_new(t->loop, t->fd, on_ready, t);
    if (t->watch == NULL || (!t->is_plain && !ssl_prepare(t))) {
        fail_ssl(t, "TLS preparation", ENOMEM);
        return;
    }
    if (t->is_plain) {
        opened(t);
    } else {
        t->state = TLS_HANDSHAKE;
        handshake(t);
    }
    if (t->state < TLS_CLOSED) {
        update_watch(t);
    }
}


static void
on_dialled(void *data, int fd, const lt_error_t *err)
{
    ltw_tls_t *t = data;

    t->dial = NULL;
    t->fd = fd;
    if (fd < 0) {
        fail(t, err);
        return;
    }
    enter(t);
    connected(t);
    (void) leave(t);
}


static void
on_timeout(void *data)
{
    ltw_tls_t *t = data;
    lt_error_t err = { 0 };

    lt_error_set(&err, ETIMEDOUT, "%s took too long",
        t->dial == NULL ? "TLS handshake"
        : ltw_dial_is_connecting(t->dial) ? "connect" : "name lookup");
    fail(t, &err);
}


ltw_tls_t *
ltw_tls_open(ltw_loop_t *loop, ltw_tls_context_t *context,
    const ltw_tls_options_t *options, const ltw_tls_events_t *events,
    void *data, lt_error_t *err)
{
    ltw_tls_t *t = calloc(1, sizeof(*t));

    if (t == NULL || strlen(options->host) >= sizeof(t->host)
        || (options->alpn != NULL
            && strlen(options->alpn) >= sizeof(t->alpn)))
    {
        lt_error_set(err, 0, "no memory for a connection, or a name too long");
        free(t);
        return NULL;
    }
    t->loop = loop;
    t->context = context;
    t->events = *events;
    t->data = data;
    t->fd = -1;
    t->is_plain = options->is_plain;
    t->write_max = options->write_max;
    memcpy(t->host, options->host, strlen(options->host) + 1);
    if (options->alpn != NULL) {
        memcpy(t->alpn, options->alpn, strlen(options->alpn) + 1);
    }
    t->timer = ltw_timer_new(loop, on_timeout, t);
    t->dial = ltw_dial_start(loop, t->host, options->port, on_dialled, t);
    if (t->timer == NULL || t->dial == NULL) {
        lt_error_set(err, 0, "no memory for a connection");
        ltw_tls_close(&t);
        return NULL;
    }
    ltw_timer_start(t->timer, options->connect_timeout_ms);
    return t;
}


lt_result_t
ltw_tls_write(ltw_tls_t *t, const void *data, size_t len)
{
    if (t->state >= TLS_CLOSED) {
        return LT_ERROR;
    }
    if (len > t->write_max || ltw_tls_waiting(t) > t->write_max - len) {
        return LT_NOSPACE;
    }
    if (ltw_bytes_add(&t->out, data, len) != LT_OK) {
        return LT_ERROR;
    }
    if (t->state == TLS_OPEN) {
        update_watch(t);        /* sent when the loop says it can be */
    }
    return LT_OK;
}


size_t
ltw_tls_waiting(const ltw_tls_t *t)
{
    return ltw_bytes_waiting(&t->out);
}
