/* Whole or byte by byte: the same verdict after the same messages. */
#include "fuzz.h"
#include "lt_ws.h"

static size_t
run(const uint8_t *data, size_t len, size_t piece)
{
    uint8_t *start = fuzz_copy(data, len), *pos = start;
    lt_result_t rc = LT_AGAIN;
    size_t seen = 0;
    lt_ws_event_t event;
    lt_ws_decoder_t d;
    uint16_t code;

    lt_ws_decoder_init(&d, 1000);
    for (size_t end = 0; rc == LT_AGAIN && end < len;) {
        end = len - end > piece ? end + piece : len;
        while ((rc = lt_ws_decode(&d, &pos, start + end, &event, &code, NULL))
               == LT_OK) {
            seen = event.is_last ? seen * 31 + event.opcode : seen;
        }
    }
    free(start);
    return seen * 31 + (size_t)(rc + 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_check(run(data, size, size) == run(data, size, 1));
    return 0;
}
