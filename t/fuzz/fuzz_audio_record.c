/* A header that is read is written again as it was; PCM that is disclaimed is
   read as PCM, and differs in one bit at most. */
#include "fuzz.h"
#include "lt_audio_record.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size), head[LT_AUDIO_RECORD_HEADER_LEN];
    lt_audio_record_t rec;
    lt_str_t pcm;

    if (lt_audio_record_decode(&rec, &pcm, fuzz_str(copy, size))) {
        lt_audio_record_encode(head, &rec);
        fuzz_check(memcmp(head, copy, sizeof(head)) == 0);
        fuzz_check(pcm.len == size - sizeof(head));
    }
    lt_audio_record_disclaim(copy, size);
    fuzz_check(!lt_audio_record_decode(&rec, &pcm, fuzz_str(copy, size)));
    fuzz_check(pcm.len == size);
    fuzz_check(size == 0 || (copy[0] ^ data[0]) <= 1);
    fuzz_check(size < 2 || memcmp(copy + 1, data + 1, size - 1) == 0);
    free(copy);
    return 0;
}
