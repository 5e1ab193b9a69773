/* With length and checksums put right: what decodes encodes the same. */
#include "fuzz.h"
#include "lt_eventstream.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *frame = fuzz_copy(data, size), again[4096];
    lt_error_t err;
    lt_event_t event;
    size_t used;
    lt_out_t out;
    uint32_t crc;

    (void)lt_event_decode(&event, &used, frame, size, 4096, &err);
    if (size >= LT_EVENT_OVERHEAD && size <= sizeof(again)) {
        memcpy(frame, (uint8_t[]){0, 0, size >> 8, size, 0, 0}, 6);
        crc = __builtin_bswap32(lt_crc32(0, frame, 8));
        memcpy(frame + 8, &crc, 4);
        crc = __builtin_bswap32(lt_crc32(0, frame, size - 4));
        memcpy(frame + size - 4, &crc, 4);
        lt_out_init(&out, again, size);
        if (lt_event_decode(&event, &used, frame, size, 4096, &err) == LT_OK) {
            fuzz_check(lt_event_encode(&out, event.headers, event.headers_n,
                event.payload) == LT_OK && memcmp(again, frame, size) == 0);
        }
    }
    free(frame);
    return 0;
}
