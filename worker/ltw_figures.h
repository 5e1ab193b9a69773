/*
 * What this worker counts, for the console of nginx: the JSON of the status
 * page, put into Redis every LTW_FIGURES_MS (lib/lt_state_console.h).  Nobody
 * needs a way to the worker to see it.
 * Limits: LTW_FIGURES_MAX bytes; kept 10 s.
 */
#ifndef LTW_FIGURES_H
#define LTW_FIGURES_H

#include "ltw_services.h"

#define LTW_FIGURES_MS 2000
#define LTW_FIGURES_MAX (64 * 1024)

typedef struct ltw_figures_s ltw_figures_t;

/* worker: its name in the fleet; outlives the figures, as services does.
   refresh runs before each time: to bring gauges up to date.  NULL: no
   memory. */
ltw_figures_t *ltw_figures_new(const ltw_services_t *services,
    const char *worker, ltw_handler_t refresh, void *data);
void ltw_figures_free(ltw_figures_t **figures);

#endif
