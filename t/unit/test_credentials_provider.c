/* The life of a process' keys: each source from first want to refresh, and
   every answer that is none. */
#include "vectors.h"

#include <errno.h>
#include <time.h>

#include "lt_credentials_provider.h"

#define S(text) {text, sizeof(text) - 1}
#define NOW 1795464000000           /* 2026-11-23T20:00:00Z */
#define MINUTE 60000
#define HOUR (60 * MINUTE)
#define ROLES "/latest/meta-data/iam/security-credentials/"

typedef lt_credentials_provider_t provider_t;
typedef lt_credentials_settings_t settings_t;

static provider_t p;
static lt_credentials_want_t want;
static int64_t now;

/* ---- a driver for tests ---- */

static void
start(const settings_t *settings)
{
    lt_error_t err = {0};

    now = NOW;
    if (lt_credentials_start(&p, settings, &err) != LT_OK) {
        fail_msg("%s", err.text);
    }
    lt_credentials_want(&p, &want, now);
}

static void
start_refused(const settings_t *settings, const char *sentence)
{
    lt_error_t err = {0};

    assert_int_equal(lt_credentials_start(&p, settings, &err), LT_INVALID);
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("%s", err.text);
    }
}

static lt_credentials_outcome_t
file(const char *text, int code)
{
    lt_credentials_outcome_t outcome = lt_credentials_file(&p, lt_str(text),
        code, now, 0.5);

    lt_credentials_want(&p, &want, now);
    return outcome;
}

static lt_credentials_outcome_t
reply(int status, const char *body)
{
    lt_credentials_reply_t reply = {status, lt_str(body)};
    lt_credentials_outcome_t outcome = lt_credentials_reply(&p, &reply, now,
        0.5);

    lt_credentials_want(&p, &want, now);
    return outcome;
}

/* Time passes; the driver asks again whenever it was told to. */
static int64_t
wait_for_work(void)
{
    int64_t began = now;

    while (want.need == LT_CREDENTIALS_WAIT && now - began < 48 * HOUR) {
        assert_in_range(want.wait_ms, 0, MINUTE);
        now += want.wait_ms;
        lt_credentials_want(&p, &want, now);
    }
    return now - began;
}

/* JSON keys that end at an offset from now, the n-th */
static const char *
json(int n, int64_t life_ms)
{
    static char body[300];
    time_t end = (time_t)((now + life_ms) / 1000);
    char text[40];

    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&end));
    snprintf(body, sizeof(body), "{\"AccessKeyId\":\"ASIA%d\","
        "\"SecretAccessKey\":\"SECRET%d\",\"Token\":\"tok%d\","
        "\"Expiration\":\"%s\"}", n, n, n, text);
    return body;
}

static void
assert_key(const char *access_key)
{
    lt_aws_keys_t keys;

    assert_int_equal(lt_credentials_keys(&p, &keys, now), 1);
    assert_str(keys.access_key, access_key);
}

static void
assert_no_key(void)
{
    lt_aws_keys_t keys;

    assert_int_equal(lt_credentials_keys(&p, &keys, now), 0);
    assert_int_equal(keys.access_key.len + keys.secret_key.len, 0);
    assert_int_equal(lt_credentials_are_ready(&p, now), 0);
}

static void
assert_cause(const char *sentence)
{
    if (strstr(p.cause, sentence) == NULL) {
        fail_msg("cause: %s", p.cause);
    }
    assert_null(strstr(p.cause, "SECRET"));
}

static void
assert_read(const char *path)
{
    assert_int_equal(want.need, LT_CREDENTIALS_READ);
    assert_string_equal(want.path, path);
}

static void
assert_asks(const char *method, const char *url)
{
    assert_int_equal(want.need, LT_CREDENTIALS_ASK);
    assert_string_equal(want.method, method);
    assert_str(want.url, url);
    assert_in_range(want.timeout_ms, 1000, 5000);
}

static void
assert_header(const char *name, const char *value)
{
    for (size_t i = 0; i < want.headers_n; i++) {
        if (lt_str_is(want.headers[i].name, name)) {
            assert_str(want.headers[i].value, value);
            return;
        }
    }
    fail_msg("no header %s", name);
}

/* ---- the environment ---- */

static void
test_env(void **state)
{
    settings_t s = {.env = {.access_key = S("AKIA"), .secret_key = S("SEC"),
        .session_token = S("T")}};
    lt_aws_keys_t keys;

    (void)state;
    start(&s);
    assert_key("AKIA");
    assert_int_equal(lt_credentials_keys(&p, &keys, now), 1);
    assert_str(keys.session_token, "T");
    assert_true(lt_credentials_left_ms(&p, now) == INT64_MAX);
    assert_int_equal(wait_for_work(), 48 * HOUR);

    assert_int_equal(lt_credentials_refused(&p, now), 0);
    assert_cause("restart");
    assert_key("AKIA");

    s.env.access_key = LT_STR("AK\nIA");
    start_refused(&s, "aws_access_key_id");
    start_refused(&(settings_t){.env = {.imds_disabled = S("true")}},
        "no AWS keys");
}

/* ---- files ---- */

static void
test_file(void **state)
{
    settings_t s = {.file = S("/etc/lt/keys"), .profile = S("x")};

    (void)state;
    start(&s);
    assert_read("/etc/lt/keys");
    assert_int_equal(want.max_bytes, LT_CREDENTIALS_FILE_MAX);
    assert_no_key();
    assert_int_equal(file("[x]\naws_access_key_id = A1\n"
                          "aws_secret_access_key = SECRET\n", 0),
        LT_CREDENTIALS_TAKEN);
    assert_int_equal(p.has_changed, 1);
    assert_key("A1");

    /* looked at again, in the background */
    assert_int_equal(wait_for_work(), 5 * MINUTE);
    assert_read("/etc/lt/keys");
    assert_key("A1");
    assert_int_equal(file("[x]\naws_access_key_id = A1\n"
                          "aws_secret_access_key = SECRET\n", 0),
        LT_CREDENTIALS_TAKEN);
    assert_int_equal(p.has_changed, 0);

    /* refused: at once, and once in a while */
    assert_int_equal(lt_credentials_refused(&p, now), 1);
    assert_int_equal(lt_credentials_is_busy(&p), 0);
    lt_credentials_want(&p, &want, now);
    assert_read("/etc/lt/keys");
    assert_int_equal(lt_credentials_is_busy(&p), 1);
    assert_int_equal(lt_credentials_refused(&p, now), 0);
    assert_int_equal(file("[x]\naws_access_key_id = A2\n"
                          "aws_secret_access_key = SECRET\n", 0),
        LT_CREDENTIALS_TAKEN);
    assert_key("A2");
    assert_int_equal(lt_credentials_refused(&p, now), 0);
    now += LT_CREDENTIALS_REFUSED_GAP_MS;
    assert_int_equal(lt_credentials_refused(&p, now), 1);
    lt_credentials_want(&p, &want, now);
    now += LT_CREDENTIALS_REFUSED_GAP_MS;       /* never two at once */
    assert_int_equal(lt_credentials_refused(&p, now), 0);

    /* what fails leaves the old keys where they are */
    assert_int_equal(file(NULL, EIO), LT_CREDENTIALS_FAILED);
    assert_key("A2");
    assert_in_range(wait_for_work(), 500, 1000);
    assert_int_equal(file(NULL, EACCES), LT_CREDENTIALS_FAILED);
    assert_cause("cannot read /etc/lt/keys: Permission denied");
    assert_key("A2");
    assert_int_equal(wait_for_work(), 5 * MINUTE);  /* others read it */
    assert_int_equal(file(NULL, EIO), LT_CREDENTIALS_FAILED);
    assert_in_range(wait_for_work(), 500, 1000);
    assert_int_equal(file("[x]\naws_access_key_id = A3\n", 0),
        LT_CREDENTIALS_FAILED);
    assert_cause("aws_secret_access_key");
    assert_in_range(wait_for_work(), 1000, 2000);
    assert_int_equal(file("[y]\n", 0), LT_CREDENTIALS_FAILED);
    assert_cause("no profile \"x\"");
    assert_key("A2");
    now += LT_CREDENTIALS_REFUSED_GAP_MS;       /* tried again anyway */
    assert_int_equal(lt_credentials_refused(&p, now), 0);
    lt_credentials_want(&p, &want, now);
    wait_for_work();
    assert_int_equal(file(NULL, 0), LT_CREDENTIALS_FAILED);
    assert_cause("too large");
}

static void
test_profiles(void **state)
{
    settings_t s = {.env = {.home = S("/home/lt")}};

    (void)state;
    start(&s);
    assert_read("/home/lt/.aws/credentials");
    assert_int_equal(file(NULL, ENOENT), LT_CREDENTIALS_MORE);
    assert_read("/home/lt/.aws/config");
    assert_int_equal(file("[default]\naws_access_key_id = C\n"
                          "aws_secret_access_key = SECRET\n", 0),
        LT_CREDENTIALS_TAKEN);
    assert_key("C");

    /* the next time both are looked at again, and may be gone */
    wait_for_work();
    assert_read("/home/lt/.aws/credentials");
    assert_int_equal(file("[other]\n", 0), LT_CREDENTIALS_MORE);
    assert_read("/home/lt/.aws/config");
    assert_int_equal(file(NULL, ENOENT), LT_CREDENTIALS_FAILED);
    assert_key("C");

    /* roles, processes and the like are named, not followed */
    start(&s);
    assert_int_equal(file("[default]\nrole_arn = arn\n", 0),
        LT_CREDENTIALS_FAILED);
    assert_cause("role_arn, which is not followed");
    start(&s);
    assert_int_equal(file("", 0), LT_CREDENTIALS_MORE);
    assert_int_equal(file("[default]\nsso_session = x\n", 0),
        LT_CREDENTIALS_FAILED);
    assert_cause("sso_session");

    /* a profile that was named is not passed over */
    s.env.profile = LT_STR("work");
    start(&s);
    assert_int_equal(file("[default]\n", 0), LT_CREDENTIALS_MORE);
    assert_int_equal(file("[profile other]\n", 0), LT_CREDENTIALS_FAILED);
    assert_cause("no profile \"work\" with keys in /home/lt/.aws/config");

    /* without files the next source has its turn */
    s.env.profile = LT_STR("");
    start(&s);
    assert_int_equal(file(NULL, EACCES), LT_CREDENTIALS_MORE);
    assert_int_equal(file(NULL, ENOENT), LT_CREDENTIALS_MORE);
    assert_asks("PUT", "http://169.254.169.254/latest/api/token");
    assert_true(lt_credentials_needs_http(&p));
    s.env.imds_disabled = LT_STR("true");
    start(&s);
    assert_int_equal(file(NULL, ENOENT), LT_CREDENTIALS_MORE);
    assert_int_equal(file(NULL, ENOENT), LT_CREDENTIALS_FAILED);
    assert_cause("no AWS keys");
    assert_in_range(wait_for_work(), 500, 1000);
    assert_read("/home/lt/.aws/credentials");
}

/* ---- containers ---- */

static void
test_container(void **state)
{
    settings_t s = {.env = {
        .container_url = S("http://169.254.170.23/v1/credentials"),
        .container_token = S("SECRET-other"),
        .container_token_file = S("/run/token")}};

    (void)state;
    start(&s);
    assert_read("/run/token");
    assert_int_equal(want.max_bytes, LT_CREDENTIALS_TOKEN_FILE_MAX);
    assert_int_equal(file("SECRET-1", 0), LT_CREDENTIALS_MORE);
    assert_asks("GET", "http://169.254.170.23/v1/credentials");
    assert_header("authorization", "SECRET-1");
    assert_int_equal(want.body.len, 0);
    assert_int_equal(reply(200, json(1, 6 * HOUR)), LT_CREDENTIALS_TAKEN);
    assert_key("ASIA1");

    /* 15 minutes ahead, and half a minute of spread; the token is read anew */
    assert_in_range(wait_for_work(), 6 * HOUR - 16 * MINUTE,
        6 * HOUR - 15 * MINUTE);
    assert_read("/run/token");
    assert_int_equal(file("SECRET-2", 0), LT_CREDENTIALS_MORE);
    assert_header("authorization", "SECRET-2");
    assert_key("ASIA1");
    assert_int_equal(reply(500, "no"), LT_CREDENTIALS_FAILED);
    assert_cause("the container's agent answers 500");
    assert_key("ASIA1");

    /* the old ones end when they end, and not before */
    now = NOW + 6 * HOUR - 1000;
    assert_key("ASIA1");
    now = NOW + 6 * HOUR;
    assert_no_key();
    lt_credentials_want(&p, &want, now);
    assert_read("/run/token");
    assert_int_equal(file("SECRET-3", 0), LT_CREDENTIALS_MORE);
    assert_int_equal(reply(200, json(2, HOUR)), LT_CREDENTIALS_TAKEN);
    assert_key("ASIA2");
    assert_string_equal(p.cause, "");
}

static void
test_container_token(void **state)
{
    settings_t s = {.env = {.container_path = S("/v2/c"),
        .container_token = S("SECRET v")}};
    static char big[4200];

    (void)state;
    start(&s);
    assert_asks("GET", "http://169.254.170.2/v2/c");
    assert_header("authorization", "SECRET v");
    s.env.container_token = LT_STR("");
    start(&s);
    assert_asks("GET", "http://169.254.170.2/v2/c");
    assert_int_equal(want.headers_n, 1);
    assert_header("accept", "application/json");

    s.env.container_token = LT_STR("SECRET\r\nX: y");
    start_refused(&s, "AWS_CONTAINER_AUTHORIZATION_TOKEN must be one line");
    s.env.container_token_file = LT_STR("/run/token");
    start(&s);
    assert_int_equal(file("SECRET\n", 0), LT_CREDENTIALS_FAILED);
    assert_cause("AUTHORIZATION_TOKEN_FILE must be one line");
    wait_for_work();
    assert_int_equal(file("", 0), LT_CREDENTIALS_FAILED);
    wait_for_work();
    memset(big, 'b', sizeof(big) - 1);
    assert_int_equal(file(big, 0), LT_CREDENTIALS_FAILED);
    wait_for_work();
    assert_int_equal(file(NULL, ENOENT), LT_CREDENTIALS_FAILED);
    assert_cause("cannot read /run/token: No such file");
    wait_for_work();
    assert_read("/run/token");
    s.env.container_path = LT_STR("bad");
    start_refused(&s, "RELATIVE_URI");
}

/* ---- web identity ---- */

static const char sts[] =
    "<A><Credentials><AccessKeyId>ASIAW</AccessKeyId><SecretAccessKey>SECRET"
    "</SecretAccessKey><SessionToken>t</SessionToken>%s</Credentials></A>";

static void
test_web_identity(void **state)
{
    settings_t s = {.region = S("eu-west-1"), .env = {
        .web_token_file = S("/var/token"), .role_arn = S("arn:r")}};
    char body[400];

    (void)state;
    start(&s);
    assert_read("/var/token");
    assert_int_equal(file("SECRET.j.w", 0), LT_CREDENTIALS_MORE);
    assert_asks("POST", "https://sts.eu-west-1.amazonaws.com/");
    assert_header("content-type", "application/x-www-form-urlencoded");
    assert_str(want.body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
        "&RoleArn=arn%3Ar&RoleSessionName=live-translation"
        "&WebIdentityToken=SECRET.j.w");
    snprintf(body, sizeof(body), sts,
        "<Expiration>2026-11-23T21:00:00Z</Expiration>");
    assert_int_equal(reply(200, body), LT_CREDENTIALS_TAKEN);
    assert_key("ASIAW");
    assert_in_range(wait_for_work(), 44 * MINUTE, 45 * MINUTE);
    assert_read("/var/token");

    /* no end said: 15 minutes, refreshed at half of it */
    assert_int_equal(file("t", 0), LT_CREDENTIALS_MORE);
    snprintf(body, sizeof(body), sts, "");
    assert_int_equal(reply(200, body), LT_CREDENTIALS_TAKEN);
    assert_int_equal(lt_credentials_left_ms(&p, now), 15 * MINUTE);
    assert_in_range(wait_for_work(), 6 * MINUTE, 7 * MINUTE + MINUTE / 2);

    assert_int_equal(file("t", 0), LT_CREDENTIALS_MORE);
    assert_int_equal(reply(400, "<ErrorResponse><Error><Type>Sender</Type>"
        "<Code>InvalidIdentityToken</Code><Message>SECRET</Message></Error>"
        "</ErrorResponse>"), LT_CREDENTIALS_FAILED);
    assert_cause("STS answers 400 InvalidIdentityToken");
    wait_for_work();
    assert_int_equal(file("t\n", 0), LT_CREDENTIALS_FAILED);
    assert_cause("without a line end");
    wait_for_work();
    assert_int_equal(file("t", 0), LT_CREDENTIALS_MORE);
    assert_int_equal(reply(200, "<html>"), LT_CREDENTIALS_FAILED);
    wait_for_work();
    assert_int_equal(file("t", 0), LT_CREDENTIALS_MORE);
    assert_int_equal(reply(0, ""), LT_CREDENTIALS_FAILED);
    assert_cause("STS does not answer");
}

/* ---- instances ---- */

static void
to_role(void)
{
    assert_asks("PUT", "http://169.254.169.254/latest/api/token");
    assert_header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    assert_int_equal(want.body.len, 0);
    assert_int_equal(reply(200, "SECRET-imds=="), LT_CREDENTIALS_MORE);
    assert_asks("GET", "http://169.254.169.254" ROLES);
    assert_header("x-aws-ec2-metadata-token", "SECRET-imds==");
}

static void
to_keys(void)
{
    to_role();
    assert_int_equal(reply(200, "my-role\n"), LT_CREDENTIALS_MORE);
    assert_asks("GET", "http://169.254.169.254" ROLES "my-role");
    assert_header("x-aws-ec2-metadata-token", "SECRET-imds==");
}

static void
test_imds(void **state)
{
    settings_t s = {.source = LT_CREDENTIALS_IMDS};

    (void)state;
    start(&s);
    to_keys();
    assert_no_key();
    assert_int_equal(reply(200, json(1, 6 * HOUR)), LT_CREDENTIALS_TAKEN);
    assert_key("ASIA1");
    assert_in_range(wait_for_work(), 6 * HOUR - 16 * MINUTE,
        6 * HOUR - 15 * MINUTE);

    /* version 2 always: what fails begins with a new token */
    to_role();
    assert_int_equal(reply(401, ""), LT_CREDENTIALS_FAILED);
    assert_cause("IMDS answers 401");
    wait_for_work();
    to_keys();
    assert_int_equal(reply(200, json(2, 6 * HOUR)), LT_CREDENTIALS_TAKEN);
    assert_key("ASIA2");
}

static void
test_imds_wrong(void **state)
{
    settings_t s = {.source = LT_CREDENTIALS_IMDS};
    static char big[LT_CREDENTIALS_ANSWER_MAX + 2];

    (void)state;
    start(&s);
    assert_int_equal(reply(0, ""), LT_CREDENTIALS_FAILED);
    assert_cause("hop limit");
    wait_for_work();
    assert_int_equal(reply(403, ""), LT_CREDENTIALS_FAILED);
    assert_cause("IMDS answers 403");
    wait_for_work();
    assert_int_equal(reply(200, "SECRET\r\nX: y"), LT_CREDENTIALS_FAILED);
    wait_for_work();
    assert_int_equal(reply(200, ""), LT_CREDENTIALS_FAILED);
    assert_cause("IMDS' token");
    wait_for_work();
    to_role();
    assert_int_equal(reply(404, ""), LT_CREDENTIALS_FAILED);
    assert_cause("this instance has no role");
    wait_for_work();
    to_role();
    assert_int_equal(reply(200, "<html>"), LT_CREDENTIALS_FAILED);
    assert_cause("no name of a role");
    wait_for_work();
    to_keys();
    assert_int_equal(reply(200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}"),
        LT_CREDENTIALS_FAILED);
    assert_cause("AssumeRoleUnauthorizedAccess");
    wait_for_work();
    to_keys();
    memset(big, ' ', sizeof(big) - 1);
    assert_int_equal(reply(200, big), LT_CREDENTIALS_FAILED);
    assert_cause("too long");
    wait_for_work();
    to_keys();
    assert_int_equal(reply(200, "garbage"), LT_CREDENTIALS_FAILED);
    assert_no_key();
    wait_for_work();
    assert_asks("PUT", "http://169.254.169.254/latest/api/token");
}

/* IMDS has no newer keys, or is away: the old ones are used on. */
static void
test_imds_stretch(void **state)
{
    settings_t s = {.source = LT_CREDENTIALS_IMDS};

    (void)state;
    start(&s);
    to_keys();
    assert_int_equal(reply(200, json(1, -MINUTE)), LT_CREDENTIALS_TAKEN);
    assert_key("ASIA1");
    assert_in_range(lt_credentials_left_ms(&p, now), 17 * MINUTE,
        25 * MINUTE);
    assert_in_range(wait_for_work(), 2 * MINUTE, 10 * MINUTE);
    to_keys();
    assert_int_equal(reply(200, json(2, 14 * MINUTE)), LT_CREDENTIALS_TAKEN);
    assert_in_range(wait_for_work(), 2 * MINUTE, 10 * MINUTE);

    for (int i = 0; i < 200; i++) {     /* an hour and more of silence */
        assert_int_equal(reply(0, ""), LT_CREDENTIALS_FAILED);
        assert_key("ASIA2");
        wait_for_work();
        assert_key("ASIA2");
    }
    assert_true(now > NOW + HOUR);
}

/* ---- time ---- */

static void
test_expired_on_arrival(void **state)
{
    settings_t s = {.env = {.container_path = S("/c")}};

    (void)state;
    start(&s);
    assert_int_equal(reply(200, json(1, -MINUTE)), LT_CREDENTIALS_FAILED);
    assert_cause("expired when they came");
    assert_no_key();
    wait_for_work();
    assert_int_equal(reply(200, json(1, 10000)), LT_CREDENTIALS_TAKEN);
    assert_in_range(wait_for_work(), 4000, 5000);
    assert_key("ASIA1");
    assert_int_equal(reply(200, json(2, -1000)), LT_CREDENTIALS_FAILED);
    assert_key("ASIA1");                /* the old ones are better */
    wait_for_work();
    assert_int_equal(reply(200, json(2, 1000)), LT_CREDENTIALS_TAKEN);
    assert_int_equal(wait_for_work(), 1000);

    /* no end: again after a while, and good until then and longer */
    assert_int_equal(reply(200, "{\"AccessKeyId\":\"N\",\"SecretAccessKey\":"
        "\"S\",\"Token\":\"t\"}"), LT_CREDENTIALS_TAKEN);
    assert_int_equal(wait_for_work(), 15 * MINUTE);
    assert_int_equal(reply(0, ""), LT_CREDENTIALS_FAILED);
    now += 24 * HOUR;
    assert_key("N");
}

static void
test_pauses(void **state)
{
    settings_t s = {.env = {.container_path = S("/c")}};
    int64_t pause = 0, last = 0;

    (void)state;
    start(&s);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(reply(503, ""), LT_CREDENTIALS_FAILED);
        pause = wait_for_work();
        assert_true(pause >= last);
        assert_in_range(pause, 500, LT_CREDENTIALS_PAUSE_MAX_MS);
        last = pause;
    }
    assert_true(pause >= LT_CREDENTIALS_PAUSE_MAX_MS / 2);

    /* a clock that is set back makes no pause longer */
    assert_int_equal(reply(503, ""), LT_CREDENTIALS_FAILED);
    now -= 24 * HOUR;
    lt_credentials_want(&p, &want, now);
    assert_in_range(wait_for_work(), 1, LT_CREDENTIALS_PAUSE_MAX_MS);

    /* what nobody asked for changes nothing */
    lt_credentials_want(&p, &want, now);
    assert_int_equal(file("[default]\n", 0), LT_CREDENTIALS_MORE);
    assert_int_equal(reply(200, json(1, HOUR)), LT_CREDENTIALS_TAKEN);
    assert_int_equal(reply(200, json(2, HOUR)), LT_CREDENTIALS_MORE);
    assert_key("ASIA1");
}

static void
test_clock(void **state)
{
    settings_t s = {.env = {.container_path = S("/c")}};
    const char *body;

    (void)state;
    start(&s);
    assert_int_equal(lt_credentials_clock(&p, -1, now), 0);
    assert_int_equal(lt_credentials_clock(&p, now + 239999, now), 0);
    assert_int_equal(p.skew_ms, 0);
    assert_int_equal(lt_credentials_clock(&p, now + 300000, now), 1);
    assert_int_equal(p.skew_ms, 300000);
    assert_int_equal(lt_credentials_clock(&p, now + 300000, now), 0);
    assert_int_equal(lt_credentials_clock(&p, now + 1000, now), 1);
    assert_int_equal(p.skew_ms, 0);

    /* our clock is two hours fast, so an hour of life seems to be over */
    body = json(1, HOUR);
    now += 2 * HOUR;
    assert_int_equal(lt_credentials_clock(&p, NOW, now), 1);
    assert_int_equal(reply(200, body), LT_CREDENTIALS_TAKEN);
    assert_int_equal(p.skew_ms, -2 * HOUR);
    assert_int_equal(lt_credentials_left_ms(&p, now), HOUR);
    assert_in_range(wait_for_work(), 44 * MINUTE, 45 * MINUTE);
}

/* A process inherits what its master has read. */
static void
test_moved(void **state)
{
    settings_t s = {.file = S("/f")};
    static provider_t copy;

    (void)state;
    start(&s);
    assert_int_equal(file("[default]\naws_access_key_id = A\n"
                          "aws_secret_access_key = S\n", 0),
        LT_CREDENTIALS_TAKEN);
    copy = p;
    memset(&p, 0xff, sizeof(p));
    now += 6 * MINUTE;
    lt_credentials_want(&copy, &want, now);
    assert_read("/f");
    assert_ptr_equal(want.path, copy.path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_env),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_container),
        cmocka_unit_test(test_container_token),
        cmocka_unit_test(test_web_identity),
        cmocka_unit_test(test_imds),
        cmocka_unit_test(test_imds_wrong),
        cmocka_unit_test(test_imds_stretch),
        cmocka_unit_test(test_expired_on_arrival),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_moved),
    };

    return cmocka_run_group_tests_name("credentials_provider", tests, NULL,
        NULL);
}
