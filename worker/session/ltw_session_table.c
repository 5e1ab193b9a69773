#include "session/ltw_session_table.h"

#include <stdlib.h>

#include "asr/ltw_asr_admission.h"
#include "asr/ltw_asr_transcribe.h"
#include "ltw_log.h"
#include "mt/ltw_mt_translate.h"
#include "session/ltw_session.h"
#include "tts/ltw_tts_polly.h"

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
    ltw_session_table_t *table;
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

typedef struct row_s row_t;

struct row_s {
    ltw_session_table_t *table;
    ltw_session_t *session;
    row_t *next;                /* of its bucket */
};

#define RETRY_MS 1000
#define BUCKETS 1024            /* a power of 2 */

struct ltw_session_table_s {
    const ltw_services_t *services;
    ltw_session_rooms_t rooms;
    ltw_asr_engine_t *transcribe;       /* behind rooms.asr */
    row_t *buckets[BUCKETS];
    size_t n;
    open_batch_t *batches;
    batch_part_t *refused;      /* offered again by the timer */
    ltw_timer_t *retry;
    ltw_timer_t *drained;       /* says so on the loop */
    ltw_handler_t on_drained;
    void *drained_data;
};


/* ---- the engines ---- */

static void
rooms_free(ltw_session_rooms_t *rooms)
{
    ltw_publisher_free(&rooms->pipeline.publisher);
    ltw_store_free(&rooms->pipeline.store);
    ltw_tts_polly_free(&rooms->pipeline.tts);
    ltw_mt_translate_free(&rooms->pipeline.mt);
    ltw_asr_admission_free(&rooms->asr);
}


static int
rooms_make(ltw_session_rooms_t *rooms, const ltw_services_t *services,
    lt_error_t *err)
{
    rooms->policy = services->config->mode == LTW_MODE_LIVE
        ? &ltw_commit_live : &ltw_commit_window;
    rooms->pipeline.services = services;
    if (ltw_settings_read(&rooms->settings, services->config, err) != LT_OK
        || (services->config->price_list != NULL
            && ltw_price_list_read(&rooms->pipeline.prices,
                   services->config->price_list, err) != LT_OK))
    {
        return 0;
    }
    rooms->pipeline.publisher = ltw_publisher_new(services, err);
    if (rooms->asr == NULL || rooms->pipeline.publisher == NULL) {
        return 0;
    }
    lt_error_set(err, 0, "no memory for the engines");
    rooms->pipeline.mt = ltw_mt_translate_new(services);
    rooms->pipeline.tts = ltw_tts_polly_new(services);
    rooms->pipeline.store = ltw_store_new(services);
    return rooms->pipeline.mt != NULL && rooms->pipeline.tts != NULL
           && rooms->pipeline.store != NULL;
}


/* ---- sessions by id ---- */

static size_t
bucket_of(lt_str_t id)
{
    uint32_t hash = 2166136261u;                /* FNV-1a */

    for (size_t i = 0; i < id.len; i++) {
        hash = (hash ^ (uint8_t) id.data[i]) * 16777619u;
    }
    return hash & (BUCKETS - 1);
}


static int
is_same(lt_str_t a, lt_str_t b)
{
    return a.len == b.len && lt_crypto_is_equal(a.data, b.data, a.len);
}


static void
on_drained(void *data)
{
    ltw_session_table_t *table = data;

    table->on_drained(table->drained_data);
}


static void
on_session_over(void *data)
{
    row_t *row = data;
    ltw_session_table_t *table = row->table;
    row_t **at = &table->buckets[bucket_of(ltw_session_id(row->session))];

    while (*at != row) {
        at = &(*at)->next;
    }
    *at = row->next;
    ltw_session_free(&row->session);
    free(row);
    table->n--;
    ltw_gauge(table->services->metrics, sessions_live, table->n);
    if (table->n == 0 && table->on_drained != NULL) {
        ltw_timer_start(table->drained, 0);
    }
}


static void
on_waiting(void *data, const char *session_id, int64_t place)
{
    ltw_session_table_t *table = data;
    lt_str_t id = lt_str(session_id);
    row_t *row;

    for (row = table->buckets[bucket_of(id)]; row != NULL; row = row->next) {
        if (is_same(ltw_session_id(row->session), id)
            && !ltw_session_is_lost(row->session))
        {
            ltw_session_waits(row->session, place);
        }
    }
}


static ltw_session_t *
find_or_add(ltw_session_table_t *table, lt_str_t id)
{
    row_t **bucket = &table->buckets[bucket_of(id)];
    row_t *row;

    for (row = *bucket; row != NULL; row = row->next) {
        if (is_same(ltw_session_id(row->session), id)
            && !ltw_session_is_lost(row->session))
        {
            return row->session;
        }
    }
    if (table->n >= (size_t) table->services->config->sessions_max
        || table->on_drained != NULL)
    {
        return NULL;
    }
    row = calloc(1, sizeof(*row));
    if (row != NULL) {
        row->table = table;
        row->session = ltw_session_new(&table->rooms, id, on_session_over,
            row);
    }
    if (row == NULL || row->session == NULL) {
        free(row);
        return NULL;
    }
    row->next = *bucket;
    *bucket = row;
    table->n++;
    ltw_gauge(table->services->metrics, sessions_live, table->n);
    return row->session;
}


/* ---- batches ---- */

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
        ltw_int("done_ms", ltw_loop_now_ms(batch->table->services->loop)
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
batch_new(ltw_session_table_t *table, const ltw_batch_t *from)
{
    open_batch_t *batch = calloc(1, sizeof(*batch));

    if (batch == NULL) {
        return NULL;
    }
    batch->table = table;
    batch->from = from;
    batch->is_whole = !table->services->config->bisect_on_error;
    batch->began_at_ms = ltw_loop_now_ms(table->services->loop);
    batch->next = table->batches;
    batch->link = &table->batches;
    if (batch->next != NULL) {
        batch->next->link = &batch->next;
    }
    table->batches = batch;
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

    ltw_failures_add(batch->table->services->failures, &failed);
}


/* Offered as often as allowed. */
static void
fail(batch_part_t *part)
{
    open_batch_t *batch = part->batch;
    const ltw_services_t *services = batch->table->services;

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
        ltw_int("talks", (int64_t) batch->table->n),
        ltw_int("records", (int64_t) part->part.n));
    on_part_done(part);
}


/* 0: not taken, and to be offered again. */
static int
offer(batch_part_t *part)
{
    ltw_session_table_t *table = part->batch->table;
    ltw_session_t *session = find_or_add(table,
        part->part.records[0]->session_id);

    if (session != NULL) {
        ltw_session_add(session, &part->part);
        return 1;
    }
    if (table->on_drained != NULL) {
        return 0;               /* undone: whoever comes next reads it */
    }
    ltw_count(table->services->metrics, records_refused, part->part.n);
    if (part->part.tenure->state == LTW_TENURE_LOST) {
        on_part_done(part);     /* its new owner offers it */
        return 1;
    }
    if (part->tries++ < (unsigned)
            table->services->config->maximum_retry_attempts)
    {
        return 0;
    }
    fail(part);
    return 1;
}


static void
wait_for_retry(ltw_session_table_t *table, batch_part_t *part)
{
    batch_part_t **at = &table->refused;

    while (*at != NULL) {
        at = &(*at)->next;
    }
    part->next = NULL;
    *at = part;
    if (!ltw_timer_is_active(table->retry)) {
        ltw_timer_start(table->retry, RETRY_MS);
    }
}


static void
on_retry(void *data)
{
    ltw_session_table_t *table = data;
    batch_part_t *part, *next = table->refused;

    table->refused = NULL;
    while ((part = next) != NULL) {
        next = part->next;
        if (!offer(part)) {
            wait_for_retry(table, part);
        }
    }
}


/* Audio of the same talk waits: what comes later may not overtake it. */
static int
is_waited_for(const ltw_session_table_t *table, lt_str_t id)
{
    for (const batch_part_t *p = table->refused; p != NULL; p = p->next) {
        if (is_same(p->part.records[0]->session_id, id)) {
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
        if (!batch->is_taken[k] && is_same(from->records[k].session_id, id)) {
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
ltw_session_table_batch(ltw_session_table_t *table, const ltw_batch_t *from,
    ltw_batch_done_t done, void *done_data)
{
    open_batch_t *batch = batch_new(table, from);
    size_t given = 0, parts_n;

    if (batch == NULL) {
        ltw_log(LTW_ERROR, "batch_lost", ltw_cstr("shard", from->shard),
            ltw_cstr("reason", "no memory"));
        ltw_loop_post(table->services->loop, done, done_data);
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

        if (is_waited_for(table, part->part.records[0]->session_id)
            || !offer(part))
        {
            batch->refused_n++;
            wait_for_retry(table, part);
        }
    }
    if (--batch->open_n == 0) {
        batch_free(batch);
        ltw_loop_post(table->services->loop, done, done_data);
    }
}


/* ---- the table ---- */

ltw_session_table_t *
ltw_session_table_new(const ltw_services_t *services)
{
    ltw_session_table_t *table = calloc(1, sizeof(*table));
    lt_error_t err = { 0 };

    if (table == NULL) {
        return NULL;
    }
    table->services = services;
    table->drained = ltw_timer_new(services->loop, on_drained, table);
    table->retry = ltw_timer_new(services->loop, on_retry, table);
    table->transcribe = ltw_asr_transcribe_new(services, &err);
    if (table->transcribe != NULL) {
        table->rooms.asr = ltw_asr_admission_new(services, table->transcribe,
            on_waiting, table);
    }
    if (table->drained == NULL || table->retry == NULL
        || !rooms_make(&table->rooms, services, &err))
    {
        ltw_log(LTW_ERROR, "start_failed", ltw_cstr("message", err.text));
        ltw_session_table_free(&table);
    }
    return table;
}


void
ltw_session_table_drain(ltw_session_table_t *table, ltw_handler_t drained,
    void *data)
{
    table->on_drained = drained;
    table->drained_data = data;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (row_t *row = table->buckets[i]; row != NULL; row = row->next) {
            ltw_session_leave(row->session);
        }
    }
    if (table->n == 0) {
        ltw_timer_start(table->drained, 0);
    }
}


void
ltw_session_table_free(ltw_session_table_t **table)
{
    ltw_session_table_t *t = *table;
    row_t *row;

    if (t == NULL) {
        return;
    }
    *table = NULL;
    for (size_t i = 0; i < BUCKETS; i++) {
        while ((row = t->buckets[i]) != NULL) {
            t->buckets[i] = row->next;
            ltw_session_free(&row->session);
            free(row);
        }
    }
    while (t->batches != NULL) {
        batch_free(t->batches);
    }
    ltw_timer_free(&t->drained);
    ltw_timer_free(&t->retry);
    rooms_free(&t->rooms);
    ltw_asr_transcribe_free(&t->transcribe);
    free(t);
}
