/*
 * The last segments of a talk in one language, so that who comes back goes on
 * where it was: the ring of this process, and the longer memory in Redis that
 * all processes write.
 *
 * A listener that can do that says so in its query: resume=1, and
 * lastSegment=<n> when it has had some.  It is given what came after n, then
 * what comes.  What is missing before a segment it is told of
 * (segmentsMissed).  Others are given what comes, as it comes.  Nobody is given
 * a segment of a language twice.
 *
 * Not here: what is published (push).
 * Memory: heap; a ring begins with the first segment for somebody here, or
 * with who comes back, and ends with the talk.
 * Limits: NGX_HTTP_LT_RING_MAX segments and _BYTES_MAX bytes a language;
 * Redis is waited for NGX_HTTP_LT_RING_WAIT_MS.
 */
#ifndef NGX_HTTP_LT_RING_H
#define NGX_HTTP_LT_RING_H

#include "ngx_http_lt_push.h"
#include "ngx_http_lt_talk.h"

#define NGX_HTTP_LT_RING_MAX LT_STATE_RECENT_MAX
#define NGX_HTTP_LT_RING_BYTES_MAX (512 * 1024)
#define NGX_HTTP_LT_RING_WAIT_MS 3000

/* What the query says of it.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_lt_ring_ask(ngx_http_lt_socket_t *s,
    ngx_http_request_t *r);

/* The socket is open and in its talk: it gets what it missed, perhaps later,
   in an event. */
void ngx_http_lt_ring_resume(ngx_http_lt_socket_t *s);

/* It hears another language: what it waits for is asked for in that one. */
void ngx_http_lt_ring_switched(ngx_http_lt_socket_t *s);

/* A segment has come, for the listeners of a language. */
void ngx_http_lt_ring_keep(ngx_http_lt_talk_t *talk,
    const ngx_str_t *language, int64_t number, ngx_http_lt_frame_t *frame);

/* A segment is about to go to s, which is told what is missing before it.
   0: it has had it. */
ngx_uint_t ngx_http_lt_ring_take(ngx_http_lt_socket_t *s, int64_t number);

/* The talk's channel is heard from now on: what came before is asked for. */
void ngx_http_lt_ring_heard(ngx_http_lt_talk_t *talk);

/* All of a talk. */
void ngx_http_lt_ring_free(ngx_http_lt_talk_t *talk);

#endif
