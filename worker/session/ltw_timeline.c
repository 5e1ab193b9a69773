#include "session/ltw_timeline.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_PER_MS (LT_AUDIO_BYTES_PER_S / 1000)


void
ltw_timeline_init(ltw_timeline_t *t)
{
    memset(t, 0, sizeof(*t));
}


void
ltw_timeline_deinit(ltw_timeline_t *t)
{
    free(t->anchors);
    ltw_timeline_init(t);
}


void
ltw_timeline_resume(ltw_timeline_t *t, const ltw_mark_t *mark)
{
    if (mark->epoch == 0) {
        t->raw = *mark;
        return;
    }
    t->epoch = mark->epoch;
    t->next_offset = mark->offset;
    t->has_epoch = 1;
}


int
ltw_timeline_end(const ltw_timeline_t *t, ltw_mark_t *mark)
{
    *mark = (ltw_mark_t) { t->epoch, t->next_offset, 0 };
    return t->has_epoch;
}


void
ltw_timeline_restart(ltw_timeline_t *t)
{
    t->n = 0;
}


/* As many as fit into n. */
static int
resize(ltw_timeline_t *t, size_t n)
{
    ltw_anchor_t *anchors = realloc(t->anchors, n * sizeof(*anchors));

    if (anchors == NULL) {
        return 0;
    }
    t->anchors = anchors;
    t->size = n;
    return 1;
}


static void
drop(ltw_timeline_t *t, size_t n)
{
    t->n -= n;
    memmove(t->anchors, t->anchors + n, t->n * sizeof(*t->anchors));
    if (t->size - t->n >= 3 * LTW_TIMELINE_STEP) {
        (void) resize(t, (t->n / LTW_TIMELINE_STEP + 1) * LTW_TIMELINE_STEP);
    }
}


/* NULL: no memory. */
static ltw_anchor_t *
append(ltw_timeline_t *t)
{
    if (t->n == LTW_TIMELINE_ANCHORS) {
        drop(t, LTW_TIMELINE_STEP);
    }
    if (t->n == t->size && !resize(t, t->size + LTW_TIMELINE_STEP)) {
        return NULL;
    }
    return &t->anchors[t->n++];
}


/* Many at once: moving all for each of them would cost more. */
void
ltw_timeline_forget(ltw_timeline_t *t, int64_t position_ms)
{
    size_t n = 0;

    while (n + 1 < t->n && t->anchors[n + 1].position_ms < position_ms) {
        n++;
    }
    if (n >= LTW_TIMELINE_STEP) {
        drop(t, n);
    }
}


/* A framed record has nothing that was not read before. */
static int
is_behind(const ltw_timeline_t *t, const ltw_record_t *r)
{
    return t->has_epoch
        && (r->head.epoch < t->epoch
            || (r->head.epoch == t->epoch
                && r->head.offset + r->pcm.len <= t->next_offset));
}


/* How many bytes at the front of a framed record were read before. */
static size_t
check_offset(ltw_timeline_t *t, const ltw_record_t *r, uint64_t *gap)
{
    uint64_t next = t->has_epoch && r->head.epoch == t->epoch
        ? t->next_offset : 0;
    int is_started = t->is_started;

    *gap = 0;
    t->is_started = 1;
    if (is_behind(t, r)) {
        return r->pcm.len;
    }
    t->has_epoch = 1;
    t->epoch = r->head.epoch;
    t->next_offset = r->head.offset + r->pcm.len;
    if (r->head.offset < next) {
        return (size_t) (next - r->head.offset);
    }
    *gap = is_started ? r->head.offset - next : 0;
    return 0;
}


static size_t
known_by_arrival(const ltw_timeline_t *t, const ltw_record_t *r)
{
    if (r->arrived_wall_ms > t->raw.arrived_wall_ms) {
        return 0;
    }
    return r->arrived_wall_ms < t->raw.arrived_wall_ms
           || t->raw.offset > r->pcm.len
        ? r->pcm.len : (size_t) t->raw.offset;
}


int
ltw_timeline_is_new(const ltw_timeline_t *t, const ltw_record_t *r)
{
    return r->is_framed ? !is_behind(t, r)
                        : known_by_arrival(t, r) < r->pcm.len;
}


void
ltw_timeline_add(ltw_timeline_t *t, const ltw_record_t *r,
    int64_t position_ms, int64_t batched_wall_ms, ltw_timeline_piece_t *piece)
{
    ltw_anchor_t *anchor;
    size_t skip;
    size_t len;

    *piece = (ltw_timeline_piece_t) { { NULL, 0 }, 0, 0 };
    skip = r->is_framed ? check_offset(t, r, &piece->gap_bytes)
                        : known_by_arrival(t, r);
    piece->duplicate_bytes = skip;
    len = (r->pcm.len - skip) & ~(size_t) 1;        /* whole samples */
    if (len == 0) {
        return;
    }
    piece->pcm = (lt_str_t) { r->pcm.data + skip, len };
    anchor = position_ms >= 0 ? append(t) : NULL;
    if (anchor == NULL) {
        return;
    }
    *anchor = (ltw_anchor_t) { position_ms, 0, r->arrived_wall_ms,
        batched_wall_ms, 0, skip };
    if (r->is_framed) {
        anchor->captured_wall_ms = r->head.capture_ms
            + (int64_t) skip / BYTES_PER_MS;
        anchor->epoch = r->head.epoch;
        anchor->offset = r->head.offset + skip;
    } else {
        anchor->captured_wall_ms = r->arrived_wall_ms
            - (int64_t) len / BYTES_PER_MS;
    }
}


int
ltw_timeline_find(const ltw_timeline_t *t, int64_t position_ms,
    ltw_anchor_t *anchor)
{
    size_t i = t->n;
    int64_t after_ms;

    if (i == 0) {
        return 0;
    }
    while (--i > 0 && t->anchors[i].position_ms >= position_ms) {
        /* looking */
    }
    *anchor = t->anchors[i];
    after_ms = position_ms - anchor->position_ms;
    after_ms = after_ms > 0 ? after_ms : 0;
    anchor->captured_wall_ms += after_ms;
    anchor->offset += (uint64_t) (after_ms * BYTES_PER_MS);
    return 1;
}
