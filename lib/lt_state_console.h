/*
 * What the console of lt_console shows of Redis, in one script: talks, who
 * hears them and how late, workers and what they count.  It only reads, and
 * hands out no word that was spoken, no key and no connection.
 *
 * It visits keys by the sets that hold their names, so it sees one Redis, not
 * a cluster.
 * Limits: LT_STATE_CONSOLE_TALKS talks, LT_STATE_CONSOLE_WORKERS workers;
 * of more it says how many there are.
 */
#ifndef LT_STATE_CONSOLE_H
#define LT_STATE_CONSOLE_H

#include "lt_base.h"

#define LT_STATE_CONSOLE_TALKS 100
#define LT_STATE_CONSOLE_WORKERS 32
#define LT_STATE_CONSOLE_MAX (1024 * 1024)  /* bytes of the answer */

/* What a worker counts, as JSON: a string, kept for 10 s.
   "lt:worker:<stream>:<worker>" */
#define LT_STATE_FIGURES_S "10"
lt_result_t lt_state_figures_key(lt_out_t *out, lt_str_t stream,
    lt_str_t worker);

/* No KEYS.  ARGV stream, most talks, most workers -> JSON text
   {"talks":[{"id","source","status","created","updated","speaker":0|1,
   "paused":0|1,"languages":{code:listeners},"last":{code:{"segment",
   "captured","at","kind"}}}],"more_talks":n,
   "workers":[{"id","word","figures":{…}|null}],"more_workers":n}
   Times are Unix ms; an empty list may come as {}. */
const char *lt_state_console_script(void);

#endif
