/* worker.conf: every parameter, every refusal with its line and sentence. */
#include "ltw_config.h"
#include "lt_credentials_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define KEYS "[default]\naws_access_key_id = AKIDEXAMPLE\n" \
    "aws_secret_access_key = secret\n[other]\naws_access_key_id = AKOTHER\n" \
    "aws_secret_access_key = s2\naws_session_token = tok\n"
#define GOOD "# a comment\n" \
    "aws_region = eu-west-1\n" \
    "aws_credentials_file = %1$s/keys\n" \
    "kinesis_stream=audio # and another\n" \
    "s3_bucket = voices\n" \
    "results_urls = http://127.0.0.1:1/a  https://[::1]:2/b\n" \
    "results_token_file = %1$s/token\n"

static char dir[] = "/tmp/test_worker_config_XXXXXX";

static void
put(const char *name, const char *text)
{
    char path[100];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* Reads GOOD and what is added behind it. */
static lt_result_t
read_with(ltw_config_t *config, lt_error_t *err, const char *added)
{
    char text[4096], path[100];
    int n;

    n = snprintf(text, sizeof(text), GOOD, dir);
    snprintf(text + n, sizeof(text) - (size_t) n, "%s", added);
    put("worker.conf", text);
    snprintf(path, sizeof(path), "%s/worker.conf", dir);
    return ltw_config_read(config, path, err);
}

static void
test_good(void **state)
{
    ltw_config_t config;
    lt_error_t err;

    (void) state;
    assert_int_equal(read_with(&config, &err, "batch_window = 1m\n"
        "s3_path_style = on\nstarting_position = trim_horizon\n"
        "aws_profile = other\nkinesis_endpoint = http://127.0.0.1:4567/\n"
        "redis = unix:/run/redis.sock"), LT_OK);
    assert_string_equal(config.kinesis_stream, "audio");
    assert_int_equal(config.batch_window, 60000);
    assert_int_equal(config.batch_size, 100);
    assert_int_equal(config.poll_interval, 225);
    assert_int_equal(config.s3_path_style, 1);
    assert_int_equal(config.mode, LTW_MODE_WINDOW);
    assert_int_equal(config.starting_position, LTW_START_TRIM_HORIZON);
    assert_int_equal(config.presign_expires, 600000);
    assert_string_equal(config.results_token_file, "0123456789abcdef");
    assert_string_equal(config.aws_profile, "other");
    assert_int_equal(config.aws_credentials, LT_CREDENTIALS_AUTO);
    assert_null(config.tls_ca_file);
    assert_null(config.redis_password_file);
    ltw_config_deinit(&config);
    assert_null(config.aws_profile);
}

static void
test_refused(void **state)
{
    static const struct {
        const char *line;
        const char *sentence;
    } rows[] = {
        { "foo = 1", "unknown parameter \"foo\"" },
        { "foo", "is not \"name = value\"" },
        { "s3_bucket = other", "given twice, first in line 5" },
        { "batch_size = many", "\"many\" is not a number" },
        { "batch_size = -1", "\"-1\" is not a number" },
        { "batch_size = 0", "not within 1..10000" },
        { "batch_size = 99999999999999999999", "is not a number" },
        { "batch_window = 3", "needs a unit" },
        { "batch_window = 3 s", "needs a unit" },
        { "batch_window = 99h", "not within 100..60000 ms" },
        { "poll_interval = 199ms", "not within 200..60000 ms" },
        { "mode = fast", "is none of: window live" },
        { "mode =", "is none of: window live" },
        { "s3_path_style = 1", "is none of: off on" },
        { "aws_profile = nobody", "nobody" },
        { "aws_credentials = instance", "is none of: auto env file" },
        { "aws_credentials = imds", "goes with aws_credentials = auto or" },
        { "redis = localhost", "is not host:port" },
        { "redis = localhost:0", "is not host:port" },
        { "redis = localhost:65536", "is not host:port" },
        { "kinesis_endpoint = ftp://x", "begins with http:// or https://" },
        { "kinesis_endpoint = http://x/y", "without a path" },
        { "kinesis_endpoint = http://x:0", "without a path" },
        { "kinesis_endpoint = http://[::1", "without a path" },
        { "tls_ca_file = /no/such/file", "cannot read /no/such/file" },
        { "redis_password_file = /dev/null", "has not 1 to 512 characters" },
    };
    ltw_config_t config;
    lt_error_t err;
    size_t i;

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(read_with(&config, &err, rows[i].line), LT_INVALID);
        if (strstr(err.text, rows[i].sentence) == NULL) {
            fail_msg("%s: %s", rows[i].line, err.text);
        }
        /* the profile is missing in the file that line 3 names */
        assert_int_equal(err.code, strstr(rows[i].line, "nobody") ? 3 : 8);
        ltw_config_deinit(&config);
    }
}

/* Looked at only: a check as root must leave nothing that is root's. */
static void
test_on_failure(void **state)
{
    ltw_config_t config;
    lt_error_t err;
    char line[160], path[100];

    (void) state;
    snprintf(path, sizeof(path), "%s/failed.jsonl", dir);
    snprintf(line, sizeof(line), "on_failure = %s\n", path);
    assert_int_equal(read_with(&config, &err, line), LT_OK);
    ltw_config_deinit(&config);
    assert_int_equal(access(path, F_OK), -1);
    put("failed.jsonl", "");
    assert_int_equal(read_with(&config, &err, line), LT_OK);
    ltw_config_deinit(&config);
    unlink(path);
    assert_int_equal(read_with(&config, &err, "on_failure = /nowhere/failed\n"),
        LT_INVALID);
    assert_non_null(strstr(err.text, "cannot write /nowhere/failed"));
    ltw_config_deinit(&config);
    assert_int_equal(read_with(&config, &err, "on_failure = /tmp\n"),
        LT_INVALID);
    ltw_config_deinit(&config);
}

static void
test_missing_and_unreadable(void **state)
{
    ltw_config_t config;
    lt_error_t err;
    char path[100];

    (void) state;
    assert_int_equal(ltw_config_read(&config, "/no/such", &err), LT_INVALID);
    assert_non_null(strstr(err.text, "cannot be read"));
    ltw_config_deinit(&config);
    put("bad.conf", "aws_region = eu-west-1\nkinesis_stream = a\n");
    snprintf(path, sizeof(path), "%s/bad.conf", dir);
    assert_int_equal(ltw_config_read(&config, path, &err), LT_INVALID);
    assert_string_equal(err.text,
        "s3_bucket is missing: bucket for the voices' MP3 files");
    assert_int_equal(err.code, 0);
    ltw_config_deinit(&config);
}

static void
test_region(void **state)
{
    ltw_config_t config;
    lt_error_t err;
    char text[1000], path[100];

    (void) state;
    snprintf(text, sizeof(text), GOOD, dir);
    memcpy(strstr(text, "eu-west-1"), "eu-west-9", 9);
    put("region.conf", text);
    snprintf(path, sizeof(path), "%s/region.conf", dir);
    assert_int_equal(ltw_config_read(&config, path, &err), LT_INVALID);
    assert_string_equal(err.text,
        "aws_region: \"eu-west-9\" is no region of AWS");
    assert_int_equal(err.code, 2);
    ltw_config_deinit(&config);
}

static void
test_environment(void **state)
{
    ltw_config_t config;
    lt_error_t err;
    char text[1000], path[100];

    (void) state;
    snprintf(text, sizeof(text), GOOD, dir);
    memcpy(strstr(text, "aws_credentials_file"), "#", 1);
    put("env.conf", text);
    snprintf(path, sizeof(path), "%s/env.conf", dir);
    unsetenv("AWS_ACCESS_KEY_ID");
    setenv("HOME", dir, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    assert_int_equal(ltw_config_read(&config, path, &err), LT_INVALID);
    assert_non_null(strstr(err.text, "no AWS keys"));
    ltw_config_deinit(&config);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/file", 1);
    assert_int_equal(ltw_config_read(&config, path, &err), LT_INVALID);
    assert_non_null(strstr(err.text, "AWS_ROLE_ARN"));
    ltw_config_deinit(&config);
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/", 1);
    assert_int_equal(ltw_config_read(&config, path, &err), LT_INVALID);
    assert_non_null(strstr(err.text, "AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    ltw_config_deinit(&config);
    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");

    /* an instance can be asked: that is done when there is a loop */
    setenv("AWS_EC2_METADATA_DISABLED", "false", 1);
    assert_int_equal(ltw_config_read(&config, path, &err), LT_OK);
    ltw_config_deinit(&config);
    setenv("AWS_ACCESS_KEY_ID", "AKENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    unsetenv("AWS_SESSION_TOKEN");
    assert_int_equal(ltw_config_read(&config, path, &err), LT_OK);
    ltw_config_deinit(&config);
}

/* config/worker.conf names every parameter, with its default. */
#define CHECK_DOCUMENTED(name, type, def, min, max, text)                   \
    check_documented(sample, #name, def);

static void
check_documented(const char *sample, const char *name, const char *def)
{
    char line[200];

    if (strcmp(def, "!") == 0) {
        snprintf(line, sizeof(line), "\n%s = ", name);
    } else if (strcmp(name, "status_listen") == 0) {
        snprintf(line, sizeof(line), "\n# %s = 127.0.0.1:9100\n", name);
    } else {
        snprintf(line, sizeof(line), "\n# %s =%s%s\n", name,
            def[0] != '\0' ? " " : "", def);
    }
    if (strstr(sample, line) == NULL) {
        fail_msg("config/worker.conf lacks: %s", line);
    }
}

static void
test_sample(void **state)
{
    static char sample[16384];
    FILE *file = fopen("config/worker.conf", "r");

    (void) state;
    if (file == NULL) {
        skip();                 /* not run from the top of the tree */
    }
    assert_true(fread(sample, 1, sizeof(sample) - 1, file) > 0);
    fclose(file);
    LTW_PARAMETERS(CHECK_DOCUMENTED)
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_on_failure),
        cmocka_unit_test(test_missing_and_unreadable),
        cmocka_unit_test(test_region),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_sample),
    };
    char command[100];
    int failed;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    put("keys", KEYS);
    put("token", "0123456789abcdef\nolder-token-012345\n");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command) != 0 ? 1 : failed;
}
