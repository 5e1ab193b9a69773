/*
 * Asks Polly at start and each hour which voices the region has, a minute later
 * again when that fails (log: voices_unknown); what was known before stays.
 */
#ifndef LTW_VOICE_WATCH_H
#define LTW_VOICE_WATCH_H

#include "ltw_services.h"
#include "tts/ltw_voice.h"

typedef struct ltw_voice_watch_s ltw_voice_watch_t;

ltw_voice_watch_t *ltw_voice_watch_new(const ltw_services_t *services);
void ltw_voice_watch_free(ltw_voice_watch_t **watch);

const ltw_voices_t *ltw_voice_watch_known(const ltw_voice_watch_t *watch);

#endif
