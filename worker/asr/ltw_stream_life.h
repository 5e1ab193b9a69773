/*
 * How long a recogniser's stream may live: transcribe_stream_age (AWS ends a
 * session after some hours), and never longer than its keys sign for it.
 */
#ifndef LTW_STREAM_LIFE_H
#define LTW_STREAM_LIFE_H

#include "ltw_services.h"

#define LTW_STREAM_LIFE_MIN_MS 5000

/* From now; LTW_STREAM_LIFE_MIN_MS at least. */
int64_t ltw_stream_life_ms(const ltw_services_t *services);

/* A stream of that age would be replaced for its keys, but there are no
   better ones yet. */
int ltw_stream_lacks_keys(const ltw_services_t *services, int64_t age_ms);

#endif
