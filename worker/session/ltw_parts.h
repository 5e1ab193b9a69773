/*
 * A session's parts of batches, in order: those that wait (the first is in
 * work), then those that are held.
 *
 * done() lets the checkpoint pass a part, and a successor would not read it
 * again.  So a part is held when its words were committed: those at its end
 * were not stable yet and come with the next part, LTW_PARTS_HOLD_MS later;
 * a recogniser that is behind takes longer, LTW_PARTS_HOLD_MAX_MS at most
 * since it has the audio (in silence there is no telling); while it has not,
 * the part waits with the audio (ltw_asr_line.h).  The last part is held until no word is left
 * and all segments are told, however long that takes: a successor that reads
 * it finds the talk and tells the rest.
 */
#ifndef LTW_PARTS_H
#define LTW_PARTS_H

#include "edge/ltw_loop.h"
#include "kinesis/ltw_batch.h"

#define LTW_PARTS_HOLD_MS 3000
#define LTW_PARTS_HOLD_MAX_MS 10000

/* A session's records of a batch, in order. */
typedef struct ltw_session_part_s ltw_session_part_t;

struct ltw_session_part_s {
    ltw_record_t **records;         /* live until done() */
    size_t n;
    ltw_tenure_t *tenure;           /* the batch's */
    int64_t batched_wall_ms;
    ltw_handler_t taken;            /* once at most: no byte of the records is
                                       needed any more */
    ltw_handler_t done;             /* exactly once, on the loop */
    void *done_data;

    ltw_session_part_t *next;       /* the rest is the list's */
    int64_t through_at_ms;
    int64_t end_ms;                 /* on the line */
    int64_t fed_at_ms;              /* a recogniser has all of it; 0: not yet */
};

/* Of the first one that waits. */
typedef enum {
    LTW_PART_NEW,                   /* not begun */
    LTW_PART_READING,               /* Redis is asked who listens */
    LTW_PART_AWAITING               /* fed; its words are awaited */
} ltw_part_state_t;

typedef struct {
    ltw_part_state_t state;         /* the session's */
    ltw_session_part_t *waiting;
    ltw_session_part_t *held;
} ltw_parts_t;

void ltw_parts_add(ltw_parts_t *parts, ltw_session_part_t *part);
/* The first waiting one is through: it is held. */
void ltw_parts_hold(ltw_parts_t *parts, int64_t end_ms, int64_t now_ms);
/* The first waiting one is done: nothing of it can be lost. */
void ltw_parts_pass(ltw_parts_t *parts);
/* How far a line's audio has come: the recogniser has it, its answers reach. */
typedef struct {
    int64_t fed_ms;
    int64_t heard_ms;
} ltw_parts_reach_t;

/* Lets go what need not be held any more.  is_told: all words are. */
void ltw_parts_release(ltw_parts_t *parts, ltw_parts_reach_t reach,
    int64_t now_ms, int is_told);
/* The line is closed: what it had to say of them was said. */
void ltw_parts_heard_all(ltw_parts_t *parts);
/* All that is held. */
void ltw_parts_let_go(ltw_parts_t *parts);
/* All that waits; bytes of audio in it. */
size_t ltw_parts_drop(ltw_parts_t *parts);

#endif
