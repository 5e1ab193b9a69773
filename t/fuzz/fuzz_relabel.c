/* A relabelled message is valid JSON with that label, and relabelling it once
   more changes nothing. */
#include "fuzz.h"
#include "lt_json.h"
#include "lt_message.h"

#define LABEL LT_STR("fr")

static lt_str_t
relabelled(lt_str_t json, void *storage, size_t size)
{
    lt_out_t out;

    lt_out_init(&out, storage, size);
    return lt_message_relabel(&out, json, LABEL) == LT_OK
        ? (lt_str_t){storage, lt_out_len(&out)} : (lt_str_t){NULL, 0};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lt_str_t json = fuzz_str(data, size), other, label;
    size_t room = size + LABEL.len;
    uint8_t *first = malloc(room + 1), *second = malloc(room + 1);
    lt_json_t *doc = NULL;
    lt_error_t err;

    if (lt_json_parse(&doc, json, size, &err) == LT_OK) {
        other = relabelled(json, first, room);
        fuzz_check(other.data == NULL
                   || lt_json_string(doc, "targetLanguage", &label));
        lt_json_free(&doc);
        if (other.data != NULL) {
            fuzz_check(lt_json_parse(&doc, other, room, &err) == LT_OK);
            fuzz_check(lt_json_string(doc, "targetLanguage", &label)
                       && fuzz_is_same(label, LABEL));
            fuzz_check(fuzz_is_same(relabelled(other, second, room), other));
            lt_json_free(&doc);
        }
    }
    free(first);
    free(second);
    return 0;
}
