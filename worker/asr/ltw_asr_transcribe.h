/* Amazon Transcribe streaming over HTTP/2 as a recogniser (ltw_asr.h). */
#ifndef LTW_ASR_TRANSCRIBE_H
#define LTW_ASR_TRANSCRIBE_H

#include "asr/ltw_asr.h"
#include "ltw_services.h"

/* Reads the certificates: blocking, at start only.  services must outlive
   it.  NULL: err says why. */
ltw_asr_engine_t *ltw_asr_transcribe_new(const ltw_services_t *services,
    lt_error_t *err);
/* No stream of it is open any more. */
void ltw_asr_transcribe_free(ltw_asr_engine_t **engine);

#endif
