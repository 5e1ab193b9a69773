/*
 * Where finished voices lie for listeners to fetch: S3, with presigned URLs.
 * Calls and handlers as in ltw_mt.h.
 */
#ifndef LTW_STORE_H
#define LTW_STORE_H

#include "ltw_services.h"

#define LTW_STORE_KEY_MAX 512
#define LTW_STORE_URL_MAX 8192      /* a session token is in it */

typedef struct ltw_store_s ltw_store_t;
typedef struct ltw_store_call_s ltw_store_call_t;

/* url.data NULL: it failed, code says how. */
typedef void (*ltw_store_handler_t)(void *data, lt_str_t url,
    const char *code);

ltw_store_t *ltw_store_new(const ltw_services_t *services);
void ltw_store_free(ltw_store_t **store);       /* no call is open */

/* key: unreserved characters and '/', no leading '/'.  The bytes are copied.
   NULL: too many at once, or no memory. */
ltw_store_call_t *ltw_store_put(ltw_store_t *store, lt_str_t key,
    lt_str_t mp3, unsigned deadline_ms, ltw_store_handler_t handler,
    void *data);
void ltw_store_cancel(ltw_store_call_t **call); /* *call may be NULL */

#endif
