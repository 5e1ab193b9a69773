/*
 * Where a sentence may be parted: what the words themselves say, by the
 * language that is spoken.  Pure.
 *
 * "Phrase break prediction" by punctuation and function words; measured
 * figures and the reasons are in docs/live-mode.md.
 */
#ifndef LTW_CLAUSE_H
#define LTW_CLAUSE_H

#include "lt_base.h"

typedef struct {
    unsigned words_max;         /* more are not awaited: verb-final languages
                                   need more of them */
    uint8_t has_capital_nouns;  /* a capital letter makes no name */
    const char *const *opening; /* words that open a clause; NULL-ended */
    const char *const *numbers; /* words that are part of a number */
} ltw_clause_rules_t;

/* Never NULL: languages without rules of their own have the general ones. */
const ltw_clause_rules_t *ltw_clause_rules(lt_str_t language);

int ltw_clause_ends_sentence(lt_str_t mark);    /* . ? ! and their like */
int ltw_clause_ends_clause(lt_str_t mark);      /* , ; : and their like */
int ltw_clause_opens(const ltw_clause_rules_t *rules, lt_str_t word);

/* These two words, one after the other, belong together: a number, a name.
   After the last known word next is empty: could it go on? */
int ltw_clause_binds(const ltw_clause_rules_t *rules, lt_str_t word,
    lt_str_t next);

#endif
