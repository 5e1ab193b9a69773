#include "lt_credentials.h"

#include <string.h>

#include "lt_aws.h"
#include "lt_json.h"
#include "lt_xml.h"

/* ---- times: RFC 3339 in UTC, as AWS writes them ---- */

static int
number(lt_str_t text, size_t at, size_t digits, int min, int max)
{
    int n = 0;

    for (size_t i = at; i < at + digits; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return -1;
        }
        n = n * 10 + (text.data[i] - '0');
    }
    return n >= min && n <= max ? n : -1;
}

/* Days since 1970-01-01 in the Gregorian calendar, which begins a year in
   March so that a leap day is its last one. */
static int64_t
days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = (month + 9) % 12;

    return 365 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1
           - 719468;
}

/* What may follow the seconds: a fraction, then Z or +00:00. */
static int
is_utc(lt_str_t rest)
{
    size_t i = 0;

    if (rest.len > 1 && rest.data[0] == '.') {
        for (i = 1; i < rest.len && rest.data[i] >= '0' && rest.data[i] <= '9';
             i++) {
        }
        if (i == 1) {
            return 0;
        }
    }
    rest.data += i;
    rest.len -= i;
    return lt_str_is(rest, "Z") || lt_str_is(rest, "+00:00");
}

lt_result_t
lt_credentials_time(int64_t *unix_ms, lt_str_t text)
{
    static const char shape[] = "0000-00-00T00:00:00";
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31,
        30, 31};
    int year, month, day, hour, minute, second;

    if (text.len < sizeof(shape) || text.len > 40) {
        return LT_INVALID;
    }
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        if (shape[i] != '0' && text.data[i] != shape[i]) {
            return LT_INVALID;
        }
    }

    year = number(text, 0, 4, 1970, 9999);
    month = number(text, 5, 2, 1, 12);
    day = month > 0 ? number(text, 8, 2, 1, month_days[month - 1]) : -1;
    hour = number(text, 11, 2, 0, 23);
    minute = number(text, 14, 2, 0, 59);
    second = number(text, 17, 2, 0, 60);
    if ((year | month | day | hour | minute | second) < 0
        || !is_utc((lt_str_t){text.data + sizeof(shape) - 1,
               text.len - (sizeof(shape) - 1)})) {
        return LT_INVALID;
    }

    *unix_ms = (((days(year, month, day) * 24 + hour) * 60 + minute) * 60
                   + second)
               * 1000;
    return LT_OK;
}

/* ---- what every answer comes to ---- */

static lt_result_t
take(lt_credentials_t *c, const lt_aws_keys_t *keys, lt_str_t expiration,
    lt_error_t *err)
{
    int64_t expires_ms = 0;
    lt_error_t why;

    if (expiration.len != 0
        && lt_credentials_time(&expires_ms, expiration) != LT_OK) {
        lt_error_set(err, 0, "its Expiration is no time");
        return LT_INVALID;
    }
    if (keys->session_token.len == 0) {
        lt_error_set(err, 0, "it has no session token");
        return LT_INVALID;
    }
    if (lt_credentials_copy(c, keys, expires_ms, &why) != LT_OK) {
        lt_error_set(err, 0, "%s", why.text);
        return LT_INVALID;
    }
    return LT_OK;
}

/* ---- XML: four elements that hold no markup ---- */

lt_result_t
lt_credentials_read_sts(lt_credentials_t *c, lt_str_t body, lt_error_t *err)
{
    lt_str_t xml;
    lt_aws_keys_t keys;

    if (body.len > LT_CREDENTIALS_ANSWER_MAX) {
        lt_error_set(err, 0, "the answer is too long");
        return LT_INVALID;
    }
    xml = lt_xml_element(body, "Credentials");
    if (xml.len == 0) {
        lt_error_set(err, 0, "the answer is none of AssumeRoleWithWebIdentity");
        return LT_INVALID;
    }
    keys.access_key = lt_xml_text(xml, "AccessKeyId");
    keys.secret_key = lt_xml_text(xml, "SecretAccessKey");
    keys.session_token = lt_xml_text(xml, "SessionToken");
    return take(c, &keys, lt_xml_text(xml, "Expiration"), err);
}

/* ---- JSON ---- */

static lt_str_t
member(const lt_json_t *doc, const char *key)
{
    lt_str_t text = {NULL, 0};

    (void)lt_json_string(doc, key, &text);
    return text;
}

lt_result_t
lt_credentials_read_json(lt_credentials_t *c, lt_str_t body, lt_error_t *err)
{
    char code[64];
    lt_json_t *doc;
    lt_aws_keys_t keys;
    lt_str_t said;
    lt_result_t result;

    if (lt_json_parse(&doc, body, LT_CREDENTIALS_ANSWER_MAX, NULL) != LT_OK) {
        lt_error_set(err, 0, "the answer is not JSON, or too long");
        return LT_INVALID;
    }

    said = member(doc, "Code");
    if (said.len != 0 && !lt_str_is(said, "Success")) {
        lt_aws_error_code(code, sizeof(code), said, LT_STR(""));
        lt_error_set(err, 0, "it answers an error: %s", code);
        result = LT_INVALID;
    } else {
        keys.access_key = member(doc, "AccessKeyId");
        keys.secret_key = member(doc, "SecretAccessKey");
        keys.session_token = member(doc, "Token");
        result = take(c, &keys, member(doc, "Expiration"), err);
    }
    lt_json_free(&doc);
    return result;
}
