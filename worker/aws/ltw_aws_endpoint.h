/*
 * The parts of ltw_aws_call.h that only look at text: endpoints, and what an
 * answer says.
 */
#ifndef LTW_AWS_ENDPOINT_H
#define LTW_AWS_ENDPOINT_H

#include "aws/ltw_aws_call.h"

/* Those of the configuration, else AWS's own for its region. */
lt_result_t ltw_aws_endpoints_init(
    ltw_aws_endpoint_t endpoints[LTW_AWS_SERVICES_N],
    const ltw_config_t *config, lt_error_t *err);

/* Status, class, code, message, request id, body of a response. */
void ltw_aws_answer_read(ltw_aws_answer_t *answer,
    const ltw_http_response_t *response);

#endif
