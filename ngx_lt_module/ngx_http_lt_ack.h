/*
 * audioAck, for a speaker's socket that asked for it (ack=1): how much of its
 * audio is safe, and what its binary frames carry before their PCM.
 * docs/protocol/, "Acknowledged audio".
 *
 * Not here: what is stored (ingest), the numbering's epoch (Redis).
 *
 * Memory: heap, one for each such socket, freed with it.
 * Limits: one audioAck in NGX_HTTP_LT_ACK_MS.
 */
#ifndef NGX_HTTP_LT_ACK_H
#define NGX_HTTP_LT_ACK_H

#include "ngx_http_lt_socket.h"

#define NGX_HTTP_LT_ACK_MS 500

/* Before the PCM of a binary frame: the number of its first byte, u64 little
   endian. */
#define NGX_HTTP_LT_ACK_HEAD_LEN 8

/* As the query wants it: s->ack stays NULL, or is made; *numbering is the one
   to go on with, or empty.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_lt_ack_ask(ngx_http_lt_socket_t *s, ngx_http_request_t *r,
    ngx_str_t *numbering);

/* All below are for s->ack NULL too. */

/* The socket is open and in its talk: the first audioAck. */
void ngx_http_lt_ack_begin(ngx_http_lt_socket_t *s);

/* The socket leaves its talk; one that never came so far is just freed. */
void ngx_http_lt_ack_end(ngx_http_lt_socket_t *s);

/* Takes the head off a binary frame; NGX_ERROR: it has none, or no number
   that can be. */
ngx_int_t ngx_http_lt_ack_unwrap(ngx_http_lt_socket_t *s, const u_char **pcm,
    size_t *len, uint64_t *number);

/* Where a stream of s has to begin when its first byte has that number. */
uint64_t ngx_http_lt_ack_start(ngx_http_lt_socket_t *s, uint64_t number);

/* The stream is open now. */
void ngx_http_lt_ack_watch(ngx_http_lt_socket_t *s);

/* PCM with that number goes to the stream next: takes off what the stream has
   had before; len 0: all of it. */
void ngx_http_lt_ack_place(ngx_http_lt_socket_t *s, const u_char **pcm,
    size_t *len, uint64_t number);

/* PCM up to that number is not kept, and that is as it should be. */
void ngx_http_lt_ack_pass(ngx_http_lt_socket_t *s, uint64_t number);

#endif
