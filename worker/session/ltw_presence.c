#include "session/ltw_presence.h"

#include <string.h>

#include "lt_language.h"
#include "ltw_log.h"


static void
learn_language(ltw_presence_t *p, const ltw_session_view_t *view)
{
    memcpy(p->source, view->source, sizeof(p->source));
    if (lt_language_transcribe(lt_str(p->source)) == NULL && !p->has_failed) {
        p->has_failed = 1;
        ltw_log(LTW_ERROR, "session_failed", ltw_cstr("session", p->talk->id),
            ltw_cstr("reason", "its language cannot be recognised"),
            ltw_cstr("language", p->source));
    }
}


static void
apply(ltw_presence_t *p, const ltw_session_view_t *view)
{
    p->is_lost |= !view->is_mine;
    if (!view->is_found) {
        if (!p->has_warned) {
            p->has_warned = 1;
            ltw_log(LTW_WARN, "session_unknown",
                ltw_cstr("session", p->talk->id),
                ltw_cstr("hint", "Redis has no such talk: its audio is "
                    "skipped"));
        }
        return;
    }
    if (p->source[0] == '\0') {
        learn_language(p, view);
    }
    p->talk->settings = view->settings;
    p->is_live_asked = view->is_live_asked;
    if (view->heard_n > 0) {
        p->heard_at_ms = ltw_loop_now_ms(p->services->loop);
    }
    ltw_audience_update(p->audience, view);
}


static void
on_view(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    ltw_presence_t *p = data;
    ltw_session_view_t view;
    int is_known;

    (void) err;
    p->query = 0;
    is_known = reply != NULL
        && ltw_session_view(&view, p->settings, reply) == LT_OK;
    if (is_known) {
        apply(p, &view);
    }
    if (!is_known && ltw_audience_heard(p->audience) > 0) {
        p->heard_at_ms = ltw_loop_now_ms(p->services->loop);
    }
    p->handler(p->data, is_known ? &view : NULL);
}


void
ltw_presence_ask(ltw_presence_t *p, ltw_presence_handler_t handler)
{
    p->handler = handler;
    if (p->query == 0) {
        p->asked_at_ms = ltw_loop_now_ms(p->services->loop);
        p->query = ltw_session_redis_read(p->services->redis, p->talk,
            on_view, p);
    }
}


int
ltw_presence_is_asking(const ltw_presence_t *p)
{
    return p->query != 0;
}


void
ltw_presence_deinit(ltw_presence_t *p)
{
    ltw_redis_cancel(p->services->redis, p->query);
    p->query = 0;
}
