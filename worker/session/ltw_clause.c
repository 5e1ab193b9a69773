#include "session/ltw_clause.h"

#include <ctype.h>
#include <stddef.h>
#include <strings.h>

#define WORDS_MAX 12
#define WORDS_MAX_VERB_FINAL 16

static const char *const none[] = { NULL };

static const char *const opening_en[] = { "and", "but", "or", "so", "because",
    "that", "which", "who", "when", "where", "while", "if", "then", "than",
    "although", "though", "since", "until", "with", "without", "for", "from",
    "to", "in", "on", "at", "by", "about", "into", "after", "before", NULL };
static const char *const opening_es[] = { "y", "e", "o", "u", "pero", "que",
    "porque", "cuando", "donde", "si", "aunque", "como", "mientras", "con",
    "sin", "para", "por", "desde", "hasta", "en", "a", "sobre", NULL };
static const char *const opening_pt[] = { "e", "ou", "mas", "que", "porque",
    "quando", "onde", "se", "embora", "como", "enquanto", "com", "sem",
    "para", "por", "desde", "até", "em", "sobre", NULL };
static const char *const opening_fr[] = { "et", "ou", "mais", "que", "qui",
    "parce", "quand", "où", "si", "comme", "pendant", "avec", "sans", "pour",
    "par", "depuis", "dans", "sur", "à", "car", "donc", NULL };
static const char *const opening_it[] = { "e", "o", "ma", "che", "perché",
    "quando", "dove", "se", "come", "mentre", "con", "senza", "per", "da",
    "in", "su", "a", NULL };
static const char *const opening_de[] = { "und", "oder", "aber", "dass",
    "weil", "wenn", "als", "ob", "während", "obwohl", "denn", "sondern",
    "damit", "die", "der", "das", NULL };

static const char *const numbers_en[] = { "zero", "one", "two", "three",
    "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty",
    "seventy", "eighty", "ninety", "hundred", "thousand", "million",
    "billion", "point", "percent", NULL };

static const struct {
    const char *language;
    ltw_clause_rules_t rules;
} table[] = {
    { "en", { WORDS_MAX, 0, opening_en, numbers_en } },
    { "es", { WORDS_MAX, 0, opening_es, none } },
    { "pt", { WORDS_MAX, 0, opening_pt, none } },
    { "fr", { WORDS_MAX, 0, opening_fr, none } },
    { "it", { WORDS_MAX, 0, opening_it, none } },
    { "de", { WORDS_MAX_VERB_FINAL, 1, opening_de, none } },
    { "ja", { WORDS_MAX_VERB_FINAL, 0, none, none } },
    { "ko", { WORDS_MAX_VERB_FINAL, 0, none, none } },
    { "tr", { WORDS_MAX_VERB_FINAL, 0, none, none } },
    { "hi", { WORDS_MAX_VERB_FINAL, 0, none, none } },
    { "", { WORDS_MAX, 0, none, none } },
};

#define TABLE_N (sizeof(table) / sizeof(table[0]))


const ltw_clause_rules_t *
ltw_clause_rules(lt_str_t language)
{
    size_t i = 0;

    while (i < TABLE_N - 1 && !lt_str_is(language, table[i].language)) {
        i++;
    }
    return &table[i].rules;
}


static int
is_one_of(lt_str_t text, const char *const *list)
{
    for (; *list != NULL; list++) {
        lt_str_t word = lt_str(*list);

        if (word.len == text.len
            && strncasecmp(word.data, text.data, word.len) == 0)
        {
            return 1;
        }
    }
    return 0;
}


int
ltw_clause_ends_sentence(lt_str_t mark)
{
    static const char *const marks[] = { ".", "?", "!", "。", "？", "！", "؟",
        "।", NULL };

    return is_one_of(mark, marks);
}


int
ltw_clause_ends_clause(lt_str_t mark)
{
    static const char *const marks[] = { ",", ";", ":", "—", "–", "、", "，",
        "；", "：", "،", NULL };

    return is_one_of(mark, marks);
}


int
ltw_clause_opens(const ltw_clause_rules_t *rules, lt_str_t word)
{
    return is_one_of(word, rules->opening);
}


static int
is_number(const ltw_clause_rules_t *rules, lt_str_t word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (isdigit((unsigned char) word.data[i])) {
            return 1;
        }
    }
    return is_one_of(word, rules->numbers);
}


/* Letters outside ASCII do not tell: rather parted than awaited. */
static int
is_name(const ltw_clause_rules_t *rules, lt_str_t word)
{
    return !rules->has_capital_nouns && word.len > 1
        && isupper((unsigned char) word.data[0]);
}


int
ltw_clause_binds(const ltw_clause_rules_t *rules, lt_str_t word,
    lt_str_t next)
{
    if (is_number(rules, word) || is_number(rules, next)) {
        return 1;               /* "a hundred and | five", "25 | percent" */
    }
    return is_name(rules, word) && (next.len == 0 || is_name(rules, next));
}
