/* Which voice speaks a language: Amazon Polly, "Available voices". */
#ifndef LTW_VOICE_H
#define LTW_VOICE_H

#include "lt_base.h"

typedef struct {
    const char *language;       /* "es" */
    const char *voice;          /* VoiceId */
    const char *engine;         /* "neural", or "standard" where that is all */
    const char *locale;         /* LanguageCode */
} ltw_voice_t;

const ltw_voice_t *ltw_voice_find(lt_str_t language);   /* NULL: none */

#endif
