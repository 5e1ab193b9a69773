#define _GNU_SOURCE
#include "ingest-kinesis.h"

#include <stdio.h>
#include <string.h>

static void
add_record(body_t *b, record_t *r)
{
    if (r->data && r->key && b->records_n < RECORDS_MAX) {
        b->records[b->records_n++] = *r;
        memset(r, 0, sizeof(*r));
    }
}

/* Strings only: neither base64 nor our keys hold quotes or escapes. */
static void
read_json(body_t *b, const char *p, const char *end)
{
    int is_data = 0, is_key = 0;
    record_t r = { 0 };
    const char *q;

    while ((p = memchr(p, '"', (size_t) (end - p))) != NULL) {
        q = memchr(p + 1, '"', (size_t) (end - p - 1));
        if (q == NULL) {
            return;
        }

        if (is_data) {
            r.data = (const uint8_t *) p + 1;
            r.data_len = (size_t) (q - p - 1);
        } else if (is_key) {
            r.key = (const uint8_t *) p + 1;
            r.key_len = (size_t) (q - p - 1);
        }

        is_data = !is_data && q - p == 5 && memcmp(p, "\"Data", 5) == 0;
        is_key = !is_key && q - p == 13 && memcmp(p, "\"PartitionKey", 13) == 0;
        add_record(b, &r);
        p = q + 1;
    }
}

/* RFC 8949, definite lengths: the head of an item.  NULL: not that. */
static const uint8_t *
cbor_head(const uint8_t *p, const uint8_t *end, int *major, uint64_t *n)
{
    int i, size;

    if (p == NULL || p >= end) {
        return NULL;
    }

    *major = *p >> 5;
    *n = *p & 31;
    size = *n < 24 ? 0 : *n < 28 ? 1 << (*n - 24) : -1;
    p++;

    if (size < 0 || end - p < size) {
        return NULL;
    }

    if (size > 0) {
        for (*n = 0, i = 0; i < size; i++) {
            *n = *n << 8 | *p++;
        }
    }

    if ((*major == 2 || *major == 3) && (uint64_t) (end - p) < *n) {
        return NULL;
    }

    return p;
}

/* Past one item; the records in it are added. */
static const uint8_t *
cbor_item(body_t *b, const uint8_t *p, const uint8_t *end, record_t *r,
    int depth)
{
    int major, value_major;
    uint64_t i, n, len;
    const uint8_t *key;

    p = cbor_head(p, end, &major, &n);
    if (p == NULL || depth > 4 || major == 6) {
        return NULL;
    }

    if (major == 2 || major == 3) {
        return p + n;
    }

    for (i = 0; (major == 4 || major == 5) && i < n && p; i++) {
        record_t inner = { 0 };

        if (major == 4) {
            p = cbor_item(b, p, end, &inner, depth + 1);
            continue;
        }

        key = cbor_head(p, end, &value_major, &len);
        if (key == NULL || value_major != 3) {
            return NULL;
        }

        p = key + len;

        if (len == 4 && memcmp(key, "Data", 4) == 0) {
            r->data = cbor_head(p, end, &value_major, &len);
            r->data_len = len;
        } else if (len == 12 && memcmp(key, "PartitionKey", 12) == 0) {
            r->key = cbor_head(p, end, &value_major, &len);
            r->key_len = len;
        }

        p = cbor_item(b, p, end, r, depth + 1);
        add_record(b, r);
    }

    return p;
}

static int
base64_value(uint8_t c)
{
    return c >= 'a' ? c - 'a' + 26 : c >= 'A' ? c - 'A'
           : c >= '0' ? c - '0' + 52 : c == '+' ? 62 : 63;
}

size_t
record_size(const body_t *b, const record_t *r)
{
    if (b->is_cbor || r->data_len < 4) {
        return r->data_len;
    }

    return r->data_len / 4 * 3 - (r->data[r->data_len - 1] == '=')
           - (r->data[r->data_len - 2] == '=');
}

/* len of the data from at on. */
void
record_peek(const body_t *b, const record_t *r, size_t at, uint8_t *out,
    size_t len)
{
    size_t i;

    if (b->is_cbor) {
        memcpy(out, r->data + at, len);
        return;
    }

    for (i = at; i < at + len; i++) {
        const uint8_t *q = r->data + i / 3 * 4 + i % 3;

        out[i - at] = (uint8_t) (base64_value(q[0]) << (2 + 2 * (i % 3))
                                 | base64_value(q[1]) >> (4 - 2 * (i % 3)));
    }
}

#define SHARD "shardId-000000000000"
#define NUMBER "49600000000000000000000000000000000000000000000000000000"
#define HASH_MAX "340282366920938463463374607431768211455"

static size_t
answer_json(const body_t *b, call_t call, char *out)
{
    size_t i, n;

    if (call == CALL_LIST_SHARDS) {
        return (size_t) sprintf(out, "{\"Shards\":[{\"ShardId\":\"" SHARD "\","
            "\"HashKeyRange\":{\"StartingHashKey\":\"0\","
            "\"EndingHashKey\":\"" HASH_MAX "\"},\"SequenceNumberRange\":"
            "{\"StartingSequenceNumber\":\"" NUMBER "\"}}]}");
    }

    if (call == CALL_PUT_RECORD) {
        return (size_t) sprintf(out, "{\"SequenceNumber\":\"" NUMBER "\","
                                "\"ShardId\":\"" SHARD "\"}");
    }

    n = (size_t) sprintf(out, "{\"FailedRecordCount\":0,\"Records\":[");

    for (i = 0; i < b->records_n; i++) {
        n += (size_t) sprintf(out + n, "%s{\"SequenceNumber\":\"" NUMBER "\","
                              "\"ShardId\":\"" SHARD "\"}", i ? "," : "");
    }

    return n + (size_t) sprintf(out + n, "]}");
}

static size_t
cbor_text(char *out, const char *text)
{
    size_t len = strlen(text), n = 0;

    if (len < 24) {
        out[n++] = (char) (0x60 | len);
    } else {
        out[n++] = 0x78;
        out[n++] = (char) len;
    }

    memcpy(out + n, text, len);

    return n + len;
}

static size_t
cbor_pair(char *out, const char *name, const char *text)
{
    size_t n = cbor_text(out, name);

    return n + cbor_text(out + n, text);
}

static size_t
answer_cbor(const body_t *b, call_t call, char *out)
{
    size_t i, n = 0;

    if (call == CALL_LIST_SHARDS) {
        out[n++] = (char) 0xa1;
        n += cbor_text(out + n, "Shards");
        out[n++] = (char) 0x81;
        out[n++] = (char) 0xa3;
        n += cbor_pair(out + n, "ShardId", SHARD);
        n += cbor_text(out + n, "HashKeyRange");
        out[n++] = (char) 0xa2;
        n += cbor_pair(out + n, "StartingHashKey", "0");
        n += cbor_pair(out + n, "EndingHashKey", HASH_MAX);
        n += cbor_text(out + n, "SequenceNumberRange");
        out[n++] = (char) 0xa1;
        return n + cbor_pair(out + n, "StartingSequenceNumber", NUMBER);
    }

    out[n++] = (char) 0xa2;
    n += cbor_text(out + n, "FailedRecordCount");
    out[n++] = 0;
    n += cbor_text(out + n, "Records");
    out[n++] = (char) 0x99;
    out[n++] = (char) (b->records_n >> 8);
    out[n++] = (char) b->records_n;

    for (i = 0; i < b->records_n; i++) {
        out[n++] = (char) 0xa2;
        n += cbor_pair(out + n, "SequenceNumber", NUMBER);
        n += cbor_pair(out + n, "ShardId", SHARD);
    }

    return n;
}

size_t
body_answer(const body_t *b, call_t call, char *out)
{
    return b->is_cbor ? answer_cbor(b, call, out) : answer_json(b, call, out);
}

void
body_read(body_t *b, const uint8_t *p, size_t len)
{
    record_t r = { 0 };

    b->records_n = 0;

    if (b->is_cbor) {
        (void) cbor_item(b, p, p + len, &r, 0);
    } else {
        read_json(b, (const char *) p, (const char *) p + len);
    }
}
