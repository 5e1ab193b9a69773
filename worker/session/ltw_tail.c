#include "session/ltw_tail.h"

#include <stdlib.h>
#include <string.h>

#include "publish/ltw_message.h"

struct ltw_tail_s {
    const ltw_services_t *services;
    const ltw_talk_t *talk;
    const char *language;
    const ltw_speech_t *speech;
    ltw_lane_t *lane;
    ltw_timer_t *timer;         /* the next one may be sent */
    int64_t sent_at_ms;
    uint8_t hash[LT_SHA256_LEN];    /* of what was sent */
};


static void
on_posted(void *data, int is_delivered, unsigned elapsed_ms)
{
    ltw_tail_t *t = data;

    (void) elapsed_ms;
    ltw_count(t->services->metrics, tails_posted, is_delivered);
}


static void
post(ltw_tail_t *t, lt_str_t text)
{
    char body[8 * LTW_TAIL_MAX];
    ltw_message_t message = { lt_str(t->talk->id), lt_str(t->language), 0,
        ltw_loop_wall_ms(t->services->loop), text, { NULL, 0 },
        { NULL, 0 } };
    lt_out_t out;

    lt_out_init(&out, body, sizeof(body));
    if (ltw_message_tail(&out, &message) == LT_OK) {
        (void) ltw_lane_post(t->lane, LT_STR("&to=live"),
            (lt_str_t) { body, lt_out_len(&out) }, on_posted, t);
    }
    explicit_bzero(body, sizeof(body));
}


static void
on_turn(void *data)
{
    ltw_tail_t *t = data;
    char text[LTW_TAIL_MAX];
    uint8_t hash[LT_SHA256_LEN];
    lt_out_t out;
    lt_str_t tail;

    if (!ltw_lane_is_empty(t->lane)) {
        ltw_timer_start(t->timer, LTW_TAIL_EVERY_MS);
        return;
    }
    lt_out_init(&out, text, sizeof(text));
    ltw_speech_tail(t->speech, &out);
    tail = (lt_str_t) { text, lt_out_len(&out) };
    if (lt_sha256(hash, text, tail.len) == LT_OK
        && memcmp(hash, t->hash, sizeof(hash)) != 0)
    {
        memcpy(t->hash, hash, sizeof(hash));
        t->sent_at_ms = ltw_loop_now_ms(t->services->loop);
        post(t, tail);
    }
    explicit_bzero(text, sizeof(text));
}


void
ltw_tail_touch(ltw_tail_t *t, int is_asked)
{
    int64_t since_ms = ltw_loop_now_ms(t->services->loop) - t->sent_at_ms;

    if (is_asked && !ltw_timer_is_active(t->timer)) {
        ltw_timer_start(t->timer, since_ms < LTW_TAIL_EVERY_MS
            ? LTW_TAIL_EVERY_MS - since_ms : 0);
    }
}


ltw_tail_t *
ltw_tail_new(ltw_publisher_t *publisher, const ltw_services_t *services,
    const ltw_talk_t *talk, const char *language, const ltw_speech_t *speech)
{
    ltw_tail_t *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return NULL;
    }
    *t = (ltw_tail_t) { .services = services, .talk = talk,
        .language = language, .speech = speech };
    t->lane = ltw_lane_new(publisher, talk);
    t->timer = ltw_timer_new(services->loop, on_turn, t);
    if (t->lane == NULL || t->timer == NULL) {
        ltw_tail_free(&t);
    }
    return t;
}


void
ltw_tail_free(ltw_tail_t **tail)
{
    ltw_tail_t *t = *tail;

    if (t != NULL) {
        *tail = NULL;
        ltw_lane_free(&t->lane);
        ltw_timer_free(&t->timer);
        free(t);
    }
}
