/* What the scan takes or refuses, the parser takes or refuses too. */
#include "fuzz.h"
#include "lt_chunk.h"
#include "lt_json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lt_str_t text = fuzz_str(data, size), id = LT_STR("");
    lt_error_t err = {0};
    lt_chunk_t chunk;
    lt_json_t *doc;
    lt_result_t rc = lt_chunk_scan(&chunk, text);
    int parsed = lt_json_parse(&doc, text, size, &err) == LT_OK;

    if (rc == LT_OK && parsed) {
        (void)lt_json_string(doc, "sessionId", &id);
        fuzz_check(fuzz_is_same(id, chunk.session_id));
    } else if (rc == LT_OK) {
        /* double keys and UTF-8 are not the scan's business */
        fuzz_check(strstr(err.text, "duplicate") != NULL
                   || strstr(err.text, "decode byte") != NULL);
    } else if (rc == LT_INVALID) {
        fuzz_check(!lt_json_is_object(doc));
    }
    lt_json_free(&doc);
    return 0;
}
