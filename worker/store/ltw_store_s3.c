#include "store/ltw_store.h"

#include <stdlib.h>
#include <string.h>

#include "aws/ltw_aws_s3_object.h"

struct ltw_store_s {
    const ltw_services_t *services;
};

struct ltw_store_call_s {
    ltw_store_t *store;
    ltw_aws_id_t id;
    ltw_store_handler_t handler;
    void *data;
    size_t bytes;
    size_t key_len;
    char key[LTW_STORE_KEY_MAX];
};


static void
on_answer(void *data, const ltw_aws_answer_t *answer)
{
    ltw_store_call_t *call = data;
    const ltw_services_t *services = call->store->services;
    ltw_aws_s3_object_t object = { services->config,
        { call->key, call->key_len }, { NULL, 0 } };
    const char *code = answer->code;
    ltw_store_handler_t handler;
    void *owner;
    char url[LTW_STORE_URL_MAX];
    lt_str_t view = { NULL, 0 };
    lt_out_t out;

    ltw_observe(services->metrics, store_ms, answer->elapsed_ms);
    lt_out_init(&out, url, sizeof(url));
    if (!ltw_aws_is_ok(answer)) {
        ltw_aws_log(LTW_AWS_S3, "PutObject", answer);
        code = code[0] != '\0' ? code : "no_answer";
    } else if (ltw_aws_s3_presign(&out, services->aws, &object) != LT_OK) {
        code = "presign_failed";
    } else {
        ltw_count(services->metrics, bytes_stored, call->bytes);
        view = (lt_str_t) { url, lt_out_len(&out) };
    }
    handler = call->handler;
    owner = call->data;
    free(call);
    handler(owner, view, code);
}


ltw_store_call_t *
ltw_store_put(ltw_store_t *store, lt_str_t key, lt_str_t mp3,
    unsigned deadline_ms, ltw_store_handler_t handler, void *data)
{
    ltw_aws_s3_object_t object = { store->services->config, key,
        { NULL, 0 } };
    ltw_store_call_t *call = malloc(sizeof(*call));

    if (call == NULL || key.len > sizeof(call->key)) {
        free(call);
        return NULL;
    }
    call->store = store;
    call->handler = handler;
    call->data = data;
    call->bytes = mp3.len;
    call->key_len = key.len;
    memcpy(call->key, key.data, key.len);
    call->id = ltw_aws_s3_put(store->services->aws, &object, mp3,
        deadline_ms, on_answer, call);
    if (call->id == 0) {
        free(call);
        return NULL;
    }
    return call;
}


void
ltw_store_cancel(ltw_store_call_t **call)
{
    if (*call != NULL) {
        ltw_aws_cancel((*call)->store->services->aws, (*call)->id);
        free(*call);
        *call = NULL;
    }
}


ltw_store_t *
ltw_store_new(const ltw_services_t *services)
{
    ltw_store_t *store = calloc(1, sizeof(*store));

    if (store != NULL) {
        store->services = services;
    }
    return store;
}


void
ltw_store_free(ltw_store_t **store)
{
    free(*store);
    *store = NULL;
}
