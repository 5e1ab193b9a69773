/*
 * SIGHUP: the configuration is read again, and what can change without a
 * restart is taken over; everybody reads these settings when they need them.
 * A file with a mistake changes nothing.  Blocking, for the time of reading
 * some small files, as nginx' own reload.
 */
#ifndef LTW_RELOAD_H
#define LTW_RELOAD_H

#include "ltw_config.h"

#define LTW_RELOAD_NAMES_MAX 512

typedef struct {
    char taken[LTW_RELOAD_NAMES_MAX];   /* names of what changed, with spaces */
    char pinned[LTW_RELOAD_NAMES_MAX];  /* of what needs a restart */
} ltw_reload_t;

/* LT_INVALID: as ltw_config_read(), and *config is as it was. */
lt_result_t ltw_reload(ltw_config_t *config, const char *path,
    ltw_reload_t *reload, lt_error_t *err);

#endif
