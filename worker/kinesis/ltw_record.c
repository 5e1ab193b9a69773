#include "kinesis/ltw_record.h"

#include "lt_session_id.h"
#include "lt_text.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define BYTES_PER_MS (LT_AUDIO_BYTES_PER_S / 1000)


static lt_str_t
copy(uint8_t **pos, lt_str_t from)
{
    lt_str_t to = { (char *) *pos, from.len };

    memcpy(*pos, from.data, from.len);
    *pos += from.len;
    return to;
}


static lt_result_t
check_names(const ltw_kinesis_record_t *from, lt_error_t *err)
{
    if (from->sequence_number.len == 0
        || from->sequence_number.len >= LTW_SEQUENCE_MAX)
    {
        lt_error_set(err, 0, "no usable sequence number");
        return LT_INVALID;
    }
    if (!lt_session_id_is_valid(from->partition_key)) {
        lt_error_set(err, 0, "the partition key is no session id");
        return LT_INVALID;
    }
    return LT_OK;
}


/* Raw records are what a speaker likes: what begins like a header that cannot
   be true is PCM.  Clocks may be wrong, but by less than a day. */
static int
can_be(const lt_audio_record_t *head, int64_t arrived_wall_ms)
{
    int64_t latest_ms = arrived_wall_ms + DAY_MS;

    return arrived_wall_ms == 0
        || (head->capture_ms >= arrived_wall_ms - DAY_MS
            && head->capture_ms <= latest_ms
            && head->epoch <= (uint64_t) latest_ms
            && head->offset / BYTES_PER_MS
               <= (uint64_t) latest_ms - head->epoch);
}


static lt_result_t
check_audio(const ltw_record_t *record, lt_error_t *err)
{
    if (record->pcm.len % 2 != 0) {
        lt_error_set(err, 0, "half a sample");
        return LT_INVALID;
    }
    if (record->pcm.len == 0 && !record->is_framed) {
        lt_error_set(err, 0, "no data");
        return LT_INVALID;
    }
    return LT_OK;
}


lt_result_t
ltw_record_read(ltw_record_t *record, const ltw_kinesis_record_t *from,
    lt_error_t *err)
{
    lt_result_t result = check_names(from, err);
    uint8_t *pos;

    *record = (ltw_record_t) { .arrived_wall_ms = from->arrived_wall_ms };
    if (result != LT_OK) {
        return result;
    }
    pos = record->block = malloc(from->partition_key.len
        + from->sequence_number.len
        + LT_BASE64_DECODED_MAX(from->data_base64.len));
    if (pos == NULL) {
        lt_error_set(err, 0, "no memory");
        return LT_ERROR;
    }
    record->session_id = copy(&pos, from->partition_key);
    record->sequence_number = copy(&pos, from->sequence_number);
    record->data.data = (char *) pos;
    if (lt_base64_decode(pos, &record->data.len, from->data_base64)
        != LT_OK)
    {
        lt_error_set(err, 0, "the data is not base64");
        result = LT_INVALID;
    } else {
        record->is_framed = lt_audio_record_decode(&record->head,
            &record->pcm, record->data);
        if (record->is_framed
            && !can_be(&record->head, record->arrived_wall_ms))
        {
            record->is_framed = 0;
            record->pcm = record->data;
        }
        result = check_audio(record, err);
    }
    if (result != LT_OK) {
        ltw_record_release(record);
    }
    return result;
}


void
ltw_record_release(ltw_record_t *record)
{
    if (record->block != NULL && record->unreleased != NULL) {
        *record->unreleased -= record->pcm.len;
    }
    free(record->block);
    record->block = NULL;
    record->session_id.data = NULL;
    record->data.data = NULL;
    record->pcm.data = NULL;
    record->sequence_number.data = NULL;
}
