/* A talk's costs when it is over: a line in the log, and counted.  Nothing
   without a price list. */
#ifndef LTW_BILL_H
#define LTW_BILL_H

#include "ltw_metrics.h"
#include "session/ltw_talk.h"

void ltw_bill(ltw_metrics_t *metrics, const ltw_talk_t *talk);

#endif
