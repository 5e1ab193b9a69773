/*
 * AWS keys from text that somebody else has read: the shared credentials file
 * ("Configuration and credential file settings", AWS CLI guide).
 * Views point into the text.
 */
#ifndef LT_CREDENTIALS_H
#define LT_CREDENTIALS_H

#include "lt_sigv4.h"

/*
 * profile len 0 = "default".  LT_INVALID: no such profile, or a key is missing
 * or holds what no key holds; err says which, and never its value.
 * Sections "[name]" and "[profile name]"; '#' and ';' start comment lines.
 */
lt_result_t lt_credentials_parse(lt_aws_keys_t *keys, lt_str_t text,
    lt_str_t profile, lt_error_t *err);

#endif
