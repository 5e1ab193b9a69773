/* The words of session ids: plain, friendly, lower case, 3 to 10 letters, easy
   to say and to spell over a phone; no word is in both lists. */
#ifndef LT_WORDS_H
#define LT_WORDS_H

#define LT_WORDS_MAX 128

extern const char *const lt_adjectives[LT_WORDS_MAX];
extern const char *const lt_nouns[LT_WORDS_MAX];

#endif
