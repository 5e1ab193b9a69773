#include "aws/ltw_aws_kinesis_get_records.h"

#include "aws/ltw_aws_kinesis.h"

ltw_aws_id_t
ltw_aws_kinesis_get_records(ltw_aws_t *aws, lt_str_t iterator, unsigned limit,
    ltw_aws_handler_t handler, void *data)
{
    ltw_kinesis_call_t call;

    ltw_aws_kinesis_begin(&call, "GetRecords");
    call.response_max_bytes = LTW_GET_RECORDS_BODY_MAX;
    lt_json_put_str(&call.json, "ShardIterator", iterator);
    lt_json_put_int(&call.json, "Limit", limit);
    return ltw_aws_kinesis_send(&call, aws, handler, data);
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
