/*
 * What the speaker changes for all: pauseBroadcast, resumeBroadcast,
 * muteBroadcast, unmuteBroadcast, setVolume, speakerStateChange.  Fields of
 * the session's broadcast state, in one transition.  Listeners are told,
 * whatever the state was before: saying it twice is harmless.
 */
#include "ngx_http_lt_actions.h"
#include "ngx_http_lt_push.h"

#define LT_BROADCAST_VOLUME_LEN 8       /* "0.123" */

static const struct {
    const char *action;
    const char *type;
    const char *field;          /* NULL: what the message says */
    const char *value;
} lt_broadcasts[] = {
    { "pauseBroadcast", "broadcastPaused", "isPaused", "1" },
    { "resumeBroadcast", "broadcastResumed", "isPaused", "0" },
    { "muteBroadcast", "broadcastMuted", "isMuted", "1" },
    { "unmuteBroadcast", "broadcastUnmuted", "isMuted", "0" },
    { "setVolume", "volumeChanged", NULL, NULL },
    { "speakerStateChange", "speakerStateChanged", NULL, NULL },
};

#define LT_BROADCASTS (sizeof(lt_broadcasts) / sizeof(lt_broadcasts[0]))

typedef struct {
    ngx_http_lt_state_field_t fields[NGX_HTTP_LT_STATE_FIELDS_MAX];
    ngx_uint_t n;
    u_char volume[LT_BROADCAST_VOLUME_LEN];
} lt_broadcast_t;

static void
lt_broadcast_put(lt_broadcast_t *b, const char *name, const char *value)
{
    ngx_http_lt_state_field_t *field = &b->fields[b->n++];

    field->name.data = (u_char *) name;
    field->name.len = ngx_strlen(name);
    field->value.data = (u_char *) value;
    field->value.len = ngx_strlen(value);
}

static void
lt_broadcast_put_volume(lt_broadcast_t *b, double volume)
{
    *ngx_sprintf(b->volume, "%.3f", volume) = '\0';
    lt_broadcast_put(b, "volume", (char *) b->volume);
}

/* speakerStateChange; NULL: understood, else the field that is wrong. */
static const char *
lt_broadcast_read_state(lt_broadcast_t *b, const lt_json_t *state)
{
    int flag;
    double volume;
    ngx_uint_t i;

    static const char *const flags[] = { "isPaused", "isMuted" };

    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (lt_json_get(state, flags[i]) == NULL) {
            continue;
        }

        if (!lt_json_bool(state, flags[i], &flag)) {
            return flags[i];
        }

        lt_broadcast_put(b, flags[i], flag ? "1" : "0");
    }

    if (lt_json_get(state, "volume") != NULL) {
        if (!ngx_http_lt_action_number(state, "volume", &volume)
            || volume < 0 || volume > 1)
        {
            return "volume";
        }

        lt_broadcast_put_volume(b, volume);
    }

    return lt_json_object_size(state) == b->n ? NULL : "state";
}

/* NULL: understood, else the field that is wrong. */
static const char *
lt_broadcast_read(lt_broadcast_t *b, ngx_uint_t row, const lt_json_t *doc)
{
    double volume;

    b->n = 0;

    if (lt_broadcasts[row].field != NULL) {
        lt_broadcast_put(b, lt_broadcasts[row].field,
            lt_broadcasts[row].value);
        return NULL;
    }

    /* the action table has looked at it */
    if (ngx_http_lt_action_number(doc, "volumeLevel", &volume)
        && lt_str_is(lt_str(lt_broadcasts[row].action), "setVolume"))
    {
        lt_broadcast_put_volume(b, volume);
        return NULL;
    }

    return lt_broadcast_read_state(b, lt_json_get(doc, "state"));
}

static void
lt_broadcast_tell(ngx_http_lt_ask_t *ask, const lt_message_change_t *change)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    lt_state_event_t ev;

    lt_out_init(&out, text, sizeof(text));
    (void) lt_message_change(&out, change, ngx_http_lt_wall_ms());

    ngx_memzero(&ev, sizeof(ev));
    ev.to = LT_STATE_TO_LISTENERS;
    ev.name = lt_str(change->type);
    ev.json.data = (char *) text;
    ev.json.len = lt_out_len(&out);

    (void) ngx_http_lt_push_local(ask->mcf, &ask->session_id, &ev);
    (void) ngx_http_lt_push_publish(ask->mcf, &ask->session_id, &ev, NULL,
        NULL);
}

static void
lt_broadcast_reply(ngx_http_lt_socket_t *s, lt_message_change_t *change)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;

    s->is_paused = change->state.is_paused;
    s->is_muted = change->state.is_muted;
    change->is_reply = 1;

    lt_out_init(&out, text, sizeof(text));
    (void) lt_message_change(&out, change, ngx_http_lt_wall_ms());
    ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));
}

static void
lt_broadcast_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    int64_t before_ms;
    ngx_str_t volume;
    ngx_http_lt_ask_t *ask = data;
    lt_message_change_t change;

    if (code != LT_STATE_DONE) {
        ngx_http_lt_ask_fail(ask, code);
        return;
    }

    volume = ngx_http_lt_reply_text(reply, 3);
    before_ms = ngx_http_lt_reply_number(reply, 5);

    ngx_memzero(&change, sizeof(change));
    change.type = lt_broadcasts[ask->row].type;
    change.session_id = ngx_http_lt_view(&ask->session_id);
    change.state.is_paused = ngx_http_lt_reply_number(reply, 1) != 0;
    change.state.is_muted = ngx_http_lt_reply_number(reply, 2) != 0;
    change.state.volume = volume.len != 0
                          ? strtod((char *) volume.data, NULL) : 1;
    change.state.changed_ms = ngx_http_lt_reply_number(reply, 4);
    change.listeners = ngx_http_lt_reply_number(reply, 6);
    change.pause_ms = change.state.changed_ms != before_ms
                      ? change.state.changed_ms - before_ms : -1;

    lt_broadcast_tell(ask, &change);

    if (ask->socket != NULL) {
        lt_broadcast_reply(ask->socket, &change);
    }

    ngx_http_lt_ask_done(ask);
}

void
ngx_http_lt_action_broadcast(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    lt_str_t action;
    ngx_uint_t row;
    const char *wrong;
    lt_broadcast_t b;
    ngx_http_lt_ask_t *ask;

    (void) lt_json_string(doc, "action", &action);

    for (row = 0; row < LT_BROADCASTS - 1; row++) {
        if (lt_str_is(action, lt_broadcasts[row].action)) {
            break;
        }
    }

    wrong = lt_broadcast_read(&b, row, doc);
    if (wrong != NULL) {
        ngx_http_lt_action_error_detail(s, "INVALID_PARAMETER",
            "\"state\" has isPaused and isMuted (true or false) and volume "
            "(0 to 1), nothing else.", "field", lt_str(wrong));
        return;
    }

    ask = ngx_http_lt_ask_begin(s);
    if (ask == NULL) {
        return;
    }

    ask->row = row;
    ask->cmd = ngx_http_lt_state_broadcast(s->mcf, &s->talk->sn.str, b.fields,
        b.n, lt_broadcast_done, ask);
    if (ask->cmd == NULL) {
        ngx_http_lt_ask_fail(ask, NGX_HTTP_LT_STATE_LOST);
    }
}
