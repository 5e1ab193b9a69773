/* Which source applies, and what it is asked, byte for byte. */
#include "vectors.h"

#include "lt_credentials_request.h"

typedef lt_credentials_settings_t settings_t;

#define S(text) {text, sizeof(text) - 1}

static lt_str_t
choose(const settings_t *settings, lt_credentials_source_t after,
    char *sentence)
{
    lt_credentials_source_t source;
    lt_error_t err = {0};

    if (lt_credentials_choose(&source, settings, after, &err) != LT_OK) {
        snprintf(sentence, sizeof(err.text), "%s", err.text);
        return LT_STR("refused");
    }
    return lt_str(lt_credentials_source_name(source));
}

static void
test_order(void **state)
{
    settings_t s = {.env = {.imds_disabled = S("TRUE")}};
    char why[200];

    (void)state;
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "refused");
    assert_non_null(strstr(why, "no AWS keys"));

    s.env.imds_disabled = LT_STR("false");
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "imds");
    s.env.container_path = LT_STR("/creds");
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "container");
    s.env.container_path = LT_STR("");
    s.env.container_url = LT_STR("http://169.254.170.23/v1/credentials");
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "container");
    s.env.home = LT_STR("/home/lt");
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "file");
    s.env.web_token_file = LT_STR("/token");
    s.env.role_arn = LT_STR("arn:aws:iam::1:role/r");
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "web_identity");
    s.env.access_key = LT_STR("A");
    s.env.secret_key = LT_STR("S");
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "env");
    s.file = LT_STR("/etc/lt/credentials");
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "file");

    /* behind files: the agent, and never the node's own role behind it */
    s.file = LT_STR("");
    assert_str(choose(&s, LT_CREDENTIALS_FILE, why), "container");
    assert_str(choose(&s, LT_CREDENTIALS_CONTAINER, why), "refused");
    s.env.container_url = LT_STR("");
    assert_str(choose(&s, LT_CREDENTIALS_FILE, why), "imds");
}

static void
test_by_half(void **state)
{
    settings_t s = {.env = {.access_key = S("A")}};
    char why[200];

    (void)state;
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "refused");
    assert_non_null(strstr(why, "AWS_SECRET_ACCESS_KEY"));
    s = (settings_t){.env = {.secret_key = S("S")}};
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "refused");
    assert_non_null(strstr(why, "AWS_ACCESS_KEY_ID"));
    s = (settings_t){.env = {.web_token_file = S("/t")}};
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "refused");
    assert_non_null(strstr(why, "AWS_ROLE_ARN"));
    /* a role alone is what other settings of AWS's are for */
    s = (settings_t){.env = {.role_arn = S("arn")}};
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "imds");
}

static void
test_named(void **state)
{
    static const struct {
        lt_credentials_source_t source;
        const char *lacks;
    } rows[] = {{LT_CREDENTIALS_ENV, "AWS_ACCESS_KEY_ID"},
        {LT_CREDENTIALS_FILE, "a credentials file"},
        {LT_CREDENTIALS_CONTAINER, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"},
        {LT_CREDENTIALS_WEB_IDENTITY, "AWS_WEB_IDENTITY_TOKEN_FILE"},
        {LT_CREDENTIALS_IMDS, "AWS_EC2_METADATA_DISABLED"}};
    lt_credentials_source_t found;
    char why[200];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *name = lt_credentials_source_name(rows[i].source);
        settings_t s = {.source = rows[i].source,
            .env = {.imds_disabled = S("true")}};

        assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "refused");
        assert_non_null(strstr(why, rows[i].lacks));
        assert_non_null(strstr(why, name));
        assert_int_equal(lt_credentials_source_find(&found, lt_str(name)),
            LT_OK);
        assert_int_equal(found, rows[i].source);
    }
    assert_int_equal(lt_credentials_source_find(&found, LT_STR("instance")),
        LT_INVALID);

    /* a named one is not passed over for what is easier */
    settings_t s = {.source = LT_CREDENTIALS_IMDS,
        .env = {.access_key = S("A"), .secret_key = S("S"),
            .container_path = S("/c")}};
    assert_str(choose(&s, LT_CREDENTIALS_AUTO, why), "imds");
}

static void
test_files(void **state)
{
    settings_t s = {.env = {.home = S("/home/lt"), .profile = S("theirs")}};
    char path[64];
    lt_out_t out;

    (void)state;
    lt_out_init(&out, path, sizeof(path));
    assert_int_equal(lt_credentials_file_path(&out, &s), LT_OK);
    assert_string_equal(path, "/home/lt/.aws/credentials");
    lt_out_init(&out, path, sizeof(path));
    assert_int_equal(lt_credentials_config_path(&out, &s), LT_OK);
    assert_string_equal(path, "/home/lt/.aws/config");
    assert_str(lt_credentials_profile_name(&s), "theirs");
    assert_true(lt_credentials_is_file_named(&s));
    s.profile = LT_STR("ours");
    assert_str(lt_credentials_profile_name(&s), "ours");

    s = (settings_t){.env = {.credentials_file = S("/a"),
        .config_file = S("/b"), .home = S("/h")}};
    lt_out_init(&out, path, sizeof(path));
    assert_int_equal(lt_credentials_file_path(&out, &s), LT_OK);
    assert_string_equal(path, "/a");
    lt_out_init(&out, path, sizeof(path));
    assert_int_equal(lt_credentials_config_path(&out, &s), LT_OK);
    assert_string_equal(path, "/b");
    assert_false(lt_credentials_is_file_named(&s));
    assert_str(lt_credentials_profile_name(&s), "default");

    /* a file of our own is the only one, and their profile is not in it */
    s.file = LT_STR("/etc/lt/credentials");
    s.env.profile = LT_STR("theirs");
    lt_out_init(&out, path, sizeof(path));
    assert_int_equal(lt_credentials_file_path(&out, &s), LT_OK);
    assert_string_equal(path, "/etc/lt/credentials");
    assert_int_equal(lt_credentials_config_path(&out, &s), LT_INVALID);
    assert_str(lt_credentials_profile_name(&s), "default");

    lt_out_init(&out, path, 8);
    assert_int_equal(lt_credentials_file_path(&out, &s), LT_INVALID);
}

/* The URL, or "" and the sentence in *err. */
static const char *
url_of(const settings_t *s, lt_credentials_source_t source, lt_error_t *err)
{
    static char url[200];
    lt_out_t out;

    lt_out_init(&out, url, sizeof(url));
    return lt_credentials_url(&out, s, source, err) == LT_OK ? url : "";
}

static void
test_sts_url(void **state)
{
    settings_t s = {.region = S("eu-west-1")};
    static const lt_str_t bad[] = {S("http://sts.example.com/"),
        S("sts.eu-west-1.amazonaws.com"), S("https://"), S("https:///x"),
        S("https://a b/"), S("https://user@host/"), S("https://host:0/"),
        S("https://host:65536/"), S("https://host:/"), S("https://[::1]x/"),
        S("https://[::1/"), S("http://127.evil.example/"), S("http://12"),
        S("http://127.0.0.1.example.com"), S("https://h\r\nX: y/")};
    lt_error_t err = {0};

    (void)state;
    assert_string_equal(url_of(&s, LT_CREDENTIALS_WEB_IDENTITY, &err),
        "https://sts.eu-west-1.amazonaws.com/");
    s.region = LT_STR("cn-north-1");
    assert_string_equal(url_of(&s, LT_CREDENTIALS_WEB_IDENTITY, &err),
        "https://sts.cn-north-1.amazonaws.com.cn/");
    s.env.sts_endpoint = LT_STR("http://127.0.0.1:8000");
    assert_string_equal(url_of(&s, LT_CREDENTIALS_WEB_IDENTITY, &err),
        "http://127.0.0.1:8000/");
    s.env.sts_endpoint = LT_STR("https://[fd00::1]:8443/");
    assert_string_equal(url_of(&s, LT_CREDENTIALS_WEB_IDENTITY, &err),
        "https://[fd00::1]:8443/");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        s.env.sts_endpoint = bad[i];
        if (url_of(&s, LT_CREDENTIALS_WEB_IDENTITY, &err)[0] != '\0') {
            fail_msg("taken: %s", bad[i].data);
        }
        assert_non_null(strstr(err.text, "AWS_ENDPOINT_URL_STS"));
    }
}

static void
test_container_url(void **state)
{
    static const lt_str_t good[] = {S("http://169.254.170.2/v2/x?y=z"),
        S("http://169.254.170.23/v1/credentials"),
        S("http://[fd00:ec2::23]/v1/credentials"), S("http://localhost:80/"),
        S("http://[::1]:80/x"), S("http://127.0.0.1/x"),
        S("http://127.1.2.3:1234/x"), S("https://example.com/x")};
    static const lt_str_t bad[] = {S("http://example.com/x"),
        S("http://169.254.169.254/latest/"), S("http://169.254.170.22/"),
        S("http://169.254.170.2.example.com/"), S("http://127.x.0.1/"),
        S("http://12.7.0.0/x"), S("http://128.0.0.1/x"),
        S("http://169.254.170.2@example.com/"), S("http://[fd00:ec2::24]/"),
        S("http://localhost.example.com/"), S("ftp://127.0.0.1/"),
        S("http://127.0.0.1/a b"), S("http://127.0.0.1/a\nb"), S("/x")};
    static const lt_str_t bad_paths[] = {S("x"), S("@example.com/"),
        S("/a b"), S("/a\r\nX: y"), S(".example.com/")};
    settings_t s = {.source = LT_CREDENTIALS_AUTO};
    lt_error_t err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        s.env.container_url = good[i];
        assert_string_equal(url_of(&s, LT_CREDENTIALS_CONTAINER, &err),
            good[i].data);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        s.env.container_url = bad[i];
        if (url_of(&s, LT_CREDENTIALS_CONTAINER, &err)[0] != '\0') {
            fail_msg("taken: %s", bad[i].data);
        }
    }
    for (size_t i = 0; i < sizeof(bad_paths) / sizeof(*bad_paths); i++) {
        s.env.container_path = bad_paths[i];
        assert_string_equal(url_of(&s, LT_CREDENTIALS_CONTAINER, &err), "");
        assert_non_null(strstr(err.text, "RELATIVE_URI"));
    }
    s.env.container_path = LT_STR("/v2/credentials/0-1-2");
    assert_string_equal(url_of(&s, LT_CREDENTIALS_CONTAINER, &err),
        "http://169.254.170.2/v2/credentials/0-1-2");
}

static void
test_imds_url(void **state)
{
    settings_t s = {.source = LT_CREDENTIALS_AUTO};
    lt_error_t err = {0};
    char url[100];
    lt_out_t out;

    (void)state;
    assert_string_equal(url_of(&s, LT_CREDENTIALS_IMDS, &err),
        "http://169.254.169.254/latest/api/token");
    s.env.imds_mode = LT_STR("IPv6");
    assert_string_equal(url_of(&s, LT_CREDENTIALS_IMDS, &err),
        "http://[fd00:ec2::254]/latest/api/token");
    s.env.imds_endpoint = LT_STR("http://127.0.0.1:1338//");
    lt_out_init(&out, url, sizeof(url));
    assert_int_equal(lt_credentials_role_url(&out, &s, LT_STR("r@1"), &err),
        LT_OK);
    assert_string_equal(url, "http://127.0.0.1:1338/latest/meta-data/iam/"
                             "security-credentials/r@1");
    lt_out_init(&out, url, 40);
    assert_int_equal(lt_credentials_role_url(&out, &s, LT_STR(""), &err),
        LT_INVALID);
    s.env.imds_endpoint = LT_STR("169.254.169.254");
    assert_string_equal(url_of(&s, LT_CREDENTIALS_IMDS, &err), "");
}

static void
test_sts_body(void **state)
{
    settings_t s = {.env = {.role_arn = S("arn:aws:iam::12:role/a b")}};
    static const lt_str_t bad[] = {S(""), S("two words"), S("line\n"),
        S("line\r"), S("\xc3\xa9")};
    lt_error_t err = {0};
    char body[300];
    lt_out_t out;

    (void)state;
    lt_out_init(&out, body, sizeof(body));
    assert_int_equal(lt_credentials_sts_body(&out, &s, LT_STR("a.b-_c=&"),
                         &err),
        LT_OK);
    assert_str(((lt_str_t){body, lt_out_len(&out)}),
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn="
        "arn%3Aaws%3Aiam%3A%3A12%3Arole%2Fa%20b&RoleSessionName="
        "live-translation&WebIdentityToken=a.b-_c%3D%26");
    s.env.role_session_name = LT_STR("host 1");
    lt_out_init(&out, body, sizeof(body));
    assert_int_equal(lt_credentials_sts_body(&out, &s, LT_STR("t"), &err),
        LT_OK);
    body[lt_out_len(&out)] = '\0';
    assert_non_null(strstr(body, "&RoleSessionName=host%201&"));

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        lt_out_init(&out, body, sizeof(body));
        assert_int_equal(lt_credentials_sts_body(&out, &s, bad[i], &err),
            LT_INVALID);
        assert_non_null(strstr(err.text, "line end"));
    }
    lt_out_init(&out, body, 100);
    assert_int_equal(lt_credentials_sts_body(&out, &s, LT_STR("t"), &err),
        LT_INVALID);
    assert_non_null(strstr(err.text, "too long"));
}

static void
test_values(void **state)
{
    static const lt_str_t roles[] = {S(""), S("\n"), S("<html>"), S("a b"),
        S("a/b"), S("../x"), S("a%2f"), {"a\0b", 3},
        S("0123456789012345678901234567890123456789012345678901234567890123"
          "4")};
    char big[4097];
    lt_error_t err = {0};
    lt_str_t role;

    (void)state;
    assert_int_equal(lt_credentials_role(&role, LT_STR("lt+=,.@_-9\nother"),
                         &err),
        LT_OK);
    assert_str(role, "lt+=,.@_-9");
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
        assert_int_equal(lt_credentials_role(&role, roles[i], &err),
            LT_INVALID);
    }

    memset(big, 'b', sizeof(big));
    assert_int_equal(lt_credentials_check_header((lt_str_t){big, 4096}, "x",
                         &err), LT_OK);
    assert_int_equal(lt_credentials_check_header((lt_str_t){big, 4097}, "x",
                         &err), LT_INVALID);
    assert_int_equal(lt_credentials_check_header(LT_STR("Bearer a"), "x",
                         &err), LT_OK);
    for (size_t i = 0; i < 5; i++) {
        static const lt_str_t bad[] = {S("a\r\nX: y"), S("a\n"), S("a\r"),
            S(""), S("a\tb")};

        assert_int_equal(lt_credentials_check_header(bad[i], "the token",
                             &err), LT_INVALID);
        assert_non_null(strstr(err.text, "the token must be one line"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_by_half),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_sts_url),
        cmocka_unit_test(test_container_url),
        cmocka_unit_test(test_imds_url),
        cmocka_unit_test(test_sts_body),
        cmocka_unit_test(test_values),
    };

    return cmocka_run_group_tests_name("credentials_source", tests, NULL, NULL);
}
