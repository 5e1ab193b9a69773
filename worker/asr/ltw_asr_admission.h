/*
 * A recogniser behind the account's quota: an engine around another one.  A
 * stream of it is opened at once, takes no audio (LT_NOSPACE) until the fleet
 * has a place for it (lib/lt_state_quota.h), then is a stream of the other.
 *
 * Settings: transcribe_streams_max, transcribe_starts_max.  A place is asked
 * for once a second, kept by asking each 5 s, given back with the stream, and
 * at once when AWS throttles.  It is a line's (ltw_asr_options_t, place): a
 * second stream beside the first shares it, and over the account's quota that
 * one may be refused; a stream that broke leaves it for 20 s to the one that
 * comes after it.  Redis does not answer: who has a place keeps it, who waits
 * goes on waiting.
 */
#ifndef LTW_ASR_ADMISSION_H
#define LTW_ASR_ADMISSION_H

#include "asr/ltw_asr.h"
#include "ltw_services.h"

/* A talk waits, at that place in the line (from 1); again when it changes. */
typedef void (*ltw_asr_waiting_t)(void *data, const char *session_id,
    int64_t place);

/* Takes the other engine's streams, not the engine.  NULL: no memory. */
ltw_asr_engine_t *ltw_asr_admission_new(const ltw_services_t *services,
    ltw_asr_engine_t *inner, ltw_asr_waiting_t waiting, void *data);
void ltw_asr_admission_free(ltw_asr_engine_t **engine);

#endif
