#include "kinesis/ltw_inflow.h"

#define SLOW_READ_MS 1000
#define HANDING_OVER_MS 2000    /* Redis is asked who listens */
#define TIP_MS 1000


void
ltw_inflow_init(ltw_inflow_t *inflow, int64_t poll_interval_ms,
    int64_t batch_window_ms)
{
    *inflow = (ltw_inflow_t) { 0 };
    ltw_inflow_pace(inflow, poll_interval_ms, batch_window_ms);
}


void
ltw_inflow_pace(ltw_inflow_t *inflow, int64_t poll_interval_ms,
    int64_t batch_window_ms)
{
    inflow->gap_ms = 2 * poll_interval_ms + SLOW_READ_MS;
    inflow->window_ms = batch_window_ms + HANDING_OVER_MS;
}


void
ltw_inflow_read(ltw_inflow_t *inflow, int64_t behind_ms, int64_t now_ms)
{
    if (behind_ms > TIP_MS) {
        return;
    }
    if (now_ms - inflow->read_at_ms > inflow->gap_ms) {
        inflow->stalled_at_ms = now_ms;
    }
    inflow->read_at_ms = now_ms;
}


void
ltw_inflow_wait(ltw_inflow_t *inflow, int64_t now_ms)
{
    inflow->stalled_at_ms = now_ms;
}


int
ltw_inflow_is_doubtful(const ltw_inflow_t *inflow, int64_t now_ms)
{
    return now_ms - inflow->read_at_ms > inflow->gap_ms
           || (inflow->stalled_at_ms != 0
               && now_ms - inflow->stalled_at_ms < inflow->window_ms);
}
