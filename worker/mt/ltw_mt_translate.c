#include "mt/ltw_mt_translate.h"

#include <stdlib.h>

#include "aws/ltw_aws_translate_text.h"

typedef struct {
    ltw_mt_engine_t base;
    const ltw_services_t *services;
} engine_t;

struct ltw_mt_call_s {
    engine_t *engine;
    ltw_aws_id_t id;
    ltw_mt_handler_t handler;
    void *data;
};


static void
on_answer(void *data, const ltw_aws_answer_t *answer)
{
    ltw_mt_call_t call = *(ltw_mt_call_t *) data;
    ltw_metrics_t *metrics = call.engine->services->metrics;
    const char *code = answer->code;
    lt_str_t text = { NULL, 0 };
    lt_json_t *doc = NULL;

    free(data);
    ltw_observe(metrics, translate_ms, answer->elapsed_ms);
    if (!ltw_aws_is_ok(answer)) {
        ltw_aws_log(LTW_AWS_TRANSLATE, "TranslateText", answer);
        code = code[0] != '\0' ? code : "no_answer";
    } else if (ltw_aws_translate_text_decode(&doc, &text, answer->body)
               != LT_OK)
    {
        code = "bad_answer";
    }
    call.handler(call.data, text, code);
    lt_json_free(&doc);
}


static ltw_mt_call_t *
translate(ltw_mt_engine_t *engine, const ltw_mt_request_t *request,
    ltw_mt_handler_t handler, void *data)
{
    engine_t *e = (engine_t *) engine;
    ltw_mt_call_t *call = malloc(sizeof(*call));

    if (call == NULL) {
        return NULL;
    }
    *call = (ltw_mt_call_t) { e, 0, handler, data };
    call->id = ltw_aws_translate_text(e->services->aws, request, on_answer,
        call);
    if (call->id == 0) {
        free(call);
        return NULL;
    }
    ltw_count(e->services->metrics, characters_translated,
        ltw_aws_characters(request->text));
    return call;
}


static void
cancel(ltw_mt_call_t **call)
{
    if (*call != NULL) {
        ltw_aws_cancel((*call)->engine->services->aws, (*call)->id);
        free(*call);
        *call = NULL;
    }
}


ltw_mt_engine_t *
ltw_mt_translate_new(const ltw_services_t *services)
{
    engine_t *e = calloc(1, sizeof(*e));

    if (e == NULL) {
        return NULL;
    }
    e->base = (ltw_mt_engine_t) { "translate", translate, cancel };
    e->services = services;
    return &e->base;
}


void
ltw_mt_translate_free(ltw_mt_engine_t **engine)
{
    free(*engine);
    *engine = NULL;
}
