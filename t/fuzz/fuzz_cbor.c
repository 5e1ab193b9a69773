/* What is taken as CBOR is text that a JSON reader can look at: no control
   character, and strings that end. */
#include "fuzz.h"
#include "lt_cbor.h"
#include "lt_json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    size_t room = size * 6 + 512;       /* a head becomes 21 digits at most */
    char *json = malloc(room);
    lt_json_t *doc;
    lt_result_t rc;
    size_t quotes = 0;
    lt_out_t out;

    lt_out_init(&out, json, room);
    rc = lt_cbor_to_json(&out, fuzz_str(copy, size));
    for (size_t i = 0; rc == LT_OK && i < lt_out_len(&out); i++) {
        fuzz_check((uint8_t)json[i] >= 0x20);
        if (json[i] == '\\') {
            i++;
        } else {
            quotes += json[i] == '"';
        }
    }
    fuzz_check(quotes % 2 == 0);
    if (rc == LT_OK && (json[0] == '{' || json[0] == '[')
        && lt_json_parse(&doc, (lt_str_t){json, lt_out_len(&out)}, room, NULL)
           == LT_OK) {
        lt_json_free(&doc);
    }
    free(json);
    free(copy);
    return 0;
}
