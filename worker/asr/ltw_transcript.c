#include "asr/ltw_transcript.h"

#include <math.h>
#include <stdlib.h>

#include "lt_json.h"

#define TRANSCRIPT_MAX_BYTES (1024 * 1024)

struct ltw_transcript_s {
    lt_json_t *doc;
    const lt_json_t *results;
    ltw_asr_result_t result;
    ltw_asr_item_t *items;      /* of that result */
    size_t size;                /* room for so many */
};


/* Seconds to ms; a time that is missing or absurd reads as 0. */
static int64_t
time_ms(const lt_json_t *object, const char *key)
{
    double s;

    if (!lt_json_number(object, key, &s) || !(s >= 0 && s < 1e6)) {
        return 0;
    }
    return llround(s * 1000);
}


static int
item_parse(ltw_asr_item_t *item, const lt_json_t *v, int is_final)
{
    lt_str_t type;
    int stable;

    if (!lt_json_string(v, "Content", &item->text) || item->text.len == 0
        || !lt_json_string(v, "Type", &type))
    {
        return 0;
    }
    item->is_word = (uint8_t) lt_str_is(type, "pronunciation");
    if (!item->is_word && !lt_str_is(type, "punctuation")) {
        return 0;
    }
    item->start_ms = time_ms(v, "StartTime");
    item->end_ms = time_ms(v, "EndTime");
    item->is_stable = (uint8_t) (is_final
        || (lt_json_bool(v, "Stable", &stable) && stable));
    return 1;
}


lt_result_t
ltw_transcript_parse(ltw_transcript_t **transcript, lt_str_t json,
    lt_error_t *err)
{
    lt_result_t rc;
    ltw_transcript_t *t = calloc(1, sizeof(*t));

    *transcript = NULL;
    if (t == NULL) {
        lt_error_set(err, 0, "no memory for a transcript");
        return LT_ERROR;
    }
    rc = lt_json_parse(&t->doc, json, TRANSCRIPT_MAX_BYTES, err);
    if (rc != LT_OK) {
        ltw_transcript_free(&t);
        return rc;
    }
    t->results = lt_json_get(lt_json_get(t->doc, "Transcript"), "Results");
    if (t->results == NULL || !lt_json_is_array(t->results)) {
        lt_error_set(err, 0, "a transcript event without Transcript.Results");
        ltw_transcript_free(&t);
        return LT_INVALID;
    }
    *transcript = t;
    return LT_OK;
}


void
ltw_transcript_free(ltw_transcript_t **transcript)
{
    if (*transcript != NULL) {
        lt_json_free(&(*transcript)->doc);
        free((*transcript)->items);
        free(*transcript);
        *transcript = NULL;
    }
}


size_t
ltw_transcript_size(const ltw_transcript_t *transcript)
{
    return lt_json_size(transcript->results);
}


/* For n items; what there is no memory for is cut, as is what is too much. */
static void
reserve(ltw_transcript_t *t, size_t n)
{
    ltw_asr_item_t *items;

    n = n < LTW_ASR_ITEMS_MAX ? n : LTW_ASR_ITEMS_MAX;
    if (n > t->size) {
        items = realloc(t->items, n * sizeof(*items));
        if (items != NULL) {
            t->items = items;
            t->size = n;
        }
    }
}


const ltw_asr_result_t *
ltw_transcript_at(ltw_transcript_t *t, size_t i)
{
    const lt_json_t *v = lt_json_at(t->results, i);
    const lt_json_t *items = lt_json_get(
        lt_json_at(lt_json_get(v, "Alternatives"), 0), "Items");
    size_t n = lt_json_size(items);
    int is_partial = 0;

    reserve(t, n);
    t->result = (ltw_asr_result_t) { .items = t->items };
    (void) lt_json_string(v, "ResultId", &t->result.id);
    (void) lt_json_bool(v, "IsPartial", &is_partial);
    t->result.is_partial = is_partial;
    t->result.start_ms = time_ms(v, "StartTime");
    t->result.end_ms = time_ms(v, "EndTime");

    for (size_t k = 0; k < n; k++) {
        if (t->result.items_n == t->size) {
            t->result.cut_n = n - k;
            break;
        }
        if (item_parse(&t->items[t->result.items_n], lt_json_at(items, k),
                !is_partial))
        {
            t->result.items_n++;
        }
    }
    return &t->result;
}
