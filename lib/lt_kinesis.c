#include "lt_kinesis.h"

#include <string.h>

#include "lt_json.h"
#include "lt_text.h"

#define RECORD_TEXT "{\"Data\":\"\",\"PartitionKey\":\"\"},"
#define ENVELOPE_TEXT "{\"StreamName\":\"\",\"Records\":[]}"
#define ANSWER_MAX (1024 * 1024)

size_t
lt_kinesis_record_size(size_t key_len, size_t data_len)
{
    return sizeof(RECORD_TEXT) - 1 + key_len + LT_BASE64_ENCODED_LEN(data_len);
}

size_t
lt_kinesis_envelope_size(size_t stream_len)
{
    return sizeof(ENVELOPE_TEXT) - 1 + stream_len;
}

void
lt_kinesis_begin(lt_out_t *out, lt_str_t stream)
{
    lt_out_cstr(out, "{\"StreamName\":\"");
    lt_out_str(out, stream);
    lt_out_cstr(out, "\",\"Records\":[");
}

static void
put_base64(lt_out_t *out, const void *data, size_t len)
{
    uint8_t *room = lt_out_reserve(out, LT_BASE64_ENCODED_LEN(len));

    if (room != NULL) {
        (void)lt_base64_encode((char *)room, data, len);
    }
}

/* base64(head + pcm) without joining them: the group that straddles the border
   is put together here. */
static void
put_joined(lt_out_t *out, lt_str_t head, lt_str_t pcm)
{
    uint8_t border[3];
    size_t tail = head.len % 3, fill = tail == 0 ? 0 : 3 - tail;

    if (fill > pcm.len) {
        fill = pcm.len;
    }

    put_base64(out, head.data, head.len - tail);
    if (tail != 0) {
        memcpy(border, head.data + head.len - tail, tail);
        if (fill != 0) {
            memcpy(border + tail, pcm.data, fill);
        }
        put_base64(out, border, tail + fill);
    }
    if (pcm.len > fill) {
        put_base64(out, pcm.data + fill, pcm.len - fill);
    }
}

void
lt_kinesis_add(lt_out_t *out, int is_first, lt_str_t key, lt_str_t head,
    lt_str_t pcm)
{
    lt_out_cstr(out, is_first ? "{\"Data\":\"" : ",{\"Data\":\"");
    put_joined(out, head, pcm);
    lt_out_cstr(out, "\",\"PartitionKey\":\"");
    lt_out_str(out, key);
    lt_out_cstr(out, "\"}");
}

void
lt_kinesis_end(lt_out_t *out)
{
    lt_out_cstr(out, "]}");
}

static lt_kinesis_outcome_t
outcome(const lt_json_t *record)
{
    lt_str_t text;

    if (lt_json_string(record, "ErrorCode", &text) && text.len != 0) {
        return lt_str_is(text, "ProvisionedThroughputExceededException")
                   ? LT_KINESIS_THROTTLED
                   : LT_KINESIS_FAILED;
    }
    return lt_json_string(record, "SequenceNumber", &text) && text.len != 0
               ? LT_KINESIS_STORED
               : LT_KINESIS_FAILED;
}

lt_result_t
lt_kinesis_answer(lt_kinesis_outcome_t *outcomes, size_t sent_n,
    size_t *failed_n, lt_str_t body, lt_error_t *err)
{
    const lt_json_t *records;
    lt_json_t *doc;

    *failed_n = sent_n;
    if (lt_json_parse(&doc, body, ANSWER_MAX, err) != LT_OK) {
        return LT_INVALID;
    }

    records = lt_json_get(doc, "Records");
    if (!lt_json_is_array(records) || lt_json_size(records) != sent_n) {
        lt_error_set(err, 0, "PutRecords answered %zu records for %zu",
            lt_json_size(records), sent_n);
        lt_json_free(&doc);
        return LT_INVALID;
    }

    *failed_n = 0;
    for (size_t i = 0; i < sent_n; i++) {
        outcomes[i] = outcome(lt_json_at(records, i));
        *failed_n += outcomes[i] != LT_KINESIS_STORED;
    }

    lt_json_free(&doc);
    return LT_OK;
}
