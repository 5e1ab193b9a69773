/*
 * All talks of this worker, by session id, and the engines that they share.
 * Batches are ltw_session_batches.h's.  Limit: sessions_max talks.
 */
#ifndef LTW_SESSION_TABLE_H
#define LTW_SESSION_TABLE_H

#include "kinesis/ltw_batch.h"
#include "ltw_services.h"

typedef struct ltw_session_table_s ltw_session_table_t;

/* Makes the engines too: blocking (certificates), at start only.  NULL: the
   reason was logged. */
ltw_session_table_t *ltw_session_table_new(const ltw_services_t *services);

/* A ltw_batch_handler_t but for its first parameter's type. */
void ltw_session_table_batch(ltw_session_table_t *table,
    const ltw_batch_t *batch, ltw_batch_done_t done, void *done_data);

/* No batch comes any more: finish all talks' segments, then drained(). */
void ltw_session_table_drain(ltw_session_table_t *table,
    ltw_handler_t drained, void *data);

void ltw_session_table_free(ltw_session_table_t **table);

#endif
