/*
 * PutObject of Amazon S3 and the presigned GET of what was put.  API
 * reference, PutObject; "Authenticating requests: query parameters".
 */
#ifndef LTW_AWS_S3_OBJECT_H
#define LTW_AWS_S3_OBJECT_H

#include "aws/ltw_aws_call.h"

typedef struct {
    const ltw_config_t *config;         /* bucket, style, region, expiry */
    lt_str_t key;                       /* needs no encoding */
    lt_str_t content_type;              /* len 0: audio/mpeg */
} ltw_aws_s3_object_t;

/* The bytes are copied.  0: too many at once, or no memory. */
ltw_aws_id_t ltw_aws_s3_put(ltw_aws_t *aws, const ltw_aws_s3_object_t *object,
    lt_str_t bytes, unsigned deadline_ms, ltw_aws_handler_t handler,
    void *data);

/* Good for presign_expires, or as long as the keys are. */
lt_result_t ltw_aws_s3_presign(lt_out_t *url, ltw_aws_t *aws,
    const ltw_aws_s3_object_t *object);

#endif
