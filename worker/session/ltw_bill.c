#include "session/ltw_bill.h"

#include "ltw_log.h"


static int64_t
microdollars(double usd)
{
    return (int64_t) (usd * 1e6 + 0.5);
}


void
ltw_bill(ltw_metrics_t *metrics, const ltw_talk_t *talk)
{
    int64_t spent[LTW_COST_SERVICES_N];

    if (!talk->cost.prices->is_known) {
        return;
    }
    for (size_t i = 0; i < LTW_COST_SERVICES_N; i++) {
        spent[i] = microdollars(talk->cost.usd[i]);
    }
    ltw_count(metrics, cost_kinesis_microdollars, spent[LTW_COST_KINESIS]);
    ltw_count(metrics, cost_transcribe_microdollars,
        spent[LTW_COST_TRANSCRIBE]);
    ltw_count(metrics, cost_translate_microdollars,
        spent[LTW_COST_TRANSLATE]);
    ltw_count(metrics, cost_polly_microdollars, spent[LTW_COST_POLLY]);
    ltw_count(metrics, cost_s3_microdollars, spent[LTW_COST_S3]);
    ltw_log(LTW_INFO, "session_cost", ltw_cstr("session", talk->id),
        ltw_int("kinesis_microdollars", spent[LTW_COST_KINESIS]),
        ltw_int("transcribe_microdollars", spent[LTW_COST_TRANSCRIBE]),
        ltw_int("translate_microdollars", spent[LTW_COST_TRANSLATE]),
        ltw_int("polly_microdollars", spent[LTW_COST_POLLY]),
        ltw_int("s3_microdollars", spent[LTW_COST_S3]),
        ltw_int("total_microdollars",
            microdollars(ltw_cost_total(&talk->cost))));
}
