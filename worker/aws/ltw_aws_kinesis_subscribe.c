#include "aws/ltw_aws_kinesis_subscribe.h"

#include "aws/ltw_aws_kinesis_get_iterator.h"
#include "lt_kinesis.h"
#include "lt_text.h"

#include <stdio.h>

static lt_result_t
ltw_subscribe_body(ltw_subscribe_request_t *r,
    const ltw_subscribe_options_t *o)
{
    lt_json_writer_t w;
    lt_out_t out;

    lt_out_init(&out, r->storage, sizeof(r->storage));
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_str(&w, "ConsumerARN", o->consumer_arn);
    lt_json_put_str(&w, "ShardId", o->shard);
    lt_json_open_object(&w, "StartingPosition");
    ltw_aws_kinesis_position(&w, o->position, "Type", "SequenceNumber");
    lt_json_close_object(&w);
    lt_json_close_object(&w);
    r->body = (lt_str_t) { r->storage, lt_out_len(&out) };
    return lt_out_result(&out);
}

static void
ltw_subscribe_add(ltw_subscribe_request_t *r, const char *name,
    lt_str_t value)
{
    r->headers[r->headers_n++] = (lt_header_t) { lt_str(name), value };
}

lt_result_t
ltw_aws_kinesis_subscribe(ltw_subscribe_request_t *r,
    const ltw_subscribe_options_t *o)
{
    char hash[LT_SIGV4_HEX_LEN];
    uint8_t digest[LT_SHA256_LEN];
    lt_sigv4_scope_t scope = { o->region, LT_STR("kinesis"), o->time_s };
    lt_sigv4_request_t signing = { LT_STR("POST"), LT_STR("/"), { NULL, 0 },
        r->headers, 0, { hash, sizeof(hash) } };
    lt_result_t result = ltw_subscribe_body(r, o);
    lt_out_t out;

    if (result == LT_OK) {
        result = lt_sha256(digest, r->body.data, r->body.len);
    }
    if (result != LT_OK) {
        return result;
    }
    lt_hex_encode(hash, digest, sizeof(digest));
    lt_amz_date(r->date, o->time_s);
    snprintf(r->length, sizeof(r->length), "%zu", r->body.len);
    r->headers_n = 0;
    ltw_subscribe_add(r, "content-type", LT_STR(LT_KINESIS_CONTENT_TYPE));
    ltw_subscribe_add(r, "x-amz-date", lt_str(r->date));
    ltw_subscribe_add(r, "x-amz-target",
        LT_STR(LT_KINESIS_TARGET "SubscribeToShard"));
    if (o->keys.session_token.len > 0) {
        ltw_subscribe_add(r, "x-amz-security-token", o->keys.session_token);
    }
    ltw_subscribe_add(r, "host", o->authority);
    signing.headers_n = r->headers_n;

    lt_out_init(&out, r->authorization, sizeof(r->authorization));
    result = lt_sigv4_authorization(&out, NULL, &signing, &scope, &o->keys);
    r->headers_n--;                     /* host goes as :authority */
    ltw_subscribe_add(r, "content-length", lt_str(r->length));
    ltw_subscribe_add(r, "authorization",
        (lt_str_t) { r->authorization, lt_out_len(&out) });
    return result == LT_OK ? lt_out_result(&out) : result;
}
