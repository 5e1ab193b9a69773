/*
 * endSession: the talk is over; its last audio still goes through.  Listeners
 * hear sessionEnded when the last clip has had time to play.
 */
#include "ngx_http_lt_actions.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_push.h"

static void
lt_action_end_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_http_lt_ask_t *ask = data;
    ngx_http_lt_talk_t *talk;
    ngx_http_lt_main_conf_t *mcf = ask->mcf;

    if (code != LT_STATE_DONE) {
        ngx_http_lt_ask_fail(ask, code);
        return;
    }

    /* the socket may have gone by now; the talk has ended all the same */
    if (ngx_http_lt_reply_number(reply, 1) != 0) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
            "lt: event=session_ended session=%V reason=speaker",
            &ask->session_id);
        NGX_HTTP_LT_COUNT(sessions_ended, 1);
        (void) ngx_http_lt_push_control(mcf, &ask->session_id, LT_STATE_ENDED,
            0, NULL);
    }

    talk = ngx_http_lt_talk_find(mcf, &ask->session_id);
    if (talk != NULL) {
        ngx_http_lt_talk_ended(talk);
    }

    ngx_http_lt_ask_done(ask);
}

void
ngx_http_lt_action_end(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    ngx_http_lt_ask_t *ask;

    (void) doc;

    ask = ngx_http_lt_ask_begin(s);
    if (ask == NULL) {
        return;
    }

    ask->cmd = ngx_http_lt_state_end(s->mcf, &s->talk->sn.str, 0,
        lt_action_end_done, ask);
    if (ask->cmd == NULL) {
        ngx_http_lt_ask_fail(ask, NGX_HTTP_LT_STATE_LOST);
    }
}
