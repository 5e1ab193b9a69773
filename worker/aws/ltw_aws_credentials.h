/*
 * The worker's AWS keys: lib/lt_credentials_provider.h on the loop.
 *
 * What it wants is read by libuv's threads and asked by libcurl, one thing at
 * a time; nothing waits for it but the calls that have no keys yet.
 */
#ifndef LTW_AWS_CREDENTIALS_H
#define LTW_AWS_CREDENTIALS_H

#include "edge/ltw_http.h"
#include "ltw_config.h"
#include "lt_sigv4.h"

typedef struct ltw_aws_credentials_s ltw_aws_credentials_t;

/* Whether there is a source at all, and its files have keys.  Blocking: at
   start only.  LT_INVALID: err says what lacks. */
lt_result_t ltw_aws_credentials_check(const ltw_config_t *config,
    lt_error_t *err);

/* The same, and then goes on by itself.  NULL: err says why.  Everything it is
   given must outlive it. */
ltw_aws_credentials_t *ltw_aws_credentials_new(ltw_loop_t *loop,
    ltw_http_t *http, ltw_metrics_t *metrics, const ltw_config_t *config,
    lt_error_t *err);
void ltw_aws_credentials_free(ltw_aws_credentials_t **credentials);

/* 1 and views that live until the next turn of the loop, or 0: none yet, or
   they have expired; cause says why, for people. */
int ltw_aws_credentials_keys(const ltw_aws_credentials_t *credentials,
    lt_aws_keys_t *keys);
const char *ltw_aws_credentials_cause(const ltw_aws_credentials_t *credentials);

/* How long they are good; INT64_MAX: not known, < 0: over. */
int64_t ltw_aws_credentials_left_ms(const ltw_aws_credentials_t *credentials);

/* AWS has refused them: they are fetched anew, unless that has just been
   tried; busy until that is done. */
void ltw_aws_credentials_refused(ltw_aws_credentials_t *credentials);
int ltw_aws_credentials_is_busy(const ltw_aws_credentials_t *credentials);

/* The time to sign with, and an AWS server's (-1: not said): 1 when that has
   changed the difference by enough to explain a refusal. */
int64_t ltw_aws_credentials_time_ms(const ltw_aws_credentials_t *credentials);
int ltw_aws_credentials_clock(ltw_aws_credentials_t *credentials,
    int64_t date_ms);

#endif
