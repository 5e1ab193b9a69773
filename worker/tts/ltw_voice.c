#include "tts/ltw_voice.h"

static const ltw_voice_t voices[] = {
    { "ar", "Hala", "neural", "ar-AE" },
    { "ca", "Arlet", "neural", "ca-ES" },
    { "da", "Sofie", "neural", "da-DK" },
    { "de", "Vicki", "neural", "de-DE" },
    { "en", "Joanna", "neural", "en-US" },
    { "es", "Lucia", "neural", "es-ES" },
    { "fi", "Suvi", "neural", "fi-FI" },
    { "fr", "Lea", "neural", "fr-FR" },
    { "hi", "Kajal", "neural", "hi-IN" },
    { "it", "Bianca", "neural", "it-IT" },
    { "ja", "Takumi", "neural", "ja-JP" },
    { "ko", "Seoyeon", "neural", "ko-KR" },
    { "nl", "Laura", "neural", "nl-NL" },
    { "no", "Ida", "neural", "nb-NO" },
    { "pl", "Ola", "neural", "pl-PL" },
    { "pt", "Camila", "neural", "pt-BR" },
    { "ru", "Tatyana", "standard", "ru-RU" },
    { "sv", "Elin", "neural", "sv-SE" },
    { "tr", "Burcu", "neural", "tr-TR" },
    { "zh", "Zhiyu", "neural", "cmn-CN" },
};


const ltw_voice_t *
ltw_voice_find(lt_str_t language)
{
    for (size_t i = 0; i < sizeof(voices) / sizeof(voices[0]); i++) {
        if (lt_str_is(language, voices[i].language)) {
            return &voices[i];
        }
    }
    return NULL;
}
