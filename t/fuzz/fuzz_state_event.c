/* What is read of a channel can be said again, and is read as the same. */
#include "fuzz.h"
#include "lt_state.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size), *text = malloc(size + 32);
    lt_state_event_t ev, again;
    lt_out_t out;

    memset(&ev, 0, sizeof(ev));
    if (lt_state_event_decode(&ev, fuzz_str(copy, size)) == LT_OK) {
        lt_out_init(&out, text, size + 32);
        fuzz_check(lt_state_event_encode(&out, &ev) == LT_OK);
        fuzz_check(lt_state_event_decode(&again,
            fuzz_str(text, lt_out_len(&out))) == LT_OK);
        fuzz_check(again.to == ev.to && again.number == ev.number);
        fuzz_check(fuzz_is_same(again.origin, ev.origin));
        fuzz_check(fuzz_is_same(again.language, ev.language));
        fuzz_check(fuzz_is_same(again.name, ev.name));
        fuzz_check(fuzz_is_same(again.json, ev.json));
    }
    free(text);
    free(copy);
    return 0;
}
