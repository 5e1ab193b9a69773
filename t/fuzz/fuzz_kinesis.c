/* The count of failures is the number of outcomes that failed. */
#include "fuzz.h"
#include "lt_kinesis.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t sent_n = 0; sent_n < 4; sent_n++) {
        lt_kinesis_record_t *outcomes = calloc(sent_n, sizeof(*outcomes));
        size_t failed_n, n = 0;
        lt_error_t err;

        if (lt_kinesis_answer(outcomes, sent_n, &failed_n,
                fuzz_str(data, size), &err) == LT_OK) {
            for (size_t i = 0; i < sent_n; i++) {
                n += outcomes[i].outcome != LT_KINESIS_STORED;
            }
            fuzz_check(n == failed_n);
        }
        free(outcomes);
    }
    return 0;
}
