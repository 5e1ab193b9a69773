#include "ltw_slots.h"

#include <stdlib.h>

lt_result_t
ltw_slots_init(ltw_slots_t *slots, size_t max)
{
    *slots = (ltw_slots_t) { .max = max };
    slots->items = calloc(max, sizeof(*slots->items));
    slots->ids = calloc(max, sizeof(*slots->ids));
    if (slots->items == NULL || slots->ids == NULL) {
        ltw_slots_deinit(slots);
        return LT_ERROR;
    }
    return LT_OK;
}

void
ltw_slots_deinit(ltw_slots_t *slots)
{
    free(slots->items);
    free(slots->ids);
    *slots = (ltw_slots_t) { 0 };
}

/* An id is round * max + index: the index finds it, the round proves it. */
uint64_t
ltw_slots_add(ltw_slots_t *slots, void *item)
{
    size_t i;

    if (slots->n == slots->max) {
        return 0;
    }
    do {
        slots->round++;
        i = (size_t) (slots->round % slots->max);
    } while (slots->items[i] != NULL);
    slots->items[i] = item;
    slots->ids[i] = slots->round * slots->max + i;
    slots->n++;
    return slots->ids[i];
}

void *
ltw_slots_get(const ltw_slots_t *slots, uint64_t id)
{
    size_t i;

    if (id == 0 || slots->max == 0) {
        return NULL;
    }
    i = (size_t) (id % slots->max);
    return slots->ids[i] == id ? slots->items[i] : NULL;
}

void *
ltw_slots_remove(ltw_slots_t *slots, uint64_t id)
{
    void *item = ltw_slots_get(slots, id);

    if (item != NULL) {
        slots->items[id % slots->max] = NULL;
        slots->ids[id % slots->max] = 0;
        slots->n--;
    }
    return item;
}

void *
ltw_slots_any(const ltw_slots_t *slots)
{
    size_t i;

    for (i = 0; i < slots->max && slots->n > 0; i++) {
        if (slots->items[i] != NULL) {
            return slots->items[i];
        }
    }
    return NULL;
}
