/*
 * One outgoing connection, TLS 1.2 or newer (or plain TCP for stand-ins), for
 * a protocol that stays open: OpenSSL on the loop.  The one file that
 * includes OpenSSL's SSL.  Short requests go through ltw_http.h.
 *
 * States: dialling (ltw_dial.h), handshake (connect_timeout_ms for both),
 * open, closed.
 * The server's certificate is always verified, against the name or address.
 *
 * Memory: what is written is copied, at most write_max bytes wait.
 * Callbacks run on the loop only, never inside a function of this header;
 * after ltw_tls_close none runs, also when called from inside one.
 * SIGPIPE must be ignored by the process.
 */
#ifndef LTW_TLS_H
#define LTW_TLS_H

#include "edge/ltw_loop.h"

#define LTW_TLS_UNTRUSTED (-10000)      /* on_close: err->code */

typedef struct ltw_tls_context_s ltw_tls_context_t;     /* certificates */
typedef struct ltw_tls_s ltw_tls_t;                     /* a connection */

/* ca_file: PEM bundle, NULL = the system's.  Blocking: at start only. */
ltw_tls_context_t *ltw_tls_context_new(const char *ca_file, lt_error_t *err);
void ltw_tls_context_free(ltw_tls_context_t **context);

typedef struct {
    const char *host;           /* name or address */
    uint16_t port;
    int is_plain;               /* no TLS */
    const char *alpn;           /* must be agreed on, e.g. "h2"; NULL = none */
    unsigned connect_timeout_ms;
    size_t write_max;
} ltw_tls_options_t;

typedef struct {
    void (*on_open)(void *data);
    void (*on_data)(void *data, const uint8_t *bytes, size_t len);
    /* All that was written is in the kernel's hands. */
    void (*on_drain)(void *data);
    /* The last call.  err->text is empty when the server ended it properly. */
    void (*on_close)(void *data, const lt_error_t *err);
} ltw_tls_events_t;

/* NULL: err says why (memory).  options and events are copied. */
ltw_tls_t *ltw_tls_open(ltw_loop_t *loop, ltw_tls_context_t *context,
    const ltw_tls_options_t *options, const ltw_tls_events_t *events,
    void *data, lt_error_t *err);

/* Before on_open too.  LT_NOSPACE: does not fit, nothing was taken.
   LT_ERROR: closed, or no memory. */
lt_result_t ltw_tls_write(ltw_tls_t *tls, const void *data, size_t len);
size_t ltw_tls_waiting(const ltw_tls_t *tls);   /* bytes not sent yet */

void ltw_tls_close(ltw_tls_t **tls);

#endif
