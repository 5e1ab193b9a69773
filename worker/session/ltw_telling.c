#include "session/ltw_telling.h"

#include "session/ltw_speaker.h"


static const ltw_services_t *
services(const ltw_telling_t *t)
{
    return t->audience.pipeline->services;
}


int
ltw_telling_init(ltw_telling_t *t, const ltw_pipeline_t *pipeline,
    ltw_talk_t *talk, const char *source, const ltw_speech_t *speech,
    ltw_handler_t on_turn, void *data)
{
    *t = (ltw_telling_t) { .talk = talk, .source = source };
    t->audience = (ltw_audience_t) { .pipeline = pipeline, .talk = talk,
        .source = source, .on_dry = on_turn, .data = data };
    t->speaker = ltw_lane_new(pipeline->publisher, talk);
    t->tail = ltw_tail_new(pipeline->publisher, pipeline->services, talk,
        source, speech);
    t->farewell = (ltw_farewell_t) { .services = pipeline->services,
        .talk = talk, .audience = &t->audience, .speaker = t->speaker,
        .on_told = on_turn, .data = data };
    return t->speaker != NULL && t->tail != NULL;
}


void
ltw_telling_deinit(ltw_telling_t *t)
{
    ltw_tail_free(&t->tail);
    ltw_audience_deinit(&t->audience);
    ltw_lane_free(&t->speaker);
}


void
ltw_telling_segment(ltw_telling_t *t, ltw_segment_t *segment,
    const ltw_mark_t *mark)
{
    ltw_ledger_commit(services(t)->redis, t->talk, segment, mark);
    ltw_speaker_caption(t->speaker, t->talk->id, t->source, segment,
        ltw_loop_wall_ms(services(t)->loop));
    ltw_audience_add(&t->audience, segment, NULL);
}


void
ltw_telling_words(ltw_telling_t *t, int is_asked)
{
    ltw_tail_touch(t->tail, is_asked);
}


void
ltw_telling_waits(ltw_telling_t *t, int64_t segment, int64_t place)
{
    ltw_speaker_waits(t->speaker, t->talk->id, t->source, segment, place,
        ltw_loop_wall_ms(services(t)->loop));
}
