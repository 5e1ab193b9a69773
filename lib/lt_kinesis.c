#include "lt_kinesis.h"

#include <string.h>

#include "lt_cbor.h"
#include "lt_json.h"
#include "lt_scan.h"
#include "lt_shard_map.h"
#include "lt_text.h"

#define JSON_RECORD_TEXT "{\"PartitionKey\":\"\",\"Data\":\"\"},"
#define JSON_ENVELOPE_TEXT "{\"StreamName\":\"\",\"Records\":[]}"
#define CBOR_RECORD_TEXT "mPartitionKeyData"
#define CBOR_RECORD_HEADS (2 + 2 * LT_CBOR_HEAD_MAX)
#define CBOR_ENVELOPE_TEXT "mStreamNameRecords"
#define CBOR_ENVELOPE_HEADS (2 + 2 * LT_CBOR_HEAD_MAX)
#define ANSWER_MAX (1024 * 1024)

size_t
lt_kinesis_record_size(lt_kinesis_protocol_t protocol, size_t key_len,
    size_t data_len)
{
    return protocol == LT_KINESIS_CBOR
               ? sizeof(CBOR_RECORD_TEXT) - 1 + CBOR_RECORD_HEADS + key_len
                     + data_len
               : sizeof(JSON_RECORD_TEXT) - 1 + key_len
                     + LT_BASE64_ENCODED_LEN(data_len);
}

size_t
lt_kinesis_envelope_size(lt_kinesis_protocol_t protocol, size_t stream_len)
{
    return stream_len
           + (protocol == LT_KINESIS_CBOR
                   ? sizeof(CBOR_ENVELOPE_TEXT) - 1 + CBOR_ENVELOPE_HEADS
                   : sizeof(JSON_ENVELOPE_TEXT) - 1);
}

void
lt_kinesis_put_init(lt_kinesis_put_t *put, lt_kinesis_protocol_t protocol,
    void *storage, size_t size, lt_str_t stream, size_t records_n)
{
    memset(put, 0, sizeof(*put));
    put->protocol = protocol;
    put->records_left = records_n;
    lt_out_init(&put->out, storage, size);

    if (protocol == LT_KINESIS_CBOR) {
        lt_cbor_map(&put->out, 2);
        lt_cbor_text(&put->out, LT_STR("StreamName"));
        lt_cbor_text(&put->out, stream);
        lt_cbor_text(&put->out, LT_STR("Records"));
        lt_cbor_array(&put->out, records_n);
    } else {
        lt_out_cstr(&put->out, "{\"StreamName\":\"");
        lt_out_str(&put->out, stream);
        lt_out_cstr(&put->out, "\",\"Records\":[");
    }
}

static void
put_base64(lt_out_t *out, const uint8_t *data, size_t len)
{
    uint8_t *room = lt_out_reserve(out, LT_BASE64_ENCODED_LEN(len));

    if (room != NULL) {
        (void)lt_base64_encode((char *)room, data, len);
    }
}

/* All data of a record is there. */
static void
close_record(lt_kinesis_put_t *put)
{
    if (put->protocol == LT_KINESIS_JSON) {
        put_base64(&put->out, put->carry, put->carry_n);
        put->carry_n = 0;
        lt_out_cstr(&put->out, put->records_left != 0 ? "\"}," : "\"}");
    }
}

void
lt_kinesis_put_record(lt_kinesis_put_t *put, lt_str_t key, size_t data_len)
{
    put->data_left = data_len;
    put->records_left--;

    if (put->protocol == LT_KINESIS_CBOR) {
        lt_cbor_map(&put->out, 2);
        lt_cbor_text(&put->out, LT_STR("PartitionKey"));
        lt_cbor_text(&put->out, key);
        lt_cbor_text(&put->out, LT_STR("Data"));
        lt_cbor_bytes(&put->out, data_len);
    } else {
        lt_out_cstr(&put->out, "{\"PartitionKey\":\"");
        lt_out_str(&put->out, key);
        lt_out_cstr(&put->out, "\",\"Data\":\"");
    }
    if (data_len == 0) {
        close_record(put);
    }
}

/* base64 over pieces of any length: up to two bytes wait for their group. */
static void
put_base64_piece(lt_kinesis_put_t *put, const uint8_t *data, size_t len)
{
    size_t tail;

    while (put->carry_n != 0 && put->carry_n < 3 && len != 0) {
        put->carry[put->carry_n++] = *data++;
        len--;
    }
    if (put->carry_n == 3) {
        put_base64(&put->out, put->carry, 3);
        put->carry_n = 0;
    }
    if (len == 0) {
        return;
    }

    tail = len % 3;
    put_base64(&put->out, data, len - tail);
    memcpy(put->carry, data + len - tail, tail);
    put->carry_n = tail;
}

void
lt_kinesis_put_data(lt_kinesis_put_t *put, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }

    put->data_left -= len;
    if (put->protocol == LT_KINESIS_CBOR) {
        lt_out_bytes(&put->out, data, len);
    } else {
        put_base64_piece(put, data, len);
    }
    if (put->data_left == 0) {
        close_record(put);
    }
}

lt_result_t
lt_kinesis_put_end(lt_kinesis_put_t *put)
{
    if (put->records_left != 0 || put->data_left != 0) {
        return LT_INVALID;
    }
    if (put->protocol == LT_KINESIS_JSON) {
        lt_out_cstr(&put->out, "]}");
    }
    return lt_out_result(&put->out);
}

void
lt_kinesis_list_shards(lt_out_t *out, lt_kinesis_protocol_t protocol,
    lt_str_t stream, lt_str_t token)
{
    lt_json_writer_t w;
    const char *key = token.len != 0 ? "NextToken" : "StreamName";
    lt_str_t value = token.len != 0 ? token : stream;

    if (protocol == LT_KINESIS_CBOR) {
        lt_cbor_map(out, 1);
        lt_cbor_text(out, lt_str(key));
        lt_cbor_text(out, value);
        return;
    }
    lt_json_begin(&w, out);
    lt_json_open_object(&w, NULL);
    lt_json_put_str(&w, key, value);
    lt_json_close_object(&w);
}

typedef struct {
    lt_str_t error;
    lt_str_t sequence;
    lt_str_t shard;
} fields_t;

static void
judge(lt_kinesis_record_t *record, const fields_t *fields)
{
    record->outcome = LT_KINESIS_FAILED;
    record->shard = 0;

    if (fields->error.len != 0) {
        if (lt_str_is(fields->error,
                "ProvisionedThroughputExceededException")) {
            record->outcome = LT_KINESIS_THROTTLED;
        }
    } else if (fields->sequence.len != 0) {
        record->outcome = LT_KINESIS_STORED;
        record->shard = fields->shard.len != 0 ? lt_shard_hash(fields->shard)
                                               : 0;
    }
}

static void
scan_record(lt_scan_t *s, lt_kinesis_record_t *record)
{
    fields_t fields = {{NULL, 0}, {NULL, 0}, {NULL, 0}};

    if (lt_scan_open(s, '{')) {
        do {
            lt_str_t key = lt_scan_key(s);

            if (lt_str_is(key, "ErrorCode")) {
                lt_scan_text(s, &fields.error);
            } else if (lt_str_is(key, "SequenceNumber")) {
                lt_scan_text(s, &fields.sequence);
            } else if (lt_str_is(key, "ShardId")) {
                lt_scan_text(s, &fields.shard);
            } else {
                lt_scan_skip(s);
            }
        } while (lt_scan_next(s, '}'));
    }
    judge(record, &fields);
}

static size_t
scan_records(lt_scan_t *s, lt_kinesis_record_t *records, size_t sent_n)
{
    size_t n = 0;

    if (lt_scan_open(s, '[')) {
        do {
            if (n == sent_n) {
                (void)lt_scan_fail(s, LT_AGAIN);
            } else {
                scan_record(s, &records[n++]);
            }
        } while (lt_scan_next(s, ']'));
    }
    return n;
}

/* The usual answer, without a tree.  LT_AGAIN, or LT_INVALID: the parser has the last word. */
static lt_result_t
scan_answer(lt_kinesis_record_t *records, size_t sent_n, lt_str_t body)
{
    size_t lists = 0, n = 0;
    lt_scan_t s;

    lt_scan_init(&s, body);
    if (lt_scan_open(&s, '{')) {
        do {
            lt_str_t key = lt_scan_key(&s);

            if (lt_str_is(key, "Records")) {
                n = scan_records(&s, records, sent_n);
                lists++;
            } else {
                lt_scan_skip(&s);
            }
        } while (lt_scan_next(&s, '}'));
    }
    if (lt_scan_end(&s) != LT_OK) {
        return s.rc;
    }
    return lists == 1 && n == sent_n ? LT_OK : LT_AGAIN;
}

static void
read_record(lt_kinesis_record_t *record, const lt_json_t *v)
{
    fields_t fields = {{NULL, 0}, {NULL, 0}, {NULL, 0}};

    (void)lt_json_string(v, "ErrorCode", &fields.error);
    (void)lt_json_string(v, "SequenceNumber", &fields.sequence);
    (void)lt_json_string(v, "ShardId", &fields.shard);
    judge(record, &fields);
}

static lt_result_t
parse_answer(lt_kinesis_record_t *records, size_t sent_n, lt_str_t body,
    lt_error_t *err)
{
    const lt_json_t *list;
    lt_json_t *doc;

    if (lt_json_parse(&doc, body, ANSWER_MAX, err) != LT_OK) {
        return LT_INVALID;
    }

    list = lt_json_get(doc, "Records");
    if (!lt_json_is_array(list) || lt_json_size(list) != sent_n) {
        lt_error_set(err, 0, "PutRecords answered %zu records for %zu",
            lt_json_size(list), sent_n);
        lt_json_free(&doc);
        return LT_INVALID;
    }
    for (size_t i = 0; i < sent_n; i++) {
        read_record(&records[i], lt_json_at(list, i));
    }

    lt_json_free(&doc);
    return LT_OK;
}

lt_result_t
lt_kinesis_answer(lt_kinesis_record_t *records, size_t sent_n,
    size_t *failed_n, lt_str_t body, lt_error_t *err)
{
    *failed_n = sent_n;
    if (scan_answer(records, sent_n, body) != LT_OK
        && parse_answer(records, sent_n, body, err) != LT_OK) {
        return LT_INVALID;
    }

    *failed_n = 0;
    for (size_t i = 0; i < sent_n; i++) {
        *failed_n += records[i].outcome != LT_KINESIS_STORED;
    }
    return LT_OK;
}
