#include "session/ltw_session_redis.h"

#include <stdio.h>
#include <string.h>

#include "lt_language.h"
#include "lt_state.h"

#define SAVED_FOR_S "86400"

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
ltw_session_redis_read(ltw_redis_t *redis, lt_str_t id,
    ltw_redis_handler_t handler, void *data)
{
    redis_key_t keys[LT_STATE_SCRIPT_KEYS];
    lt_str_t argv[1 + LT_STATE_SCRIPT_KEYS];

    if (!key_make(&keys[0], LT_STATE_KEY_SESSION, id)
        || !key_make(&keys[1], LT_STATE_KEY_LISTENERS, id)
        || !key_make(&keys[2], LT_STATE_KEY_LANGUAGES, id))
    {
        return 0;
    }
    argv[0] = LT_STR("3");
    for (size_t i = 0; i < LT_STATE_SCRIPT_KEYS; i++) {
        argv[1 + i] = keys[i].view;
    }
    return ltw_redis_script(redis, lt_state_script(LT_STATE_READ).data, argv,
        1 + LT_STATE_SCRIPT_KEYS, handler, data);
}


static void
hear(ltw_session_view_t *view, const ltw_reply_t *languages)
{
    for (size_t i = 0; i + 1 < ltw_reply_size(languages); i += 2) {
        lt_str_t code = ltw_reply_str(ltw_reply_at(languages, i));

        if (view->heard_n < LTW_SESSION_LANGUAGES_MAX
            && lt_language_is_target(code)
            && ltw_reply_int(ltw_reply_at(languages, i + 1)) > 0)
        {
            memcpy(view->heard[view->heard_n++], code.data, 2);
        }
    }
}


lt_result_t
ltw_session_view(ltw_session_view_t *view, const ltw_reply_t *reply)
{
    const ltw_reply_t *fields = ltw_reply_at(reply, 1);
    int64_t code = ltw_reply_int(ltw_reply_at(reply, 0));
    lt_str_t source;

    *view = (ltw_session_view_t) { 0 };
    if (ltw_reply_size(reply) == 0) {
        return LT_INVALID;
    }
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
    hear(view, ltw_reply_at(reply, 2));
    return LT_OK;
}


ltw_redis_id_t
ltw_session_redis_resume(ltw_redis_t *redis, lt_str_t id,
    ltw_redis_handler_t handler, void *data)
{
    redis_key_t key;
    lt_str_t argv[2] = { LT_STR("HGETALL") };

    if (!key_make(&key, LT_STATE_KEY_WORKER, id)) {
        return 0;
    }
    argv[1] = key.view;
    return ltw_redis_command(redis, argv, 2, handler, data);
}


void
ltw_session_resume(ltw_session_resume_t *resume, const ltw_reply_t *reply)
{
    const ltw_reply_t *offset = ltw_reply_field(reply, "offset");

    resume->segment = ltw_reply_int(ltw_reply_field(reply, "segment"));
    resume->has_offset = offset != NULL;
    resume->epoch = (uint64_t) ltw_reply_int(
        ltw_reply_field(reply, "epoch"));
    resume->offset = (uint64_t) ltw_reply_int(offset);
}


void
ltw_session_redis_save(ltw_redis_t *redis, lt_str_t id,
    const ltw_session_resume_t *resume)
{
    char segment[24], epoch[24], offset[24];
    redis_key_t key;
    lt_str_t argv[8] = { LT_STR("HSET") };
    lt_str_t expire[3] = { LT_STR("EXPIRE") };
    size_t n = 2;

    if (!key_make(&key, LT_STATE_KEY_WORKER, id)) {
        return;
    }
    snprintf(segment, sizeof(segment), "%lld", (long long) resume->segment);
    snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long) resume->epoch);
    snprintf(offset, sizeof(offset), "%llu",
        (unsigned long long) resume->offset);
    argv[1] = key.view;
    argv[n++] = LT_STR("segment");
    argv[n++] = lt_str(segment);
    if (resume->has_offset) {
        argv[n++] = LT_STR("epoch");
        argv[n++] = lt_str(epoch);
        argv[n++] = LT_STR("offset");
        argv[n++] = lt_str(offset);
    }
    (void) ltw_redis_command(redis, argv, n, NULL, NULL);
    expire[1] = key.view;
    expire[2] = LT_STR(SAVED_FOR_S);
    (void) ltw_redis_command(redis, expire, 3, NULL, NULL);
}
