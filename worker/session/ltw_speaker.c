#include "session/ltw_speaker.h"

#include <stdio.h>

#include "publish/ltw_message.h"

#define PLAY_MAX_MS 120000


static void
nothing(void *data, int is_delivered, unsigned elapsed_ms)
{
    (void) data;
    (void) is_delivered;
    (void) elapsed_ms;
}


void
ltw_speaker_caption(ltw_lane_t *lane, const char *session,
    const char *language, const ltw_segment_t *segment, int64_t now_wall_ms)
{
    char body[LTW_MESSAGE_MAX];
    ltw_message_t message = { lt_str(session), lt_str(language),
        segment->facts.number, now_wall_ms, segment->text, { NULL, 0 },
        { NULL, 0 } };
    lt_out_t out;

    lt_out_init(&out, body, sizeof(body));
    if (ltw_message_caption(&out, &message, NULL) == LT_OK) {
        (void) ltw_lane_post(lane, LT_STR("&to=speaker"),
            (lt_str_t) { body, lt_out_len(&out) }, nothing, NULL);
    }
}


void
ltw_speaker_waits(ltw_lane_t *lane, const char *session,
    const char *language, int64_t segment, int64_t place, int64_t now_wall_ms)
{
    char body[1024], text[100];
    ltw_message_t message = { lt_str(session), lt_str(language), segment,
        now_wall_ms, { text, 0 }, { NULL, 0 }, { NULL, 0 } };
    lt_out_t out;

    message.text.len = (size_t) snprintf(text, sizeof(text),
        "Waiting for speech recognition: place %lld in line.",
        (long long) place);
    lt_out_init(&out, body, sizeof(body));
    if (ltw_message_caption(&out, &message, "waiting") == LT_OK) {
        (void) ltw_lane_post(lane, LT_STR("&to=speaker"),
            (lt_str_t) { body, lt_out_len(&out) }, nothing, NULL);
    }
}


lt_result_t
ltw_speaker_drained(ltw_lane_t *lane, int64_t play_ms, ltw_posted_t handler,
    void *data)
{
    char query[64];

    play_ms = play_ms < 0 ? 0 : play_ms;
    play_ms = play_ms > PLAY_MAX_MS ? PLAY_MAX_MS : play_ms;
    snprintf(query, sizeof(query), "&event=drained&play_ms=%lld",
        (long long) play_ms);
    return ltw_lane_post(lane, lt_str(query), (lt_str_t) { NULL, 0 }, handler,
        data);
}
