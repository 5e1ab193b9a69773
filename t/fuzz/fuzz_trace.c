/* What is taken as a traceparent has children of the same trace. */
#include "fuzz.h"
#include "lt_trace.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t random[LT_TRACE_SPAN_RANDOM] = { 1 };
    uint8_t *copy = fuzz_copy(data, size);
    lt_str_t given = fuzz_str(copy, size);
    char child[LT_TRACE_LEN + 1], amzn[LT_TRACE_AMZN_LEN + 1];

    if (lt_trace_is_valid(given)) {
        lt_trace_child(child, given, random);
        lt_trace_amzn(amzn, given);
        fuzz_check(lt_trace_is_valid(lt_str(child)));
        fuzz_check(memcmp(lt_trace_id(lt_str(child)).data,
            lt_trace_id(given).data, LT_TRACE_ID_LEN) == 0);
        fuzz_check(strlen(amzn) == LT_TRACE_AMZN_LEN);
    }
    free(copy);
    return 0;
}
