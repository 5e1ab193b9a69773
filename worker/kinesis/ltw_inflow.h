/*
 * Whether a talk that brings no audio is silent, or its audio waits for us:
 * unread, because Kinesis or the lease's Redis does not answer, or read just
 * now and in a batch that is still open.  Pure; now_ms monotonic.
 */
#ifndef LTW_INFLOW_H
#define LTW_INFLOW_H

#include "lt_base.h"

typedef struct {
    int64_t gap_ms;             /* longer between two reads: something is up */
    int64_t window_ms;          /* from a read to the talk, at most */
    int64_t read_at_ms;         /* a shard's tip; 0: not yet */
    int64_t stalled_at_ms;      /* a gap ended; 0: none was */
} ltw_inflow_t;

void ltw_inflow_init(ltw_inflow_t *inflow, int64_t poll_interval_ms,
    int64_t batch_window_ms);
/* Other settings, the same state. */
void ltw_inflow_pace(ltw_inflow_t *inflow, int64_t poll_interval_ms,
    int64_t batch_window_ms);
/* A shard was read; it is behind its tip by so much. */
void ltw_inflow_read(ltw_inflow_t *inflow, int64_t behind_ms, int64_t now_ms);
/* A shard was read to its end, and what comes after it is not begun. */
void ltw_inflow_wait(ltw_inflow_t *inflow, int64_t now_ms);
int ltw_inflow_is_doubtful(const ltw_inflow_t *inflow, int64_t now_ms);

#endif
