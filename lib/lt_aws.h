/*
 * What all AWS calls share and what needs no I/O: regions, endpoints, error
 * answers, which errors to retry and how long to wait.
 * Retry numbers: AWS SDK standard mode, version 2.1.
 */
#ifndef LT_AWS_H
#define LT_AWS_H

#include "lt_base.h"

/* In the list of regions of the aws, aws-cn and aws-us-gov partitions. */
int lt_aws_region_is_known(lt_str_t region);

/* "kinesis.eu-west-1.amazonaws.com" (".cn" in China). service: endpoint
   prefix, e.g. "transcribestreaming". */
lt_result_t lt_aws_host(lt_out_t *out, lt_str_t service, lt_str_t region);

typedef enum {
    LT_AWS_FATAL,           /* never retry */
    LT_AWS_TRANSIENT,       /* retry, base 50 ms */
    LT_AWS_THROTTLE,        /* retry, base 1 s */
    LT_AWS_EXPIRED,         /* credentials expired: refresh, retry once */
    LT_AWS_SKEW             /* clock skew: correct by Date, retry once */
} lt_aws_class_t;

/*
 * The error code of an answer: header x-amzn-errortype or __type / code of a
 * JSON body or <Code> of an XML body (S3), namespace before '#' and tail after
 * ':' cut.  Only A-Z a-z 0-9 . _ - get through, so it may be logged.  Writes at
 * most size - 1 bytes and a terminator; "" when there is none or the body is
 * over 64 KiB.
 */
void lt_aws_error_code(char *code, size_t size, lt_str_t errortype_header,
    lt_str_t body);

/* code may be ""; status 0 = no answer (connect, read, reset).  The code
   decides where it is known: event streams carry errors after a 200. */
lt_aws_class_t lt_aws_classify(int status, const char *code);

/* attempt 1..; random in [0,1).  Full jitter, capped at 20 s. */
unsigned lt_aws_retry_delay_ms(lt_aws_class_t cls, unsigned attempt,
    double random);

#endif
