#include "tts/ltw_voice_watch.h"

#include <stdlib.h>

#include "aws/ltw_aws_polly_voices.h"
#include "ltw_log.h"

#define HOUR_MS (3600 * 1000)
#define RETRY_MS 60000
#define PAGES_MAX 20

struct ltw_voice_watch_s {
    const ltw_services_t *services;
    ltw_timer_t *timer;
    ltw_aws_id_t call;          /* 0: none under way */
    ltw_voices_t known;
    ltw_voices_t found;         /* so far, by the pages of this hour */
    unsigned pages;
};

static void ask(ltw_voice_watch_t *w, lt_str_t token);


static void
on_answer(void *data, const ltw_aws_answer_t *answer)
{
    ltw_voice_watch_t *w = data;
    char next[LTW_VOICES_TOKEN_MAX];

    w->call = 0;
    if (!ltw_aws_is_ok(answer)
        || ltw_voices_add(&w->found, next, answer->body) != LT_OK)
    {
        ltw_log(LTW_INFO, "voices_unknown", ltw_int("status", answer->status),
            ltw_cstr("code", answer->code),
            ltw_cstr("hint", "the table of voices is used as it is"));
        ltw_timer_start(w->timer, RETRY_MS);
        return;
    }
    if (next[0] != '\0' && ++w->pages < PAGES_MAX) {
        ask(w, lt_str(next));
        return;
    }
    w->known = w->found;
    w->known.is_known = 1;
    ltw_timer_start(w->timer, HOUR_MS);
}


static void
ask(ltw_voice_watch_t *w, lt_str_t token)
{
    w->call = ltw_aws_polly_voices(w->services->aws, token, on_answer, w);
    if (w->call == 0) {
        ltw_timer_start(w->timer, RETRY_MS);
    }
}


static void
on_hour(void *data)
{
    ltw_voice_watch_t *w = data;

    w->found = (ltw_voices_t) { 0 };
    w->pages = 0;
    ask(w, (lt_str_t) { NULL, 0 });
}


ltw_voice_watch_t *
ltw_voice_watch_new(const ltw_services_t *services)
{
    ltw_voice_watch_t *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        return NULL;
    }
    w->services = services;
    w->timer = ltw_timer_new(services->loop, on_hour, w);
    if (w->timer == NULL) {
        free(w);
        return NULL;
    }
    ltw_timer_start(w->timer, 0);
    return w;
}


void
ltw_voice_watch_free(ltw_voice_watch_t **watch)
{
    ltw_voice_watch_t *w = *watch;

    if (w != NULL) {
        *watch = NULL;
        ltw_aws_cancel(w->services->aws, w->call);
        ltw_timer_free(&w->timer);
        free(w);
    }
}


const ltw_voices_t *
ltw_voice_watch_known(const ltw_voice_watch_t *w)
{
    return &w->known;
}
