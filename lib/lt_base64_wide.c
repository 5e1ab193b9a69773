#include "lt_base64_wide.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define WITH_AVX2 __attribute__((target("avx2")))

/* A step reads 4 bytes more than it encodes. */
#define ENCODE_STEP 24
#define ENCODE_READS 28
/* A step writes 32 bytes, of which 24 count: 48 characters are 34 at least. */
#define DECODE_STEP 32
#define DECODE_LEAST 48

/* The same 16 bytes for both halves. */
#define BOTH(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

/* Three bytes in each 32 bits become four numbers of 6 bits, in order. */
WITH_AVX2 static inline __m256i
split(__m256i bytes)
{
    /* 16 bits each hold two numbers; one is moved down, the other up */
    __m256i first = _mm256_mulhi_epu16(
        _mm256_and_si256(bytes, _mm256_set1_epi32(0x0fc0fc00)),
        _mm256_set1_epi32(0x04000040));
    __m256i second = _mm256_mullo_epi16(
        _mm256_and_si256(bytes, _mm256_set1_epi32(0x003f03f0)),
        _mm256_set1_epi32(0x01000010));

    return _mm256_or_si256(first, second);
}

/* What has to be added to a number is looked up by its range: 13 below 26, 0
   below 52, then one entry for each of 52 to 63. */
WITH_AVX2 static inline __m256i
to_digits(__m256i numbers)
{
    const __m256i offsets = BOTH('a' - 26, '0' - 52, '0' - 52, '0' - 52,
        '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
        '+' - 62, '/' - 63, 'A', 0, 0);
    __m256i range = _mm256_subs_epu8(numbers, _mm256_set1_epi8(51));
    __m256i is_upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), numbers);

    range = _mm256_or_si256(range,
        _mm256_and_si256(is_upper, _mm256_set1_epi8(13)));
    return _mm256_add_epi8(numbers, _mm256_shuffle_epi8(offsets, range));
}

WITH_AVX2 static size_t
encode(char *out, const uint8_t *data, size_t len)
{
    const __m256i spread = BOTH(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11,
        10);
    size_t done = 0;

    for (; len - done >= ENCODE_READS; done += ENCODE_STEP, out += 32) {
        __m256i bytes = _mm256_inserti128_si256(
            _mm256_castsi128_si256(
                _mm_loadu_si128((const __m128i *)(data + done))),
            _mm_loadu_si128((const __m128i *)(data + done + 12)), 1);

        bytes = _mm256_shuffle_epi8(bytes, spread);
        _mm256_storeu_si256((__m256i *)out, to_digits(split(bytes)));
    }
    return done;
}

/* The kinds of characters by their upper half, one bit each: what is never a
   digit; + and /; 0 to 9; A to O and a to o; P to Z and p to z. */
enum {
    NEVER = 16, SIGNS = 1, FIGURES = 2, LETTERS = 4, MORE_LETTERS = 8
};

/* All bits of a byte are 0 when it is a digit: by its lower half it is not one
   of the kinds that its upper half says. */
WITH_AVX2 static inline __m256i
strangers(__m256i high, __m256i low)
{
    const __m256i by_high = BOTH(NEVER, NEVER, SIGNS, FIGURES, LETTERS,
        MORE_LETTERS, LETTERS, MORE_LETTERS, NEVER, NEVER, NEVER, NEVER, NEVER,
        NEVER, NEVER, NEVER);
    const __m256i by_low = BOTH(NEVER | SIGNS | LETTERS, NEVER | SIGNS,
        NEVER | SIGNS, NEVER | SIGNS, NEVER | SIGNS, NEVER | SIGNS,
        NEVER | SIGNS, NEVER | SIGNS, NEVER | SIGNS, NEVER | SIGNS,
        NEVER | SIGNS | FIGURES, NEVER | FIGURES | MORE_LETTERS,
        NEVER | SIGNS | FIGURES | MORE_LETTERS,
        NEVER | SIGNS | FIGURES | MORE_LETTERS,
        NEVER | SIGNS | FIGURES | MORE_LETTERS,
        NEVER | FIGURES | MORE_LETTERS);

    return _mm256_and_si256(_mm256_shuffle_epi8(by_high, high),
        _mm256_shuffle_epi8(by_low, low));
}

/* What has to be added goes by the upper half; '/', which shares it with '+',
   takes the place below. */
WITH_AVX2 static inline __m256i
to_numbers(__m256i digits, __m256i high)
{
    const __m256i offsets = BOTH(0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A',
        26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0);
    __m256i is_slash = _mm256_cmpeq_epi8(digits, _mm256_set1_epi8('/'));

    return _mm256_add_epi8(digits,
        _mm256_shuffle_epi8(offsets, _mm256_add_epi8(high, is_slash)));
}

/* Four numbers of 6 bits in each 32 become 24 bytes at the beginning. */
WITH_AVX2 static inline __m256i
join(__m256i numbers)
{
    const __m256i order = BOTH(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1,
        -1, -1);
    __m256i pairs = _mm256_maddubs_epi16(numbers,
        _mm256_set1_epi32(0x01400140));
    __m256i words = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));

    return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(words, order),
        _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
}

WITH_AVX2 static size_t
decode(uint8_t *out, const uint8_t *in, size_t len, int *is_bad)
{
    const __m256i halves = _mm256_set1_epi8(0x0f);
    __m256i bad = _mm256_setzero_si256();
    size_t done = 0;

    for (; len - done >= DECODE_LEAST; done += DECODE_STEP, out += 24) {
        __m256i digits = _mm256_loadu_si256((const __m256i *)(in + done));
        __m256i high = _mm256_and_si256(_mm256_srli_epi16(digits, 4), halves);
        __m256i low = _mm256_and_si256(digits, halves);

        bad = _mm256_or_si256(bad, strangers(high, low));
        _mm256_storeu_si256((__m256i *)out, join(to_numbers(digits, high)));
    }
    if (!_mm256_testz_si256(bad, bad)) {
        *is_bad = 1;
    }
    return done;
}

size_t
lt_base64_wide_encode(char *out, const uint8_t *data, size_t len)
{
    return __builtin_cpu_supports("avx2") ? encode(out, data, len) : 0;
}

size_t
lt_base64_wide_decode(uint8_t *out, const uint8_t *in, size_t len, int *is_bad)
{
    return __builtin_cpu_supports("avx2") ? decode(out, in, len, is_bad) : 0;
}

#else

size_t
lt_base64_wide_encode(char *out, const uint8_t *data, size_t len)
{
    (void)out;
    (void)data;
    (void)len;
    return 0;
}

size_t
lt_base64_wide_decode(uint8_t *out, const uint8_t *in, size_t len, int *is_bad)
{
    (void)out;
    (void)in;
    (void)len;
    (void)is_bad;
    return 0;
}

#endif
