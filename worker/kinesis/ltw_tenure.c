#include "kinesis/ltw_tenure.h"

#include <stdlib.h>

ltw_tenure_t *
ltw_tenure_new(const char *shard, int64_t token, int64_t fresh_until_ms)
{
    ltw_tenure_t *tenure = calloc(1, sizeof(*tenure));

    if (tenure == NULL
        || lt_state_fence(tenure->fence, lt_str(shard), token) != LT_OK)
    {
        free(tenure);
        return NULL;
    }
    tenure->fresh_until_ms = fresh_until_ms;
    tenure->token = token;
    tenure->refs = 1;
    return tenure;
}

ltw_tenure_t *
ltw_tenure_ref(ltw_tenure_t *tenure)
{
    tenure->refs++;
    return tenure;
}

void
ltw_tenure_unref(ltw_tenure_t **tenure)
{
    if (*tenure != NULL && --(*tenure)->refs == 0) {
        free(*tenure);
    }
    *tenure = NULL;
}

int
ltw_tenure_may_speak(const ltw_tenure_t *tenure, int64_t now_ms)
{
    return tenure->state != LTW_TENURE_LOST
        && now_ms < tenure->fresh_until_ms;
}
