/*
 * AWS keys from text that somebody else has read: the files of the AWS CLI
 * ("Configuration and credential file settings", AWS CLI guide) and what
 * STS, container agents and the instance metadata service answer.
 *
 * Not here: which of them is asked, and when (lt_credentials_provider.h).
 */
#ifndef LT_CREDENTIALS_H
#define LT_CREDENTIALS_H

#include "lt_sigv4.h"

#define LT_CREDENTIALS_KEY_MAX 128
#define LT_CREDENTIALS_TOKEN_MAX 4096       /* of a session */
#define LT_CREDENTIALS_ANSWER_MAX 16384     /* bytes of an answer */

/* Keys in storage of their own. */
typedef struct {
    char access_key[LT_CREDENTIALS_KEY_MAX + 1];
    char secret_key[LT_CREDENTIALS_KEY_MAX + 1];
    char session_token[LT_CREDENTIALS_TOKEN_MAX + 1];
    int64_t expires_ms;                     /* Unix; 0 = not said */
} lt_credentials_t;

lt_aws_keys_t lt_credentials_view(const lt_credentials_t *c);

/*
 * Copies, or says which of the three is missing, too long, or holds what no
 * key holds; err names it, and never its value.  On LT_INVALID *c is unchanged.
 */
lt_result_t lt_credentials_copy(lt_credentials_t *c, const lt_aws_keys_t *keys,
    int64_t expires_ms, lt_error_t *err);

/* Overwrites all of it. */
void lt_credentials_wipe(lt_credentials_t *c);

/* What a profile says.  Views into the text, not checked. */
typedef struct {
    int is_there;
    int has_keys;               /* one of the two at least */
    lt_aws_keys_t keys;
    const char *other;          /* the name of a setting that leads to keys in
                                   a way that is not followed, or NULL */
} lt_credentials_profile_t;

/*
 * profile len 0 = "default".  Sections "[name]" and "[profile name]"; '#' and
 * ';' start comment lines.
 */
void lt_credentials_profile(lt_credentials_profile_t *out, lt_str_t text,
    lt_str_t profile);

/*
 * The same with keys that must be there and good.  LT_INVALID: no such
 * profile, or a key is missing or holds what no key holds; err says which.
 */
lt_result_t lt_credentials_parse(lt_aws_keys_t *keys, lt_str_t text,
    lt_str_t profile, lt_error_t *err);

/* AssumeRoleWithWebIdentity's XML (STS API reference, version 2011-06-15). */
lt_result_t lt_credentials_read_sts(lt_credentials_t *c, lt_str_t body,
    lt_error_t *err);

/* The JSON of container agents and of IMDS: AccessKeyId, SecretAccessKey,
   Token, Expiration.  IMDS says in Code whether it is that at all. */
lt_result_t lt_credentials_read_json(lt_credentials_t *c, lt_str_t body,
    lt_error_t *err);

/* "2026-11-23T19:08:23Z", with or without a fraction; LT_INVALID: no such
   time. */
lt_result_t lt_credentials_time(int64_t *unix_ms, lt_str_t text);

#endif
