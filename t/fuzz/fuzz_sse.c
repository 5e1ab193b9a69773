/* An event, read as a browser reads it, is one event with the text that was
   given, whatever the text. */
#include "fuzz.h"
#include "lt_sse.h"

static size_t
line_end(const uint8_t *p, size_t len)
{
    size_t n = 0;

    while (n < len && p[n] != '\r' && p[n] != '\n') {
        n++;
    }
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = lt_sse_size(fuzz_str(data, size)), n, at = 0;
    uint8_t *text = malloc(room);
    lt_out_t out;

    lt_out_init(&out, text, room);
    lt_sse_event(&out, "close", 7, fuzz_str(data, size));
    fuzz_check(lt_out_result(&out) == LT_OK);
    room = lt_out_len(&out);
    fuzz_check(memcmp(text, "event: close\nid: 7\n", 19) == 0);
    fuzz_check(memchr(text, '\r', room) == NULL);

    for (size_t from = 19; from + 1 < room; from += 7 + n) {
        n = line_end(data + at, size - at);
        fuzz_check(memcmp(text + from, "data: ", 6) == 0);
        fuzz_check(memcmp(text + from + 6, data + at, n) == 0);
        fuzz_check(text[from + 6 + n] == '\n');
        at += n + (n + at + 1 < size && data[at + n] == '\r'
                      && data[at + n + 1] == '\n')
            + (at + n < size);
    }
    fuzz_check(at == size && text[room - 1] == '\n');
    free(text);
    return 0;
}
