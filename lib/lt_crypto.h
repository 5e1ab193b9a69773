/* The one file of lib/ that includes OpenSSL (EVP).  LT_ERROR = EVP failed. */
#ifndef LT_CRYPTO_H
#define LT_CRYPTO_H

#include "lt_base.h"

#define LT_MD5_LEN 16
#define LT_SHA1_LEN 20
#define LT_SHA256_LEN 32

/* Where a protocol wants it (Kinesis' partition keys), never for safety. */
lt_result_t lt_md5(uint8_t out[LT_MD5_LEN], const void *data, size_t len);
lt_result_t lt_sha1(uint8_t out[LT_SHA1_LEN], const void *data, size_t len);
lt_result_t lt_sha256(uint8_t out[LT_SHA256_LEN], const void *data,
    size_t len);
lt_result_t lt_hmac_sha256(uint8_t out[LT_SHA256_LEN], const void *key,
    size_t key_len, const void *data, size_t len);

/* SHA-256 over several pieces (a body in a chain of buffers). */
typedef struct lt_sha256_s lt_sha256_t;
lt_sha256_t *lt_sha256_new(void);                    /* NULL: no memory */
lt_result_t lt_sha256_update(lt_sha256_t *h, const void *data, size_t len);
lt_result_t lt_sha256_final(lt_sha256_t *h, uint8_t out[LT_SHA256_LEN]);
void lt_sha256_free(lt_sha256_t **h);

/* True when both have len equal bytes; time depends on len only. */
int lt_crypto_is_equal(const void *a, const void *b, size_t len);

#endif
