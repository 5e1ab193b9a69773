#include "lt_credentials_provider.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lt_aws.h"
#include "lt_credentials_request.h"

#define MINUTE_MS 60000
#define REST_MAX_MS MINUTE_MS
#define FILE_AGAIN_MS (5 * MINUTE_MS)
#define NO_EXPIRY_AGAIN_MS (15 * MINUTE_MS)     /* as aws-c-auth has it */
#define STS_LIFE_MS (15 * MINUTE_MS)            /* when it does not say */
#define REFRESH_MIN_MS 1000
#define PAUSE_MIN_MS 1000
#define STRETCH_MIN_MS (2 * MINUTE_MS)          /* and up to 10 minutes */
#define STRETCH_MAX_MS (10 * MINUTE_MS)

typedef lt_credentials_provider_t provider_t;

typedef enum {
    REST = 0,                   /* until due_ms */
    READ_KEYS,                  /* the credentials file */
    READ_CONFIG,                /* the config file, if that had none */
    READ_TOKEN,                 /* web identity's, or the agent's */
    ASK_STS,
    ASK_CONTAINER,
    ASK_IMDS_TOKEN,
    ASK_IMDS_ROLE,
    ASK_IMDS_KEYS,
    STATES_N
} state_t;

typedef struct {
    lt_credentials_need_t need;
    const char *method;
    const char *header;         /* that carries text */
    unsigned timeout_ms;
    const char *who;            /* for people */
    const char *silence;        /* what may lie behind no answer */
} state_row_t;

static const state_row_t rows[STATES_N] = {
    [REST] = {.need = LT_CREDENTIALS_WAIT},
    [READ_KEYS] = {.need = LT_CREDENTIALS_READ},
    [READ_CONFIG] = {.need = LT_CREDENTIALS_READ},
    [READ_TOKEN] = {.need = LT_CREDENTIALS_READ},
    [ASK_STS] = {LT_CREDENTIALS_ASK, "POST", NULL, 5000, "STS",
        "is there a way to it?"},
    [ASK_CONTAINER] = {LT_CREDENTIALS_ASK, "GET", "authorization", 2000,
        "the container's agent", "does it run?"},
    [ASK_IMDS_TOKEN] = {LT_CREDENTIALS_ASK, "PUT", NULL, 1000, "IMDS",
        "in a container its hop limit must be 2"},
    [ASK_IMDS_ROLE] = {LT_CREDENTIALS_ASK, "GET", "x-aws-ec2-metadata-token",
        1000, "IMDS", "is it overloaded?"},
    [ASK_IMDS_KEYS] = {LT_CREDENTIALS_ASK, "GET", "x-aws-ec2-metadata-token",
        1000, "IMDS", "is it overloaded?"},
};

/* ---- the keys at hand ---- */

static int
has_keys(const provider_t *p)
{
    return p->keys.access_key[0] != '\0';
}

int
lt_credentials_are_ready(const provider_t *p, int64_t now_ms)
{
    return has_keys(p) && lt_credentials_left_ms(p, now_ms) > 0;
}

int
lt_credentials_keys(const provider_t *p, lt_aws_keys_t *keys, int64_t now_ms)
{
    if (!lt_credentials_are_ready(p, now_ms)) {
        memset(keys, 0, sizeof(*keys));
        return 0;
    }
    *keys = lt_credentials_view(&p->keys);
    return 1;
}

int64_t
lt_credentials_left_ms(const provider_t *p, int64_t now_ms)
{
    return p->keys.expires_ms == 0
               ? INT64_MAX
               : p->keys.expires_ms - (now_ms + p->skew_ms);
}

int
lt_credentials_clock(provider_t *p, int64_t date_ms, int64_t now_ms)
{
    int64_t skew_ms = date_ms - now_ms;
    int64_t change_ms = skew_ms - p->skew_ms;

    if (date_ms < 0
        || (change_ms < LT_CREDENTIALS_SKEW_MIN_MS
            && change_ms > -LT_CREDENTIALS_SKEW_MIN_MS)) {
        return 0;
    }
    /* a clock that is right again needs no offset of some seconds */
    p->skew_ms = skew_ms < LT_CREDENTIALS_SKEW_MIN_MS
                         && skew_ms > -LT_CREDENTIALS_SKEW_MIN_MS
                     ? 0
                     : skew_ms;
    return 1;
}

/* ---- outcomes ---- */

static void
rest(provider_t *p, int64_t due_ms)
{
    explicit_bzero(p->text, sizeof(p->text));
    p->text_len = 0;
    p->state = REST;
    p->due_ms = due_ms;
}

/* An instance's keys are used on while IMDS has no newer ones: AWS accepts
   them, or says that they have expired. */
static int64_t
stretch(provider_t *p, int64_t now_ms, double random)
{
    int64_t more_ms = STRETCH_MIN_MS
                      + (int64_t)(random * (STRETCH_MAX_MS - STRETCH_MIN_MS));

    p->keys.expires_ms = now_ms + p->skew_ms + LT_CREDENTIALS_AHEAD_MS
                         + more_ms;
    return now_ms + more_ms;
}

static lt_credentials_outcome_t
fail(provider_t *p, const lt_error_t *why, int64_t now_ms, double random)
{
    int64_t pause_ms = PAUSE_MIN_MS;

    for (unsigned n = 0;
         n < p->attempt && pause_ms < LT_CREDENTIALS_PAUSE_MAX_MS; n++) {
        pause_ms *= 2;
    }
    if (pause_ms > LT_CREDENTIALS_PAUSE_MAX_MS) {
        pause_ms = LT_CREDENTIALS_PAUSE_MAX_MS;
    }
    p->attempt++;

    memcpy(p->cause, why->text, sizeof(p->cause));
    if (p->source == LT_CREDENTIALS_IMDS && has_keys(p)
        && lt_credentials_left_ms(p, now_ms) <= MINUTE_MS) {
        (void)stretch(p, now_ms, random);
    }
    rest(p, now_ms + (int64_t)((double)pause_ms * (0.5 + random / 2)));
    return LT_CREDENTIALS_FAILED;
}

/* When keys with an end are fetched anew: 15 minutes before it, or at half
   of a short life; not in all processes at once. */
static int64_t
refresh_at(const provider_t *p, int64_t now_ms, double random)
{
    int64_t life_ms = lt_credentials_left_ms(p, now_ms), ahead_ms, spread_ms;

    ahead_ms = life_ms / 2 < LT_CREDENTIALS_AHEAD_MS ? life_ms / 2
                                                     : LT_CREDENTIALS_AHEAD_MS;
    spread_ms = life_ms / 10 < MINUTE_MS ? life_ms / 10 : MINUTE_MS;
    life_ms -= ahead_ms + (int64_t)((double)spread_ms * random);
    return now_ms + (life_ms < REFRESH_MIN_MS ? REFRESH_MIN_MS : life_ms);
}

static lt_credentials_outcome_t
take(provider_t *p, lt_credentials_t *fresh, int64_t now_ms, double random)
{
    lt_error_t why;
    int64_t due_ms;
    int64_t left_ms = fresh->expires_ms - (now_ms + p->skew_ms);

    if (fresh->expires_ms == 0 && p->source == LT_CREDENTIALS_WEB_IDENTITY) {
        fresh->expires_ms = now_ms + p->skew_ms + STS_LIFE_MS;
        left_ms = STS_LIFE_MS;
    }
    if (fresh->expires_ms != 0 && left_ms <= 0
        && p->source != LT_CREDENTIALS_IMDS) {
        lt_error_set(&why, 0, "%s: the keys had expired when they came",
            lt_credentials_source_name(p->source));
        lt_credentials_wipe(fresh);
        return fail(p, &why, now_ms, random);
    }

    p->has_changed = memcmp(&p->keys, fresh, offsetof(lt_credentials_t,
                                                 expires_ms)) != 0;
    p->keys = *fresh;
    lt_credentials_wipe(fresh);
    p->attempt = 0;
    p->cause[0] = '\0';
    if (p->source == LT_CREDENTIALS_ENV) {
        due_ms = INT64_MAX;
    } else if (p->source == LT_CREDENTIALS_FILE) {
        due_ms = now_ms + FILE_AGAIN_MS;
    } else if (p->keys.expires_ms == 0) {
        due_ms = now_ms + NO_EXPIRY_AGAIN_MS;
    } else if (p->source == LT_CREDENTIALS_IMDS
               && left_ms < LT_CREDENTIALS_AHEAD_MS) {
        due_ms = stretch(p, now_ms, random);
    } else {
        due_ms = refresh_at(p, now_ms, random);
    }
    rest(p, due_ms);
    return LT_CREDENTIALS_TAKEN;
}

/* ---- what comes next ---- */

static lt_result_t
read_token(provider_t *p, lt_str_t path)
{
    lt_out_t out;

    p->state = READ_TOKEN;
    lt_out_init(&out, p->path, sizeof(p->path));
    lt_out_str(&out, path);
    lt_out_bytes(&out, "", 1);
    return lt_out_result(&out);
}

static lt_result_t
use_header(provider_t *p, lt_str_t value, const char *what, lt_error_t *err)
{
    if (lt_credentials_check_header(value, what, err) != LT_OK) {
        return LT_INVALID;
    }
    memcpy(p->text, value.data, value.len);
    p->text_len = value.len;
    return LT_OK;
}

/* The first step of a refresh.  LT_INVALID: it cannot be done. */
static lt_result_t
enter(provider_t *p, lt_error_t *err)
{
    const lt_credentials_env_t *env = &p->settings->env;
    lt_out_t out;

    lt_out_init(&out, p->url, sizeof(p->url));
    if (lt_credentials_needs_http(p)
        && lt_credentials_url(&out, p->settings, p->source, err) != LT_OK) {
        return LT_INVALID;
    }
    lt_error_set(err, 0, "the path of a file is too long");
    switch (p->source) {
    case LT_CREDENTIALS_FILE:
        lt_out_init(&out, p->path, sizeof(p->path));
        p->state = READ_KEYS;
        return lt_credentials_file_path(&out, p->settings);
    case LT_CREDENTIALS_WEB_IDENTITY:
        return read_token(p, env->web_token_file);
    case LT_CREDENTIALS_CONTAINER:
        if (env->container_token_file.len != 0) {
            return read_token(p, env->container_token_file);
        }
        p->state = ASK_CONTAINER;
        return env->container_token.len == 0
                   ? LT_OK
                   : use_header(p, env->container_token,
                         "AWS_CONTAINER_AUTHORIZATION_TOKEN", err);
    case LT_CREDENTIALS_IMDS:
        p->state = ASK_IMDS_TOKEN;
        return LT_OK;
    default:
        return LT_OK;
    }
}

static lt_credentials_outcome_t
go_on(provider_t *p, lt_result_t rc, const lt_error_t *err, int64_t now_ms,
    double random)
{
    return rc == LT_OK ? LT_CREDENTIALS_MORE : fail(p, err, now_ms, random);
}

static lt_result_t
take_env(provider_t *p, lt_error_t *err)
{
    const lt_credentials_env_t *env = &p->settings->env;
    lt_aws_keys_t keys = {env->access_key, env->secret_key,
        env->session_token};

    p->due_ms = INT64_MAX;
    return lt_credentials_copy(&p->keys, &keys, 0, err);
}

lt_result_t
lt_credentials_start(provider_t *p, const lt_credentials_settings_t *settings,
    lt_error_t *err)
{
    memset(p, 0, sizeof(*p));
    p->settings = settings;
    if (lt_credentials_choose(&p->source, settings, LT_CREDENTIALS_AUTO, err)
        != LT_OK) {
        return LT_INVALID;
    }
    return p->source == LT_CREDENTIALS_ENV ? take_env(p, err) : enter(p, err);
}

int
lt_credentials_is_busy(const provider_t *p)
{
    return p->state != REST;
}

int
lt_credentials_refused(provider_t *p, int64_t now_ms)
{
    static const char stale[] = "AWS refuses the environment's keys, and they "
                                "can only be changed by a restart";

    if (p->source == LT_CREDENTIALS_ENV) {
        memcpy(p->cause, stale, sizeof(stale));
        return 0;
    }
    if (p->state != REST || p->attempt != 0
        || (now_ms >= p->refused_ms
            && now_ms - p->refused_ms < LT_CREDENTIALS_REFUSED_GAP_MS)) {
        return 0;
    }
    p->refused_ms = now_ms;
    p->due_ms = now_ms;
    return 1;
}

/* ---- wants ---- */

static void
want_rest(provider_t *p, lt_credentials_want_t *want, int64_t now_ms)
{
    int64_t left_ms = p->due_ms - now_ms;

    /* the clock was set back: a pause is never longer than it was meant */
    if (p->attempt != 0 && left_ms > LT_CREDENTIALS_PAUSE_MAX_MS) {
        p->due_ms = now_ms + LT_CREDENTIALS_PAUSE_MAX_MS;
        left_ms = LT_CREDENTIALS_PAUSE_MAX_MS;
    }
    want->wait_ms = left_ms < REST_MAX_MS ? (unsigned)left_ms : REST_MAX_MS;
}

static void
want_request(provider_t *p, lt_credentials_want_t *want)
{
    const state_row_t *row = &rows[p->state];
    lt_str_t text = {p->text, p->text_len};

    want->method = row->method;
    want->url = lt_str(p->url);
    want->timeout_ms = row->timeout_ms;
    if (p->state == ASK_STS) {
        want->headers[want->headers_n++] = (lt_header_t){
            LT_STR("content-type"),
            LT_STR("application/x-www-form-urlencoded")};
        want->body = text;
    } else if (p->state == ASK_IMDS_TOKEN) {
        want->headers[want->headers_n++] = (lt_header_t){
            LT_STR("x-aws-ec2-metadata-token-ttl-seconds"), LT_STR("21600")};
    } else if (text.len != 0) {
        want->headers[want->headers_n++] =
            (lt_header_t){lt_str(row->header), text};
    }
    if (p->source != LT_CREDENTIALS_IMDS && p->state != ASK_STS) {
        want->headers[want->headers_n++] = (lt_header_t){LT_STR("accept"),
            LT_STR("application/json")};
    }
}

void
lt_credentials_want(provider_t *p, lt_credentials_want_t *want, int64_t now_ms)
{
    lt_error_t err;

    if (p->state == REST && now_ms >= p->due_ms && enter(p, &err) != LT_OK) {
        (void)fail(p, &err, now_ms, 1);
    }

    memset(want, 0, sizeof(*want));
    want->need = rows[p->state].need;
    if (want->need == LT_CREDENTIALS_WAIT) {
        want_rest(p, want, now_ms);
    } else if (want->need == LT_CREDENTIALS_READ) {
        want->path = p->path;
        want->max_bytes = p->state == READ_TOKEN
                              ? LT_CREDENTIALS_TOKEN_FILE_MAX
                              : LT_CREDENTIALS_FILE_MAX;
    } else {
        want_request(p, want);
    }
}

/* ---- files ---- */

static lt_result_t
use_token(provider_t *p, lt_str_t token, lt_error_t *err)
{
    lt_out_t out;

    if (p->source == LT_CREDENTIALS_WEB_IDENTITY) {
        lt_out_init(&out, p->text, sizeof(p->text));
        p->state = ASK_STS;
        if (lt_credentials_sts_body(&out, p->settings, token, err) != LT_OK) {
            return LT_INVALID;
        }
        p->text_len = lt_out_len(&out);
        return LT_OK;
    }
    p->state = ASK_CONTAINER;
    return use_header(p, token,
        "the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", err);
}

/* Neither file has keys for the profile: with AUTO the next source, unless
   somebody has named a file or profile, or had keys here before. */
static lt_credentials_outcome_t
leave_files(provider_t *p, lt_error_t *err, int64_t now_ms, double random)
{
    lt_credentials_source_t next;

    if (lt_credentials_is_file_named(p->settings) || has_keys(p)) {
        return fail(p, err, now_ms, random);
    }
    if (lt_credentials_choose(&next, p->settings, p->source, err) != LT_OK) {
        return fail(p, err, now_ms, random);
    }
    p->source = next;
    return go_on(p, enter(p, err), err, now_ms, random);
}

static lt_credentials_outcome_t
use_profile(provider_t *p, lt_str_t text, int64_t now_ms, double random)
{
    lt_str_t name = lt_credentials_profile_name(p->settings);
    lt_credentials_profile_t profile;
    lt_credentials_t fresh;
    lt_error_t err, why;
    lt_out_t out;

    lt_credentials_profile(&profile, text, name);
    lt_error_set(&err, 0, "no profile \"%.*s\" with keys in %s",
        name.len > 64 ? 64 : (int)name.len, name.data, p->path);
    if (profile.has_keys) {
        if (lt_credentials_copy(&fresh, &profile.keys, 0, &why) == LT_OK) {
            return take(p, &fresh, now_ms, random);
        }
        lt_error_set(&err, 0, "profile \"%.*s\" in %.*s: %.60s",
            name.len > 32 ? 32 : (int)name.len, name.data, 80, p->path,
            why.text);
        return fail(p, &err, now_ms, random);
    }
    if (profile.other != NULL) {
        lt_error_set(&err, 0, "profile \"%.*s\" has %s, which is not followed: "
            "it must have keys", name.len > 64 ? 64 : (int)name.len,
            name.data, profile.other);
        return fail(p, &err, now_ms, random);
    }

    lt_out_init(&out, p->path, sizeof(p->path));
    if (p->state == READ_KEYS
        && lt_credentials_config_path(&out, p->settings) == LT_OK) {
        p->state = READ_CONFIG;
        return LT_CREDENTIALS_MORE;
    }
    return leave_files(p, &err, now_ms, random);
}

lt_credentials_outcome_t
lt_credentials_file(provider_t *p, lt_str_t text, int code, int64_t now_ms,
    double random)
{
    int is_others = code == EACCES && p->state != READ_TOKEN && has_keys(p);
    lt_error_t err;

    if (rows[p->state].need != LT_CREDENTIALS_READ) {
        return LT_CREDENTIALS_MORE;
    }
    if (text.data == NULL && p->state != READ_TOKEN
        && p->settings->file.len == 0
        && (code == ENOENT || code == ENOTDIR || code == EACCES)) {
        text = LT_STR("");      /* no file is one without profiles */
    }
    if (text.data == NULL) {
        lt_error_set(&err, code, "cannot read %.*s: %s", 120, p->path,
            code != 0 ? strerror(code) : "it is no file, or too large");
        (void)fail(p, &err, now_ms, random);
        if (is_others) {        /* a master has read it: no hurry */
            p->attempt = 0;
            p->due_ms = now_ms + FILE_AGAIN_MS;
        }
        return LT_CREDENTIALS_FAILED;
    }
    if (p->state != READ_TOKEN) {
        return use_profile(p, text, now_ms, random);
    }
    return go_on(p, use_token(p, text, &err), &err, now_ms, random);
}

/* ---- answers ---- */

static lt_credentials_outcome_t
take_answer(provider_t *p, lt_str_t body, int64_t now_ms, double random)
{
    lt_result_t (*read)(lt_credentials_t *, lt_str_t, lt_error_t *) =
        p->state == ASK_STS ? lt_credentials_read_sts
                            : lt_credentials_read_json;
    lt_credentials_t fresh;
    lt_error_t why, err;

    if (read(&fresh, body, &why) != LT_OK) {
        lt_error_set(&err, 0, "%s: %.150s", rows[p->state].who, why.text);
        return fail(p, &err, now_ms, random);
    }
    return take(p, &fresh, now_ms, random);
}

/* IMDS' answers lead on: a token, a role's name, its keys. */
static lt_result_t
ask_for_role(provider_t *p, lt_str_t token, lt_error_t *err)
{
    lt_out_t out;

    lt_out_init(&out, p->url, sizeof(p->url));
    p->state = ASK_IMDS_ROLE;
    return use_header(p, token, "IMDS' token", err) == LT_OK
               ? lt_credentials_role_url(&out, p->settings, LT_STR(""), err)
               : LT_INVALID;
}

static lt_result_t
ask_for_keys(provider_t *p, lt_str_t body, lt_error_t *err)
{
    lt_str_t role;
    lt_out_t out;

    lt_out_init(&out, p->url, sizeof(p->url));
    p->state = ASK_IMDS_KEYS;
    return lt_credentials_role(&role, body, err) == LT_OK
               ? lt_credentials_role_url(&out, p->settings, role, err)
               : LT_INVALID;
}

static lt_credentials_outcome_t
refuse(provider_t *p, const lt_credentials_reply_t *reply, int64_t now_ms,
    double random)
{
    const state_row_t *row = &rows[p->state];
    char code[64] = "";
    lt_error_t err;

    if (reply->status == 0) {
        lt_error_set(&err, 0, "%s does not answer: %s", row->who,
            row->silence);
    } else if (p->state == ASK_IMDS_ROLE && reply->status == 404) {
        lt_error_set(&err, 404, "IMDS: this instance has no role");
    } else {
        lt_aws_error_code(code, sizeof(code), LT_STR(""), reply->body);
        lt_error_set(&err, reply->status, "%s answers %d%s%s", row->who,
            reply->status, code[0] != '\0' ? " " : "", code);
    }
    return fail(p, &err, now_ms, random);
}

lt_credentials_outcome_t
lt_credentials_reply(provider_t *p, const lt_credentials_reply_t *reply,
    int64_t now_ms, double random)
{
    lt_error_t err;

    if (rows[p->state].need != LT_CREDENTIALS_ASK) {
        return LT_CREDENTIALS_MORE;
    }
    if (reply->status != 200) {
        return refuse(p, reply, now_ms, random);
    }

    if (p->state == ASK_IMDS_TOKEN) {
        return go_on(p, ask_for_role(p, reply->body, &err), &err, now_ms,
            random);
    }
    if (p->state == ASK_IMDS_ROLE) {
        return go_on(p, ask_for_keys(p, reply->body, &err), &err, now_ms,
            random);
    }
    return take_answer(p, reply->body, now_ms, random);
}
