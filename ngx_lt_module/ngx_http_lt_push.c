#include "ngx_http_lt_push.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_connections.h"
#include "ngx_http_lt_registry.h"
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

/*
 * The frame for a listener that has switched its language: the existing app
 * plays only what is labelled with the language that it connected with.
 * *copy is the last one made, for *label.
 */
static ngx_http_lt_frame_t *
lt_push_relabel(const lt_state_event_t *ev, ngx_http_lt_socket_t *s,
    ngx_http_lt_frame_t **copy, ngx_str_t *label)
{
    size_t size = ev->json.len + NGX_HTTP_LT_LANGUAGE_MAX;
    u_char *text;
    lt_out_t out;

    if (*copy != NULL && label->len == s->label.len
        && ngx_memcmp(label->data, s->label.data, label->len) == 0)
    {
        return *copy;
    }

    ngx_http_lt_frame_unref(copy);

    text = ngx_alloc(size, ngx_cycle->log);
    if (text == NULL) {
        return NULL;
    }

    lt_out_init(&out, text, size);
    if (lt_message_relabel(&out, ev->json, ngx_http_lt_view(&s->label))
        == LT_OK)
    {
        *copy = ngx_http_lt_frame_new(LT_WS_TEXT, text, lt_out_len(&out),
            ngx_cycle->log);
        *label = s->label;

        if (*copy != NULL) {
            (*copy)->kind = NGX_HTTP_LT_FRAME_AUDIO;
        }
    }

    ngx_free(text);

    return *copy;
}

static ngx_uint_t
lt_push_has_switched(const ngx_http_lt_socket_t *s)
{
    return s->label.len != s->language.len
           || ngx_memcmp(s->label.data, s->language.data, s->label.len) != 0;
}

static ngx_uint_t
lt_push_to_listeners(ngx_http_lt_talk_t *talk, const lt_state_event_t *ev,
    ngx_http_lt_frame_t *frame)
{
    ngx_str_t label = ngx_null_string;
    ngx_uint_t n = 0, is_labelled;
    ngx_http_lt_frame_t *copy = NULL, *send;
    ngx_queue_t *q, *next;
    ngx_http_lt_socket_t *s;

    is_labelled = frame->kind == NGX_HTTP_LT_FRAME_AUDIO;

    /* a socket that is too slow leaves the queue in _send() */
    for (q = ngx_queue_head(&talk->listeners);
         q != ngx_queue_sentinel(&talk->listeners); q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_lt_socket_t, queue);

        if (ev->language.len != 0
            && (ev->language.len != s->language.len
                || ngx_memcmp(ev->language.data, s->language.data,
                       s->language.len) != 0))
        {
            continue;
        }

        send = is_labelled && lt_push_has_switched(s)
               ? lt_push_relabel(ev, s, &copy, &label) : NULL;

        ngx_http_lt_connection_send(s, send != NULL ? send : frame);
        n++;
    }

    ngx_http_lt_frame_unref(&copy);

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

    frame = ngx_http_lt_frame_new(LT_WS_TEXT, (u_char *) ev->json.data,
        ev->json.len, ngx_cycle->log);
    if (frame == NULL) {
        return 0;
    }

    frame->kind = lt_push_kind(ev->name);

    if (ev->to == LT_STATE_TO_LISTENERS) {
        n = lt_push_to_listeners(talk, ev, frame);

    } else if (ev->to == LT_STATE_TO_SPEAKER && talk->speaker != NULL) {
        ngx_http_lt_connection_send(talk->speaker, frame);
        n = 1;
    }

    ngx_http_lt_frame_unref(&frame);

    return n;
}

ngx_http_lt_command_t *
ngx_http_lt_push_send(ngx_http_lt_main_conf_t *mcf, const ngx_str_t *id,
    lt_state_event_t *ev, ngx_http_lt_command_done_pt done, void *data)
{
    size_t size = LT_STATE_HEAD_MAX + ev->json.len;
    u_char *payload, key[LT_STATE_KEY_MAX];
    lt_out_t out, name;
    ngx_str_t words[3];
    ngx_http_lt_command_t *cmd = NULL;

    payload = ngx_http_lt_redis_is_up(mcf->redis)
              ? ngx_alloc(size, ngx_cycle->log) : NULL;
    if (payload == NULL) {
        NGX_HTTP_LT_COUNT(publishes_failed, 1);
        return NULL;
    }

    ev->origin.data = (char *) mcf->process_id;
    ev->origin.len = NGX_HTTP_LT_PROCESS_ID_LEN;

    lt_out_init(&out, payload, size);
    lt_out_init(&name, key, sizeof(key));

    if (lt_state_event_encode(&out, ev) == LT_OK
        && lt_state_key(&name, LT_STATE_KEY_EVENTS, ngx_http_lt_view(id))
           == LT_OK)
    {
        ngx_str_set(&words[0], "PUBLISH");
        words[1].data = key;
        words[1].len = lt_out_len(&name);
        words[2].data = payload;
        words[2].len = lt_out_len(&out);

        cmd = ngx_http_lt_command_send(mcf->redis, 3, words, done, data);
    }

    ngx_free(payload);

    if (cmd != NULL) {
        NGX_HTTP_LT_COUNT(publishes_sent, 1);
    } else {
        NGX_HTTP_LT_COUNT(publishes_failed, 1);
    }

    return cmd;
}

ngx_int_t
ngx_http_lt_push_publish(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, lt_state_event_t *ev)
{
    return ngx_http_lt_push_send(mcf, session_id, ev, NULL, NULL) != NULL
           ? NGX_OK : NGX_DECLINED;
}

ngx_int_t
ngx_http_lt_push_control(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const char *name, int64_t number)
{
    lt_state_event_t ev;

    ngx_memzero(&ev, sizeof(ev));
    ev.to = LT_STATE_TO_CONTROL;
    ev.name = lt_str(name);
    ev.number = number;

    return ngx_http_lt_push_publish(mcf, session_id, &ev);
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
    }
}

static void
lt_push_resubscribe_one(ngx_http_lt_talk_t *talk)
{
    ngx_http_lt_redis_subscribe(talk->mcf->redis, &talk->sn.str);
}

void
ngx_http_lt_push_resubscribe(ngx_http_lt_main_conf_t *mcf)
{
    ngx_str_t self = { NGX_HTTP_LT_PROCESS_ID_LEN, mcf->process_id };

    ngx_http_lt_redis_subscribe(mcf->redis, &self);
    ngx_http_lt_talk_each(mcf, lt_push_resubscribe_one);
    ngx_http_lt_registry_redis_up(mcf);
}
