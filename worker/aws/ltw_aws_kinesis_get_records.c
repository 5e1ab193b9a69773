#include "aws/ltw_aws_kinesis_get_records.h"

#include "lt_kinesis.h"

ltw_aws_id_t
ltw_aws_kinesis_get_records(ltw_aws_t *aws, lt_str_t iterator, unsigned limit,
    ltw_aws_handler_t handler, void *data)
{
    static const lt_header_t headers[] = {
        { { "Content-Type", 12 }, { LT_KINESIS_CONTENT_TYPE,
            sizeof(LT_KINESIS_CONTENT_TYPE) - 1 } },
        { { "X-Amz-Target", 12 }, { LT_KINESIS_TARGET "GetRecords",
            sizeof(LT_KINESIS_TARGET "GetRecords") - 1 } },
    };
    char storage[2048];
    ltw_aws_request_t request = {
        .service = LTW_AWS_KINESIS, .operation = "GetRecords",
        .method = "POST", .path = LT_STR("/"),
        .headers = headers, .headers_n = 2,
        .timeout_ms = 5000, .attempts_max = 1,
        .response_max_bytes = LTW_GET_RECORDS_BODY_MAX,
    };
    lt_json_writer_t w;
    lt_out_t out;

    lt_out_init(&out, storage, sizeof(storage));
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_str(&w, "ShardIterator", iterator);
    lt_json_put_int(&w, "Limit", limit);
    lt_json_close_object(&w);
    if (lt_out_result(&out) != LT_OK) {
        return 0;
    }
    request.body = (lt_str_t) { storage, lt_out_len(&out) };
    return ltw_aws_call(aws, &request, handler, data);
}

lt_result_t
ltw_records_read(ltw_records_t *records, lt_str_t body, lt_error_t *err)
{
    lt_result_t result;

    *records = (ltw_records_t) { 0 };
    result = lt_json_parse(&records->doc, body, LTW_GET_RECORDS_BODY_MAX, err);
    if (result != LT_OK) {
        return result;
    }
    records->list = lt_json_get(records->doc, "Records");
    if (!lt_json_is_array(records->list)) {
        lt_error_set(err, 0, "GetRecords: the answer has no Records");
        ltw_records_deinit(records);
        return LT_INVALID;
    }
    records->n = lt_json_size(records->list);
    lt_json_string(records->doc, "NextShardIterator", &records->next_iterator);
    lt_json_int(records->doc, "MillisBehindLatest", &records->behind_ms);
    return LT_OK;
}

void
ltw_records_deinit(ltw_records_t *records)
{
    lt_json_free(&records->doc);
    *records = (ltw_records_t) { 0 };
}

void
ltw_records_at(const ltw_records_t *records, size_t i,
    ltw_kinesis_record_t *record)
{
    const lt_json_t *v = lt_json_at(records->list, i);
    double arrived_s = 0;

    *record = (ltw_kinesis_record_t) { 0 };
    lt_json_string(v, "SequenceNumber", &record->sequence_number);
    lt_json_string(v, "PartitionKey", &record->partition_key);
    lt_json_string(v, "Data", &record->data_base64);
    if (lt_json_number(v, "ApproximateArrivalTimestamp", &arrived_s)
        && arrived_s > 0 && arrived_s < 1e11)
    {
        record->arrived_wall_ms = (int64_t) (arrived_s * 1000 + 0.5);
    }
}
