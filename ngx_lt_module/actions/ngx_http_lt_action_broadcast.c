/*
 * pauseBroadcast, resumeBroadcast, muteBroadcast, unmuteBroadcast: one field
 * of the session's broadcast state each.  Listeners are told, whatever the
 * state was before: saying it twice is harmless.
 */
#include "ngx_http_lt_actions.h"
#include "ngx_http_lt_push.h"

static const struct {
    const char *action;
    const char *type;
    const char *field;
    ngx_uint_t value;
    ngx_uint_t is_resume;
} lt_broadcasts[] = {
    { "pauseBroadcast", "broadcastPaused", "isPaused", 1, 0 },
    { "resumeBroadcast", "broadcastResumed", "isPaused", 0, 1 },
    { "muteBroadcast", "broadcastMuted", "isMuted", 1, 0 },
    { "unmuteBroadcast", "broadcastUnmuted", "isMuted", 0, 0 },
};

#define LT_BROADCASTS (sizeof(lt_broadcasts) / sizeof(lt_broadcasts[0]))

static ngx_uint_t
lt_action_broadcast_tell(ngx_http_lt_ask_t *ask, int64_t now_ms)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    ngx_uint_t n;
    lt_state_event_t ev;

    lt_out_init(&out, text, sizeof(text));
    (void) lt_message_broadcast(&out, lt_broadcasts[ask->row].type,
        ngx_http_lt_view(&ask->session_id), NULL, 0, -1, now_ms);

    ngx_memzero(&ev, sizeof(ev));
    ev.to = LT_STATE_TO_LISTENERS;
    ev.name = lt_str(lt_broadcasts[ask->row].type);
    ev.json.data = (char *) text;
    ev.json.len = lt_out_len(&out);

    n = ngx_http_lt_push_local(ask->mcf, &ask->session_id, &ev);
    (void) ngx_http_lt_push_publish(ask->mcf, &ask->session_id, &ev);

    return n;
}

static void
lt_action_broadcast_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    int64_t now_ms = ngx_http_lt_wall_ms(), pause_ms = -1, before_ms;
    ngx_str_t volume;
    ngx_uint_t told;
    ngx_http_lt_ask_t *ask = data;
    lt_message_broadcast_t state;

    if (code != LT_STATE_DONE) {
        ngx_http_lt_ask_fail(ask, code);
        return;
    }

    volume = ngx_http_lt_reply_text(reply, 3);
    state.is_paused = ngx_http_lt_reply_number(reply, 1) != 0;
    state.is_muted = ngx_http_lt_reply_number(reply, 2) != 0;
    state.volume = volume.len != 0 ? strtod((char *) volume.data, NULL) : 1;
    state.changed_ms = ngx_http_lt_reply_number(reply, 4);
    before_ms = ngx_http_lt_reply_number(reply, 5);

    if (lt_broadcasts[ask->row].is_resume && state.changed_ms != before_ms) {
        pause_ms = state.changed_ms - before_ms;
    }

    told = lt_action_broadcast_tell(ask, now_ms);

    if (ask->socket != NULL) {
        ask->socket->is_paused = state.is_paused;
        ask->socket->is_muted = state.is_muted;

        lt_out_init(&out, text, sizeof(text));
        (void) lt_message_broadcast(&out, lt_broadcasts[ask->row].type,
            ngx_http_lt_view(&ask->session_id), &state, (int64_t) told,
            pause_ms, now_ms);
        ngx_http_lt_connection_send_text(ask->socket, text, lt_out_len(&out));
    }

    ngx_http_lt_ask_done(ask);
}

void
ngx_http_lt_action_broadcast(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    lt_str_t action;
    ngx_uint_t row;
    ngx_http_lt_ask_t *ask;

    (void) lt_json_string(doc, "action", &action);

    for (row = 0; row < LT_BROADCASTS - 1; row++) {
        if (lt_str_is(action, lt_broadcasts[row].action)) {
            break;
        }
    }

    ask = ngx_http_lt_ask_begin(s);
    if (ask == NULL) {
        return;
    }

    ask->row = row;
    ask->cmd = ngx_http_lt_state_broadcast(s->mcf, &s->talk->sn.str,
        lt_broadcasts[row].field, lt_broadcasts[row].value,
        lt_action_broadcast_done, ask);
    if (ask->cmd == NULL) {
        ngx_http_lt_ask_fail(ask, NGX_HTTP_LT_STATE_LOST);
    }
}
