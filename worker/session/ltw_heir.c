#include "session/ltw_heir.h"


static void
on_taken(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    ltw_heir_t *h = data;
    int is_ours;

    (void) err;
    h->taking = 0;
    if (reply == NULL) {
        return;
    }
    ltw_ledger_deinit(&h->ledger);
    is_ours = ltw_ledger_read(&h->ledger, reply);
    if (is_ours) {
        ltw_speech_resume(h->speech, &h->ledger);
        ltw_cost_resume(&h->talk->cost, h->ledger.spent.usd,
            h->ledger.spent.hour_wall_ms);
    }
    h->on_taken(h->data, is_ours);
}


void
ltw_heir_take(ltw_heir_t *h)
{
    h->taking = ltw_ledger_take(h->services->redis, h->talk, on_taken, h);
}


int
ltw_heir_is_taking(const ltw_heir_t *h)
{
    return h->taking != 0;
}


size_t
ltw_heir_untold(const ltw_heir_t *h)
{
    return h->ledger.untold_n;
}


void
ltw_heir_tell(ltw_heir_t *h, ltw_audience_t *audience)
{
    for (size_t i = 0; i < h->ledger.untold_n; i++) {
        ltw_audience_add(audience, h->ledger.untold[i], &h->ledger);
    }
    ltw_ledger_deinit(&h->ledger);
}


void
ltw_heir_end(ltw_heir_t *h)
{
    ltw_mark_t mark;

    if (ltw_speech_end(h->speech, &mark)) {
        ltw_ledger_end(h->services->redis, h->talk, &mark);
    }
}


void
ltw_heir_deinit(ltw_heir_t *h)
{
    ltw_redis_cancel(h->services->redis, h->taking);
    h->taking = 0;
    ltw_ledger_deinit(&h->ledger);
}
