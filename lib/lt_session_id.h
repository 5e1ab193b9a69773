/* Session ids: adjective-noun-NNN, ^[a-z]+-[a-z]+-[0-9]{3}$. */
#ifndef LT_SESSION_ID_H
#define LT_SESSION_ID_H

#include "lt_base.h"

#define LT_SESSION_ID_MAX 64    /* bytes accepted on input */

int lt_session_id_is_valid(lt_str_t id);

/* From 8 random bytes; NNN is 100..999.  Writes no terminator. */
lt_result_t lt_session_id_make(lt_out_t *out, const uint8_t random[8]);

/* How many ids exist: adjectives * nouns * 900, at least 10^7. */
uint64_t lt_session_id_space(void);

#endif
