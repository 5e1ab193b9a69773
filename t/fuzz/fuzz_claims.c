/* Whatever the claims say, an answer has a reason or a subject that fits. */
#include "fuzz.h"
#include "lt_claims.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const lt_str_t audience[] = {{"our-app", 7}};
    lt_claims_rules_t rules = {.issuer = LT_STR("https://issuer/pool"),
        .audience = audience, .audience_n = 1, .now_s = 1700000000};
    uint8_t storage[LT_CLAIMS_SUB_MAX];
    const char *reason = NULL;
    lt_result_t rc;
    lt_out_t out;

    lt_out_init(&out, storage, sizeof(storage));
    rc = lt_claims_check(&out, fuzz_str(data, size), &rules, &reason);
    fuzz_check(rc == LT_OK ? lt_out_len(&out) != 0
                           : rc == LT_INVALID && reason != NULL);
    return 0;
}
