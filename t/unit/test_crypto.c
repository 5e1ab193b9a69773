#include "vectors.h"

#include "lt_crypto.h"

static void
assert_hex(const uint8_t *bytes, size_t len, const char *want)
{
    char hex[2 * LT_SHA256_LEN];

    lt_hex_encode(hex, bytes, len);
    assert_str(((lt_str_t){hex, 2 * len}), want);
}

/* FIPS 180-4 examples */
static void
test_digests(void **state)
{
    uint8_t out[LT_SHA256_LEN];

    (void)state;
    assert_int_equal(lt_sha1(out, "abc", 3), LT_OK);
    assert_hex(out, LT_SHA1_LEN, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_int_equal(lt_sha256(out, "abc", 3), LT_OK);
    assert_hex(out, LT_SHA256_LEN,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(lt_sha256(out, NULL, 0), LT_OK);
    assert_hex(out, LT_SHA256_LEN,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231, cases 2 and 6 */
static void
test_hmac(void **state)
{
    static const char text[] =
        "Test Using Larger Than Block-Size Key - Hash Key First";
    uint8_t key[131], out[LT_SHA256_LEN];

    (void)state;
    assert_int_equal(lt_hmac_sha256(out, "Jefe", 4,
                         "what do ya want for nothing?", 28),
        LT_OK);
    assert_hex(out, LT_SHA256_LEN,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    assert_int_equal(lt_hmac_sha256(out, key, sizeof(key), text,
                         sizeof(text) - 1),
        LT_OK);
    assert_hex(out, LT_SHA256_LEN,
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");

    /* no key and no data */
    assert_int_equal(lt_hmac_sha256(out, NULL, 0, NULL, 0), LT_OK);
    assert_hex(out, LT_SHA256_LEN,
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void
test_pieces(void **state)
{
    uint8_t out[LT_SHA256_LEN];
    lt_sha256_t *h = lt_sha256_new();

    (void)state;
    assert_non_null(h);
    assert_int_equal(lt_sha256_update(h, "a", 1), LT_OK);
    assert_int_equal(lt_sha256_update(h, NULL, 0), LT_OK);
    assert_int_equal(lt_sha256_update(h, "bc", 2), LT_OK);
    assert_int_equal(lt_sha256_final(h, out), LT_OK);
    assert_hex(out, LT_SHA256_LEN,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    lt_sha256_free(&h);
    assert_null(h);
    lt_sha256_free(&h);
    lt_sha256_free(NULL);
}

static void
test_equal(void **state)
{
    (void)state;
    assert_true(lt_crypto_is_equal("abc", "abc", 3));
    assert_false(lt_crypto_is_equal("abc", "abd", 3));
    assert_true(lt_crypto_is_equal("abc", "abd", 2));
    assert_true(lt_crypto_is_equal("a", "b", 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_equal),
    };

    return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
