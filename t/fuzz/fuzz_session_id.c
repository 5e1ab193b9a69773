/* A valid id needs no escaping anywhere; a made one is valid. */
#include "fuzz.h"
#include "lt_session_id.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char made[LT_SESSION_ID_MAX];
    lt_out_t out;

    if (lt_session_id_is_valid(fuzz_str(data, size))) {
        fuzz_check(size <= LT_SESSION_ID_MAX);
        for (size_t i = 0; i < size; i++) {
            fuzz_check(data[i] == '-' || (data[i] >= '0' && data[i] <= '9')
                       || (data[i] >= 'a' && data[i] <= 'z'));
        }
    }
    if (size >= 8) {
        lt_out_init(&out, made, sizeof(made));
        fuzz_check(lt_session_id_make(&out, data) == LT_OK);
        fuzz_check(lt_session_id_is_valid((lt_str_t){made, lt_out_len(&out)}));
    }
    return 0;
}
