/*
 * createSession: a further session of the speaker, as POST /sessions makes
 * it, without a token of its own: it belongs to who may speak here.  The
 * parameters of the recognizer are checked and said, and change nothing.
 * Limit: LT_CREATE_MAX a socket.
 */
#include "ngx_http_lt_actions.h"
#include "ngx_http_lt_metrics.h"

#include "lt_language.h"
#include "lt_session_id.h"
#include "lt_text.h"

#define LT_CREATE_MAX 50
#define LT_CREATE_TRIES 5
#define LT_CREATE_LIFE_S 86400          /* without lt_session_age */
#define LT_CREATE_SPEAKER_BYTES 8
#define LT_CREATE_TIER_MAX 16

typedef struct {
    ngx_uint_t tries;
    ngx_http_lt_state_new_t session;
    ngx_str_t id;
    u_char id_data[LT_SESSION_ID_MAX];
    u_char language[NGX_HTTP_LT_LANGUAGE_MAX];
    u_char tier[LT_CREATE_TIER_MAX];
    u_char speaker_id[LT_CREATE_SPEAKER_BYTES * 2];
    u_char speaker_key[NGX_HTTP_LT_SPEAKER_KEY_MAX];
    int partial_results;
    double min_stability;
    double max_buffer_s;
} lt_create_t;

static void lt_create_send(ngx_http_lt_ask_t *ask);

static void
lt_create_copy(ngx_str_t *to, u_char *data, size_t max, lt_str_t from)
{
    to->data = data;
    to->len = ngx_min(from.len, max);
    (void) ngx_http_lt_copy(data, from.data, to->len);
}

static void
lt_create_say(ngx_http_lt_socket_t *s, const lt_create_t *create)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    lt_message_created_t created;

    NGX_HTTP_LT_COUNT(sessions_created, 1);
    ngx_log_error(NGX_LOG_NOTICE, s->connection->log, 0,
        "lt: event=session_created session=%V", &create->id);

    created.session_id = ngx_http_lt_view(&create->id);
    created.connection_id = ngx_http_lt_view(&s->id);
    created.source_language =
        ngx_http_lt_view(&create->session.source_language);
    created.quality_tier = ngx_http_lt_view(&create->session.quality_tier);
    created.partial_results = create->partial_results;
    created.min_stability = create->min_stability;
    created.max_buffer_s = create->max_buffer_s;
    created.expires_s = create->session.expires_s;

    lt_out_init(&out, text, sizeof(text));
    (void) lt_message_session_created(&out, &created, ngx_http_lt_wall_ms());
    ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));
}

static void
lt_create_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_http_lt_ask_t *ask = data;
    lt_create_t *create = ask->data;

    if (code == LT_STATE_EXISTS && ++create->tries < LT_CREATE_TRIES) {
        lt_create_send(ask);
        return;
    }

    if (code != LT_STATE_DONE) {
        ngx_http_lt_ask_fail(ask, NGX_HTTP_LT_STATE_LOST);
        return;
    }

    if (ask->socket != NULL) {
        lt_create_say(ask->socket, create);
    }

    ngx_http_lt_ask_done(ask);
}

static void
lt_create_send(ngx_http_lt_ask_t *ask)
{
    u_char random[8];
    lt_out_t out;
    lt_create_t *create = ask->data;

    ask->cmd = NULL;
    lt_out_init(&out, create->id_data, sizeof(create->id_data));

    if (ngx_http_lt_random(random, sizeof(random)) == NGX_OK
        && lt_session_id_make(&out, random) == LT_OK)
    {
        create->id.data = create->id_data;
        create->id.len = lt_out_len(&out);
        create->session.session_id = &create->id;

        ask->cmd = ngx_http_lt_state_create(ask->mcf, &create->session,
            lt_create_done, ask);
    }

    if (ask->cmd == NULL) {
        ngx_http_lt_ask_fail(ask, NGX_HTTP_LT_STATE_LOST);
    }
}

/* NULL: fine, else the field that is wrong. */
static const char *
lt_create_read(lt_create_t *create, const lt_json_t *doc)
{
    lt_str_t language, tier = LT_STR("standard"), text;

    if (!lt_json_string(doc, "sourceLanguage", &language)
        || !lt_language_is_source(language))
    {
        return "sourceLanguage";
    }

    if (lt_json_get(doc, "qualityTier") != NULL
        && (!lt_json_string(doc, "qualityTier", &tier)
            || (!lt_str_is(tier, "standard") && !lt_str_is(tier, "premium"))))
    {
        return "qualityTier";
    }

    create->partial_results = 1;
    if (lt_json_get(doc, "partialResults") != NULL
        && !lt_json_bool(doc, "partialResults", &create->partial_results))
    {
        if (!lt_json_string(doc, "partialResults", &text)) {
            return "partialResults";
        }
        create->partial_results = lt_str_is(text, "true");
    }

    create->min_stability = 0.85;
    if (lt_json_get(doc, "minStability") != NULL
        && (!ngx_http_lt_action_number(doc, "minStability",
                &create->min_stability)
            || create->min_stability < 0.7 || create->min_stability > 0.95))
    {
        return "minStability";
    }

    create->max_buffer_s = 5;
    if (lt_json_get(doc, "maxBufferTimeout") != NULL
        && (!ngx_http_lt_action_number(doc, "maxBufferTimeout",
                &create->max_buffer_s)
            || create->max_buffer_s < 2 || create->max_buffer_s > 10))
    {
        return "maxBufferTimeout";
    }

    lt_create_copy(&create->session.source_language, create->language,
        sizeof(create->language), language);
    lt_create_copy(&create->session.quality_tier, create->tier,
        sizeof(create->tier), tier);

    return NULL;
}

static ngx_int_t
lt_create_own(ngx_http_lt_socket_t *s, lt_create_t *create)
{
    u_char random[LT_CREATE_SPEAKER_BYTES];
    ngx_http_lt_state_new_t *session = &create->session;

    if (ngx_http_lt_random(random, sizeof(random)) != NGX_OK) {
        return NGX_ERROR;
    }

    lt_hex_encode((char *) create->speaker_id, random, sizeof(random));
    session->speaker_id.data = create->speaker_id;
    session->speaker_id.len = sizeof(create->speaker_id);

    lt_create_copy(&session->speaker_key, create->speaker_key,
        sizeof(create->speaker_key), ngx_http_lt_view(&s->speaker_key));

    session->now_ms = ngx_http_lt_wall_ms();
    session->expires_s = session->now_ms / 1000
        + (s->mcf->session_age != 0 ? s->mcf->session_age
                                    : LT_CREATE_LIFE_S);

    return NGX_OK;
}

void
ngx_http_lt_action_create(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    const char *wrong;
    lt_create_t *create;
    ngx_http_lt_ask_t *ask;

    if (s->created_n == LT_CREATE_MAX) {
        ngx_http_lt_action_error(s, "RATE_LIMIT_EXCEEDED",
            "This socket has made as many sessions as it may.");
        return;
    }

    create = ngx_calloc(sizeof(lt_create_t), s->connection->log);
    if (create == NULL) {
        return;
    }

    wrong = lt_create_read(create, doc);
    if (wrong != NULL) {
        ngx_http_lt_action_error_detail(s,
            ngx_strcmp(wrong, "minStability") == 0
            || ngx_strcmp(wrong, "maxBufferTimeout") == 0
            ? "INVALID_CONFIGURATION" : "INVALID_PARAMETERS",
            "A field is not what it must be.", "field", lt_str(wrong));
        ngx_free(create);
        return;
    }

    if (lt_create_own(s, create) != NGX_OK) {
        ngx_free(create);
        return;
    }

    ask = ngx_http_lt_ask_begin(s);
    if (ask == NULL) {
        ngx_free(create);
        return;
    }

    s->created_n++;
    ask->data = create;
    lt_create_send(ask);
}
