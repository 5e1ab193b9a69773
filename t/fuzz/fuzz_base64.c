/* What decodes encodes to the same text: there is one form only. */
#include "fuzz.h"
#include "lt_text.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(LT_BASE64_DECODED_MAX(size) + 1);
    char *text = malloc(size + 4);
    size_t len;

    if (lt_base64_decode(bytes, &len, fuzz_str(data, size)) == LT_OK) {
        fuzz_check(lt_base64_encode(text, bytes, len) == size);
        fuzz_check(memcmp(text, data, size) == 0);
    }
    free(bytes);
    free(text);
    return 0;
}
