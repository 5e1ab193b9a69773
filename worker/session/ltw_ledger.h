/*
 * What a worker leaves in Redis for its successor (docs/design.md, "Redis"):
 * the last segment's number, how far the audio is in segments, what was spent,
 * and each segment that is not told to all its languages yet.  Killed at any
 * moment, the next worker tells those with the same number and the same words;
 * what a language has been told is noted, so that it does not hear them twice.
 *
 * Each write brings the fence of its tenure: Redis refuses it when a later
 * worker has the talk.
 *
 * A segment's text is there while it is untold only: seconds.  Nobody waits
 * for a write; Redis takes them in order, before the checkpoints that rely on
 * them.  Limits: LTW_LEDGER_UNTOLD_MAX segments are read back; all is
 * forgotten a day after the last segment.
 */
#ifndef LTW_LEDGER_H
#define LTW_LEDGER_H

#include "edge/ltw_redis.h"
#include "session/ltw_segment.h"
#include "session/ltw_talk.h"

#define LTW_LEDGER_UNTOLD_MAX 64
#define LTW_LEDGER_LANGUAGES_MAX 64

/* Where the audio that is in segments ends. */
typedef struct {
    uint64_t epoch;             /* 0: raw records */
    uint64_t offset;            /* in the epoch; raw: in the record */
    int64_t arrived_wall_ms;    /* of that record */
} ltw_mark_t;

typedef struct {
    int64_t segment;            /* the last number given; 0: none */
    int has_mark;
    ltw_mark_t mark;
    ltw_segment_t *untold[LTW_LEDGER_UNTOLD_MAX];   /* by number */
    size_t untold_n;
    struct {
        char language[3];
        int64_t segment;        /* told up to this one */
    } told[LTW_LEDGER_LANGUAGES_MAX];
    size_t told_n;
    struct {
        double usd;             /* spent in the talk's hour */
        int64_t hour_wall_ms;   /* that began then; 0: not known */
    } spent;
} ltw_ledger_t;

/* Makes the talk ours.  0 as ltw_redis_command(); the handler's reply goes to
   ltw_ledger_read(). */
ltw_redis_id_t ltw_ledger_take(ltw_redis_t *redis, const ltw_talk_t *talk,
    ltw_redis_handler_t handler, void *data);
/* 0: a later worker has it.  What it cannot read is left out. */
int ltw_ledger_read(ltw_ledger_t *ledger, const ltw_reply_t *reply);
void ltw_ledger_deinit(ltw_ledger_t *ledger);
/* 0: nothing. */
int64_t ltw_ledger_told_until(const ltw_ledger_t *ledger,
    const char *language);

void ltw_ledger_commit(ltw_redis_t *redis, const ltw_talk_t *talk,
    const ltw_segment_t *segment, const ltw_mark_t *mark);
/* The talk has ended: all its audio is in segments that will ever be. */
void ltw_ledger_end(ltw_redis_t *redis, const ltw_talk_t *talk,
    const ltw_mark_t *mark);
/* Posted to that language, or given up. */
void ltw_ledger_tell(ltw_redis_t *redis, const ltw_talk_t *talk,
    const char *language, int64_t segment);
/* Told to all. */
void ltw_ledger_strike(ltw_redis_t *redis, const ltw_talk_t *talk,
    int64_t segment);

#endif
