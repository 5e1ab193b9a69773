#include "session/ltw_session_redis.h"

#include <stdio.h>
#include <string.h>

#include "lt_language.h"
#include "lt_state.h"

#define VIEW_KEYS 4

typedef struct {
    char text[LT_STATE_KEY_MAX];
    lt_str_t view;
} redis_key_t;


static int
key_make(redis_key_t *key, lt_state_key_t which, lt_str_t id)
{
    lt_out_t out;

    lt_out_init(&out, key->text, sizeof(key->text));
    if (lt_state_key(&out, which, id) != LT_OK) {
        return 0;
    }
    key->view = (lt_str_t) { key->text, lt_out_len(&out) };
    return 1;
}


ltw_redis_id_t
ltw_session_redis_read(ltw_redis_t *redis, const ltw_talk_t *talk,
    ltw_redis_handler_t handler, void *data)
{
    lt_str_t id = lt_str(talk->id);
    redis_key_t keys[VIEW_KEYS];
    lt_str_t argv[1 + VIEW_KEYS + 1];

    if (!key_make(&keys[0], LT_STATE_KEY_SESSION, id)
        || !key_make(&keys[1], LT_STATE_KEY_LISTENERS, id)
        || !key_make(&keys[2], LT_STATE_KEY_LANGUAGES, id)
        || !key_make(&keys[3], LT_STATE_KEY_WORKER, id))
    {
        return 0;
    }
    argv[0] = LT_STR("4");
    for (size_t i = 0; i < VIEW_KEYS; i++) {
        argv[1 + i] = keys[i].view;
    }
    argv[1 + VIEW_KEYS] = lt_str(talk->tenure->fence);
    return ltw_redis_script(redis, lt_state_worker_script(LT_STATE_TALK_VIEW),
        argv, 1 + VIEW_KEYS + 1, handler, data);
}


/* How many listeners of a language ask that of captions. */
static int64_t
asked(const ltw_reply_t *fields, const char *what, lt_str_t code)
{
    char name[32];

    snprintf(name, sizeof(name), "%s:%.2s", what, code.data);
    return ltw_reply_int(ltw_reply_field(fields, name));
}


static void
hear(ltw_session_view_t *view, const ltw_reply_t *fields,
    const ltw_reply_t *languages)
{
    for (size_t i = 0; i + 1 < ltw_reply_size(languages); i += 2) {
        lt_str_t code = ltw_reply_str(ltw_reply_at(languages, i));

        int64_t n = ltw_reply_int(ltw_reply_at(languages, i + 1));

        if (view->heard_n < LTW_SESSION_LANGUAGES_MAX
            && lt_language_is_target(code) && n > 0)
        {
            memcpy(view->heard[view->heard_n].code, code.data, 2);
            view->heard[view->heard_n++].is_voiced =
                n > asked(fields, "captionsOnly", code);
            view->is_live_asked |= asked(fields, "captionsLive", code) > 0;
        }
    }
}


static void
set(ltw_session_view_t *view, const ltw_reply_t *fields)
{
    static const char *const names[] = { "vocabulary", "terminology",
        "lexicons", "maxCostPerHour", "traceparent" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const ltw_reply_t *value = ltw_reply_field(fields, names[i]);

        if (value != NULL) {
            (void) ltw_settings_set(&view->settings, names[i],
                ltw_reply_str(value));
        }
    }
}


lt_result_t
ltw_session_view(ltw_session_view_t *view, const ltw_settings_t *settings,
    const ltw_reply_t *reply)
{
    const ltw_reply_t *fields = ltw_reply_at(reply, 2);
    int64_t code = ltw_reply_int(ltw_reply_at(reply, 1));
    lt_str_t source;

    *view = (ltw_session_view_t) { .settings = *settings };
    if (ltw_reply_size(reply) == 0) {
        return LT_INVALID;
    }
    view->is_mine = ltw_reply_int(ltw_reply_at(reply, 0)) == 1;
    if (code != LT_STATE_DONE) {
        return LT_OK;
    }
    view->is_found = 1;
    view->is_ended = lt_str_is(
        ltw_reply_str(ltw_reply_field(fields, "status")), "ended");
    source = ltw_reply_str(ltw_reply_field(fields, "sourceLanguage"));
    if (source.len == 2) {
        memcpy(view->source, source.data, 2);
    }
    set(view, fields);
    hear(view, fields, ltw_reply_at(reply, 3));
    return LT_OK;
}
