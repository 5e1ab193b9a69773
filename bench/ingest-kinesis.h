/*
 * PutRecords, PutRecord and ListShards as a server sees them, JSON 1.1 and CBOR
 * 1.1: for bench/ingest-sink.c, which trusts who sends.  Views point into the
 * body.  No sockets here.
 */
#ifndef INGEST_KINESIS_H
#define INGEST_KINESIS_H

#include <stddef.h>
#include <stdint.h>

#define RECORDS_MAX 500

typedef struct {
    const uint8_t *data, *key;          /* data: base64 in JSON */
    size_t data_len, key_len;
} record_t;

typedef struct {
    int is_cbor;
    record_t records[RECORDS_MAX];
    size_t records_n;
} body_t;

typedef enum { CALL_PUT_RECORDS, CALL_PUT_RECORD, CALL_LIST_SHARDS } call_t;

#define ANSWER_MAX (256 + RECORDS_MAX * 160)

/* Fills records; b->is_cbor is set. */
void body_read(body_t *b, const uint8_t *p, size_t len);

/* Bytes of a record's data, and len of them from at on. */
size_t record_size(const body_t *b, const record_t *r);
void record_peek(const body_t *b, const record_t *r, size_t at, uint8_t *out,
    size_t len);

/* The answer that stores all; at most ANSWER_MAX bytes. */
size_t body_answer(const body_t *b, call_t call, char *out);

#endif
