#include "session/ltw_bill.h"

#include "ltw_log.h"


static int64_t
microdollars(double usd)
{
    return (int64_t) (usd * 1e6 + 0.5);
}


void
ltw_bill_count(ltw_metrics_t *metrics, ltw_talk_t *talk)
{
    uint64_t *const counters[LTW_COST_SERVICES_N] = {
        [LTW_COST_KINESIS] = &metrics->cost_kinesis_microdollars,
        [LTW_COST_TRANSCRIBE] = &metrics->cost_transcribe_microdollars,
        [LTW_COST_TRANSLATE] = &metrics->cost_translate_microdollars,
        [LTW_COST_POLLY] = &metrics->cost_polly_microdollars,
        [LTW_COST_S3] = &metrics->cost_s3_microdollars,
    };

    if (!talk->cost.prices->is_known) {
        return;
    }
    for (size_t i = 0; i < LTW_COST_SERVICES_N; i++) {
        int64_t spent = microdollars(talk->cost.usd[i]);

        *counters[i] += (uint64_t) (spent - talk->cost.counted[i]);
        talk->cost.counted[i] = spent;
    }
}


void
ltw_bill(ltw_metrics_t *metrics, ltw_talk_t *talk)
{
    const int64_t *spent = talk->cost.counted;

    if (!talk->cost.prices->is_known) {
        return;
    }
    ltw_bill_count(metrics, talk);
    ltw_log(LTW_INFO, "session_cost", ltw_cstr("session", talk->id),
        ltw_int("kinesis_microdollars", spent[LTW_COST_KINESIS]),
        ltw_int("transcribe_microdollars", spent[LTW_COST_TRANSCRIBE]),
        ltw_int("translate_microdollars", spent[LTW_COST_TRANSLATE]),
        ltw_int("polly_microdollars", spent[LTW_COST_POLLY]),
        ltw_int("s3_microdollars", spent[LTW_COST_S3]),
        ltw_int("total_microdollars",
            microdollars(ltw_cost_total(&talk->cost))));
}
