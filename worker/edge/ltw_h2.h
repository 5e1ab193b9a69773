/*
 * One long HTTP/2 request on a connection of its own, both directions open at
 * once: nghttp2 over ltw_tls.  The one file that includes nghttp2.
 *
 * Not here: many requests on one connection (Transcribe refuses that).
 * Memory: the body to send is copied; at most LTW_H2_WRITE_MAX bytes wait.
 * What comes is not kept here: while paused the server may send
 * LTW_H2_WINDOW more.
 * Callbacks run on the loop only, never inside a function of this header;
 * after ltw_h2_close none runs, also when called from inside one.
 */
#ifndef LTW_H2_H
#define LTW_H2_H

#include "edge/ltw_tls.h"
#include "lt_sigv4.h"           /* lt_header_t */

#define LTW_H2_WRITE_MAX (256 * 1024)
#define LTW_H2_WINDOW (1024 * 1024)
#define LTW_H2_HEADERS_MAX 32

typedef struct ltw_h2_s ltw_h2_t;

typedef struct {
    const char *host;           /* to connect to */
    uint16_t port;
    int is_plain;               /* HTTP/2 with prior knowledge over TCP */
    unsigned connect_timeout_ms;
    lt_str_t method;
    lt_str_t authority;
    lt_str_t path;
    const lt_header_t *headers; /* names in lower case; all are copied */
    size_t headers_n;
} ltw_h2_options_t;

typedef struct {
    /* value of a header that was asked for: see ltw_h2_header */
    void (*on_headers)(void *data, int status);
    void (*on_body)(void *data, const uint8_t *bytes, size_t len);
    /* The write that was refused fits now. */
    void (*on_drain)(void *data);
    /* The last call.  err->text is empty when the server ended its answer
       properly; err->code may be LTW_TLS_UNTRUSTED. */
    void (*on_close)(void *data, const lt_error_t *err);
    /* The answer to ltw_h2_ping(); NULL: not asked for. */
    void (*on_pong)(void *data);
} ltw_h2_events_t;

/* NULL: err says why.  Everything is copied. */
ltw_h2_t *ltw_h2_open(ltw_loop_t *loop, ltw_tls_context_t *context,
    const ltw_h2_options_t *options, const ltw_h2_events_t *events,
    void *data, lt_error_t *err);

/* A piece of the request's body, before on_headers too.  LT_NOSPACE: nothing
   was taken, wait for on_drain.  LT_ERROR: closed, ended, or no memory. */
lt_result_t ltw_h2_write(ltw_h2_t *h2, const void *data, size_t len);
void ltw_h2_end(ltw_h2_t *h2);              /* END_STREAM after what waits */

/* Lets the server send no more than fits its window; on_body still runs for
   that.  Undone by ltw_h2_resume(). */
void ltw_h2_pause(ltw_h2_t *h2);
void ltw_h2_resume(ltw_h2_t *h2);

void ltw_h2_ping(ltw_h2_t *h2);             /* is the server there? */

/* A response header (lower case), len 0 when absent; at most 16 are kept.
   Lives as long as h2. */
lt_str_t ltw_h2_header(const ltw_h2_t *h2, const char *name);

void ltw_h2_close(ltw_h2_t **h2);

#endif
