/*
 * One session as far as this process is concerned: its sockets here, and the
 * life that begins with the first of them.
 *
 *   live      no limit; ends when the last socket leaves
 *   orphan    its speaker left from here: after lt_speaker_grace it ends,
 *             unless a speaker is back (on any process)
 *   ended     waits for the last clip: lt_end_grace at most
 *   closing   sessionEnded is out; in 5 s the sockets are closed (1000)
 *
 * Not here: what Redis holds (state), messages to sockets (push).
 * Memory: heap; a talk is freed by an event of its own, never within a call.
 */
#ifndef NGX_HTTP_LT_TALK_H
#define NGX_HTTP_LT_TALK_H

#include "ngx_http_lt_connection.h"
#include "ngx_http_lt_command.h"

#define NGX_HTTP_LT_TALK_CLOSE_MS 5000
#define NGX_HTTP_LT_TALK_RETRY_MS 2000      /* Redis did not take the end */
#define NGX_HTTP_LT_TALK_STATUS_MS 1000     /* sessionStatus at most so often */

typedef enum {
    NGX_HTTP_LT_TALK_LIVE,
    NGX_HTTP_LT_TALK_ORPHAN,
    NGX_HTTP_LT_TALK_ENDED,
    NGX_HTTP_LT_TALK_CLOSING
} ngx_http_lt_talk_state_e;

struct ngx_http_lt_talk_s {
    ngx_str_node_t sn;              /* by id */
    ngx_http_lt_main_conf_t *mcf;
    ngx_http_lt_talk_state_e state;
    ngx_queue_t listeners;          /* of ngx_http_lt_socket_t */
    ngx_uint_t listeners_n;
    ngx_uint_t moving_n;            /* the drain room's: they still count */
    ngx_queue_t rings;              /* what was said last, by language */
    ngx_uint_t is_heard;            /* its channel is subscribed to */
    ngx_http_lt_socket_t *speaker;
    uint64_t epoch;                 /* the highest of a speaker heard of */
    uint64_t numbering;             /* of the last stream with audioAck here */
    uint64_t settled;               /* so much of that, when it closed */
    ngx_msec_t ended_at_ms;
    ngx_uint_t is_drained;          /* after that: its last result was sent */
    ngx_event_t timer;              /* the state's timeout */
    ngx_event_t status;             /* the next sessionStatus */
    ngx_msec_t status_at_ms;        /* when the last one went out */
    ngx_event_t age;                /* when the session is too old */
    ngx_event_t reap;
    ngx_http_lt_command_t *ending;
    ngx_http_lt_command_t *reading;
    ngx_http_lt_command_t *checking;
    u_char id_data[];
};

typedef void (*ngx_http_lt_talk_each_pt)(ngx_http_lt_talk_t *talk);

ngx_int_t ngx_http_lt_talk_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf);

/* NULL: no socket of that session here. */
ngx_http_lt_talk_t *ngx_http_lt_talk_find(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id);

void ngx_http_lt_talk_each(ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_talk_each_pt handler);

/* The socket has joined (Redis knows).  A speaker replaces the one before,
   which is closed with 4409.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_lt_talk_enter(ngx_http_lt_socket_t *s,
    const ngx_str_t *session_id);

/* The socket is no longer open: tells Redis, starts the speaker's grace. */
void ngx_http_lt_talk_exit(ngx_http_lt_socket_t *s);

/* Something of it has gone: it ends when nothing is left. */
void ngx_http_lt_talk_release(ngx_http_lt_talk_t *talk);

/* The talk was ended, here or elsewhere: waits for its last clip. */
void ngx_http_lt_talk_ended(ngx_http_lt_talk_t *talk);

/* The session has ended in Redis just now: logs, tells all processes, and
   ends what is here. */
void ngx_http_lt_talk_end(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const char *reason);

/* Its channel is heard from now on; what came before may have been missed. */
void ngx_http_lt_talk_check(ngx_http_lt_talk_t *talk);

/* Its last segment is out and plays for so long. */
void ngx_http_lt_talk_drained(ngx_http_lt_talk_t *talk, ngx_msec_t play_ms);

/* A dead process had its speaker: as if it had left from here. */
void ngx_http_lt_talk_adopt(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id);

/* Listeners or languages have changed; the speaker is told within a second. */
void ngx_http_lt_talk_counts_changed(ngx_http_lt_talk_t *talk);
void ngx_http_lt_talk_status_handler(ngx_event_t *ev);

/* A control event of another process. */
void ngx_http_lt_talk_control(ngx_http_lt_talk_t *talk,
    const lt_state_event_t *ev);

#endif
