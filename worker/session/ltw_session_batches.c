#include "session/ltw_session_batches.h"

#include <stdlib.h>

#include "ltw_log.h"

#define RETRY_MS 1000

/* A batch under way: its records by session. */
typedef struct open_batch_s open_batch_t;

typedef struct batch_part_s batch_part_t;

struct batch_part_s {
    ltw_session_part_t part;
    open_batch_t *batch;
    unsigned tries;             /* to give it to a talk, in vain */
    batch_part_t *next;         /* of those that were refused */
};

struct open_batch_s {
    ltw_session_batches_t *batches;
    const ltw_batch_t *from;
    ltw_batch_done_t done;
    void *done_data;
    int is_whole;               /* what is set aside is set aside as a whole */
    size_t refused_n;           /* parts that a talk did not take at once */
    size_t open_n;              /* parts not done */
    size_t parts_n;
    int64_t began_at_ms;
    int64_t heard_at_ms;        /* the last words were committed; 0: none */
    int is_set_aside;           /* as a whole */
    ltw_record_t **records;     /* grouped by session */
    uint8_t *is_taken;
    batch_part_t *parts;
    open_batch_t *next;
    open_batch_t **link;        /* what points here */
};

struct ltw_session_batches_s {
    const ltw_services_t *services;
    ltw_session_find_t find;
    void *data;
    int is_leaving;
    open_batch_t *open;
    batch_part_t *refused;      /* offered again by the timer */
    ltw_timer_t *retry;
};


/* ---- a batch ---- */

static void
batch_free(open_batch_t *batch)
{
    *batch->link = batch->next;
    if (batch->next != NULL) {
        batch->next->link = batch->link;
    }
    free(batch->records);
    free(batch->is_taken);
    free(batch->parts);
    free(batch);
}


/* What operators of an event-source mapping look for. */
static void
batch_log(const open_batch_t *batch)
{
    int64_t heard_ms = batch->heard_at_ms - batch->began_at_ms;

    ltw_log(LTW_INFO, "batch_done", ltw_cstr("shard", batch->from->shard),
        ltw_int("records", (int64_t) batch->from->n),
        ltw_int("sessions", (int64_t) batch->parts_n),
        ltw_int("transcribe_ms", heard_ms > 0 ? heard_ms : 0),
        ltw_int("done_ms", ltw_loop_now_ms(batch->batches->services->loop)
            - batch->began_at_ms));
}


static void
batch_part_done(open_batch_t *batch)
{
    ltw_batch_done_t done = batch->done;
    void *done_data = batch->done_data;

    if (--batch->open_n == 0) {
        batch_log(batch);
        batch_free(batch);
        done(done_data);
    }
}


static void
on_part_done(void *data)
{
    batch_part_t *part = data;
    open_batch_t *batch = part->batch;

    if (part->part.through_at_ms > batch->heard_at_ms) {
        batch->heard_at_ms = part->part.through_at_ms;
    }
    batch_part_done(batch);
}


/* Its audio is with the recogniser.  A batch of which a part was refused may
   have to be set aside with all of its data. */
static void
on_part_taken(void *data)
{
    batch_part_t *part = data;

    if (part->batch->is_whole && part->batch->refused_n > 0) {
        return;
    }
    for (size_t i = 0; i < part->part.n; i++) {
        ltw_record_release(part->part.records[i]);
    }
}


static open_batch_t *
batch_new(ltw_session_batches_t *b, const ltw_batch_t *from)
{
    open_batch_t *batch = calloc(1, sizeof(*batch));

    if (batch == NULL) {
        return NULL;
    }
    batch->batches = b;
    batch->from = from;
    batch->is_whole = !b->services->config->bisect_on_error;
    batch->began_at_ms = ltw_loop_now_ms(b->services->loop);
    batch->next = b->open;
    batch->link = &b->open;
    if (batch->next != NULL) {
        batch->next->link = &batch->next;
    }
    b->open = batch;
    batch->records = calloc(from->n, sizeof(*batch->records));
    batch->is_taken = calloc(from->n, 1);
    batch->parts = calloc(from->n, sizeof(*batch->parts));
    if (batch->records == NULL || batch->is_taken == NULL
        || batch->parts == NULL)
    {
        batch_free(batch);
        return NULL;
    }
    return batch;
}


/* ---- what no talk takes ---- */

static void
set_aside(const open_batch_t *batch, const ltw_record_t *record)
{
    ltw_failed_record_t failed = { .reason = "refused",
        .shard = batch->from->shard,
        .sequence_number = record->sequence_number,
        .partition_key = record->session_id,
        .arrived_wall_ms = record->arrived_wall_ms, .data = record->data };

    ltw_failures_add(batch->batches->services->failures, &failed);
}


/* Offered as often as allowed. */
static void
fail(batch_part_t *part)
{
    open_batch_t *batch = part->batch;
    const ltw_services_t *services = batch->batches->services;

    for (size_t i = 0; i < part->part.n; i++) {
        ltw_count(services->metrics, pcm_bytes_overflow,
            part->part.records[i]->pcm.len);
        if (!batch->is_whole) {
            set_aside(batch, part->part.records[i]);
        }
    }
    if (batch->is_whole && !batch->is_set_aside) {
        batch->is_set_aside = 1;
        for (size_t i = 0; i < batch->from->n; i++) {
            set_aside(batch, &batch->from->records[i]);
        }
    }
    ltw_log(LTW_ERROR, "session_refused",
        ltw_str("session", part->part.records[0]->session_id),
        ltw_cstr("reason", "sessions_max talks, or no memory"),
        ltw_int("talks", (int64_t) services->metrics->sessions_live),
        ltw_int("records", (int64_t) part->part.n));
    on_part_done(part);
}


/* 0: not taken, and to be offered again. */
static int
offer(batch_part_t *part)
{
    ltw_session_batches_t *b = part->batch->batches;
    ltw_session_t *session = b->find(b->data,
        part->part.records[0]->session_id);

    if (session != NULL) {
        ltw_session_add(session, &part->part);
        return 1;
    }
    if (b->is_leaving) {
        return 0;               /* undone: whoever comes next reads it */
    }
    ltw_count(b->services->metrics, records_refused, part->part.n);
    if (part->part.tenure->state == LTW_TENURE_LOST) {
        on_part_done(part);     /* its new owner offers it */
        return 1;
    }
    if (part->tries++ < (unsigned)
            b->services->config->maximum_retry_attempts)
    {
        return 0;
    }
    fail(part);
    return 1;
}


static void
wait_for_retry(ltw_session_batches_t *b, batch_part_t *part)
{
    batch_part_t **at = &b->refused;

    while (*at != NULL) {
        at = &(*at)->next;
    }
    part->next = NULL;
    *at = part;
    if (!ltw_timer_is_active(b->retry)) {
        ltw_timer_start(b->retry, RETRY_MS);
    }
}


static void
on_retry(void *data)
{
    ltw_session_batches_t *b = data;
    batch_part_t *part, *next = b->refused;

    b->refused = NULL;
    while ((part = next) != NULL) {
        next = part->next;
        if (!offer(part)) {
            wait_for_retry(b, part);
        }
    }
}


/* Audio of the same talk waits: what comes later may not overtake it. */
static int
is_waited_for(const ltw_session_batches_t *b, lt_str_t id)
{
    for (const batch_part_t *p = b->refused; p != NULL; p = p->next) {
        if (lt_str_equal(p->part.records[0]->session_id, id)) {
            return 1;
        }
    }
    return 0;
}


/* ---- a batch comes ---- */

/* Record i and all later ones of its talk; how many. */
static size_t
group(open_batch_t *batch, const ltw_batch_t *from, size_t i,
    ltw_record_t **records)
{
    lt_str_t id = from->records[i].session_id;
    batch_part_t *part = &batch->parts[batch->parts_n++];
    size_t n = 0;

    for (size_t k = i; k < from->n; k++) {
        if (!batch->is_taken[k]
            && lt_str_equal(from->records[k].session_id, id))
        {
            batch->is_taken[k] = 1;
            records[n++] = &from->records[k];
        }
    }
    part->batch = batch;
    part->part = (ltw_session_part_t) { .records = records, .n = n,
        .tenure = from->tenure, .batched_wall_ms = from->closed_wall_ms,
        .taken = on_part_taken, .done = on_part_done, .done_data = part };
    return n;
}


void
ltw_session_batches_take(ltw_session_batches_t *b, const ltw_batch_t *from,
    ltw_batch_done_t done, void *done_data)
{
    open_batch_t *batch = batch_new(b, from);
    size_t given = 0, parts_n;

    if (batch == NULL) {
        ltw_log(LTW_ERROR, "batch_lost", ltw_cstr("shard", from->shard),
            ltw_cstr("reason", "no memory"));
        ltw_loop_post(b->services->loop, done, done_data);
        return;
    }
    batch->done = done;
    batch->done_data = done_data;
    for (size_t i = 0; i < from->n; i++) {
        if (!batch->is_taken[i]) {
            given += group(batch, from, i, batch->records + given);
        }
    }
    parts_n = batch->parts_n;
    batch->open_n = parts_n + 1;        /* ours, until all are offered */
    for (size_t i = 0; i < parts_n; i++) {
        batch_part_t *part = &batch->parts[i];

        if (is_waited_for(b, part->part.records[0]->session_id)
            || !offer(part))
        {
            batch->refused_n++;
            wait_for_retry(b, part);
        }
    }
    if (--batch->open_n == 0) {
        batch_free(batch);
        ltw_loop_post(b->services->loop, done, done_data);
    }
}


/* ---- life ---- */

ltw_session_batches_t *
ltw_session_batches_new(const ltw_services_t *services,
    ltw_session_find_t find, void *data)
{
    ltw_session_batches_t *b = calloc(1, sizeof(*b));

    if (b == NULL) {
        return NULL;
    }
    b->services = services;
    b->find = find;
    b->data = data;
    b->retry = ltw_timer_new(services->loop, on_retry, b);
    if (b->retry == NULL) {
        ltw_session_batches_free(&b);
    }
    return b;
}


void
ltw_session_batches_leave(ltw_session_batches_t *b)
{
    b->is_leaving = 1;
}


void
ltw_session_batches_free(ltw_session_batches_t **batches)
{
    ltw_session_batches_t *b = *batches;

    if (b == NULL) {
        return;
    }
    *batches = NULL;
    while (b->open != NULL) {
        batch_free(b->open);
    }
    ltw_timer_free(&b->retry);
    free(b);
}
