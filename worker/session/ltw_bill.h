/* A talk's costs: counted as they come, and a line in the log when it is over.
   Nothing without a price list. */
#ifndef LTW_BILL_H
#define LTW_BILL_H

#include "ltw_metrics.h"
#include "session/ltw_talk.h"

/* What was spent since the last time. */
void ltw_bill_count(ltw_metrics_t *metrics, ltw_talk_t *talk);

/* The talk is over: the rest, and the line. */
void ltw_bill(ltw_metrics_t *metrics, ltw_talk_t *talk);

#endif
