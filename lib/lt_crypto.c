#include "lt_crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static lt_result_t
digest(uint8_t *out, const EVP_MD *md, const void *data, size_t len)
{
    return EVP_Digest(data, len, out, NULL, md, NULL) == 1 ? LT_OK : LT_ERROR;
}

lt_result_t
lt_md5(uint8_t out[LT_MD5_LEN], const void *data, size_t len)
{
    return digest(out, EVP_md5(), data, len);
}

lt_result_t
lt_sha1(uint8_t out[LT_SHA1_LEN], const void *data, size_t len)
{
    return digest(out, EVP_sha1(), data, len);
}

lt_result_t
lt_sha256(uint8_t out[LT_SHA256_LEN], const void *data, size_t len)
{
    return digest(out, EVP_sha256(), data, len);
}

lt_result_t
lt_hmac_sha256(uint8_t out[LT_SHA256_LEN], const void *key, size_t key_len,
    const void *data, size_t len)
{
    static const uint8_t no_key[1];

    if (key_len > INT32_MAX) {
        return LT_ERROR;
    }
    /* a NULL key would mean "the key of the call before" */
    if (HMAC(EVP_sha256(), key_len == 0 ? no_key : key, (int)key_len, data, len,
            out, NULL)
        == NULL) {
        return LT_ERROR;
    }
    return LT_OK;
}

struct lt_sha256_s {
    EVP_MD_CTX *ctx;
};

lt_sha256_t *
lt_sha256_new(void)
{
    lt_sha256_t *h = OPENSSL_malloc(sizeof(*h));

    if (h == NULL) {
        return NULL;
    }

    h->ctx = EVP_MD_CTX_new();
    if (h->ctx == NULL || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
        lt_sha256_free(&h);
    }
    return h;
}

lt_result_t
lt_sha256_update(lt_sha256_t *h, const void *data, size_t len)
{
    return EVP_DigestUpdate(h->ctx, data, len) == 1 ? LT_OK : LT_ERROR;
}

lt_result_t
lt_sha256_final(lt_sha256_t *h, uint8_t out[LT_SHA256_LEN])
{
    return EVP_DigestFinal_ex(h->ctx, out, NULL) == 1 ? LT_OK : LT_ERROR;
}

void
lt_sha256_free(lt_sha256_t **h)
{
    if (h == NULL || *h == NULL) {
        return;
    }

    EVP_MD_CTX_free((*h)->ctx);
    OPENSSL_free(*h);
    *h = NULL;
}

int
lt_crypto_is_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
