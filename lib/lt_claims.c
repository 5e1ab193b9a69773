#include "lt_claims.h"

#include "lt_json.h"

static int
is_wanted(lt_str_t audience, const lt_claims_rules_t *rules)
{
    for (size_t i = 0; i < rules->audience_n; i++) {
        if (lt_str_equal(audience, rules->audience[i])) {
            return 1;
        }
    }
    return 0;
}

/* One string or an array of them; client_id only where aud is absent. */
static int
is_for_us(const lt_json_t *doc, const lt_claims_rules_t *rules)
{
    const lt_json_t *aud = lt_json_get(doc, "aud");
    lt_str_t one;

    if (aud == NULL) {
        return lt_json_string(doc, "client_id", &one) && is_wanted(one, rules);
    }

    if (lt_json_string(doc, "aud", &one)) {
        return is_wanted(one, rules);
    }

    for (size_t i = 0; i < lt_json_size(aud); i++) {
        if (lt_json_at_string(aud, i, &one) && is_wanted(one, rules)) {
            return 1;
        }
    }
    return 0;
}

/* Absent is fine; what is there must be a time that has come. */
static int
has_begun(const lt_json_t *doc, const char *claim,
    const lt_claims_rules_t *rules)
{
    double at;

    return lt_json_get(doc, claim) == NULL
           || (lt_json_number(doc, claim, &at)
               && at <= (double)(rules->now_s + rules->leeway_s));
}

static const char *
check_times(const lt_json_t *doc, const lt_claims_rules_t *rules)
{
    double expires;

    if (!lt_json_number(doc, "exp", &expires)) {
        return "exp is missing or no number";
    }
    if (expires <= (double)(rules->now_s - rules->leeway_s)) {
        return "expired";
    }
    if (!has_begun(doc, "nbf", rules)) {
        return "not yet valid";
    }
    if (!has_begun(doc, "iat", rules)) {
        return "issued in the future";
    }
    return NULL;
}

static const char *
check_use(const lt_json_t *doc, lt_claims_use_t use)
{
    lt_str_t value;

    if (use == LT_CLAIMS_USE_ANY) {
        return NULL;
    }

    return lt_json_string(doc, "token_use", &value)
           && lt_str_is(value, use == LT_CLAIMS_USE_ID ? "id" : "access")
           ? NULL : "token_use is another one";
}

/* NULL = all is well. */
static const char *
check(const lt_json_t *doc, const lt_claims_rules_t *rules, lt_str_t *sub)
{
    lt_str_t issuer;
    const char *reason;

    if (!lt_json_is_object(doc)) {
        return "the claims are no JSON object";
    }

    reason = check_times(doc, rules);
    if (reason != NULL) {
        return reason;
    }

    if (!lt_json_string(doc, "iss", &issuer)
        || !lt_str_equal(issuer, rules->issuer)) {
        return "iss is another one";
    }
    if (!is_for_us(doc, rules)) {
        return "aud is another one";
    }

    reason = check_use(doc, rules->use);
    if (reason != NULL) {
        return reason;
    }

    if (!lt_json_string(doc, "sub", sub) || sub->len == 0
        || sub->len > LT_CLAIMS_SUB_MAX) {
        return "sub is missing, empty or too long";
    }
    return NULL;
}

lt_result_t
lt_claims_check(lt_out_t *out, lt_str_t payload,
    const lt_claims_rules_t *rules, const char **reason)
{
    lt_json_t *doc = NULL;
    lt_str_t sub = LT_STR("");
    lt_result_t rc;

    rc = lt_json_parse(&doc, payload, LT_CLAIMS_PAYLOAD_MAX, NULL);
    if (rc == LT_ERROR) {
        return LT_ERROR;
    }

    *reason = rc == LT_OK ? check(doc, rules, &sub)
                          : "the claims are no JSON object";
    if (*reason == NULL) {
        lt_out_str(out, sub);
    }

    lt_json_free(&doc);

    return *reason == NULL ? lt_out_result(out) : LT_INVALID;
}
