/* What a speaker is told of the audience, unasked: docs/protocol/. */
#include "ngx_http_lt_talk.h"
#include "ngx_http_lt_push.h"
#include "ngx_http_lt_state.h"

void
ngx_http_lt_talk_counts_changed(ngx_http_lt_talk_t *talk)
{
    ngx_msec_t since;

    if (talk->speaker == NULL) {
        (void) ngx_http_lt_push_control(talk->mcf, &talk->sn.str,
            LT_STATE_COUNTS, 0);
        return;
    }

    if (talk->status.timer_set) {
        return;
    }

    since = ngx_current_msec - talk->status_at_ms;
    ngx_add_timer(&talk->status, since >= NGX_HTTP_LT_TALK_STATUS_MS
                                 ? 1 : NGX_HTTP_LT_TALK_STATUS_MS - since);
}

static void
lt_talk_status_done(void *data, const ngx_http_lt_reply_t *reply)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    ngx_http_lt_talk_t *talk = data;
    lt_message_session_t session;

    talk->reading = NULL;

    if (talk->speaker == NULL
        || ngx_http_lt_state_code(reply) != LT_STATE_DONE)
    {
        return;
    }

    ngx_http_lt_state_session(&session, reply);
    lt_out_init(&out, text, sizeof(text));

    if (lt_message_session_status(&out, &session, "listenerCountChange",
            ngx_http_lt_wall_ms()) == LT_OK)
    {
        ngx_http_lt_connection_send_text(talk->speaker, text,
            lt_out_len(&out));
    }
}

void
ngx_http_lt_talk_status_handler(ngx_event_t *ev)
{
    ngx_http_lt_talk_t *talk = ev->data;

    talk->status_at_ms = ngx_current_msec;

    if (talk->speaker != NULL && talk->reading == NULL) {
        talk->reading = ngx_http_lt_state_read(talk->mcf, &talk->sn.str,
            lt_talk_status_done, talk);
    }
}
