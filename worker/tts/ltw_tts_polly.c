#include "tts/ltw_tts_polly.h"

#include <stdlib.h>

#include "aws/ltw_aws_polly_speech.h"
#include "aws/ltw_aws_translate_text.h"
#include "ltw_log.h"
#include "tts/ltw_mp3.h"
#include "tts/ltw_voice_watch.h"

typedef struct {
    ltw_tts_engine_t base;
    const ltw_services_t *services;
    ltw_voice_watch_t *voices;
} engine_t;

struct ltw_tts_call_s {
    engine_t *engine;
    ltw_aws_id_t id;
    ltw_tts_handler_t handler;
    void *data;
};


static void
on_answer(void *data, const ltw_aws_answer_t *answer)
{
    ltw_tts_call_t call = *(ltw_tts_call_t *) data;
    const char *code = answer->code;
    lt_str_t mp3 = { NULL, 0 };
    int64_t duration_ms = 0;
    lt_error_t err = { 0 };

    free(data);
    ltw_observe(call.engine->services->metrics, polly_ms,
        answer->elapsed_ms);
    if (!ltw_aws_is_ok(answer)) {
        ltw_aws_log(LTW_AWS_POLLY, "SynthesizeSpeech", answer);
        code = code[0] != '\0' ? code : "no_answer";
    } else if (ltw_mp3_duration_ms(&duration_ms, answer->body, &err)
               != LT_OK)
    {
        ltw_log(LTW_ERROR, "bad_mp3", ltw_cstr("message", err.text),
            ltw_int("bytes", (int64_t) answer->body.len));
        code = "bad_mp3";
    } else {
        mp3 = answer->body;
    }
    call.handler(call.data, mp3, duration_ms, code);
}


static const ltw_voice_t *
find_voice(ltw_tts_engine_t *engine, lt_str_t language)
{
    engine_t *e = (engine_t *) engine;

    return ltw_voice_find(ltw_voice_watch_known(e->voices), language);
}


static int
has_voice(ltw_tts_engine_t *engine, lt_str_t language)
{
    return find_voice(engine, language) != NULL;
}


static ltw_price_t
price(ltw_tts_engine_t *engine, lt_str_t language)
{
    const ltw_voice_t *voice = find_voice(engine, language);

    return voice != NULL ? ltw_voice_price(voice)
                         : LTW_PRICE_polly_neural_character;
}


static ltw_tts_call_t *
speak(ltw_tts_engine_t *engine, const ltw_tts_request_t *request,
    ltw_tts_handler_t handler, void *data)
{
    engine_t *e = (engine_t *) engine;
    const ltw_voice_t *voice = find_voice(engine, request->language);
    ltw_tts_call_t *call = voice == NULL ? NULL : malloc(sizeof(*call));

    if (call == NULL) {
        return NULL;
    }
    *call = (ltw_tts_call_t) { e, 0, handler, data };
    call->id = ltw_aws_polly_speech(e->services->aws, voice, request,
        on_answer, call);
    if (call->id == 0) {
        free(call);
        return NULL;
    }
    ltw_count(e->services->metrics, characters_voiced,
        ltw_aws_characters(request->text));
    return call;
}


static void
cancel(ltw_tts_call_t **call)
{
    if (*call != NULL) {
        ltw_aws_cancel((*call)->engine->services->aws, (*call)->id);
        free(*call);
        *call = NULL;
    }
}


ltw_tts_engine_t *
ltw_tts_polly_new(const ltw_services_t *services)
{
    engine_t *e = calloc(1, sizeof(*e));

    if (e == NULL) {
        return NULL;
    }
    e->base = (ltw_tts_engine_t) { "polly", has_voice, price, speak, cancel };
    e->services = services;
    e->voices = ltw_voice_watch_new(services);
    if (e->voices == NULL) {
        free(e);
        return NULL;
    }
    return &e->base;
}


void
ltw_tts_polly_free(ltw_tts_engine_t **engine)
{
    engine_t *e = (engine_t *) *engine;

    if (e != NULL) {
        *engine = NULL;
        ltw_voice_watch_free(&e->voices);
        free(e);
    }
}
