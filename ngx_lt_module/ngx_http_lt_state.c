#include "ngx_http_lt_state.h"

#define LT_STATE_NUMBER_LEN 24

typedef struct {
    u_char data[LT_STATE_NUMBER_LEN];
} lt_state_digits_t;

static ngx_str_t
lt_state_digits(lt_state_digits_t *digits, int64_t n)
{
    ngx_str_t s;

    s.data = digits->data;
    s.len = ngx_sprintf(digits->data, "%L", n) - digits->data;

    return s;
}

static ngx_uint_t
lt_state_put_fields(ngx_str_t *args, const ngx_http_lt_state_field_t *fields,
    ngx_uint_t n)
{
    ngx_uint_t i;

    for (i = 0; i < n; i++) {
        args[2 * i] = fields[i].name;
        args[2 * i + 1] = fields[i].value;
    }

    return 2 * n;
}

int
ngx_http_lt_state_code(const ngx_http_lt_reply_t *reply)
{
    if (ngx_http_lt_reply_size(reply) == 0) {
        return NGX_HTTP_LT_STATE_LOST;
    }

    return (int) ngx_http_lt_reply_number(reply, 0);
}

ngx_http_lt_command_t *
ngx_http_lt_state_create(ngx_http_lt_main_conf_t *mcf,
    const ngx_http_lt_state_new_t *n, ngx_http_lt_command_done_pt done,
    void *data)
{
    ngx_str_t args[7 + 2 * NGX_HTTP_LT_STATE_FIELDS_MAX];
    ngx_uint_t args_n;
    lt_state_digits_t now, expires;

    args[0] = lt_state_digits(&now, n->now_ms);
    args[1] = lt_state_digits(&expires, n->expires_s);
    args[2] = *n->session_id;
    args[3] = n->speaker_id;
    args[4] = n->source_language;
    args[5] = n->quality_tier;
    args[6] = n->speaker_key;
    args_n = 7 + lt_state_put_fields(args + 7, n->settings, n->settings_n);

    return ngx_http_lt_command_eval(mcf->redis, LT_STATE_CREATE, n->session_id,
        args_n, args, done, data);
}

ngx_http_lt_command_t *
ngx_http_lt_state_join(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    const ngx_str_t *language, ngx_http_lt_command_done_pt done, void *data)
{
    ngx_str_t args[4];
    lt_state_digits_t max;

    args[0] = *connection;
    args[1].data = mcf->process_id;
    args[1].len = NGX_HTTP_LT_PROCESS_ID_LEN;
    args[2] = *language;
    args[3] = lt_state_digits(&max, (int64_t) mcf->listeners_max);

    return ngx_http_lt_command_eval(mcf->redis, LT_STATE_JOIN, session_id, 4,
        args, done, data);
}

ngx_http_lt_command_t *
ngx_http_lt_state_leave(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    ngx_http_lt_command_done_pt done, void *data)
{
    return ngx_http_lt_command_eval(mcf->redis, LT_STATE_LEAVE, session_id, 1,
        connection, done, data);
}

ngx_http_lt_command_t *
ngx_http_lt_state_language(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    const ngx_str_t *language, ngx_http_lt_command_done_pt done, void *data)
{
    ngx_str_t args[2];

    args[0] = *connection;
    args[1] = *language;

    return ngx_http_lt_command_eval(mcf->redis, LT_STATE_LANGUAGE, session_id,
        2, args, done, data);
}

ngx_http_lt_command_t *
ngx_http_lt_state_attach(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    const ngx_str_t *speaker_key, const ngx_str_t *numbering,
    const ngx_str_t *trace, ngx_uint_t is_trace_given,
    ngx_http_lt_command_done_pt done, void *data)
{
    ngx_str_t args[7];
    lt_state_digits_t now;

    args[0] = *connection;
    args[1].data = mcf->process_id;
    args[1].len = NGX_HTTP_LT_PROCESS_ID_LEN;
    args[2] = *speaker_key;
    args[3] = lt_state_digits(&now, ngx_http_lt_wall_ms());
    args[4] = *numbering;
    args[5] = *trace;
    args[6].data = (u_char *) (is_trace_given ? "1" : "0");
    args[6].len = 1;

    return ngx_http_lt_command_eval(mcf->redis, LT_STATE_ATTACH, session_id, 7,
        args, done, data);
}

ngx_http_lt_command_t *
ngx_http_lt_state_detach(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    ngx_http_lt_command_done_pt done, void *data)
{
    ngx_str_t args[2];
    lt_state_digits_t now;

    args[0] = *connection;
    args[1] = lt_state_digits(&now, ngx_http_lt_wall_ms());

    return ngx_http_lt_command_eval(mcf->redis, LT_STATE_DETACH, session_id, 2,
        args, done, data);
}

ngx_http_lt_command_t *
ngx_http_lt_state_end(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, ngx_uint_t only_without_speaker,
    const ngx_str_t *speaker_key, ngx_http_lt_command_done_pt done, void *data)
{
    ngx_str_t args[3];
    lt_state_digits_t now, only;

    args[0] = lt_state_digits(&now, ngx_http_lt_wall_ms());
    args[1] = lt_state_digits(&only, only_without_speaker ? 1 : 0);
    args[2] = *speaker_key;

    return ngx_http_lt_command_eval(mcf->redis, LT_STATE_END, session_id, 3,
        args, done, data);
}

ngx_http_lt_command_t *
ngx_http_lt_state_broadcast(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_http_lt_state_field_t *fields,
    ngx_uint_t n, ngx_http_lt_command_done_pt done, void *data)
{
    ngx_str_t args[1 + 2 * NGX_HTTP_LT_STATE_FIELDS_MAX];
    lt_state_digits_t now;

    args[0] = lt_state_digits(&now, ngx_http_lt_wall_ms());
    n = 1 + lt_state_put_fields(args + 1, fields, n);

    return ngx_http_lt_command_eval(mcf->redis, LT_STATE_BROADCAST, session_id,
        n, args, done, data);
}

ngx_http_lt_command_t *
ngx_http_lt_state_update(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *speaker_key,
    const ngx_http_lt_state_field_t *fields, ngx_uint_t n,
    ngx_http_lt_command_done_pt done, void *data)
{
    ngx_str_t args[3 + 2 * NGX_HTTP_LT_STATE_FIELDS_MAX];
    lt_state_digits_t now, only;

    args[0] = lt_state_digits(&now, ngx_http_lt_wall_ms());
    args[1] = *speaker_key;
    args[2] = lt_state_digits(&only, n == 0);
    n = 3 + lt_state_put_fields(args + 3, fields, n);

    return ngx_http_lt_command_eval(mcf->redis, LT_STATE_UPDATE, session_id,
        n, args, done, data);
}

ngx_http_lt_command_t *
ngx_http_lt_state_read(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, ngx_http_lt_command_done_pt done, void *data)
{
    return ngx_http_lt_command_eval(mcf->redis, LT_STATE_READ, session_id, 0,
        NULL, done, data);
}

static void
lt_state_field(lt_message_session_t *session, ngx_str_t name,
    const ngx_http_lt_reply_t *fields, ngx_uint_t i)
{
    ngx_uint_t f;
    ngx_str_t text = ngx_http_lt_reply_text(fields, i);
    int64_t number = ngx_http_lt_reply_number(fields, i);

    struct {
        const char *name;
        lt_str_t *text;
        int64_t *number;
        int *flag;
    } rows[] = {
        { "sessionId", &session->session_id, NULL, NULL },
        { "speakerId", &session->speaker_id, NULL, NULL },
        { "sourceLanguage", &session->source_language, NULL, NULL },
        { "qualityTier", &session->quality_tier, NULL, NULL },
        { "status", &session->status, NULL, NULL },
        { "createdAt", NULL, &session->created_ms, NULL },
        { "updatedAt", NULL, &session->updated_ms, NULL },
        { "expiresAt", NULL, &session->expires_s, NULL },
        { "lastStateChange", NULL, &session->broadcast.changed_ms, NULL },
        { "isPaused", NULL, NULL, &session->broadcast.is_paused },
        { "isMuted", NULL, NULL, &session->broadcast.is_muted },
    };

    if (lt_str_is(ngx_http_lt_view(&name), "volume")) {
        session->broadcast.volume = text.len != 0
                                    ? strtod((char *) text.data, NULL) : 1;
        return;
    }

    for (f = 0; f < sizeof(rows) / sizeof(rows[0]); f++) {
        if (!lt_str_is(ngx_http_lt_view(&name), rows[f].name)) {
            continue;
        }

        if (rows[f].text != NULL) {
            *rows[f].text = ngx_http_lt_view(&text);
        } else if (rows[f].number != NULL) {
            *rows[f].number = number;
        } else {
            *rows[f].flag = number != 0;
        }
        return;
    }
}

void
ngx_http_lt_state_session(lt_message_session_t *session,
    const ngx_http_lt_reply_t *reply)
{
    ngx_str_t name;
    ngx_uint_t i;
    const ngx_http_lt_reply_t *fields, *languages;

    ngx_memzero(session, sizeof(lt_message_session_t));

    fields = ngx_http_lt_reply_at(reply, 1);
    languages = ngx_http_lt_reply_at(reply, 2);

    for (i = 0; i + 1 < ngx_http_lt_reply_size(fields); i += 2) {
        lt_state_field(session, ngx_http_lt_reply_text(fields, i), fields,
            i + 1);
    }

    for (i = 0; i + 1 < ngx_http_lt_reply_size(languages)
         && session->languages_n < LT_MESSAGE_LANGUAGES_MAX; i += 2)
    {
        name = ngx_http_lt_reply_text(languages, i);
        session->languages[session->languages_n].code =
            ngx_http_lt_view(&name);
        session->languages[session->languages_n].count =
            ngx_http_lt_reply_number(languages, i + 1);
        session->listeners +=
            session->languages[session->languages_n++].count;
    }
}

int64_t
ngx_http_lt_state_number(const ngx_http_lt_reply_t *reply, const char *name)
{
    ngx_str_t key;
    ngx_uint_t i;
    const ngx_http_lt_reply_t *fields = ngx_http_lt_reply_at(reply, 1);

    for (i = 0; i + 1 < ngx_http_lt_reply_size(fields); i += 2) {
        key = ngx_http_lt_reply_text(fields, i);

        if (lt_str_is(ngx_http_lt_view(&key), name)) {
            return ngx_http_lt_reply_number(fields, i + 1);
        }
    }

    return 0;
}
