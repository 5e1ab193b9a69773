/*
 * Reads one shard from a position on: iterator, GetRecords, their pace and
 * their failures; or has it pushed (ltw_fanout.h), while that can be.
 * Not here: who may read it, what becomes of the records.
 *
 * States, and what ends each:
 *   STOPPED    ltw_reader_start()
 *   ITERATOR   GetShardIterator under way, or waiting to try again
 *   POLLING    waits for the next GetRecords: 200 ms at least after the last
 *   FETCHING   GetRecords under way
 *   PUSHED     subscribed to; begun instead of a GetRecords, and polled again
 *              from an iterator on when the subscription is lost
 * Callbacks run on the loop, never inside a function of this header.
 */
#ifndef LTW_READER_H
#define LTW_READER_H

#include "aws/ltw_aws_kinesis_get_records.h"
#include "ltw_services.h"

#define LTW_POSITION_MAX 160

typedef struct ltw_reader_s ltw_reader_t;

typedef struct {
    const ltw_services_t *services;
    const char *stream;
    const char *shard;          /* both outlive the reader */
    /* 0: not now; asked again after 100 ms. */
    int (*is_ready)(void *data);
    /* Calls ltw_reader_pass() for each record taken.  0: no memory for the
       next one, which is read again later. */
    int (*take)(void *data, const ltw_records_t *records);
    /* The shard is closed, all was taken: stopped. */
    void (*read_out)(void *data);
    /* Kinesis knows no such position: stopped. */
    void (*unusable)(void *data, const ltw_aws_answer_t *answer);
    void *data;
} ltw_reader_options_t;

ltw_reader_t *ltw_reader_new(const ltw_reader_options_t *options);
void ltw_reader_free(ltw_reader_t **reader);

/* position: as ltw_aws_kinesis_get_iterator(). */
void ltw_reader_start(ltw_reader_t *reader, lt_str_t position);
void ltw_reader_stop(ltw_reader_t *reader);

/* Read up to here, this record included. */
void ltw_reader_pass(ltw_reader_t *reader, lt_str_t sequence_number);
const char *ltw_reader_position(const ltw_reader_t *reader);

int64_t ltw_reader_behind_ms(const ltw_reader_t *reader);   /* the tip */
/* Since it was started, read, or was last not ready.  0: stopped, pushed. */
int64_t ltw_reader_stuck_ms(const ltw_reader_t *reader);

#endif
