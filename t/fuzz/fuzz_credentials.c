/* Keys that are taken lie in the text and break no header line. */
#include "fuzz.h"
#include "lt_credentials.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lt_str_t text = fuzz_str(data, size);
    lt_aws_keys_t keys;
    lt_error_t err;

    if (lt_credentials_parse(&keys, text, LT_STR("default"), &err) == LT_OK) {
        lt_str_t key = keys.access_key;

        fuzz_check(key.len != 0 && keys.secret_key.len != 0);
        fuzz_check(key.data >= text.data
                   && key.data + key.len <= text.data + size);
        fuzz_check(memchr(key.data, '\r', key.len) == NULL
                   && memchr(key.data, '\n', key.len) == NULL);
    }
    return 0;
}
