/*
 * Objects known by an id instead of a pointer: an id that is used after its
 * object has gone finds nothing.  Ids are never reused and never 0.
 */
#ifndef LTW_SLOTS_H
#define LTW_SLOTS_H

#include "lt_base.h"

typedef struct {
    void **items;
    uint64_t *ids;
    size_t max;
    size_t n;           /* in use */
    uint64_t round;
} ltw_slots_t;

lt_result_t ltw_slots_init(ltw_slots_t *slots, size_t max); /* LT_ERROR: mem */
void ltw_slots_deinit(ltw_slots_t *slots);      /* the items are the caller's */

uint64_t ltw_slots_add(ltw_slots_t *slots, void *item);     /* 0: full */
void *ltw_slots_get(const ltw_slots_t *slots, uint64_t id); /* NULL: gone */
void *ltw_slots_remove(ltw_slots_t *slots, uint64_t id);    /* NULL: gone */

/* Any item that is left, or NULL: for tearing down. */
void *ltw_slots_any(const ltw_slots_t *slots);

#endif
