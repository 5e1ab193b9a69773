/* The writer makes JSON of any string, and the reader takes it. */
#include "fuzz.h"
#include "lt_json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = 6 * size + 2;
    char *storage = malloc(room);
    lt_json_writer_t w;
    lt_json_t *doc;
    lt_error_t err;
    lt_out_t out;

    (void)lt_json_parse(&doc, fuzz_str(data, size), 65536, &err);
    lt_json_free(&doc);

    lt_out_init(&out, storage, room);
    lt_json_begin(&w, &out);
    lt_json_put_str(&w, NULL, fuzz_str(data, size));
    fuzz_check(lt_out_result(&out) == LT_OK);
    fuzz_check(lt_json_parse(&doc, (lt_str_t){storage, lt_out_len(&out)}, room,
                   &err) == LT_OK || memchr(data, 0, size) != NULL);
    lt_json_free(&doc);
    free(storage);
    return 0;
}
