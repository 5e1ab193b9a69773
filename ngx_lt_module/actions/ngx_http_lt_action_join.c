/*
 * joinSession: the socket has joined by connecting, so this confirms it and
 * tells what a late listener has missed: that the speaker has paused.
 */
#include "ngx_http_lt_actions.h"

#include "lt_session_id.h"

static void
lt_action_join_tell(ngx_http_lt_socket_t *s, const char *type)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    lt_message_change_t change;

    /* what was sent before may have been too much for it */
    if (s->state != NGX_HTTP_LT_OPEN) {
        return;
    }

    ngx_memzero(&change, sizeof(change));
    change.type = type;
    change.session_id = ngx_http_lt_view(&s->talk->sn.str);

    lt_out_init(&out, text, sizeof(text));
    (void) lt_message_change(&out, &change, ngx_http_lt_wall_ms());
    ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));
}

static void
lt_action_join_say(ngx_http_lt_socket_t *s, const lt_message_session_t *now)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    int64_t wall_ms = ngx_http_lt_wall_ms();
    ngx_str_t *session_id = &s->talk->sn.str;
    lt_message_joined_t joined = {
        ngx_http_lt_view(session_id), ngx_http_lt_view(&s->id),
        ngx_http_lt_view(&s->language), ngx_http_lt_view(&s->source_language),
        now->listeners
    };

    lt_out_init(&out, text, sizeof(text));
    (void) lt_message_session_joined(&out, &joined, wall_ms);
    ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));

    if (now->broadcast.is_paused) {
        lt_action_join_tell(s, "broadcastPaused");
    }

    if (now->broadcast.is_muted) {
        lt_action_join_tell(s, "broadcastMuted");
    }
}

static void
lt_action_join_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_http_lt_ask_t *ask = data;
    lt_message_session_t now;

    if (code != LT_STATE_DONE) {
        ngx_http_lt_ask_fail(ask, code);
        return;
    }

    if (ask->socket != NULL) {
        ngx_http_lt_state_session(&now, reply);
        lt_action_join_say(ask->socket, &now);
    }

    ngx_http_lt_ask_done(ask);
}

/* Absent, or what the socket has anyway. */
static ngx_uint_t
lt_action_join_agrees(const lt_json_t *doc, const char *key,
    const ngx_str_t *have)
{
    lt_str_t value;

    return !lt_json_string(doc, key, &value)
           || (value.len == have->len
               && ngx_memcmp(value.data, have->data, value.len) == 0);
}

void
ngx_http_lt_action_join(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    ngx_http_lt_ask_t *ask;

    if (!lt_action_join_agrees(doc, "sessionId", &s->talk->sn.str)
        || (!lt_action_join_agrees(doc, "targetLanguage", &s->language)
            && !lt_action_join_agrees(doc, "targetLanguage", &s->label)))
    {
        ngx_http_lt_action_error(s, "INVALID_PARAMETERS",
            "sessionId and targetLanguage must be those that the socket was "
            "opened with.");
        return;
    }

    ask = ngx_http_lt_ask_begin(s);
    if (ask == NULL) {
        return;
    }

    ask->cmd = ngx_http_lt_state_read(s->mcf, &s->talk->sn.str,
        lt_action_join_done, ask);
    if (ask->cmd == NULL) {
        ngx_http_lt_ask_fail(ask, NGX_HTTP_LT_STATE_LOST);
    }
}
