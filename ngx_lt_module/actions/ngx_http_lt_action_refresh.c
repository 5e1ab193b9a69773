/*
 * refreshConnection: made for sockets that may live for two hours only.  Ours
 * have no such limit, and a new socket has proved who it is when it was
 * opened; so this confirms what the socket is.
 */
#include "ngx_http_lt_actions.h"

#include "lt_session_id.h"

/* Absent, or what the socket is anyway. */
static ngx_uint_t
lt_refresh_agrees(const lt_json_t *doc, const char *key, lt_str_t have)
{
    lt_str_t value;

    return !lt_json_string(doc, key, &value)
           || (value.len == have.len
               && ngx_memcmp(value.data, have.data, have.len) == 0);
}

void
ngx_http_lt_action_refresh(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    lt_str_t role;
    lt_message_joined_t joined;

    ngx_memzero(&joined, sizeof(joined));
    joined.session_id = ngx_http_lt_view(&s->talk->sn.str);
    joined.connection_id = ngx_http_lt_view(&s->id);
    joined.target_language = ngx_http_lt_view(&s->language);
    joined.source_language = ngx_http_lt_view(&s->source_language);

    role = s->role == NGX_HTTP_LT_SPEAKER ? LT_STR("speaker")
                                          : LT_STR("listener");

    if (!lt_refresh_agrees(doc, "sessionId", joined.session_id)
        || !lt_refresh_agrees(doc, "role", role)
        || !lt_refresh_agrees(doc, "targetLanguage", joined.target_language))
    {
        ngx_http_lt_action_error(s, "FORBIDDEN",
            "sessionId, role and targetLanguage are those of the socket.");
        return;
    }

    lt_out_init(&out, text, sizeof(text));
    (void) lt_message_refreshed(&out, &joined, ngx_http_lt_wall_ms());
    ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));
}
