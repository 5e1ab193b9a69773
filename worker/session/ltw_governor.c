#include "session/ltw_governor.h"

#define WAITING_MAX 16          /* for a translation */

static const struct {
    int64_t from_ms;
    int64_t until_ms;           /* it ends below that */
    ltw_pace_t pace;
    int is_live_only;
} levels[] = {
    { 0, 0, { LTW_PACE_NORMAL, 100, 0 }, 0 },
    { 1000, 500, { LTW_PACE_FASTER, 110, 0 }, 0 },
    { 1800, 1000, { LTW_PACE_FASTER, 125, 1 }, 0 },
    { 4000, 2200, { LTW_PACE_CAPTIONS, 125, 0 }, 1 },
};

#define LEVELS_N (sizeof(levels) / sizeof(levels[0]))

static const char *const names[] = {
    [LTW_PACE_NORMAL] = "normal", [LTW_PACE_FASTER] = "faster",
    [LTW_PACE_CAPTIONS] = "captions", [LTW_PACE_SKIP] = "skip",
};


void
ltw_governor_init(ltw_governor_t *g, int is_live)
{
    *g = (ltw_governor_t) { .is_live = is_live };
}


ltw_pace_t
ltw_governor_voice(ltw_governor_t *g, int64_t backlog_ms)
{
    ltw_pace_t pace;

    while (g->level > 0 && backlog_ms < levels[g->level].until_ms) {
        g->level--;
    }
    for (size_t i = LEVELS_N - 1; i > g->level; i--) {
        if (backlog_ms >= levels[i].from_ms
            && (g->is_live || !levels[i].is_live_only))
        {
            g->level = i;
        }
    }
    pace = levels[g->level].pace;
    pace.is_merging = pace.is_merging && g->is_live;
    return pace;
}


int
ltw_governor_is_skipping(size_t waiting_n)
{
    return waiting_n > WAITING_MAX;
}


const char *
ltw_pace_name(ltw_pace_action_t action)
{
    return names[action];
}
