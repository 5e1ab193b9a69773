#include "lt_session_id.h"

#include "lt_words.h"

#define NUMBER_FIRST 100
#define NUMBERS 900

/* Moves *i over the characters first..last, returns how many. */
static size_t
skip_range(lt_str_t id, size_t *i, char first, char last)
{
    size_t start = *i;

    while (*i < id.len && id.data[*i] >= first && id.data[*i] <= last) {
        (*i)++;
    }
    return *i - start;
}

static int
skip_word(lt_str_t id, size_t *i)
{
    return skip_range(id, i, 'a', 'z') > 0 && *i < id.len
           && id.data[(*i)++] == '-';
}

int
lt_session_id_is_valid(lt_str_t id)
{
    size_t i = 0;

    return id.len <= LT_SESSION_ID_MAX && skip_word(id, &i)
           && skip_word(id, &i) && skip_range(id, &i, '0', '9') == 3
           && i == id.len;
}

lt_result_t
lt_session_id_make(lt_out_t *out, const uint8_t random[8])
{
    uint64_t n = 0;

    for (size_t i = 0; i < 8; i++) {
        n = n << 8 | random[i];
    }

    lt_out_cstr(out, lt_adjectives[n % LT_WORDS_MAX]);
    n /= LT_WORDS_MAX;
    lt_out_cstr(out, "-");
    lt_out_cstr(out, lt_nouns[n % LT_WORDS_MAX]);
    n /= LT_WORDS_MAX;
    lt_out_cstr(out, "-");
    lt_out_u64(out, NUMBER_FIRST + n % NUMBERS);

    return lt_out_result(out);
}

uint64_t
lt_session_id_space(void)
{
    return (uint64_t)LT_WORDS_MAX * LT_WORDS_MAX * NUMBERS;
}
