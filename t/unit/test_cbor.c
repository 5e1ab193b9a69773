#include "vectors.h"

#include "lt_cbor.h"

static lt_result_t
convert(const char *hex, char *json, size_t size)
{
    lt_result_t rc;
    lt_out_t out;
    uint8_t *bytes;
    size_t len;

    bytes = bytes_from_hex(lt_str(hex), &len);
    lt_out_init(&out, json, size - 1);
    rc = lt_cbor_to_json(&out, (lt_str_t){(char *)bytes, len});
    json[lt_out_len(&out)] = '\0';
    free(bytes);
    return rc;
}

/* RFC 8949, appendix A, where JSON has the value; then what AWS adds. */
static void
test_to_json(void **state)
{
    static const struct {
        const char *hex;
        const char *json;
    } rows[] = {
        {"00", "0"}, {"17", "23"}, {"1818", "24"}, {"1903e8", "1000"},
        {"1a000f4240", "1000000"}, {"1b000000e8d4a51000", "1000000000000"},
        {"1bffffffffffffffff", "null"}, {"20", "-1"}, {"3903e7", "-1000"},
        {"3b7fffffffffffffff", "-9223372036854775808"},
        {"f90000", "0.000"}, {"f93c00", "1.000"}, {"f93e00", "1.500"},
        {"f97bff", "65504.000"}, {"fa47c35000", "100000.000"},
        {"fb3ff199999999999a", "1.100"}, {"f9c400", "-4.000"},
        {"fbc010666666666666", "-4.100"}, {"f97c00", "null"},
        {"f97e00", "null"}, {"fbffffffffffffffff", "null"},
        {"f4", "false"}, {"f5", "true"}, {"f6", "null"}, {"f7", "null"},
        {"40", "\"\""}, {"4401020304", "\"AQIDBA==\""}, {"60", "\"\""},
        {"6161", "\"a\""}, {"62225c", "\"\\u0022\\u005c\""},
        {"62c3bc", "\"\xc3\xbc\""}, {"620a1f", "\"\\u000a\\u001f\""},
        {"80", "[]"}, {"83010203", "[1,2,3]"},
        {"8301820203820405", "[1,[2,3],[4,5]]"}, {"a0", "{}"},
        {"a26161016162820203", "{\"a\":1,\"b\":[2,3]}"},
        {"7f657374726561646d696e67ff", "\"streaming\""},
        {"9fff", "[]"}, {"9f018202039f0405ffff", "[1,[2,3],[4,5]]"},
        {"bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"},
        {"d9d9f701", "1"}, {"c11a514b67b0", "1363896.240"},
        {"c11b0000014f98bb1eb3", "1441376444.083"},
        {"c1fb4274f98bb1eb3000", "1441376444.083"},
        {"6461226260", "\"a\\u0022b`\""},
        /* what the emulator's library writes */
        {"a2665f5f7479706578195265736f757263654e6f74466f756e64457863657074696f"
         "6e676d6573736167657253747265616d2078206e6f7420666f756e64",
         "{\"__type\":\"ResourceNotFoundException\","
         "\"message\":\"Stream x not found\"}"},
    };
    char json[400];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(convert(rows[i].hex, json, sizeof(json)), LT_OK);
        assert_string_equal(json, rows[i].json);
    }
}

static void
test_refused(void **state)
{
    static const char *const rows[] = {
        "", "18", "19ff", "1bffffffffffff", "1c", "1f", "3f", "df",
        "41", "5affffffff00", "5bffffffffffffffff", "61", "7f", "7f61", "7f40ff",
        "7f7f6161ffff", "5f4101ff", "81", "9f", "9f01", "9bffffffffffffffff00",
        "a1", "a101", "a10101", "a1616101ff", "bf6161ff", "bf01ff",
        "f0", "f800", "f8ff", "ff", "0000", "c1", "c161", "c1f6", "c6",
        "8181818181818181818181818181818181",
        "f9ff", "fa000000", "fb00000000000000",
    };
    char json[400];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(convert(rows[i], json, sizeof(json)), LT_INVALID);
    }
    assert_int_equal(convert("83010203", json, 7), LT_NOSPACE);
    assert_int_equal(convert("83010203", json, 8), LT_OK);
}

/* Each head in its shortest form: RFC 8949, section 4.2.1. */
static void
test_heads(void **state)
{
    static const struct {
        uint64_t n;
        const char *hex;
    } rows[] = {
        {0, "80"}, {23, "97"}, {24, "9818"}, {255, "98ff"}, {256, "990100"},
        {65535, "99ffff"}, {65536, "9a00010000"}, {UINT32_MAX, "9affffffff"},
        {(uint64_t)UINT32_MAX + 1, "9b0000000100000000"},
    };
    uint8_t bytes[16];
    char hex[40];
    lt_out_t out;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        lt_out_init(&out, bytes, sizeof(bytes));
        lt_cbor_array(&out, rows[i].n);
        lt_hex_encode(hex, bytes, lt_out_len(&out));
        assert_str(((lt_str_t){hex, lt_out_len(&out) * 2}), rows[i].hex);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_json),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_heads),
    };

    return cmocka_run_group_tests_name("cbor", tests, NULL, NULL);
}
