#include "tts/ltw_voice.h"

#include "lt_json.h"

#include <string.h>

/* "Available voices", Amazon Polly.  The first of a language is preferred.
   Neural and standard ones only: the others do not change their rate. */
static const ltw_voice_t rows[] = {
    { "ar", "Hala", "neural", "ar-AE" },
    { "ar", "Zayd", "neural", "ar-AE" },
    { "ar", "Zeina", "standard", "arb" },
    { "ca", "Arlet", "neural", "ca-ES" },
    { "da", "Sofie", "neural", "da-DK" },
    { "da", "Naja", "standard", "da-DK" },
    { "de", "Vicki", "neural", "de-DE" },
    { "de", "Daniel", "neural", "de-DE" },
    { "de", "Vicki", "standard", "de-DE" },
    { "en", "Joanna", "neural", "en-US" },
    { "en", "Matthew", "neural", "en-US" },
    { "en", "Joanna", "standard", "en-US" },
    { "es", "Lucia", "neural", "es-ES" },
    { "es", "Lupe", "neural", "es-US" },
    { "es", "Lucia", "standard", "es-ES" },
    { "fi", "Suvi", "neural", "fi-FI" },
    { "fr", "Lea", "neural", "fr-FR" },
    { "fr", "Remi", "neural", "fr-FR" },
    { "fr", "Lea", "standard", "fr-FR" },
    { "hi", "Kajal", "neural", "hi-IN" },
    { "it", "Bianca", "neural", "it-IT" },
    { "it", "Adriano", "neural", "it-IT" },
    { "it", "Bianca", "standard", "it-IT" },
    { "ja", "Takumi", "neural", "ja-JP" },
    { "ja", "Kazuha", "neural", "ja-JP" },
    { "ja", "Takumi", "standard", "ja-JP" },
    { "ko", "Seoyeon", "neural", "ko-KR" },
    { "ko", "Seoyeon", "standard", "ko-KR" },
    { "nl", "Laura", "neural", "nl-NL" },
    { "nl", "Lotte", "standard", "nl-NL" },
    { "no", "Ida", "neural", "nb-NO" },
    { "no", "Liv", "standard", "nb-NO" },
    { "pl", "Ola", "neural", "pl-PL" },
    { "pl", "Ewa", "standard", "pl-PL" },
    { "pt", "Camila", "neural", "pt-BR" },
    { "pt", "Ines", "neural", "pt-PT" },
    { "pt", "Camila", "standard", "pt-BR" },
    { "ru", "Tatyana", "standard", "ru-RU" },
    { "ru", "Maxim", "standard", "ru-RU" },
    { "sv", "Elin", "neural", "sv-SE" },
    { "sv", "Astrid", "standard", "sv-SE" },
    { "tr", "Burcu", "neural", "tr-TR" },
    { "tr", "Filiz", "standard", "tr-TR" },
    { "zh", "Zhiyu", "neural", "cmn-CN" },
    { "zh", "Zhiyu", "standard", "cmn-CN" },
};

#define ROWS_N (sizeof(rows) / sizeof(rows[0]))

_Static_assert(ROWS_N <= LTW_VOICES_MAX, "a row without a place");


const ltw_voice_t *
ltw_voice_find(const ltw_voices_t *voices, lt_str_t language)
{
    for (size_t i = 0; i < ROWS_N; i++) {
        if (lt_str_is(language, rows[i].language)
            && (!voices->is_known || voices->is_there[i]))
        {
            return &rows[i];
        }
    }
    return NULL;
}


ltw_price_t
ltw_voice_price(const ltw_voice_t *voice)
{
    return voice->engine[0] == 's' ? LTW_PRICE_polly_standard_character
                                   : LTW_PRICE_polly_neural_character;
}


static int
has_string(const lt_json_t *array, const char *text)
{
    lt_str_t s;

    for (size_t i = 0; i < lt_json_size(array); i++) {
        if (lt_json_at_string(array, i, &s) && lt_str_is(s, text)) {
            return 1;
        }
    }
    return 0;
}


static void
add_voice(ltw_voices_t *voices, const lt_json_t *voice)
{
    const lt_json_t *engines = lt_json_get(voice, "SupportedEngines");
    lt_str_t id;

    if (!lt_json_string(voice, "Id", &id)) {
        return;
    }
    for (size_t i = 0; i < ROWS_N; i++) {
        voices->is_there[i] |= lt_str_is(id, rows[i].voice)
            && has_string(engines, rows[i].engine);
    }
}


lt_result_t
ltw_voices_add(ltw_voices_t *voices, char next[LTW_VOICES_TOKEN_MAX],
    lt_str_t body)
{
    lt_result_t rc = LT_INVALID;
    const lt_json_t *list;
    lt_json_t *doc = NULL;
    lt_str_t token = { NULL, 0 };

    next[0] = '\0';
    if (lt_json_parse(&doc, body, body.len, NULL) != LT_OK) {
        return LT_INVALID;
    }
    list = lt_json_is_object(doc) ? lt_json_get(doc, "Voices") : NULL;
    if (lt_json_is_array(list)) {
        for (size_t i = 0; i < lt_json_size(list); i++) {
            add_voice(voices, lt_json_at(list, i));
        }
        if (lt_json_string(doc, "NextToken", &token)
            && token.len < LTW_VOICES_TOKEN_MAX)
        {
            memcpy(next, token.data, token.len);
            next[token.len] = '\0';
        }
        rc = LT_OK;
    }
    lt_json_free(&doc);
    return rc;
}
