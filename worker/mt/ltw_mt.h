/*
 * What a translator is to the rest of the worker: text in, text out, by a
 * deadline.
 *
 * A call is known by its pointer from translate() until its handler runs or
 * cancel() returns; then it is gone.  The handler never runs inside
 * translate() or cancel().
 */
#ifndef LTW_MT_H
#define LTW_MT_H

#include "lt_base.h"

#define LTW_MT_TEXT_MAX 9000        /* bytes; Translate takes 10,000 */

typedef struct {
    lt_str_t text;
    lt_str_t source;                /* two-letter codes, different ones */
    lt_str_t target;
    lt_str_t terminology;           /* its name; len 0: none */
    unsigned deadline_ms;           /* from now, retries included */
} ltw_mt_request_t;

/* text.data NULL: it failed, code says how.  Lives during the call only. */
typedef void (*ltw_mt_handler_t)(void *data, lt_str_t text, const char *code);

typedef struct ltw_mt_call_s ltw_mt_call_t;
typedef struct ltw_mt_engine_s ltw_mt_engine_t;

struct ltw_mt_engine_s {
    const char *name;
    /* NULL: too long, too many at once, or no memory; handler never runs. */
    ltw_mt_call_t *(*translate)(ltw_mt_engine_t *engine,
        const ltw_mt_request_t *request, ltw_mt_handler_t handler,
        void *data);
    void (*cancel)(ltw_mt_call_t **call);       /* *call may be NULL */
};

#endif
