/*
 * One record of a stream: a talk's audio, and where it comes from.
 *
 * Memory: a record owns one block with all its bytes.  When a talk has taken
 * the audio it is released: lengths, head and times stay.
 */
#ifndef LTW_RECORD_H
#define LTW_RECORD_H

#include "aws/ltw_aws_kinesis_get_records.h"
#include "lt_audio_record.h"
#include "lt_base.h"

#define LTW_SEQUENCE_MAX 160            /* AWS: 129 digits */

typedef struct {
    lt_str_t session_id;        /* valid by lt_session_id_is_valid() */
    lt_str_t data;              /* as it came, pcm in it */
    lt_str_t pcm;               /* may be empty with LT_AUDIO_FLAG_LAST */
    int is_framed;              /* head is filled */
    lt_audio_record_t head;
    int64_t arrived_wall_ms;    /* Kinesis' ApproximateArrivalTimestamp */
    lt_str_t sequence_number;
    void *block;                /* what the views point to; NULL: released */
    size_t *unreleased;         /* bytes, less this PCM then; NULL: nobody's */
} ltw_record_t;

/* What begins like a header with times a day from its arrival is raw.
   LT_INVALID: bad base64, no session id as partition key, no or half samples;
   LT_ERROR: no memory.  Then err says which and nothing is to be released. */
lt_result_t ltw_record_read(ltw_record_t *record,
    const ltw_kinesis_record_t *from, lt_error_t *err);

/* Gives its bytes back; its views are empty, but for their lengths. */
void ltw_record_release(ltw_record_t *record);

#endif
