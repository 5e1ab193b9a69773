/* Amazon Polly as a voice (ltw_tts.h). */
#ifndef LTW_TTS_POLLY_H
#define LTW_TTS_POLLY_H

#include "ltw_services.h"
#include "tts/ltw_tts.h"

ltw_tts_engine_t *ltw_tts_polly_new(const ltw_services_t *services);
void ltw_tts_polly_free(ltw_tts_engine_t **engine);     /* no call is open */

#endif
