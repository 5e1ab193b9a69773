/* getSessionStatus: who listens, by language. */
#include "ngx_http_lt_actions.h"

static void
lt_action_status_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    ngx_http_lt_ask_t *ask = data;
    lt_message_session_t session;

    if (code != LT_STATE_DONE) {
        ngx_http_lt_ask_fail(ask, code);
        return;
    }

    if (ask->socket != NULL) {
        ngx_http_lt_state_session(&session, reply);
        lt_out_init(&out, text, sizeof(text));

        if (lt_message_session_status(&out, &session, "requested",
                ngx_http_lt_wall_ms()) == LT_OK)
        {
            ngx_http_lt_connection_send_text(ask->socket, text,
                lt_out_len(&out));
        }
    }

    ngx_http_lt_ask_done(ask);
}

void
ngx_http_lt_action_status(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    ngx_http_lt_ask_t *ask;

    (void) doc;

    ask = ngx_http_lt_ask_begin(s);
    if (ask == NULL) {
        return;
    }

    ask->cmd = ngx_http_lt_state_read(s->mcf, &s->talk->sn.str,
        lt_action_status_done, ask);
    if (ask->cmd == NULL) {
        ngx_http_lt_ask_fail(ask, NGX_HTTP_LT_STATE_LOST);
    }
}
