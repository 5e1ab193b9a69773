/* Languages: which may be spoken, which may be heard, and their AWS names. */
#ifndef LT_LANGUAGE_H
#define LT_LANGUAGE_H

#include "lt_base.h"

/* ^[a-z]{2}$ */
int lt_language_is_code(lt_str_t code);
int lt_language_is_source(lt_str_t code);
int lt_language_is_target(lt_str_t code);

/* "en" -> "en-US": the code that Transcribe streaming takes; NULL unknown. */
const char *lt_language_transcribe(lt_str_t code);

/* Row i of the table, NULL past the end: for lists shown to people. */
const char *lt_language_at(size_t i);

/* The row of a code, for arrays of LT_LANGUAGES_MAX; -1 unknown. */
#define LT_LANGUAGES_MAX 32
int lt_language_index(lt_str_t code);

#endif
