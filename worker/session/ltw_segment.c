#include "session/ltw_segment.h"

#include <stdlib.h>
#include <string.h>


ltw_segment_t *
ltw_segment_new(const ltw_segment_facts_t *facts, lt_str_t text)
{
    ltw_segment_t *s = malloc(sizeof(*s) + text.len);
    char *copy;

    if (s == NULL) {
        return NULL;
    }
    copy = (char *) (s + 1);
    memcpy(copy, text.data, text.len);
    s->facts = *facts;
    s->text = (lt_str_t) { copy, text.len };
    s->refs = 1;
    s->untold = 0;
    if (lt_sha256(s->hash, text.data, text.len) != LT_OK) {
        free(s);
        return NULL;
    }
    return s;
}


ltw_segment_t *
ltw_segment_ref(ltw_segment_t *segment)
{
    segment->refs++;
    return segment;
}


void
ltw_segment_unref(ltw_segment_t **segment)
{
    ltw_segment_t *s = *segment;

    *segment = NULL;
    if (s != NULL && --s->refs == 0) {
        explicit_bzero(s + 1, s->text.len);
        free(s);
    }
}
