/*
 * Batches under way: each talk gets its records of a batch, which is done when
 * all of its talks are through with it.  What no talk takes is offered again
 * each second, maximum_retry_attempts times, then set aside (on_failure).
 */
#ifndef LTW_SESSION_BATCHES_H
#define LTW_SESSION_BATCHES_H

#include "kinesis/ltw_batch.h"
#include "ltw_services.h"
#include "session/ltw_session.h"

typedef struct ltw_session_batches_s ltw_session_batches_t;

/* The talk of that id, or a new one; NULL: none can be taken now. */
typedef ltw_session_t *(*ltw_session_find_t)(void *data, lt_str_t id);

/* NULL: no memory. */
ltw_session_batches_t *ltw_session_batches_new(const ltw_services_t *services,
    ltw_session_find_t find, void *data);

/* A ltw_batch_handler_t but for its first parameter's type. */
void ltw_session_batches_take(ltw_session_batches_t *batches,
    const ltw_batch_t *from, ltw_batch_done_t done, void *done_data);

/* The worker leaves: what no talk has taken is left undone, for who comes
   next. */
void ltw_session_batches_leave(ltw_session_batches_t *batches);

/* After the talks; no batch is called done any more. */
void ltw_session_batches_free(ltw_session_batches_t **batches);

#endif
