#include "session/ltw_parts.h"


static void
append(ltw_session_part_t **at, ltw_session_part_t *part)
{
    while (*at != NULL) {
        at = &(*at)->next;
    }
    part->next = NULL;
    *at = part;
}


static ltw_session_part_t *
take(ltw_session_part_t **list)
{
    ltw_session_part_t *part = *list;

    *list = part->next;
    return part;
}


void
ltw_parts_add(ltw_parts_t *parts, ltw_session_part_t *part)
{
    append(&parts->waiting, part);
}


void
ltw_parts_hold(ltw_parts_t *parts, int64_t end_ms, int64_t now_ms)
{
    ltw_session_part_t *part = take(&parts->waiting);

    part->through_at_ms = now_ms;
    part->end_ms = end_ms;
    part->fed_at_ms = 0;
    append(&parts->held, part);
}


/* The part is its batch's and gone after done(). */
static void
let_go(ltw_session_part_t **list)
{
    ltw_session_part_t *part = take(list);

    part->done(part->done_data);
}


void
ltw_parts_pass(ltw_parts_t *parts)
{
    let_go(&parts->waiting);
}


static int
is_settled(const ltw_session_part_t *part, int64_t heard_ms, int64_t now_ms)
{
    return heard_ms >= part->end_ms
        ? now_ms - part->through_at_ms >= LTW_PARTS_HOLD_MS
        : part->fed_at_ms != 0
          && now_ms - part->fed_at_ms >= LTW_PARTS_HOLD_MAX_MS;
}


/* A stream that broke has nothing: it is fed to the next one. */
static void
note_fed(ltw_parts_t *parts, int64_t fed_ms, int64_t now_ms)
{
    for (ltw_session_part_t *p = parts->held; p != NULL; p = p->next) {
        if (p->end_ms > fed_ms) {
            p->fed_at_ms = 0;
        } else if (p->fed_at_ms == 0) {
            p->fed_at_ms = now_ms;
        }
    }
}


void
ltw_parts_heard_all(ltw_parts_t *parts)
{
    for (ltw_session_part_t *p = parts->held; p != NULL; p = p->next) {
        p->end_ms = 0;
    }
}


void
ltw_parts_release(ltw_parts_t *parts, ltw_parts_reach_t reach,
    int64_t now_ms, int is_told)
{
    note_fed(parts, reach.fed_ms, now_ms);
    while (parts->held != NULL
           && is_settled(parts->held, reach.heard_ms, now_ms)
           && (parts->held->next != NULL || is_told))
    {
        let_go(&parts->held);
    }
}


void
ltw_parts_let_go(ltw_parts_t *parts)
{
    while (parts->held != NULL) {
        let_go(&parts->held);
    }
}


size_t
ltw_parts_drop(ltw_parts_t *parts)
{
    size_t bytes = 0;

    while (parts->waiting != NULL) {
        for (size_t i = 0; i < parts->waiting->n; i++) {
            bytes += parts->waiting->records[i]->pcm.len;
        }
        let_go(&parts->waiting);
    }
    return bytes;
}
