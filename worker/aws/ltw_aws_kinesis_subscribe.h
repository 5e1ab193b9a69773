/*
 * SubscribeToShard of Kinesis Data Streams: the signed request, for HTTP/2.
 * Its answer is an event stream, read by kinesis/ltw_subscription.h.  Pure.
 */
#ifndef LTW_AWS_KINESIS_SUBSCRIBE_H
#define LTW_AWS_KINESIS_SUBSCRIBE_H

#include "lt_sigv4.h"

typedef struct {
    lt_str_t authority;         /* the Host that is signed; HTTP/2 sends it as
                                   :authority */
    lt_str_t region;
    lt_str_t consumer_arn;      /* at most 2048 bytes */
    lt_str_t shard;
    lt_str_t position;          /* as ltw_aws_kinesis_get_iterator() */
    lt_aws_keys_t keys;
    int64_t time_s;
} ltw_subscribe_options_t;

typedef struct {
    lt_header_t headers[8];     /* to send; views into here and the options */
    size_t headers_n;
    lt_str_t body;              /* a view into here */

    char date[LT_AMZ_DATE_LEN + 1];
    char length[12];
    char authorization[1024];
    char storage[4096];
} ltw_subscribe_request_t;

/* *request must not be moved afterwards. */
lt_result_t ltw_aws_kinesis_subscribe(ltw_subscribe_request_t *request,
    const ltw_subscribe_options_t *options);

#endif
