#include "ngx_http_lt_actions.h"
#include "ngx_http_lt_metrics.h"

#include "lt_chunk.h"

static const ngx_http_lt_action_t ngx_http_lt_actions[] = {
    { "audioChunk", NGX_HTTP_LT_SPEAKER, ngx_http_lt_action_audio },
    { "heartbeat", NGX_HTTP_LT_SPEAKER | NGX_HTTP_LT_LISTENER,
      ngx_http_lt_action_heartbeat },
    { "joinSession", NGX_HTTP_LT_LISTENER, ngx_http_lt_action_join },
    { "getSessionStatus", NGX_HTTP_LT_SPEAKER, ngx_http_lt_action_status },
    { "pauseBroadcast", NGX_HTTP_LT_SPEAKER, ngx_http_lt_action_broadcast },
    { "resumeBroadcast", NGX_HTTP_LT_SPEAKER, ngx_http_lt_action_broadcast },
    { "muteBroadcast", NGX_HTTP_LT_SPEAKER, ngx_http_lt_action_broadcast },
    { "unmuteBroadcast", NGX_HTTP_LT_SPEAKER, ngx_http_lt_action_broadcast },
    { "endSession", NGX_HTTP_LT_SPEAKER, ngx_http_lt_action_end },
    { NULL, 0, NULL }
};

static void
lt_actions_dispatch(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    lt_str_t name;
    const ngx_http_lt_action_t *action;

    if (!lt_json_string(doc, "action", &name) || name.len == 0) {
        ngx_http_lt_action_error(s, "MISSING_ACTION",
            "A message must have \"action\".");
        return;
    }

    for (action = ngx_http_lt_actions; action->name != NULL; action++) {
        if (lt_str_is(name, action->name)) {
            break;
        }
    }

    if (action->name == NULL) {
        ngx_http_lt_action_error(s, "INVALID_ACTION",
            "There is no such action.");
        return;
    }

    if ((action->roles & s->role) == 0) {
        ngx_http_lt_action_error(s, "UNAUTHORIZED_ACTION",
            s->role == NGX_HTTP_LT_LISTENER
            ? "Only the speaker may do that."
            : "Only a listener may do that.");
        return;
    }

    action->handler(s, doc);
}

void
ngx_http_lt_actions_text(ngx_http_lt_socket_t *s, u_char *text, size_t len)
{
    lt_str_t view = { (char *) text, len };
    lt_json_t *doc = NULL;
    lt_chunk_t chunk;
    lt_error_t err;
    lt_result_t rc;

    /* the speaker's usual message needs no tree */
    if (s->role == NGX_HTTP_LT_SPEAKER
        && lt_chunk_scan(&chunk, view) == LT_OK)
    {
        ngx_http_lt_action_audio_base64(s, chunk.audio_data);
        return;
    }

    rc = lt_json_parse(&doc, view, s->mcf->message_max, &err);

    if (rc != LT_OK || !lt_json_is_object(doc)) {
        ngx_http_lt_action_error(s, "INVALID_MESSAGE",
            "A message must be one JSON object.");
    } else {
        lt_actions_dispatch(s, doc);
    }

    lt_json_free(&doc);
}

void
ngx_http_lt_actions_binary(ngx_http_lt_socket_t *s, u_char *data, size_t len)
{
    if (s->role != NGX_HTTP_LT_SPEAKER) {
        ngx_http_lt_action_error(s, "UNAUTHORIZED_ACTION",
            "Only the speaker may send audio.");
        return;
    }

    ngx_http_lt_action_audio_pcm(s, data, len);
}

void
ngx_http_lt_action_error(ngx_http_lt_socket_t *s, const char *code,
    const char *text)
{
    u_char json[LT_MESSAGE_MAX];
    lt_out_t out;
    lt_message_error_t error = { code, text, NULL, { NULL, 0 } };

    NGX_HTTP_LT_COUNT(messages_refused, 1);
    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
        "lt: event=message_refused connection=%V code=%s", &s->id, code);

    lt_out_init(&out, json, sizeof(json));
    if (lt_message_error(&out, &error, ngx_http_lt_wall_ms()) == LT_OK) {
        ngx_http_lt_connection_send_text(s, json, lt_out_len(&out));
    }
}

ngx_http_lt_ask_t *
ngx_http_lt_ask_begin(ngx_http_lt_socket_t *s)
{
    ngx_http_lt_ask_t *ask = NULL;

    if (s->asks_n < NGX_HTTP_LT_ASKS_MAX) {
        ask = ngx_calloc(sizeof(ngx_http_lt_ask_t), s->connection->log);
    }

    if (ask == NULL) {
        ngx_http_lt_action_error(s, "RATE_LIMIT_EXCEEDED",
            "Too many requests at once; please wait for the answers.");
        return NULL;
    }

    ask->socket = s;
    ask->mcf = s->mcf;
    ask->session_id.data = ask->id_data;
    ask->session_id.len = s->talk->sn.str.len;
    ngx_memcpy(ask->id_data, s->talk->sn.str.data, ask->session_id.len);
    ngx_queue_insert_tail(&s->asks, &ask->queue);
    s->asks_n++;

    return ask;
}

void
ngx_http_lt_ask_done(ngx_http_lt_ask_t *ask)
{
    if (ask->socket != NULL) {
        ngx_queue_remove(&ask->queue);
        ask->socket->asks_n--;
    }

    ngx_free(ask);
}

void
ngx_http_lt_ask_fail(ngx_http_lt_ask_t *ask, int code)
{
    ngx_http_lt_socket_t *s = ask->socket;

    if (s != NULL) {
        switch (code) {

        case LT_STATE_NOT_FOUND:
            ngx_http_lt_action_error(s, "SESSION_NOT_FOUND",
                "The session does not exist any more.");
            break;

        case LT_STATE_INACTIVE:
            ngx_http_lt_action_error(s, "SESSION_INACTIVE",
                "The session has ended.");
            break;

        default:
            ngx_http_lt_action_error(s, "SERVICE_UNAVAILABLE",
                "Sessions cannot be reached at the moment; please try "
                "again.");
            break;
        }
    }

    ngx_http_lt_ask_done(ask);
}

/* An answer still has work to do, so it comes, but finds nobody. */
void
ngx_http_lt_actions_forget(ngx_http_lt_socket_t *s)
{
    ngx_queue_t *q;
    ngx_http_lt_ask_t *ask;

    while (!ngx_queue_empty(&s->asks)) {
        q = ngx_queue_head(&s->asks);
        ask = ngx_queue_data(q, ngx_http_lt_ask_t, queue);

        ngx_queue_remove(q);
        ask->socket = NULL;
    }

    s->asks_n = 0;
}
