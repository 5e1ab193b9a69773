/*
 * Where a talk's audio comes from: line time to capture time, and whether
 * bytes are missing or doubled.  Pure.
 *
 * Framed records say epoch and offset: an older epoch and bytes that were
 * read before are duplicates, a jump is a gap.  Raw records are taken as they
 * come; their capture time is their arrival minus their length, and what a
 * worker before this one has read is known by their arrival.
 * Limits: the last LTW_TIMELINE_ANCHORS records are known, and none of which
 * ltw_timeline_forget() was told; older line times are mapped by the oldest one.
 * Memory: as many as are known, and LTW_TIMELINE_STEP.  No memory for one: its
 * audio has the times of the record before.
 */
#ifndef LTW_TIMELINE_H
#define LTW_TIMELINE_H

#include "kinesis/ltw_batch.h"
#include "session/ltw_ledger.h"

#define LTW_TIMELINE_ANCHORS 1024
#define LTW_TIMELINE_STEP 32

typedef struct {
    int64_t position_ms;        /* on the line */
    int64_t captured_wall_ms;   /* of the byte there */
    int64_t arrived_wall_ms;
    int64_t batched_wall_ms;
    uint64_t epoch;             /* 0: raw */
    uint64_t offset;            /* raw: in the record */
} ltw_anchor_t;

typedef struct {
    ltw_anchor_t *anchors;      /* by position */
    size_t n;
    size_t size;
    uint64_t epoch;
    uint64_t next_offset;
    int has_epoch;
    ltw_mark_t raw;             /* raw records before it were read */
    int is_started;             /* before, a jump is no gap: we came later */
} ltw_timeline_t;

void ltw_timeline_init(ltw_timeline_t *timeline);
void ltw_timeline_deinit(ltw_timeline_t *timeline);

/* What another worker has read: what comes before it are duplicates. */
void ltw_timeline_resume(ltw_timeline_t *timeline, const ltw_mark_t *mark);

/* Where the audio ends that was added so far.  0: raw records, of which no copy
   can be told from more audio, or none. */
int ltw_timeline_end(const ltw_timeline_t *timeline, ltw_mark_t *mark);

/* It has audio that was not read before. */
int ltw_timeline_is_new(const ltw_timeline_t *timeline,
    const ltw_record_t *record);

/* Another line: its time begins at 0. */
void ltw_timeline_restart(ltw_timeline_t *timeline);

typedef struct {
    lt_str_t pcm;               /* to be fed: even length, may be empty */
    uint64_t duplicate_bytes;
    uint64_t gap_bytes;         /* missing before it */
} ltw_timeline_piece_t;

/* The next record; piece->pcm goes to position_ms of the line; -1: nowhere. */
void ltw_timeline_add(ltw_timeline_t *timeline, const ltw_record_t *record,
    int64_t position_ms, int64_t batched_wall_ms,
    ltw_timeline_piece_t *piece);

/* Nobody will ask for what ends before position_ms. */
void ltw_timeline_forget(ltw_timeline_t *timeline, int64_t position_ms);

/* The byte that ends at position_ms.  0: no record yet. */
int ltw_timeline_find(const ltw_timeline_t *timeline, int64_t position_ms,
    ltw_anchor_t *anchor);

#endif
