#include "kinesis/ltw_fleet.h"

#include "ltw_log.h"

#include "lt_state_worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LTW_FLEET_BEAT_MS 1000
#define LTW_FLEET_DEAD_MS 3000
#define LTW_FLEET_STRIKE_MS 60000
#define LTW_FLEET_STRIKES_MAX 8         /* in one beat */
#define LTW_FLEET_WORD_MAX 80

typedef struct {
    char id[LTW_FLEET_ID_MAX];
    char word[LTW_FLEET_WORD_MAX];      /* "<beat> <shards> <load>" */
    int64_t changed_at_ms;
    int64_t load;
    int is_listed;                      /* in the last answer */
} ltw_fleet_peer_t;

struct ltw_fleet_s {
    const ltw_services_t *services;
    const char *owner;
    ltw_handler_t on_beat;
    void *data;
    ltw_timer_t *timer;
    ltw_redis_id_t command;
    char key[LTW_FLEET_WORD_MAX + 160];
    size_t key_len;
    uint64_t beat;
    char word[LTW_FLEET_WORD_MAX];
    ltw_fleet_peer_t peers[LTW_FLEET_MAX];      /* others */
    size_t peers_n;
};

static int64_t
ltw_fleet_now(const ltw_fleet_t *fleet)
{
    return ltw_loop_now_ms(fleet->services->loop);
}

static int
ltw_fleet_is_live(const ltw_fleet_t *fleet, const ltw_fleet_peer_t *peer)
{
    return ltw_fleet_now(fleet) - peer->changed_at_ms < LTW_FLEET_DEAD_MS;
}

/* ---- what the others say ---- */

static ltw_fleet_peer_t *
ltw_fleet_peer(ltw_fleet_t *fleet, lt_str_t id)
{
    ltw_fleet_peer_t *peer;
    size_t i;

    for (i = 0; i < fleet->peers_n; i++) {
        if (lt_str_is(id, fleet->peers[i].id)) {
            return &fleet->peers[i];
        }
    }
    if (fleet->peers_n == LTW_FLEET_MAX || id.len >= sizeof(peer->id)) {
        return NULL;
    }
    peer = &fleet->peers[fleet->peers_n++];
    *peer = (ltw_fleet_peer_t) { .id = "" };
    memcpy(peer->id, id.data, id.len);
    return peer;
}

static void
ltw_fleet_hear(ltw_fleet_t *fleet, lt_str_t id, lt_str_t word)
{
    ltw_fleet_peer_t *peer;
    long long load = 0;

    if (lt_str_is(id, fleet->owner) || word.len >= LTW_FLEET_WORD_MAX) {
        return;
    }
    peer = ltw_fleet_peer(fleet, id);
    if (peer == NULL) {
        return;
    }
    peer->is_listed = 1;
    if (lt_str_is(word, peer->word)) {
        return;
    }
    memcpy(peer->word, word.data, word.len);
    peer->word[word.len] = '\0';
    peer->changed_at_ms = ltw_fleet_now(fleet);
    (void) sscanf(peer->word, "%*s %*s %lld", &load);
    peer->load = load;
}

static void
ltw_fleet_on_roll(void *data, const ltw_reply_t *reply,
    const lt_error_t *err)
{
    ltw_fleet_t *fleet = data;
    size_t i, kept = 0;

    (void) err;
    fleet->command = 0;
    if (reply == NULL) {
        return;
    }
    for (i = 0; i < fleet->peers_n; i++) {
        fleet->peers[i].is_listed = 0;
    }
    for (i = 0; i + 1 < ltw_reply_size(reply); i += 2) {
        ltw_fleet_hear(fleet, ltw_reply_str(ltw_reply_at(reply, i)),
            ltw_reply_str(ltw_reply_at(reply, i + 1)));
    }
    for (i = 0; i < fleet->peers_n; i++) {
        if (fleet->peers[i].is_listed) {
            fleet->peers[kept++] = fleet->peers[i];
        }
    }
    fleet->peers_n = kept;
}

/* ---- what we say ---- */

static size_t
ltw_fleet_strikes(const ltw_fleet_t *fleet, lt_str_t *argv)
{
    const ltw_fleet_peer_t *peer;
    size_t i, n = 0;

    for (i = 0; i < fleet->peers_n && n < LTW_FLEET_STRIKES_MAX; i++) {
        peer = &fleet->peers[i];
        if (ltw_fleet_now(fleet) - peer->changed_at_ms
            >= LTW_FLEET_STRIKE_MS)
        {
            argv[2 * n] = lt_str(peer->id);
            argv[2 * n + 1] = lt_str(peer->word);
            n++;
        }
    }
    return 2 * n;
}

static void
ltw_fleet_send(ltw_fleet_t *fleet, const char *word)
{
    lt_str_t argv[4 + 2 * LTW_FLEET_STRIKES_MAX] = { LT_STR("1"),
        { fleet->key, fleet->key_len }, lt_str(fleet->owner), lt_str(word) };
    size_t n = 4 + ltw_fleet_strikes(fleet, argv + 4);

    ltw_redis_cancel(fleet->services->redis, fleet->command);
    fleet->command = ltw_redis_script(fleet->services->redis,
        lt_state_worker_script(LT_STATE_WORKERS_ROLL), argv, n,
        ltw_fleet_on_roll, fleet);
}

static void
ltw_fleet_beat(void *data)
{
    ltw_fleet_t *fleet = data;

    ltw_timer_start(fleet->timer, LTW_FLEET_BEAT_MS);
    fleet->on_beat(fleet->data);
    ltw_fleet_send(fleet, fleet->word);
}

void
ltw_fleet_report(ltw_fleet_t *fleet, size_t shards, int64_t load)
{
    snprintf(fleet->word, sizeof(fleet->word), "%llu %zu %lld",
        (unsigned long long) ++fleet->beat, shards, (long long) load);
}

void
ltw_fleet_leave(ltw_fleet_t *fleet)
{
    if (ltw_timer_is_active(fleet->timer)) {
        ltw_timer_stop(fleet->timer);
        ltw_fleet_send(fleet, "");
    }
}

/* ---- what follows from it ---- */

size_t
ltw_fleet_size(const ltw_fleet_t *fleet)
{
    size_t i, n = 1;

    for (i = 0; i < fleet->peers_n; i++) {
        n += ltw_fleet_is_live(fleet, &fleet->peers[i]) != 0;
    }
    return n;
}

/* The live one with the least load; *mean: of all, us included. */
static const ltw_fleet_peer_t *
ltw_fleet_least(const ltw_fleet_t *fleet, int64_t ours, int64_t *mean)
{
    const ltw_fleet_peer_t *least = NULL, *peer;
    int64_t sum = ours, n = 1;
    size_t i;

    for (i = 0; i < fleet->peers_n; i++) {
        peer = &fleet->peers[i];
        if (ltw_fleet_is_live(fleet, peer)) {
            sum += peer->load;
            n++;
            if (least == NULL || peer->load < least->load) {
                least = peer;
            }
        }
    }
    *mean = sum / n;
    return least;
}

int
ltw_fleet_pick(const ltw_fleet_t *fleet, const ltw_fleet_shard_t *ours,
    size_t n, const char **heir)
{
    const ltw_fleet_peer_t *least;
    int64_t sum = 0, mean, best, here, there;
    int picked = -1;
    size_t i;

    for (i = 0; i < n; i++) {
        sum += ours[i].load;
    }
    least = ltw_fleet_least(fleet, sum, &mean);
    if (least == NULL) {
        return -1;
    }
    best = sum - mean / 10;
    for (i = 0; i < n; i++) {
        here = sum - ours[i].load;
        there = least->load + ours[i].load;
        if (!ours[i].is_fixed && here < best && there < best) {
            best = here > there ? here : there;
            picked = (int) i;
        }
    }
    *heir = least->id;
    return picked;
}

/* ---- life ---- */

ltw_fleet_t *
ltw_fleet_new(const ltw_services_t *services, const char *stream,
    const char *owner, ltw_handler_t on_beat, void *data)
{
    ltw_fleet_t *fleet = calloc(1, sizeof(*fleet));
    lt_out_t key;

    if (fleet == NULL) {
        return NULL;
    }
    fleet->services = services;
    fleet->owner = owner;
    fleet->on_beat = on_beat;
    fleet->data = data;
    lt_out_init(&key, fleet->key, sizeof(fleet->key));
    fleet->timer = ltw_timer_new(services->loop, ltw_fleet_beat, fleet);
    if (fleet->timer == NULL
        || lt_state_workers_key(&key, lt_str(stream)) != LT_OK)
    {
        ltw_fleet_free(&fleet);
        return NULL;
    }
    fleet->key_len = lt_out_len(&key);
    ltw_timer_start(fleet->timer, 0);
    return fleet;
}

void
ltw_fleet_free(ltw_fleet_t **fleet)
{
    if (*fleet != NULL) {
        ltw_redis_cancel((*fleet)->services->redis, (*fleet)->command);
        ltw_timer_free(&(*fleet)->timer);
        free(*fleet);
        *fleet = NULL;
    }
}
