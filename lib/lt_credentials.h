/*
 * AWS keys from text that somebody else has read: the shared credentials file
 * ("Configuration and credential file settings", AWS CLI guide).
 * Views point into the text.
 */
#ifndef LT_CREDENTIALS_H
#define LT_CREDENTIALS_H

#include "lt_sigv4.h"

/* LT_INVALID: no such profile, or it lacks a key; err says which. */
lt_result_t lt_credentials_parse(lt_aws_keys_t *keys, lt_str_t text,
    lt_str_t profile, lt_error_t *err);

#endif
