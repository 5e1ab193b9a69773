#include "vectors.h"

#include "lt_credentials.h"

static const char file[] =
    "# comment\n"
    "; another\n"
    "aws_access_key_id = OUTSIDE\n"
    "\n"
    "[default]\r\n"
    "aws_access_key_id=AKDEFAULT\r\n"
    "  aws_secret_access_key\t=  a/b+c==  \r\n"
    "region = eu-west-1\n"
    "nonsense\n"
    "[ other ] ; note\n"
    "aws_session_token = token//==\n"
    "aws_access_key_id = ASOTHER\n"
    "aws_access_key_id = ASLATER\n"
    "#aws_secret_access_key = COMMENT\n"
    "aws_secret_access_key = SECRET\n"
    "[profile work]\n"
    "aws_secret_access_key = WS\n"
    "aws_access_key_id = AKWORK";

static void
test_profiles(void **state)
{
    lt_aws_keys_t keys;
    lt_str_t text = LT_STR(file);

    (void)state;
    assert_int_equal(lt_credentials_parse(&keys, text, LT_STR("default"),
                         NULL),
        LT_OK);
    assert_str(keys.access_key, "AKDEFAULT");
    assert_str(keys.secret_key, "a/b+c==");
    assert_int_equal(keys.session_token.len, 0);

    assert_int_equal(lt_credentials_parse(&keys, text, LT_STR(""), NULL),
        LT_OK);
    assert_str(keys.access_key, "AKDEFAULT");

    assert_int_equal(lt_credentials_parse(&keys, text, LT_STR("other"), NULL),
        LT_OK);
    assert_str(keys.access_key, "ASLATER");
    assert_str(keys.secret_key, "SECRET");
    assert_str(keys.session_token, "token//==");

    /* the profile's name is a view: what lies behind it does not count */
    assert_int_equal(lt_credentials_parse(&keys, text,
                         (lt_str_t){"otherwise", 5}, NULL),
        LT_OK);
    assert_int_equal(lt_credentials_parse(&keys, text,
                         (lt_str_t){"other", 4}, NULL),
        LT_INVALID);

    assert_int_equal(lt_credentials_parse(&keys, text, LT_STR("work"), NULL),
        LT_OK);
    assert_str(keys.access_key, "AKWORK");
}

/* text, profile, what the error must name */
static const char *const refused[][3] = {
    {"", "default", "no profile \"default\""},
    {"\n\n", "default", "no profile \"default\""},
    {"[default", "default", "no profile"},
    {"[defaul]\n", "default", "no profile"},
    {"[defaultx]\n", "default", "no profile"},
    {"aws_access_key_id = A\naws_secret_access_key = SECRET\n", "default",
        "no profile"},
    {"[default]\n", "default", "aws_access_key_id"},
    {"[default]\naws_secret_access_key = SECRET\n", "default",
        "aws_access_key_id"},
    {"[default]\naws_access_key_id = A\n", "default", "aws_secret_access_key"},
    {"[default]\naws_access_key_id = A\naws_secret_access_key =\n", "default",
        "aws_secret_access_key"},
    {"[default]\naws_access_key_id = A\n[b]\naws_secret_access_key = SECRET\n",
        "default", "aws_secret_access_key"},
    {"[default]\naws_access_key_id = A\naws_secret_access_key = SEC RET\n",
        "default", "aws_secret_access_key"},
    {"[default]\naws_access_key_id = A\x01\naws_secret_access_key = SECRET\n",
        "default", "aws_access_key_id"},
    {"[default]\naws_access_key_id = A\naws_secret_access_key = SECRET\n"
     "aws_session_token = \xc3\xa9\n", "default", "aws_session_token"},
};

static void
test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        lt_aws_keys_t keys;
        lt_error_t err = {0};

        assert_int_equal(lt_credentials_parse(&keys, lt_str(refused[i][0]),
                             lt_str(refused[i][1]), &err),
            LT_INVALID);
        if (strstr(err.text, refused[i][2]) == NULL) {
            fail_msg("%zu: %s", i, err.text);
        }
        assert_null(strstr(err.text, "SEC"));
        assert_int_equal(keys.access_key.len + keys.secret_key.len, 0);
    }
}

/* Cut anywhere, nothing is read behind the end. */
static void
test_cut(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(file); len++) {
        char *copy = malloc(len + 1);
        lt_aws_keys_t keys;

        memcpy(copy, file, len);
        copy = realloc(copy, len + (len == 0));
        (void)lt_credentials_parse(&keys, (lt_str_t){copy, len},
            LT_STR("work"), NULL);
        free(copy);
    }
}

/* What a profile has besides keys decides whether another way is named. */
static void
test_other_ways(void **state)
{
    lt_credentials_profile_t p;

    (void)state;
    lt_credentials_profile(&p, LT_STR("[profile a]\nrole_arn = arn\n"
        "source_profile = b\n[b]\naws_access_key_id = K\n"
        "credential_process = /x\n[c]\nregion = x\n"), LT_STR("a"));
    assert_true(p.is_there && !p.has_keys);
    assert_string_equal(p.other, "role_arn");
    lt_credentials_profile(&p, LT_STR("[b]\naws_access_key_id = K\n"
        "sso_session = s\n"), LT_STR("b"));
    assert_true(p.is_there && p.has_keys);
    assert_string_equal(p.other, "sso_session");
    lt_credentials_profile(&p, LT_STR("[c]\nregion = x\n"), LT_STR("c"));
    assert_true(p.is_there && !p.has_keys && p.other == NULL);
    lt_credentials_profile(&p, LT_STR("[c]\n"), LT_STR(""));
    assert_false(p.is_there);
}

static void
test_copy(void **state)
{
    char big[LT_CREDENTIALS_TOKEN_MAX + 1];
    lt_aws_keys_t keys = {LT_STR("A"), LT_STR("SECRET"), LT_STR("")};
    lt_credentials_t c, before;
    lt_error_t err = {0};

    (void)state;
    memset(&c, 'x', sizeof(c));
    assert_int_equal(lt_credentials_copy(&c, &keys, 5, &err), LT_OK);
    assert_str(lt_credentials_view(&c).secret_key, "SECRET");
    assert_int_equal(lt_credentials_view(&c).session_token.len, 0);
    assert_int_equal(c.expires_ms, 5);
    before = c;

    memset(big, 'b', sizeof(big));
    keys.session_token = (lt_str_t){big, sizeof(big)};
    assert_int_equal(lt_credentials_copy(&c, &keys, 6, &err), LT_INVALID);
    keys.session_token.len--;
    keys.access_key = (lt_str_t){big, LT_CREDENTIALS_KEY_MAX + 1};
    assert_int_equal(lt_credentials_copy(&c, &keys, 6, &err), LT_INVALID);
    assert_non_null(strstr(err.text, "too long"));
    keys.access_key = LT_STR("A\n");
    assert_int_equal(lt_credentials_copy(&c, &keys, 6, &err), LT_INVALID);
    assert_memory_equal(&c, &before, sizeof(c));
    keys.access_key = (lt_str_t){big, LT_CREDENTIALS_KEY_MAX};
    assert_int_equal(lt_credentials_copy(&c, &keys, 6, &err), LT_OK);

    lt_credentials_wipe(&c);
    memset(&before, 0, sizeof(before));
    assert_memory_equal(&c, &before, sizeof(c));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_other_ways),
        cmocka_unit_test(test_copy),
    };

    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
