/*
 * From a name and a port to a connected TCP socket: looks the name up, tries
 * its addresses in turn.  Not here: a time limit (the caller's), TLS.
 */
#ifndef LTW_DIAL_H
#define LTW_DIAL_H

#include "edge/ltw_loop.h"

typedef struct ltw_dial_s ltw_dial_t;

/* fd >= 0: connected, without delay and kept alive, the caller's from now on.
   -1: no address answered; err says what the last one did.  Runs on the loop,
   once; the dial is over when it runs: do not cancel it. */
typedef void (*ltw_dial_handler_t)(void *data, int fd,
    const lt_error_t *err);

ltw_dial_t *ltw_dial_start(ltw_loop_t *loop, const char *host, uint16_t port,
    ltw_dial_handler_t handler, void *data);            /* NULL: no memory */
void ltw_dial_cancel(ltw_dial_t **dial);

/* The name is known; connecting. */
int ltw_dial_is_connecting(const ltw_dial_t *dial);

#endif
