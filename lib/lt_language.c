#include "lt_language.h"

#define SOURCE 0x1
#define TARGET 0x2
#define BOTH (SOURCE | TARGET)

typedef struct {
    const char *code;
    const char *transcribe;
    unsigned flags;
} language_t;

/* The ten of the apps' menus first, the rest by code. */
static const language_t languages[] = {
    {"en", "en-US", BOTH},
    {"es", "es-ES", BOTH},
    {"fr", "fr-FR", BOTH},
    {"de", "de-DE", BOTH},
    {"it", "it-IT", BOTH},
    {"pt", "pt-BR", BOTH},
    {"ja", "ja-JP", BOTH},
    {"ko", "ko-KR", BOTH},
    {"zh", "zh-CN", BOTH},
    {"ar", "ar-SA", BOTH},
    {"ca", "ca-ES", TARGET},
    {"da", "da-DK", BOTH},
    {"fi", "fi-FI", BOTH},
    {"hi", "hi-IN", BOTH},
    {"nl", "nl-NL", BOTH},
    {"no", "no-NO", BOTH},
    {"pl", "pl-PL", BOTH},
    {"ru", "ru-RU", BOTH},
    {"sv", "sv-SE", BOTH},
    {"tr", "tr-TR", BOTH}
};

#define LANGUAGES_N (sizeof(languages) / sizeof(languages[0]))

_Static_assert(LANGUAGES_N <= LT_LANGUAGES_MAX, "arrays by language");

static const language_t *
find(lt_str_t code)
{
    for (size_t i = 0; i < LANGUAGES_N; i++) {
        if (lt_str_is(code, languages[i].code)) {
            return &languages[i];
        }
    }
    return NULL;
}

int
lt_language_is_code(lt_str_t code)
{
    return code.len == 2 && code.data[0] >= 'a' && code.data[0] <= 'z'
           && code.data[1] >= 'a' && code.data[1] <= 'z';
}

int
lt_language_is_source(lt_str_t code)
{
    const language_t *language = find(code);

    return language != NULL && (language->flags & SOURCE) != 0;
}

int
lt_language_is_target(lt_str_t code)
{
    const language_t *language = find(code);

    return language != NULL && (language->flags & TARGET) != 0;
}

const char *
lt_language_transcribe(lt_str_t code)
{
    const language_t *language = find(code);

    return language == NULL ? NULL : language->transcribe;
}

const char *
lt_language_at(size_t i)
{
    return i < LANGUAGES_N ? languages[i].code : NULL;
}

int
lt_language_index(lt_str_t code)
{
    const language_t *language = find(code);

    return language == NULL ? -1 : (int) (language - languages);
}
