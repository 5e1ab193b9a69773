#include "session/ltw_session_table.h"

#include <stdlib.h>

#include "asr/ltw_asr_admission.h"
#include "asr/ltw_asr_transcribe.h"
#include "ltw_log.h"
#include "mt/ltw_mt_translate.h"
#include "session/ltw_session.h"
#include "session/ltw_session_batches.h"
#include "tts/ltw_tts_polly.h"

typedef struct row_s row_t;

struct row_s {
    ltw_session_table_t *table;
    ltw_session_t *session;
    row_t *next;                /* of its bucket */
};

#define BUCKETS 1024            /* a power of 2 */

struct ltw_session_table_s {
    const ltw_services_t *services;
    ltw_session_rooms_t rooms;
    ltw_asr_engine_t *transcribe;       /* behind rooms.asr */
    row_t *buckets[BUCKETS];
    size_t n;
    ltw_session_batches_t *batches;
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
        if (lt_str_equal(ltw_session_id(row->session), id)
            && !ltw_session_is_lost(row->session))
        {
            ltw_session_waits(row->session, place);
        }
    }
}


static ltw_session_t *
find_or_add(void *data, lt_str_t id)
{
    ltw_session_table_t *table = data;
    row_t **bucket = &table->buckets[bucket_of(id)];
    row_t *row;

    for (row = *bucket; row != NULL; row = row->next) {
        if (lt_str_equal(ltw_session_id(row->session), id)
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
    table->batches = ltw_session_batches_new(services, find_or_add, table);
    table->transcribe = ltw_asr_transcribe_new(services, &err);
    if (table->transcribe != NULL) {
        table->rooms.asr = ltw_asr_admission_new(services, table->transcribe,
            on_waiting, table);
    }
    if (table->drained == NULL || table->batches == NULL
        || !rooms_make(&table->rooms, services, &err))
    {
        ltw_log(LTW_ERROR, "start_failed", ltw_cstr("message", err.text));
        ltw_session_table_free(&table);
    }
    return table;
}


void
ltw_session_table_batch(ltw_session_table_t *table, const ltw_batch_t *batch,
    ltw_batch_done_t done, void *done_data)
{
    ltw_session_batches_take(table->batches, batch, done, done_data);
}


void
ltw_session_table_drain(ltw_session_table_t *table, ltw_handler_t drained,
    void *data)
{
    ltw_session_batches_leave(table->batches);
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
    ltw_session_batches_free(&t->batches);
    ltw_timer_free(&t->drained);
    rooms_free(&t->rooms);
    ltw_asr_transcribe_free(&t->transcribe);
    free(t);
}
