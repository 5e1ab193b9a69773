/* DescribeVoices of Amazon Polly.  API reference, DescribeVoices; the answer is
   for ltw_voices_add(). */
#ifndef LTW_AWS_POLLY_VOICES_H
#define LTW_AWS_POLLY_VOICES_H

#include "aws/ltw_aws_call.h"

/* token: of the answer before, len 0 = the first.  0 as ltw_aws_call(). */
ltw_aws_id_t ltw_aws_polly_voices(ltw_aws_t *aws, lt_str_t token,
    ltw_aws_handler_t handler, void *data);

#endif
