/*
 * changeLanguage: from now on the listener hears another language.  One
 * script, so that no moment has the listener in no language or in two.  The
 * socket's label stays: ngx_http_lt_push.c.
 */
#include "ngx_http_lt_actions.h"

#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_ring.h"

#include "lt_language.h"

static void
lt_language_say(ngx_http_lt_socket_t *s)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    lt_message_joined_t joined;

    ngx_memzero(&joined, sizeof(joined));
    joined.session_id = ngx_http_lt_view(&s->talk->sn.str);
    joined.target_language = ngx_http_lt_view(&s->language);
    joined.source_language = ngx_http_lt_view(&s->source_language);

    lt_out_init(&out, text, sizeof(text));
    (void) lt_message_language_changed(&out, &joined, ngx_http_lt_wall_ms());
    ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));
}

/* What it waited for in the one before comes after the word that it changed. */
static void
lt_language_switch(ngx_http_lt_socket_t *s, const ngx_str_t *to)
{
    ngx_uint_t is_other = !ngx_http_lt_socket_hears(s, to);

    ngx_http_lt_metrics_hear(&s->language, -1);
    ngx_memcpy(s->language.data, to->data, to->len);
    s->language.len = to->len;
    ngx_http_lt_metrics_hear(&s->language, 1);
    ngx_http_lt_talk_counts_changed(s->talk);
    lt_language_say(s);

    if (is_other) {
        ngx_http_lt_ring_switched(s);
    }
}

static void
lt_language_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_http_lt_ask_t *ask = data;
    ngx_http_lt_socket_t *s = ask->socket;
    ngx_str_t to = { ask->language_len, ask->language };

    if (code != LT_STATE_DONE) {
        ngx_http_lt_ask_fail(ask, code);
        return;
    }

    if (s != NULL) {
        lt_language_switch(s, &to);
    }

    ngx_http_lt_ask_done(ask);
}

void
ngx_http_lt_action_language(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    lt_str_t language;
    ngx_str_t to;
    ngx_http_lt_ask_t *ask;

    (void) lt_json_string(doc, "targetLanguage", &language);

    if (!lt_language_is_code(language)) {
        ngx_http_lt_action_error_detail(s, "INVALID_PARAMETER",
            "targetLanguage must be two small letters.", "field",
            LT_STR("targetLanguage"));
        return;
    }

    if (!lt_language_is_target(language)) {
        ngx_http_lt_action_error_detail(s, "UNSUPPORTED_LANGUAGE",
            "Nothing can be heard in that language.", "languageCode",
            language);
        return;
    }

    ask = ngx_http_lt_ask_begin(s);
    if (ask == NULL) {
        return;
    }

    ngx_memcpy(ask->language, language.data, language.len);
    ask->language_len = language.len;
    to.data = ask->language;
    to.len = ask->language_len;

    ask->cmd = ngx_http_lt_state_language(s->mcf, &s->talk->sn.str, &s->id,
        &to, lt_language_done, ask);
    if (ask->cmd == NULL) {
        ngx_http_lt_ask_fail(ask, NGX_HTTP_LT_STATE_LOST);
    }
}
