#include "vectors.h"

#include "lt_claims.h"

#define NOW 1700000000

#define ISS "\"iss\":\"https://issuer/pool\","
#define AUD "\"aud\":\"our-app\","
#define USE "\"token_use\":\"id\","
#define EXP "\"exp\":1700000060,"
#define SUB "\"sub\":\"alice\""

static const lt_str_t audience[] = {
    { "our-app", 7 }, { "our-other-app", 13 }
};

static lt_claims_rules_t
rules(void)
{
    return (lt_claims_rules_t) {
        .issuer = LT_STR("https://issuer/pool"), .audience = audience,
        .audience_n = 2, .use = LT_CLAIMS_USE_ID, .now_s = NOW
    };
}

/* The reason, or "" when the claims are good; then the subject is right. */
static const char *
outcome(const char *payload, lt_claims_rules_t r, const char *subject)
{
    uint8_t storage[LT_CLAIMS_SUB_MAX];
    lt_out_t out;
    const char *reason = NULL;
    lt_result_t rc;

    lt_out_init(&out, storage, sizeof(storage));
    rc = lt_claims_check(&out, lt_str(payload), &r, &reason);
    if (rc == LT_OK) {
        assert_str(((lt_str_t) { (char *)storage, lt_out_len(&out) }), subject);
        return "";
    }
    assert_int_equal(rc, LT_INVALID);
    assert_int_equal(lt_out_len(&out), 0);
    return reason;
}

#define GOOD(payload, r) assert_string_equal(outcome(payload, r, "alice"), "")
#define BAD(payload, r, text)                                                 \
    assert_string_equal(outcome(payload, r, "alice"), text)

static void
test_good(void **state)
{
    (void)state;
    GOOD("{" ISS AUD USE EXP SUB "}", rules());
    GOOD("{" SUB ",\"x\":{\"aud\":1}," EXP USE AUD
         "\"iss\":\"https://issuer/pool\"}", rules());
    GOOD("{" ISS "\"aud\":[\"foreign\",\"our-other-app\"]," USE EXP SUB "}",
        rules());
    GOOD("{" ISS "\"client_id\":\"our-app\"," USE EXP SUB "}", rules());
    GOOD("{" ISS AUD USE "\"exp\":1700000000.5," SUB "}", rules());
}

static void
test_times(void **state)
{
    lt_claims_rules_t r = rules();

    (void)state;
    GOOD("{" ISS AUD USE "\"exp\":1700000001," SUB "}", r);
    BAD("{" ISS AUD USE "\"exp\":1700000000," SUB "}", r, "expired");
    BAD("{" ISS AUD USE "\"exp\":-1," SUB "}", r, "expired");
    BAD("{" ISS AUD USE SUB "}", r, "exp is missing or no number");
    BAD("{" ISS AUD USE "\"exp\":\"1700000060\"," SUB "}", r,
        "exp is missing or no number");
    GOOD("{" ISS AUD USE EXP "\"nbf\":1700000000," SUB "}", r);
    BAD("{" ISS AUD USE EXP "\"nbf\":1700000001," SUB "}", r,
        "not yet valid");
    BAD("{" ISS AUD USE EXP "\"nbf\":null," SUB "}", r, "not yet valid");
    GOOD("{" ISS AUD USE EXP "\"iat\":1700000000," SUB "}", r);
    BAD("{" ISS AUD USE EXP "\"iat\":1700000001," SUB "}", r,
        "issued in the future");

    r.leeway_s = 10;
    GOOD("{" ISS AUD USE "\"exp\":1699999991," SUB "}", r);
    BAD("{" ISS AUD USE "\"exp\":1699999990," SUB "}", r, "expired");
    GOOD("{" ISS AUD USE EXP "\"nbf\":1700000010,\"iat\":1700000010," SUB "}",
        r);
    BAD("{" ISS AUD USE EXP "\"nbf\":1700000011," SUB "}", r,
        "not yet valid");
}

static void
test_for_others(void **state)
{
    (void)state;
    BAD("{" AUD USE EXP SUB "}", rules(), "iss is another one");
    BAD("{\"iss\":\"https://issuer/pool2\"," AUD USE EXP SUB "}", rules(),
        "iss is another one");
    BAD("{\"iss\":\"https://issuer/poo\"," AUD USE EXP SUB "}", rules(),
        "iss is another one");
    BAD("{\"iss\":[\"https://issuer/pool\"]," AUD USE EXP SUB "}", rules(),
        "iss is another one");
    BAD("{" ISS USE EXP SUB "}", rules(), "aud is another one");
    BAD("{" ISS "\"aud\":\"our-app2\"," USE EXP SUB "}", rules(),
        "aud is another one");
    BAD("{" ISS "\"aud\":[]," USE EXP SUB "}", rules(), "aud is another one");
    BAD("{" ISS "\"aud\":[7,\"foreign\"]," USE EXP SUB "}", rules(),
        "aud is another one");
    BAD("{" ISS "\"aud\":{\"0\":\"our-app\"}," USE EXP SUB "}", rules(),
        "aud is another one");
    BAD("{" ISS "\"aud\":null,\"client_id\":\"our-app\"," USE EXP SUB "}",
        rules(), "aud is another one");
    BAD("{" ISS "\"aud\":\"foreign\",\"client_id\":\"our-app\"," USE EXP SUB
        "}", rules(), "aud is another one");
}

static void
test_use(void **state)
{
    lt_claims_rules_t r = rules();

    (void)state;
    BAD("{" ISS AUD EXP SUB "}", r, "token_use is another one");
    BAD("{" ISS AUD EXP "\"token_use\":\"access\"," SUB "}", r,
        "token_use is another one");
    r.use = LT_CLAIMS_USE_ACCESS;
    GOOD("{" ISS AUD EXP "\"token_use\":\"access\"," SUB "}", r);
    BAD("{" ISS AUD EXP USE SUB "}", r, "token_use is another one");
    r.use = LT_CLAIMS_USE_ANY;
    GOOD("{" ISS AUD EXP USE SUB "}", r);
    GOOD("{" ISS AUD EXP SUB "}", r);
}

static void
test_subject(void **state)
{
    static const char bad[] = "sub is missing, empty or too long";
    static const char head[] = "{" ISS AUD USE EXP "\"sub\":\"";
    char text[1024], subject[LT_CLAIMS_SUB_MAX + 2] = "";

    (void)state;
    BAD("{" ISS AUD USE "\"exp\":1700000060}", rules(), bad);
    BAD("{" ISS AUD USE EXP "\"sub\":\"\"}", rules(), bad);
    BAD("{" ISS AUD USE EXP "\"sub\":7}", rules(), bad);

    memset(subject, 'a', LT_CLAIMS_SUB_MAX);
    snprintf(text, sizeof(text), "%s%s\"}", head, subject);
    assert_string_equal(outcome(text, rules(), subject), "");
    subject[LT_CLAIMS_SUB_MAX] = 'a';
    snprintf(text, sizeof(text), "%s%s\"}", head, subject);
    BAD(text, rules(), bad);
}

static void
test_not_claims(void **state)
{
    static const char *const texts[] = {
        "", "{", "[]", "null", "\"sub\"", "7", "\xff",
        "{" ISS AUD USE EXP SUB "}x",
        "{" ISS AUD USE EXP SUB ",\"sub\":\"bob\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        BAD(texts[i], rules(), "the claims are no JSON object");
    }
}

static void
test_no_space(void **state)
{
    lt_claims_rules_t r = rules();
    lt_out_t out;
    uint8_t storage[4];
    const char *reason;

    (void)state;
    lt_out_init(&out, storage, sizeof(storage));
    assert_int_equal(lt_claims_check(&out,
                         LT_STR("{" ISS AUD USE EXP SUB "}"), &r, &reason),
        LT_NOSPACE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_for_others),
        cmocka_unit_test(test_use),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_not_claims),
        cmocka_unit_test(test_no_space),
    };

    return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
