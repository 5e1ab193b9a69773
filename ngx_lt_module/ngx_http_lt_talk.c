#include "ngx_http_lt_talk.h"
#include "ngx_http_lt_drain.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_push.h"
#include "ngx_http_lt_registry.h"
#include "ngx_http_lt_ring.h"
#include "ngx_http_lt_state.h"

struct ngx_http_lt_talks_s {
    ngx_rbtree_t tree;
    ngx_rbtree_node_t sentinel;
};

static void lt_talk_timer_handler(ngx_event_t *ev);
static void lt_talk_age_handler(ngx_event_t *ev);
static void lt_talk_reap_handler(ngx_event_t *ev);

ngx_int_t
ngx_http_lt_talk_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf)
{
    mcf->talks = ngx_palloc(cycle->pool, sizeof(ngx_http_lt_talks_t));
    if (mcf->talks == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&mcf->talks->tree, &mcf->talks->sentinel,
        ngx_str_rbtree_insert_value);

    return NGX_OK;
}

ngx_http_lt_talk_t *
ngx_http_lt_talk_find(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id)
{
    return (ngx_http_lt_talk_t *) ngx_str_rbtree_lookup(&mcf->talks->tree,
        (ngx_str_t *) session_id,
        ngx_crc32_short(session_id->data, session_id->len));
}

void
ngx_http_lt_talk_each(ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_talk_each_pt handler)
{
    ngx_rbtree_node_t *node;
    ngx_rbtree_t *tree = &mcf->talks->tree;

    if (tree->root == tree->sentinel) {
        return;
    }

    for (node = ngx_rbtree_min(tree->root, tree->sentinel); node != NULL;
         node = ngx_rbtree_next(tree, node))
    {
        handler((ngx_http_lt_talk_t *) node);
    }
}

static void
lt_talk_event(ngx_event_t *ev, ngx_event_handler_pt handler,
    ngx_http_lt_talk_t *talk)
{
    ev->handler = handler;
    ev->data = talk;
    ev->log = ngx_cycle->log;
    ev->cancelable = 1;         /* the sockets keep a leaving process */
}

static ngx_http_lt_talk_t *
lt_talk_new(ngx_http_lt_main_conf_t *mcf, const ngx_str_t *session_id)
{
    ngx_http_lt_talk_t *talk;

    talk = ngx_calloc(sizeof(ngx_http_lt_talk_t) + session_id->len,
        ngx_cycle->log);
    if (talk == NULL) {
        return NULL;
    }

    talk->mcf = mcf;
    ngx_queue_init(&talk->listeners);
    ngx_queue_init(&talk->rings);
    ngx_memcpy(talk->id_data, session_id->data, session_id->len);
    talk->sn.str.data = talk->id_data;
    talk->sn.str.len = session_id->len;
    talk->sn.node.key = ngx_crc32_short(session_id->data, session_id->len);

    lt_talk_event(&talk->timer, lt_talk_timer_handler, talk);
    lt_talk_event(&talk->status, ngx_http_lt_talk_status_handler, talk);
    lt_talk_event(&talk->age, lt_talk_age_handler, talk);
    lt_talk_event(&talk->reap, lt_talk_reap_handler, talk);

    ngx_rbtree_insert(&mcf->talks->tree, &talk->sn.node);
    ngx_http_lt_registry_add(mcf, session_id);
    ngx_http_lt_redis_subscribe(mcf->redis, session_id);

    return talk;
}

static ngx_uint_t
lt_talk_is_needed(const ngx_http_lt_talk_t *talk)
{
    return talk->listeners_n != 0 || talk->moving_n != 0
           || talk->speaker != NULL
           || talk->state == NGX_HTTP_LT_TALK_ORPHAN;
}

/* Freed in an event of its own. */
void
ngx_http_lt_talk_release(ngx_http_lt_talk_t *talk)
{
    if (!lt_talk_is_needed(talk)) {
        ngx_post_event(&talk->reap, &ngx_posted_events);
    }
}

static void
lt_talk_reap_handler(ngx_event_t *ev)
{
    ngx_http_lt_talk_t *talk = ev->data;
    ngx_http_lt_main_conf_t *mcf = talk->mcf;

    if (lt_talk_is_needed(talk)) {
        return;
    }

    ngx_http_lt_ring_free(talk);
    ngx_http_lt_command_forget(talk->ending);
    ngx_http_lt_command_forget(talk->reading);
    ngx_http_lt_command_forget(talk->checking);
    ngx_http_lt_redis_unsubscribe(mcf->redis, &talk->sn.str);
    ngx_http_lt_registry_remove(mcf, &talk->sn.str);

    if (talk->timer.timer_set) {
        ngx_del_timer(&talk->timer);
    }

    if (talk->status.timer_set) {
        ngx_del_timer(&talk->status);
    }

    if (talk->age.timer_set) {
        ngx_del_timer(&talk->age);
    }

    ngx_rbtree_delete(&mcf->talks->tree, &talk->sn.node);
    ngx_free(talk);
}

static void
lt_talk_enter_state(ngx_http_lt_talk_t *talk, ngx_http_lt_talk_state_e state,
    ngx_msec_t timeout_ms)
{
    talk->state = state;

    if (talk->timer.timer_set) {
        ngx_del_timer(&talk->timer);
    }

    if (state != NGX_HTTP_LT_TALK_LIVE) {
        ngx_add_timer(&talk->timer, timeout_ms);
    }
}

/* A speaker with that epoch has come somewhere: an older one has to go. */
static void
lt_talk_owned(ngx_http_lt_talk_t *talk, uint64_t epoch)
{
    talk->epoch = ngx_max(talk->epoch, epoch);

    if (talk->speaker != NULL && talk->speaker->epoch < talk->epoch) {
        ngx_http_lt_connection_close(talk->speaker, LT_WS_CLOSE_REPLACED,
            "the speaker has connected anew");
    }
}

ngx_int_t
ngx_http_lt_talk_enter(ngx_http_lt_socket_t *s, const ngx_str_t *session_id)
{
    ngx_http_lt_talk_t *talk;
    ngx_http_lt_socket_t *before;

    talk = ngx_http_lt_talk_find(s->mcf, session_id);
    if (talk == NULL) {
        talk = lt_talk_new(s->mcf, session_id);
        if (talk == NULL) {
            return NGX_ERROR;
        }
    }

    s->talk = talk;

    if (s->role == NGX_HTTP_LT_LISTENER) {
        ngx_queue_insert_tail(&talk->listeners, &s->queue);
        talk->listeners_n++;
        ngx_http_lt_metrics_hear(&s->language, 1);
        ngx_http_lt_talk_counts_changed(talk);
        return NGX_OK;
    }

    before = talk->speaker;
    talk->speaker = s;

    if (talk->state == NGX_HTTP_LT_TALK_ORPHAN) {
        lt_talk_enter_state(talk, NGX_HTTP_LT_TALK_LIVE, 0);
    }

    if (before != NULL) {
        ngx_http_lt_connection_close(before, LT_WS_CLOSE_REPLACED,
            "the speaker has connected anew");
    }

    lt_talk_owned(talk, s->epoch);

    (void) ngx_http_lt_push_control(s->mcf, session_id, LT_STATE_REPLACED,
        (int64_t) s->epoch);

    return NGX_OK;
}

void
ngx_http_lt_talk_exit(ngx_http_lt_socket_t *s)
{
    ngx_http_lt_talk_t *talk = s->talk;

    s->talk = NULL;
    ngx_http_lt_drain_leave(talk, s);

    if (s->ingest != NULL) {
        ngx_http_lt_ingest_close(s->ingest,
            talk->state == NGX_HTTP_LT_TALK_ENDED);
        s->ingest = NULL;
    }

    if (s->role == NGX_HTTP_LT_LISTENER) {
        ngx_queue_remove(&s->queue);
        talk->listeners_n--;
        ngx_http_lt_metrics_hear(&s->language, -1);
        ngx_http_lt_talk_counts_changed(talk);

    } else if (talk->speaker == s) {
        talk->speaker = NULL;

        if (talk->state == NGX_HTTP_LT_TALK_LIVE) {
            lt_talk_enter_state(talk, NGX_HTTP_LT_TALK_ORPHAN,
                s->mcf->speaker_grace);
        }
    }

    ngx_http_lt_talk_release(talk);
}

void
ngx_http_lt_talk_adopt(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id)
{
    ngx_http_lt_talk_t *talk;

    talk = ngx_http_lt_talk_find(mcf, session_id);
    if (talk == NULL) {
        talk = lt_talk_new(mcf, session_id);
    }

    if (talk != NULL && talk->state == NGX_HTTP_LT_TALK_LIVE
        && talk->speaker == NULL)
    {
        lt_talk_enter_state(talk, NGX_HTTP_LT_TALK_ORPHAN,
            mcf->speaker_grace);
    }
}

void
ngx_http_lt_talk_ended(ngx_http_lt_talk_t *talk)
{
    ngx_http_lt_socket_t *speaker = talk->speaker;

    if (talk->state == NGX_HTTP_LT_TALK_ENDED
        || talk->state == NGX_HTTP_LT_TALK_CLOSING)
    {
        return;
    }

    talk->ended_at_ms = ngx_current_msec;
    lt_talk_enter_state(talk, NGX_HTTP_LT_TALK_ENDED, talk->mcf->end_grace);

    if (speaker != NULL && speaker->ingest != NULL) {
        ngx_http_lt_ingest_close(speaker->ingest, 1);
        speaker->ingest = NULL;
    }

    ngx_http_lt_talk_release(talk);
}

void
ngx_http_lt_talk_drained(ngx_http_lt_talk_t *talk, ngx_msec_t play_ms)
{
    ngx_msec_t passed = ngx_current_msec - talk->ended_at_ms;

    if (talk->state != NGX_HTTP_LT_TALK_ENDED
        || talk->is_drained || passed >= talk->mcf->end_grace)
    {
        return;                 /* who says it again does not know what plays */
    }

    talk->is_drained = 1;
    lt_talk_enter_state(talk, NGX_HTTP_LT_TALK_ENDED,
        ngx_min(play_ms, talk->mcf->end_grace - passed));
}

void
ngx_http_lt_talk_end(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const char *reason)
{
    ngx_http_lt_talk_t *talk;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
        "lt: event=session_ended session=%V reason=%s", session_id, reason);
    NGX_HTTP_LT_COUNT(sessions_ended, 1);
    (void) ngx_http_lt_push_control(mcf, session_id, LT_STATE_ENDED, 0);

    talk = ngx_http_lt_talk_find(mcf, session_id);
    if (talk != NULL) {
        ngx_http_lt_talk_ended(talk);
    }
}

/* The speaker did not come back: the script has decided. */
static void
lt_talk_end_done(void *data, const ngx_http_lt_reply_t *reply)
{
    ngx_http_lt_talk_t *talk = data;

    talk->ending = NULL;

    if (talk->state != NGX_HTTP_LT_TALK_ORPHAN) {
        return;
    }

    switch (ngx_http_lt_state_code(reply)) {

    case NGX_HTTP_LT_STATE_LOST:
        lt_talk_enter_state(talk, NGX_HTTP_LT_TALK_ORPHAN,
            NGX_HTTP_LT_TALK_RETRY_MS);
        return;

    case LT_STATE_DONE:
        if (ngx_http_lt_reply_number(reply, 1) != 0) {
            ngx_http_lt_talk_end(talk->mcf, &talk->sn.str, "speaker_gone");
            return;
        }
        break;

    default:
        break;
    }

    /* a speaker is back on another process, or somebody else ended it: then
       the event has come or will come */
    lt_talk_enter_state(talk, NGX_HTTP_LT_TALK_LIVE, 0);
    ngx_http_lt_talk_release(talk);
}

static void
lt_talk_say_ended(ngx_http_lt_talk_t *talk)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    lt_state_event_t ev;

    lt_out_init(&out, text, sizeof(text));
    (void) lt_message_session_ended(&out, ngx_http_lt_view(&talk->sn.str),
        "The speaker has ended the session.", ngx_http_lt_wall_ms());

    ngx_memzero(&ev, sizeof(ev));
    ev.json.data = (char *) text;
    ev.json.len = lt_out_len(&out);

    ev.to = LT_STATE_TO_SPEAKER;
    (void) ngx_http_lt_push_local(talk->mcf, &talk->sn.str, &ev);
    ev.to = LT_STATE_TO_LISTENERS;
    (void) ngx_http_lt_push_local(talk->mcf, &talk->sn.str, &ev);
}

static void
lt_talk_close_all(ngx_http_lt_talk_t *talk)
{
    ngx_queue_t *q;

    if (talk->speaker != NULL) {
        ngx_http_lt_connection_close(talk->speaker, LT_WS_CLOSE_NORMAL,
            "the session has ended");
    }

    while (!ngx_queue_empty(&talk->listeners)) {
        q = ngx_queue_head(&talk->listeners);
        ngx_http_lt_connection_close(
            ngx_queue_data(q, ngx_http_lt_socket_t, queue),
            LT_WS_CLOSE_NORMAL, "the session has ended");
    }

    ngx_http_lt_talk_release(talk);
}

static void
lt_talk_timer_handler(ngx_event_t *ev)
{
    ngx_str_t nobody = ngx_null_string;
    ngx_http_lt_talk_t *talk = ev->data;

    switch (talk->state) {

    case NGX_HTTP_LT_TALK_LIVE:
        break;

    case NGX_HTTP_LT_TALK_ORPHAN:
        if (talk->ending != NULL) {
            break;
        }

        talk->ending = ngx_http_lt_state_end(talk->mcf, &talk->sn.str, 1,
            &nobody, lt_talk_end_done, talk);
        if (talk->ending == NULL) {
            lt_talk_enter_state(talk, NGX_HTTP_LT_TALK_ORPHAN,
                NGX_HTTP_LT_TALK_RETRY_MS);
        }
        break;

    case NGX_HTTP_LT_TALK_ENDED:
        lt_talk_say_ended(talk);
        lt_talk_enter_state(talk, NGX_HTTP_LT_TALK_CLOSING,
            NGX_HTTP_LT_TALK_CLOSE_MS);
        break;

    case NGX_HTTP_LT_TALK_CLOSING:
        lt_talk_close_all(talk);
        break;
    }
}

/* It is as old as it may get. */
static void
lt_talk_aged(void *data, const ngx_http_lt_reply_t *reply)
{
    ngx_http_lt_talk_t *talk = data;

    talk->checking = NULL;

    switch (ngx_http_lt_state_code(reply)) {

    case NGX_HTTP_LT_STATE_LOST:
        ngx_add_timer(&talk->age, NGX_HTTP_LT_TALK_RETRY_MS);
        return;

    case LT_STATE_DONE:
        if (ngx_http_lt_reply_number(reply, 1) != 0) {
            ngx_http_lt_talk_end(talk->mcf, &talk->sn.str, "age");
            return;
        }
        break;

    default:
        break;
    }

    ngx_http_lt_talk_ended(talk);
}

static void
lt_talk_age_handler(ngx_event_t *ev)
{
    ngx_str_t nobody = ngx_null_string;
    ngx_http_lt_talk_t *talk = ev->data;

    if (talk->checking == NULL) {
        talk->checking = ngx_http_lt_state_end(talk->mcf, &talk->sn.str, 0,
            &nobody, lt_talk_aged, talk);
    }

    if (talk->checking == NULL) {
        ngx_add_timer(ev, NGX_HTTP_LT_TALK_RETRY_MS);
    }
}

static void
lt_talk_checked(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    int64_t left_ms;
    ngx_http_lt_talk_t *talk = data;
    lt_message_session_t session;

    talk->checking = NULL;

    if (code == LT_STATE_NOT_FOUND) {
        ngx_http_lt_talk_ended(talk);
        return;
    }

    if (code != LT_STATE_DONE) {
        return;     /* it is subscribed to, and checked, once more */
    }

    ngx_http_lt_state_session(&session, reply);

    if (lt_str_is(session.status, "ended")) {
        ngx_http_lt_talk_ended(talk);
        return;
    }

    lt_talk_owned(talk,
        (uint64_t) ngx_http_lt_state_number(reply, "epoch"));

    left_ms = session.expires_s * 1000 - ngx_http_lt_wall_ms();
    ngx_add_timer(&talk->age, (ngx_msec_t) ngx_max(left_ms, 1));
}

void
ngx_http_lt_talk_check(ngx_http_lt_talk_t *talk)
{
    if (talk->checking == NULL) {
        talk->checking = ngx_http_lt_state_read(talk->mcf, &talk->sn.str,
            lt_talk_checked, talk);
    }
}

void
ngx_http_lt_talk_control(ngx_http_lt_talk_t *talk, const lt_state_event_t *ev)
{
    if (lt_str_is(ev->name, LT_STATE_ENDED)) {
        ngx_http_lt_talk_ended(talk);

    } else if (lt_str_is(ev->name, LT_STATE_DRAINED)) {
        ngx_http_lt_talk_drained(talk, (ngx_msec_t) ev->number);

    } else if (lt_str_is(ev->name, LT_STATE_REPLACED)) {

        lt_talk_owned(talk, (uint64_t) ev->number);

        if (talk->state == NGX_HTTP_LT_TALK_ORPHAN) {
            lt_talk_enter_state(talk, NGX_HTTP_LT_TALK_LIVE, 0);
            ngx_http_lt_talk_release(talk);
        }

    } else if (lt_str_is(ev->name, LT_STATE_COUNTS) && talk->speaker != NULL) {
        ngx_http_lt_talk_counts_changed(talk);
    }
}
