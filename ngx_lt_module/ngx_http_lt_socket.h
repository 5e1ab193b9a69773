/*
 * One WebSocket as the rest of the module knows it: who it is, what it may
 * do and what is under way for it.
 *
 * Not here: its life and what goes over it (connection).
 *
 * Memory: a socket and what it holds are heap.  Only event handlers of the
 * connection free it.  The request that it came by ends with the 101.
 */
#ifndef NGX_HTTP_LT_SOCKET_H
#define NGX_HTTP_LT_SOCKET_H

#include "ngx_http_lt_module.h"
#include "ngx_http_lt_frame.h"
#include "ngx_http_lt_ingest.h"
#include "ngx_http_lt_address.h"

#include "lt_session_id.h"

#define NGX_HTTP_LT_SPEAKER_KEY_MAX 72

/* base64url of 8 bytes of the process id and 12 random ones, and "=": so it
   looks like API Gateway's and leads to its process. */
#define NGX_HTTP_LT_CONNECTION_ID_LEN 28
#define NGX_HTTP_LT_LANGUAGE_MAX 8

typedef struct ngx_http_lt_talk_s ngx_http_lt_talk_t;
typedef struct ngx_http_lt_socket_s ngx_http_lt_socket_t;
typedef struct ngx_http_lt_ack_s ngx_http_lt_ack_t;
typedef struct ngx_http_lt_events_s ngx_http_lt_events_t;

typedef enum {
    NGX_HTTP_LT_LISTENER = 1,       /* bits: the action table uses masks */
    NGX_HTTP_LT_SPEAKER = 2
} ngx_http_lt_role_e;

typedef enum {
    NGX_HTTP_LT_OPEN,
    NGX_HTTP_LT_CLOSING,
    NGX_HTTP_LT_DRAINING,
    NGX_HTTP_LT_LEAVING,
    NGX_HTTP_LT_GONE
} ngx_http_lt_socket_state_e;

/* The kinds of messages whose rate is limited, each by itself. */
typedef enum {
    NGX_HTTP_LT_RATE_AUDIO,
    NGX_HTTP_LT_RATE_CONTROL,
    NGX_HTTP_LT_RATE_HEARTBEAT,     /* so that nothing starves the ack */
    NGX_HTTP_LT_RATES
} ngx_http_lt_rate_e;

typedef struct {
    ngx_uint_t credit;              /* thousandths of a message */
    ngx_msec_t at_ms;               /* when that was reckoned */
    ngx_msec_t told_ms;             /* when the last error went out */
} ngx_http_lt_rate_t;

struct ngx_http_lt_socket_s {
    ngx_str_node_t sn;              /* by id, among all of the process */
    u_char id_data[NGX_HTTP_LT_CONNECTION_ID_LEN];

    /* what a message to thousands touches lies together, from here */
    ngx_queue_t queue;              /* talk's listeners */
    ngx_queue_t waking;             /* the connection room's, to be written */
    ngx_connection_t *connection;
    ngx_http_lt_main_conf_t *mcf;
    ngx_http_lt_events_t *events;   /* NULL: it is a WebSocket */
    ngx_http_lt_socket_state_e state;
    ngx_http_lt_role_e role;
    unsigned is_waking:1;
    unsigned resumes:1;             /* it comes back by itself */
    unsigned is_behind:1;           /* what it missed is asked for */
    unsigned is_moving:1;           /* sent to another process */
    unsigned captions:2;            /* listener: what it asks of them */
    uint32_t delivered;             /* messages queued, for the log */
    int64_t segment;                /* listener: the last it was given; 0: none */
    uint64_t seen;                  /* of the 64 before that; bit 0: the last */
    ngx_msec_t active_at_ms;        /* the last traffic */
    ngx_str_t language;             /* listener: what it hears */
    u_char language_data[NGX_HTTP_LT_LANGUAGE_MAX];
    ngx_http_lt_out_t out;
    ngx_str_t label;                /* listener: what it connected with */
    u_char label_data[NGX_HTTP_LT_LANGUAGE_MAX];
    /* to here */

    ngx_http_lt_talk_t *talk;       /* NULL when no longer open */
    ngx_http_conf_ctx_t *server;    /* where its audio's location is */
    ngx_http_lt_address_t *address; /* that it counts for; NULL: none */
    u_char *agent;                  /* what came as User-Agent; heap */
    size_t agent_len;
    ngx_str_t id;                   /* connection id */
    ngx_str_t source_language;
    u_char source_data[NGX_HTTP_LT_LANGUAGE_MAX];

    ngx_http_lt_ingest_t *ingest;   /* speaker; NULL: none could be had */
    ngx_http_lt_ack_t *ack;         /* speaker; NULL: did not ask for it */
    uint64_t epoch;                 /* who has the highest owns the talk */
    uint64_t numbering;             /* epoch in which its bytes are counted */
    ngx_uint_t is_paused;
    ngx_uint_t is_muted;
    ngx_str_t speaker_key;          /* speaker: whose further sessions are */
    u_char speaker_key_data[NGX_HTTP_LT_SPEAKER_KEY_MAX];
    ngx_uint_t created_n;           /* speaker: sessions made by createSession
                                       */
    int64_t connected_ms;

    ngx_http_lt_rate_t rates[NGX_HTTP_LT_RATES];

    lt_ws_decoder_t decoder;
    u_char *message;                /* of several pieces; NULL between */
    size_t message_len;
    size_t message_size;

    uint32_t received;
    ngx_queue_t asks;               /* questions to Redis under way */
    ngx_uint_t asks_n;
};

/* Heap; mcf and a new connection id are set.  NULL: no memory, or no random
   bytes. */
ngx_http_lt_socket_t *ngx_http_lt_socket_new(ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_role_e role, ngx_log_t *log);

/* NULL: no open socket of this process has that id. */
ngx_http_lt_socket_t *ngx_http_lt_socket_find(
    ngx_http_lt_main_conf_t *mcf, const ngx_str_t *id);

ngx_uint_t ngx_http_lt_socket_hears(const ngx_http_lt_socket_t *s,
    const ngx_str_t *language);

/* The process that an id leads to, in hex; NGX_ERROR: no id of ours. */
ngx_int_t ngx_http_lt_socket_process(
    u_char process[NGX_HTTP_LT_PROCESS_ID_LEN], const ngx_str_t *id);

/* Before _open() only. */
void ngx_http_lt_socket_free(ngx_http_lt_socket_t **s);

#endif
