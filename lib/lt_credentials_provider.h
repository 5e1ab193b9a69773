/*
 * The AWS keys of one process, gotten and kept fresh: a state machine without
 * I/O.  A driver does what it wants (read this file, send this request, come
 * back later) and tells what came of it.
 *
 * One thing at a time, so a refresh is never under way twice.  The keys at
 * hand are served meanwhile, until they expire; those of an instance for
 * longer, when IMDS has no newer ones.  A source that is configured and fails
 * is tried again for ever, with pauses of up to LT_CREDENTIALS_PAUSE_MAX_MS;
 * no other one is tried in its place.
 *
 * Memory: the caller's storage, which may be moved (copied over a fork) but
 * not used twice; views of _keys() and _want() live until the next call.
 * Times are Unix ms of this host's clock, uncorrected.
 */
#ifndef LT_CREDENTIALS_PROVIDER_H
#define LT_CREDENTIALS_PROVIDER_H

#include "lt_credentials.h"
#include "lt_credentials_source.h"

#define LT_CREDENTIALS_FILE_MAX 65536           /* of the CLI's files */
#define LT_CREDENTIALS_TOKEN_FILE_MAX 16384     /* of one with a token */
#define LT_CREDENTIALS_PAUSE_MAX_MS 30000
#define LT_CREDENTIALS_AHEAD_MS (15 * 60 * 1000)    /* refreshed before */
#define LT_CREDENTIALS_REFUSED_GAP_MS 5000      /* between two refusals */
/* The JavaScript SDK's 5 minutes, less what a whole second and the way here
   may hide: beyond five AWS refuses. */
#define LT_CREDENTIALS_SKEW_MIN_MS (4 * 60 * 1000)

typedef enum {
    LT_CREDENTIALS_WAIT,        /* nothing; ask again after wait_ms */
    LT_CREDENTIALS_READ,        /* the file at path */
    LT_CREDENTIALS_ASK          /* send the request */
} lt_credentials_need_t;

typedef struct {
    lt_credentials_need_t need;
    unsigned wait_ms;           /* at most a minute: clocks jump */
    const char *path;
    size_t max_bytes;           /* of the file */
    const char *method;         /* "GET", "PUT", "POST" */
    lt_str_t url;               /* terminated with NUL */
    lt_header_t headers[2];     /* names in lower case, terminated */
    size_t headers_n;
    lt_str_t body;
    unsigned timeout_ms;        /* of all of it */
} lt_credentials_want_t;

/* What an answer has led to. */
typedef enum {
    LT_CREDENTIALS_MORE,        /* there is a next want, to be met at once */
    LT_CREDENTIALS_TAKEN,       /* new keys, or the same anew */
    LT_CREDENTIALS_FAILED       /* cause says why; it will be tried again */
} lt_credentials_outcome_t;

typedef struct {
    const lt_credentials_settings_t *settings;
    lt_credentials_source_t source;     /* in use, or tried */
    char cause[200];            /* of the last failure; "" = none.  For people,
                                   and free of secrets */
    int has_changed;            /* the last keys taken were other ones */
    int64_t skew_ms;            /* AWS's clock minus ours: add it to sign */

    /* private */
    unsigned state;
    unsigned attempt;           /* failed ones in a row */
    int64_t due_ms;             /* state REST */
    int64_t refused_ms;
    lt_credentials_t keys;      /* access_key "" = none */
    char path[1024];
    char url[1024];
    char text[20480];           /* a token, a body */
    size_t text_len;
} lt_credentials_provider_t;

/*
 * Chooses the source.  LT_INVALID: none, or one is configured wrongly; err
 * says what lacks.  settings must outlive p.
 */
lt_result_t lt_credentials_start(lt_credentials_provider_t *p,
    const lt_credentials_settings_t *settings, lt_error_t *err);

/* 1: this source answers over HTTP only. */
static inline int
lt_credentials_needs_http(const lt_credentials_provider_t *p)
{
    return p->source == LT_CREDENTIALS_CONTAINER
           || p->source == LT_CREDENTIALS_WEB_IDENTITY
           || p->source == LT_CREDENTIALS_IMDS;
}

void lt_credentials_want(lt_credentials_provider_t *p,
    lt_credentials_want_t *want, int64_t now_ms);

/* random in [0,1).  text.data NULL: it could not be read, code is errno. */
lt_credentials_outcome_t lt_credentials_file(lt_credentials_provider_t *p,
    lt_str_t text, int code, int64_t now_ms, double random);

/* status 0: no answer in time, or a cut one.  body: as it came; what is too
   long is refused.  Its Date goes to lt_credentials_clock() before. */
typedef struct {
    int status;
    lt_str_t body;
} lt_credentials_reply_t;

lt_credentials_outcome_t lt_credentials_reply(lt_credentials_provider_t *p,
    const lt_credentials_reply_t *reply, int64_t now_ms, double random);

/* 1 and the keys to sign with now, or 0: there are none, or they expired. */
int lt_credentials_keys(const lt_credentials_provider_t *p,
    lt_aws_keys_t *keys, int64_t now_ms);
int lt_credentials_are_ready(const lt_credentials_provider_t *p,
    int64_t now_ms);

/* How long they will be good, or INT64_MAX: not known. */
int64_t lt_credentials_left_ms(const lt_credentials_provider_t *p,
    int64_t now_ms);

/* A service has refused the keys: 1 when they are fetched anew now (ask for
   the want), 0: that has begun lately, or cannot help. */
int lt_credentials_refused(lt_credentials_provider_t *p, int64_t now_ms);
int lt_credentials_is_busy(const lt_credentials_provider_t *p);

/* What a server's Date says (-1 = nothing) about our clock: 1 when skew_ms has
   changed by it. */
int lt_credentials_clock(lt_credentials_provider_t *p, int64_t date_ms,
    int64_t now_ms);

#endif
