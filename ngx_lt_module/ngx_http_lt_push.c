#include "ngx_http_lt_push.h"
#include "ngx_http_lt_captions.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_connections.h"
#include "ngx_http_lt_registry.h"
#include "ngx_http_lt_ring.h"
#include "ngx_http_lt_talk.h"

#include "lt_message.h"

/* What may be left out for who reads too slowly. */
static ngx_http_lt_frame_kind_e
lt_push_kind(lt_str_t name)
{
    if (lt_str_is(name, "translatedAudio")) {
        return NGX_HTTP_LT_FRAME_AUDIO;
    }

    return lt_str_is(name, "caption") ? NGX_HTTP_LT_FRAME_CAPTION
                                      : NGX_HTTP_LT_FRAME_CONTROL;
}

ngx_http_lt_frame_t *
ngx_http_lt_push_frame(const lt_state_event_t *ev)
{
    ngx_http_lt_frame_t *frame;

    frame = ngx_http_lt_frame_new(LT_WS_TEXT, (u_char *) ev->json.data,
        ev->json.len, ngx_cycle->log);
    if (frame != NULL) {
        frame->kind = lt_push_kind(ev->name);
        frame->number = ev->to == LT_STATE_TO_LISTENERS
                        && ev->language.len != 0 ? ev->number : 0;
    }

    return frame;
}

/*
 * The frame for a listener that has switched its language: the existing app
 * plays only what is labelled with the language that it connected with.
 * The last one made, for the same frame and label, is made once.
 */
static ngx_http_lt_frame_t *
lt_push_relabel(const ngx_http_lt_frame_t *frame, ngx_http_lt_socket_t *s,
    ngx_http_lt_relabelled_t *last)
{
    lt_str_t json = { (const char *) frame->data + frame->head,
                      frame->len - frame->head };
    size_t size = json.len + NGX_HTTP_LT_LANGUAGE_MAX;
    u_char *text;
    lt_out_t out;

    if (last->copy != NULL && last->of == frame
        && last->label.len == s->label.len
        && ngx_memcmp(last->label.data, s->label.data, s->label.len) == 0)
    {
        return last->copy;
    }

    ngx_http_lt_frame_unref(&last->copy);

    text = ngx_alloc(size, ngx_cycle->log);
    if (text == NULL) {
        return NULL;
    }

    lt_out_init(&out, text, size);
    if (lt_message_relabel(&out, json, ngx_http_lt_view(&s->label)) == LT_OK) {
        last->copy = ngx_http_lt_frame_new(LT_WS_TEXT, text,
            lt_out_len(&out), ngx_cycle->log);
    }

    if (last->copy != NULL) {
        last->copy->kind = frame->kind;
        last->copy->number = frame->number;
        last->of = frame;
        last->label = s->label;
    }

    ngx_free(text);

    return last->copy;
}

static ngx_uint_t
lt_push_has_switched(const ngx_http_lt_socket_t *s)
{
    return s->label.len != s->language.len
           || ngx_memcmp(s->label.data, s->language.data, s->label.len) != 0;
}

ngx_uint_t
ngx_http_lt_push_one(ngx_http_lt_socket_t *s, ngx_http_lt_frame_t *frame,
    int64_t number, ngx_http_lt_relabelled_t *last)
{
    ngx_http_lt_frame_t *send = NULL;

    if (number != 0 && !ngx_http_lt_ring_take(s, number)) {
        return 0;
    }

    if (frame->kind == NGX_HTTP_LT_FRAME_AUDIO && lt_push_has_switched(s)) {
        send = lt_push_relabel(frame, s, last);
    }

    ngx_http_lt_connection_send(s, send != NULL ? send : frame);

    return 1;
}

static ngx_uint_t
lt_push_to_listeners(ngx_http_lt_talk_t *talk, const lt_state_event_t *ev,
    ngx_http_lt_frame_t *frame)
{
    ngx_uint_t is_live = ev->to == LT_STATE_TO_LIVE;
    int64_t number = ev->language.len != 0 && !is_live ? ev->number : 0;
    ngx_str_t language = { ev->language.len, (u_char *) ev->language.data };
    ngx_uint_t n = 0;
    ngx_queue_t *q, *next;
    ngx_http_lt_socket_t *s;
    ngx_http_lt_relabelled_t last = { NULL, NULL, ngx_null_string };

    if (number != 0) {
        ngx_http_lt_ring_keep(talk, &language, number, frame);
    }

    /* a socket that is too slow leaves the queue in _send() */
    for (q = ngx_queue_head(&talk->listeners);
         q != ngx_queue_sentinel(&talk->listeners); q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_lt_socket_t, queue);

        if ((ev->language.len != 0
             && !ngx_http_lt_socket_hears(s, &language))
            || (is_live && !(s->captions & NGX_HTTP_LT_CAPTIONS_LIVE)))
        {
            continue;
        }

        /* what came before it is on its way from Redis */
        if (number == 0 || !s->is_behind) {
            n += ngx_http_lt_push_one(s, frame, number, &last);
        }
    }

    ngx_http_lt_frame_unref(&last.copy);

    return n;
}

ngx_uint_t
ngx_http_lt_push_local(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const lt_state_event_t *ev)
{
    ngx_uint_t n = 0;
    ngx_http_lt_talk_t *talk;
    ngx_http_lt_frame_t *frame;

    talk = ngx_http_lt_talk_find(mcf, session_id);
    if (talk == NULL) {
        return 0;
    }

    frame = ngx_http_lt_push_frame(ev);
    if (frame == NULL) {
        return 0;
    }

    if (ev->to == LT_STATE_TO_LISTENERS || ev->to == LT_STATE_TO_LIVE) {
        n = lt_push_to_listeners(talk, ev, frame);

    } else if (ev->to == LT_STATE_TO_SPEAKER && talk->speaker != NULL) {
        ngx_http_lt_connection_send(talk->speaker, frame);
        n = 1;
    }

    ngx_http_lt_frame_unref(&frame);

    return n;
}

void
ngx_http_lt_push_received(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *channel, const ngx_str_t *payload)
{
    lt_str_t id;
    ngx_str_t session_id;
    lt_state_event_t ev;
    ngx_http_lt_talk_t *talk;

    if (lt_state_channel_session(&id, ngx_http_lt_view(channel)) != LT_OK
        || lt_state_event_decode(&ev, ngx_http_lt_view(payload)) != LT_OK)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
            "lt: event=event_not_understood channel=\"%V\" bytes=%uz",
            channel, payload->len);
        return;
    }

    if (lt_str_is(ev.origin, (char *) mcf->process_id)) {
        return;
    }

    NGX_HTTP_LT_COUNT(publishes_received, 1);

    if (lt_str_is(id, (char *) mcf->process_id)) {
        ngx_http_lt_connections_received(mcf, &ev);
        return;
    }

    session_id.data = (u_char *) id.data;
    session_id.len = id.len;

    if (ev.to != LT_STATE_TO_CONTROL) {
        (void) ngx_http_lt_push_local(mcf, &session_id, &ev);
        return;
    }

    talk = ngx_http_lt_talk_find(mcf, &session_id);
    if (talk != NULL) {
        ngx_http_lt_talk_control(talk, &ev);
    }
}

void
ngx_http_lt_push_subscribed(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *channel)
{
    lt_str_t id;
    ngx_str_t session_id;
    ngx_http_lt_talk_t *talk;

    if (lt_state_channel_session(&id, ngx_http_lt_view(channel)) != LT_OK) {
        return;
    }

    session_id.data = (u_char *) id.data;
    session_id.len = id.len;

    talk = ngx_http_lt_talk_find(mcf, &session_id);
    if (talk != NULL) {
        ngx_http_lt_talk_check(talk);
        ngx_http_lt_ring_heard(talk);
    }
}

/* What could not be asked for while commands had no connection. */
static void
lt_push_ask_again(ngx_http_lt_talk_t *talk)
{
    if (talk->is_heard) {
        ngx_http_lt_ring_heard(talk);
    }
}

void
ngx_http_lt_push_redis_up(ngx_http_lt_main_conf_t *mcf)
{
    if (ngx_http_lt_redis_is_up(mcf->redis)) {
        ngx_http_lt_push_kept(mcf);
        ngx_http_lt_talk_each(mcf, lt_push_ask_again);
    }
}

static void
lt_push_resubscribe_one(ngx_http_lt_talk_t *talk)
{
    talk->is_heard = 0;
    ngx_http_lt_redis_subscribe(talk->mcf->redis, &talk->sn.str);
}

void
ngx_http_lt_push_resubscribe(ngx_http_lt_main_conf_t *mcf)
{
    ngx_str_t self = { NGX_HTTP_LT_PROCESS_ID_LEN, mcf->process_id };

    ngx_http_lt_redis_subscribe(mcf->redis, &self);
    ngx_http_lt_talk_each(mcf, lt_push_resubscribe_one);
    ngx_http_lt_registry_redis_up(mcf);
    ngx_http_lt_push_redis_up(mcf);
}
