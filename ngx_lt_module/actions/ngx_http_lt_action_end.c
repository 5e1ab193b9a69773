/*
 * endSession: the talk is over; its last audio still goes through.  Listeners
 * hear sessionEnded when the last clip has had time to play.
 */
#include "ngx_http_lt_actions.h"

static void
lt_action_end_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_http_lt_ask_t *ask = data;
    ngx_http_lt_talk_t *talk;

    if (code != LT_STATE_DONE) {
        ngx_http_lt_ask_fail(ask, code);
        return;
    }

    /* the socket may have gone by now; the talk has ended all the same */
    if (ngx_http_lt_reply_number(reply, 1) != 0) {
        ngx_http_lt_talk_end(ask->mcf, &ask->session_id, "speaker");

    } else {
        talk = ngx_http_lt_talk_find(ask->mcf, &ask->session_id);
        if (talk != NULL) {
            ngx_http_lt_talk_ended(talk);
        }
    }

    ngx_http_lt_ask_done(ask);
}

void
ngx_http_lt_action_end(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    ngx_str_t nobody = ngx_null_string;
    ngx_http_lt_ask_t *ask;

    (void) doc;

    ask = ngx_http_lt_ask_begin(s);
    if (ask == NULL) {
        return;
    }

    ask->cmd = ngx_http_lt_state_end(s->mcf, &s->talk->sn.str, 0, &nobody,
        lt_action_end_done, ask);
    if (ask->cmd == NULL) {
        ngx_http_lt_ask_fail(ask, NGX_HTTP_LT_STATE_LOST);
    }
}
