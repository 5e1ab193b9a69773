#include "ngx_http_lt_actions.h"
#include "ngx_http_lt_metrics.h"

#include "lt_chunk.h"

#define LT_BOTH (NGX_HTTP_LT_SPEAKER | NGX_HTTP_LT_LISTENER)
#define LT_TEXT(name, is_required, min, max)                                  \
    { name, NGX_HTTP_LT_FIELD_TEXT, is_required, min, max }
#define LT_NONE { { NULL, 0, 0, 0, 0 } }

static const ngx_http_lt_action_t ngx_http_lt_actions[] = {
    { "audioChunk", NGX_HTTP_LT_SPEAKER, NGX_HTTP_LT_RATE_AUDIO,
      ngx_http_lt_action_audio, LT_NONE },
    { "heartbeat", LT_BOTH, NGX_HTTP_LT_RATE_HEARTBEAT,
      ngx_http_lt_action_heartbeat,
      { { "playedMs", NGX_HTTP_LT_FIELD_NUMBER, 0, 0, NGX_HTTP_LT_PLAYED_MAX } } },
    { "joinSession", NGX_HTTP_LT_LISTENER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_join, LT_NONE },
    { "changeLanguage", NGX_HTTP_LT_LISTENER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_language,
      { LT_TEXT("targetLanguage", 1, 2, 2) } },
    { "pausePlayback", NGX_HTTP_LT_LISTENER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_playback, LT_NONE },
    { "refreshConnection", LT_BOTH, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_refresh,
      { LT_TEXT("sessionId", 0, 1, LT_SESSION_ID_MAX),
        LT_TEXT("role", 0, 1, 16), LT_TEXT("targetLanguage", 0, 2, 2) } },
    { "getSessionStatus", NGX_HTTP_LT_SPEAKER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_status, LT_NONE },
    { "pauseBroadcast", NGX_HTTP_LT_SPEAKER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_broadcast, LT_NONE },
    { "resumeBroadcast", NGX_HTTP_LT_SPEAKER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_broadcast, LT_NONE },
    { "muteBroadcast", NGX_HTTP_LT_SPEAKER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_broadcast, LT_NONE },
    { "unmuteBroadcast", NGX_HTTP_LT_SPEAKER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_broadcast, LT_NONE },
    { "setVolume", NGX_HTTP_LT_SPEAKER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_broadcast,
      { { "volumeLevel", NGX_HTTP_LT_FIELD_NUMBER, 1, 0, 1 } } },
    { "speakerStateChange", NGX_HTTP_LT_SPEAKER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_broadcast,
      { { "state", NGX_HTTP_LT_FIELD_OBJECT, 1, 0, 0 } } },
    { "createSession", NGX_HTTP_LT_SPEAKER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_create, LT_NONE },
    { "endSession", NGX_HTTP_LT_SPEAKER, NGX_HTTP_LT_RATE_CONTROL,
      ngx_http_lt_action_end, LT_NONE },
    { NULL, 0, 0, NULL, LT_NONE }
};

static void
lt_actions_say(ngx_http_lt_socket_t *s, const lt_message_error_t *error)
{
    u_char json[LT_MESSAGE_MAX];
    lt_out_t out;

    NGX_HTTP_LT_COUNT(messages_refused, 1);
    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
        "lt: event=message_refused connection=%V code=%s", &s->id,
        error->code);

    lt_out_init(&out, json, sizeof(json));
    if (lt_message_error(&out, error, ngx_http_lt_wall_ms()) == LT_OK) {
        ngx_http_lt_connection_send_text(s, json, lt_out_len(&out));
    }
}

/* One message of a rate; NGX_DECLINED: too many, counted and told. */
static ngx_int_t
lt_actions_take(ngx_http_lt_socket_t *s, ngx_http_lt_rate_e which)
{
    ngx_uint_t is_audio = which == NGX_HTTP_LT_RATE_AUDIO, rate, most;
    ngx_msec_t since;
    lt_message_error_t error;
    ngx_http_lt_rate_t *r = &s->rates[which];

    rate = is_audio ? s->mcf->audio_rate : s->mcf->control_rate;
    if (rate == 0) {
        return NGX_OK;
    }

    most = rate * 1000 * (is_audio ? NGX_HTTP_LT_AUDIO_BURST_S
                                   : NGX_HTTP_LT_CONTROL_BURST_S);

    since = r->at_ms == 0 ? most : ngx_current_msec - r->at_ms;
    r->credit = ngx_min(most, r->credit + ngx_min(since, most) * rate);
    r->at_ms = ngx_current_msec;

    if (r->credit >= 1000) {
        r->credit -= 1000;
        return NGX_OK;
    }

    if (is_audio) {
        NGX_HTTP_LT_COUNT(audio_chunks_limited, 1);
    } else {
        NGX_HTTP_LT_COUNT(messages_limited, 1);
    }

    if (r->told_ms != 0 && ngx_current_msec - r->told_ms < 1000) {
        return NGX_DECLINED;
    }

    r->told_ms = ngx_current_msec;
    ngx_memzero(&error, sizeof(error));
    error.code = "RATE_LIMIT_EXCEEDED";
    error.text = "Too many messages in a short time; please slow down.";
    error.retry_after_s = (unsigned) ((1000 - r->credit) / rate / 1000 + 1);
    lt_actions_say(s, &error);

    return NGX_DECLINED;
}

ngx_uint_t
ngx_http_lt_action_number(const lt_json_t *doc, const char *key,
    double *value)
{
    char buf[32], *end;
    lt_str_t text;

    if (lt_json_number(doc, key, value)) {
        return 1;
    }

    if (!lt_json_string(doc, key, &text) || text.len == 0
        || text.len >= sizeof(buf))
    {
        return 0;
    }

    ngx_memcpy(buf, text.data, text.len);
    buf[text.len] = '\0';
    *value = strtod(buf, &end);

    /* only digits: not "nan", not "0x1" */
    return *end == '\0' && strspn(buf, "0123456789.+-eE") == text.len;
}

/* NULL: it is fine; else the code of what is wrong. */
static const char *
lt_actions_check_field(const ngx_http_lt_field_t *field, const lt_json_t *doc)
{
    double number;
    lt_str_t text;
    const lt_json_t *value = lt_json_get(doc, field->name);

    if (value == NULL) {
        return field->is_required ? "MISSING_PARAMETER" : NULL;
    }

    switch (field->kind) {

    case NGX_HTTP_LT_FIELD_TEXT:
        if (!lt_json_string(doc, field->name, &text)) {
            return "INVALID_PARAMETER";
        }
        if (text.len == 0) {
            return "MISSING_PARAMETER";
        }
        number = (double) text.len;
        break;

    case NGX_HTTP_LT_FIELD_NUMBER:
        if (!ngx_http_lt_action_number(doc, field->name, &number)) {
            return "INVALID_PARAMETER";
        }
        break;

    default:
        return lt_json_object_size(value) == 0 ? "MISSING_PARAMETER" : NULL;
    }

    return number >= field->min && number <= field->max
           ? NULL : "INVALID_PARAMETER";
}

static ngx_int_t
lt_actions_check(ngx_http_lt_socket_t *s, const ngx_http_lt_action_t *action,
    const lt_json_t *doc)
{
    const char *code;
    const ngx_http_lt_field_t *field;

    for (field = action->fields; field->name != NULL; field++) {
        code = lt_actions_check_field(field, doc);

        if (code != NULL) {
            ngx_http_lt_action_error_detail(s, code,
                code[0] == 'M' ? "A field is missing or empty."
                               : "A field is not what it must be.",
                "field", lt_str(field->name));
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}

static const ngx_http_lt_action_t *
lt_actions_find(lt_str_t name)
{
    const ngx_http_lt_action_t *action;

    for (action = ngx_http_lt_actions; action->name != NULL; action++) {
        if (lt_str_is(name, action->name)) {
            return action;
        }
    }

    return NULL;
}

static ngx_int_t
lt_actions_is_too_large(ngx_http_lt_socket_t *s, size_t len)
{
    if (len <= s->mcf->control_max) {
        return 0;
    }

    ngx_http_lt_action_error(s, "CONTROL_MESSAGE_TOO_LARGE",
        "A message without audio must be smaller.");

    return 1;
}

static void
lt_actions_dispatch(ngx_http_lt_socket_t *s, const lt_json_t *doc, size_t len)
{
    lt_str_t name = { NULL, 0 };
    const ngx_http_lt_action_t *action;

    (void) lt_json_string(doc, "action", &name);
    action = lt_actions_find(name);

    if (lt_actions_take(s, action != NULL ? action->rate
                                          : NGX_HTTP_LT_RATE_CONTROL)
        != NGX_OK)
    {
        return;
    }

    if (doc == NULL) {
        ngx_http_lt_action_error(s, "INVALID_MESSAGE",
            "A message must be one JSON object.");
        return;
    }

    if (name.len == 0) {
        ngx_http_lt_action_error(s, "MISSING_ACTION",
            "A message must have \"action\".");
        return;
    }

    if (action == NULL) {
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

    if (action->rate != NGX_HTTP_LT_RATE_AUDIO
        && lt_actions_is_too_large(s, len))
    {
        return;
    }

    if (lt_actions_check(s, action, doc) == NGX_OK) {
        action->handler(s, doc);
    }
}

void
ngx_http_lt_actions_text(ngx_http_lt_socket_t *s, u_char *text, size_t len)
{
    lt_str_t view = { (char *) text, len };
    lt_json_t *doc = NULL;
    lt_chunk_t chunk;
    lt_error_t err;

    /* the speaker's usual message needs no tree */
    if (s->role == NGX_HTTP_LT_SPEAKER
        && lt_chunk_scan(&chunk, view) == LT_OK)
    {
        if (lt_actions_take(s, NGX_HTTP_LT_RATE_AUDIO) == NGX_OK) {
            ngx_http_lt_action_audio_base64(s, chunk.audio_data);
        }
        return;
    }

    if (lt_json_parse(&doc, view, s->mcf->message_max, &err) != LT_OK
        || !lt_json_is_object(doc))
    {
        lt_json_free(&doc);
    }

    lt_actions_dispatch(s, doc, len);
    lt_json_free(&doc);
}

void
ngx_http_lt_actions_binary(ngx_http_lt_socket_t *s, u_char *data, size_t len)
{
    if (s->role != NGX_HTTP_LT_SPEAKER) {
        if (lt_actions_take(s, NGX_HTTP_LT_RATE_CONTROL) == NGX_OK) {
            ngx_http_lt_action_error(s, "UNAUTHORIZED_ACTION",
                "Only the speaker may send audio.");
        }
        return;
    }

    if (lt_actions_take(s, NGX_HTTP_LT_RATE_AUDIO) == NGX_OK) {
        ngx_http_lt_action_audio_pcm(s, data, len);
    }
}

void
ngx_http_lt_action_error(ngx_http_lt_socket_t *s, const char *code,
    const char *text)
{
    lt_str_t none = { NULL, 0 };

    ngx_http_lt_action_error_detail(s, code, text, NULL, none);
}

void
ngx_http_lt_action_error_detail(ngx_http_lt_socket_t *s, const char *code,
    const char *text, const char *key, lt_str_t value)
{
    lt_message_error_t error = { code, text, key, value, 0 };

    lt_actions_say(s, &error);
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

    if (ask->data != NULL) {
        ngx_free(ask->data);
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
