#include "kinesis/ltw_lease.h"

#include "ltw_log.h"

#include "lt_state.h"
#include "lt_state_worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LTW_LEASE_TICK_MS 1000
#define LTW_LEASE_LAST_WORD_MS 10000    /* of a shard that was read out */
#define LTW_LEASE_LOOK_MS 300           /* at another's */
#define LTW_LEASE_LATE_MS 1600          /* it was not renewed for so long: */
#define LTW_LEASE_LATE_LOOK_MS 100
#define LTW_LEASE_BLIND_MS 1500         /* longer without a look: anew */
#define LTW_LEASE_DEAD_MS 3000
#define LTW_LEASE_FORGOTTEN_MS 6000     /* its owner finds Redis and writes it */
#define LTW_LEASE_FRESH_MS 2500         /* less than DEAD: we stop first */

typedef enum {
    LTW_LEASE_IDLE, LTW_LEASE_WAITING, LTW_LEASE_HELD, LTW_LEASE_RELEASING,
    LTW_LEASE_RELEASED
} ltw_lease_state_t;

struct ltw_lease_s {
    ltw_lease_options_t options;
    ltw_lease_state_t state;
    ltw_timer_t *timer;
    ltw_redis_id_t command;             /* at most one at a time */
    int64_t sent_at_ms;
    int64_t token;                      /* of this tenure */
    ltw_tenure_t *tenure;               /* while HELD and RELEASING */
    int64_t looked_at_ms;               /* while WAITING */
    int64_t seen_at_ms;                 /* other's counter last changed */
    int64_t free_at_ms;                 /* seen without an owner; 0: not */
    int64_t missing_at_ms;              /* Redis has no such lease; 0: it has */
    int has_seen;                       /* another had it */
    char seen_owner[64];
    char seen_counter[24];
    char checkpoint[LTW_CHECKPOINT_MAX];
    char heir[64];                      /* RELEASING: "-" or the next owner */
    char sent[LTW_CHECKPOINT_MAX];      /* with the command under way */
    char stored[LTW_CHECKPOINT_MAX];    /* Redis has it */
    char key[400];
    size_t key_len;
};

static void ltw_lease_send_claim(ltw_lease_t *lease);
static void ltw_lease_send_renew(ltw_lease_t *lease);

static int64_t
ltw_lease_now(const ltw_lease_t *lease)
{
    return ltw_loop_now_ms(lease->options.services->loop);
}

static void
ltw_lease_keep(char *to, size_t size, lt_str_t from)
{
    size_t len = from.len < size ? from.len : size - 1;

    if (len > 0) {
        memcpy(to, from.data, len);
    }
    to[len] = '\0';
}

/* ---- claiming ---- */

static void
ltw_lease_held(ltw_lease_t *lease, const ltw_reply_t *reply)
{
    lt_str_t former = ltw_reply_str(ltw_reply_at(reply, 2));
    int64_t token = ltw_reply_int(ltw_reply_at(reply, 3));
    ltw_tenure_t *tenure = ltw_tenure_new(lease->options.shard, token,
        lease->sent_at_ms + LTW_LEASE_FRESH_MS);

    if (tenure == NULL) {
        ltw_timer_start(lease->timer, LTW_LEASE_TICK_MS);
        return;                         /* no memory: claimed again */
    }
    lease->state = LTW_LEASE_HELD;
    lease->tenure = tenure;
    lease->token = token;
    ltw_lease_keep(lease->stored, sizeof(lease->stored),
        ltw_reply_str(ltw_reply_at(reply, 1)));
    memcpy(lease->checkpoint, lease->stored, sizeof(lease->checkpoint));
    ltw_count(lease->options.services->metrics, leases_taken, 1);
    ltw_log(LTW_INFO, "lease_taken", ltw_cstr("shard", lease->options.shard),
        ltw_cstr("checkpoint", lease->checkpoint),
        ltw_str("former_owner", former), ltw_int("token", token));
    ltw_timer_start(lease->timer, LTW_LEASE_TICK_MS);
    lease->options.taken(lease->options.data, lt_str(lease->checkpoint));
}

/* Another holds it: remember since when its counter stands still.  What we
   did not look at for a while may have moved. */
static void
ltw_lease_watch_other(ltw_lease_t *lease, const ltw_reply_t *reply)
{
    lt_str_t owner = ltw_reply_str(ltw_reply_at(reply, 1));
    lt_str_t counter = ltw_reply_str(ltw_reply_at(reply, 2));
    int is_blind = lease->sent_at_ms - lease->looked_at_ms
        > LTW_LEASE_BLIND_MS;

    lease->looked_at_ms = lease->sent_at_ms;
    if (owner.len > 0 || counter.len > 0) {
        lease->missing_at_ms = 0;
        lease->has_seen |= owner.len > 0;
    } else if (lease->missing_at_ms == 0 || is_blind) {
        lease->missing_at_ms = lease->sent_at_ms;
    }
    if (owner.len == 0) {
        lease->free_at_ms = lease->free_at_ms == 0 || is_blind
            ? lease->sent_at_ms : lease->free_at_ms;
        lease->seen_owner[0] = '\0';
        return;
    }
    lease->free_at_ms = 0;
    if (is_blind || !lt_str_is(owner, lease->seen_owner)
        || !lt_str_is(counter, lease->seen_counter))
    {
        if (!lt_str_is(owner, lease->seen_owner)) {
            ltw_log(LTW_INFO, "lease_held_by_other",
                ltw_cstr("shard", lease->options.shard),
                ltw_str("owner", owner));
        }
        ltw_lease_keep(lease->seen_owner, sizeof(lease->seen_owner), owner);
        ltw_lease_keep(lease->seen_counter, sizeof(lease->seen_counter),
            counter);
        lease->seen_at_ms = lease->sent_at_ms;
    }
}

/* Closely when its owner seems to be gone, so that 3 s are not more. */
static int64_t
ltw_lease_look_ms(const ltw_lease_t *lease)
{
    return lease->seen_owner[0] != '\0'
        && lease->looked_at_ms - lease->seen_at_ms >= LTW_LEASE_LATE_MS
        ? LTW_LEASE_LATE_LOOK_MS : LTW_LEASE_LOOK_MS;
}

static void
ltw_lease_on_claim(void *data, const ltw_reply_t *reply,
    const lt_error_t *err)
{
    ltw_lease_t *lease = data;

    (void) err;                 /* ltw_redis.c has said it */
    lease->command = 0;
    if (ltw_reply_int(ltw_reply_at(reply, 0)) == 1) {
        ltw_lease_held(lease, reply);
        return;
    }
    if (reply != NULL) {
        ltw_lease_watch_other(lease, reply);
    }
    ltw_timer_start(lease->timer, ltw_lease_look_ms(lease));
}

static int
ltw_lease_yields(const ltw_lease_t *lease)
{
    int64_t free_since = lease->seen_owner[0] != '\0'
        ? lease->seen_at_ms + LTW_LEASE_DEAD_MS : lease->free_at_ms;

    int64_t yields_ms = lease->options.yields_ms(lease->options.data);

    return yields_ms > 0
        && (free_since == 0
            || ltw_lease_now(lease) - free_since < yields_ms);
}

/* Redis has lost its memory: whoever had it writes it again. */
static int
ltw_lease_is_forgotten(const ltw_lease_t *lease)
{
    return lease->has_seen
        && (lease->missing_at_ms == 0
            || ltw_lease_now(lease) - lease->missing_at_ms
               < LTW_LEASE_FORGOTTEN_MS);
}

static void
ltw_lease_send_claim(ltw_lease_t *lease)
{
    int is_dead = lease->seen_owner[0] != '\0'
        && lease->looked_at_ms - lease->seen_at_ms >= LTW_LEASE_DEAD_MS;
    lt_str_t argv[] = { LT_STR("1"), { lease->key, lease->key_len },
        lt_str(lease->options.owner),
        is_dead ? lt_str(lease->seen_owner) : LT_STR(""),
        is_dead ? lt_str(lease->seen_counter) : LT_STR(""),
        ltw_lease_yields(lease) ? LT_STR("1") : LT_STR("0"),
        ltw_lease_is_forgotten(lease) ? LT_STR("1") : LT_STR("0") };

    lease->sent_at_ms = ltw_lease_now(lease);
    lease->command = ltw_redis_script(lease->options.services->redis,
        lt_state_worker_script(LT_STATE_LEASE_CLAIM), argv, 7,
        ltw_lease_on_claim, lease);
    if (lease->command == 0) {
        ltw_timer_start(lease->timer, LTW_LEASE_TICK_MS);
    }
}

/* ---- holding ---- */

static void
ltw_lease_end_tenure(ltw_lease_t *lease, ltw_tenure_state_t how)
{
    lease->tenure->state = how;
    ltw_tenure_unref(&lease->tenure);
}

static void
ltw_lease_lose(ltw_lease_t *lease)
{
    ltw_lease_end_tenure(lease, LTW_TENURE_LOST);
    lease->state = LTW_LEASE_WAITING;
    lease->seen_owner[0] = '\0';
    lease->free_at_ms = 0;
    ltw_count(lease->options.services->metrics, leases_lost, 1);
    ltw_log(LTW_WARN, "lease_lost", ltw_cstr("shard", lease->options.shard),
        ltw_cstr("hint", "another worker reads this shard now"));
    ltw_timer_start(lease->timer, LTW_LEASE_TICK_MS);
    lease->options.lost(lease->options.data);
}

static void
ltw_lease_on_renew(void *data, const ltw_reply_t *reply,
    const lt_error_t *err)
{
    ltw_lease_t *lease = data;
    ltw_metrics_t *metrics = lease->options.services->metrics;
    int was_new = strcmp(lease->sent, lease->stored) != 0;

    (void) err;
    lease->command = 0;
    if (lease->state == LTW_LEASE_RELEASING) {
        ltw_lease_send_renew(lease);    /* the release had to wait for this */
        return;
    }
    if (reply == NULL) {
        ltw_count(metrics, checkpoints_failed, was_new);
        ltw_timer_start(lease->timer, LTW_LEASE_TICK_MS);
        return;
    }
    if (ltw_reply_int(reply) != 1) {
        ltw_lease_lose(lease);
        return;
    }
    lease->tenure->fresh_until_ms = lease->sent_at_ms + LTW_LEASE_FRESH_MS;
    memcpy(lease->stored, lease->sent, sizeof(lease->stored));
    ltw_count(metrics, checkpoints_written, was_new);
    if (strcmp(lease->checkpoint, lease->stored) != 0) {
        ltw_lease_send_renew(lease);
    } else {
        ltw_timer_start(lease->timer, LTW_LEASE_TICK_MS);
    }
}

static void
ltw_lease_on_release(void *data, const ltw_reply_t *reply,
    const lt_error_t *err)
{
    ltw_lease_t *lease = data;

    lease->command = 0;
    lease->state = LTW_LEASE_RELEASED;
    lease->tenure->fresh_until_ms = ltw_lease_now(lease)
        + LTW_LEASE_LAST_WORD_MS;
    ltw_lease_end_tenure(lease, strcmp(lease->checkpoint, LTW_SHARD_END) == 0
        ? LTW_TENURE_READ_OUT : LTW_TENURE_LOST);
    if (reply == NULL) {
        ltw_log(LTW_WARN, "lease_not_released",
            ltw_cstr("shard", lease->options.shard),
            ltw_cstr("error", err->text));
    } else {
        ltw_log(LTW_INFO, "lease_released",
            ltw_cstr("shard", lease->options.shard),
            ltw_cstr("checkpoint", lease->checkpoint),
            ltw_cstr("heir", lease->heir));
    }
    lease->options.released(lease->options.data);
}

static void
ltw_lease_send_renew(ltw_lease_t *lease)
{
    int is_release = lease->state == LTW_LEASE_RELEASING;
    char token[24];
    lt_str_t argv[] = { LT_STR("1"), { lease->key, lease->key_len },
        lt_str(lease->options.owner),
        { token, (size_t) snprintf(token, sizeof(token), "%lld",
            (long long) lease->token) },
        lt_str(lease->checkpoint),
        is_release ? lt_str(lease->heir) : LT_STR("") };

    ltw_timer_stop(lease->timer);
    memcpy(lease->sent, lease->checkpoint, sizeof(lease->sent));
    lease->sent_at_ms = ltw_lease_now(lease);
    lease->command = ltw_redis_script(lease->options.services->redis,
        lt_state_worker_script(LT_STATE_LEASE_RENEW), argv, 6,
        is_release ? ltw_lease_on_release : ltw_lease_on_renew, lease);
    if (lease->command == 0) {
        ltw_timer_start(lease->timer, LTW_LEASE_TICK_MS);
    }
}

static void
ltw_lease_tick(void *data)
{
    ltw_lease_t *lease = data;

    switch (lease->state) {
    case LTW_LEASE_WAITING:
        ltw_lease_send_claim(lease);
        break;
    case LTW_LEASE_HELD:
    case LTW_LEASE_RELEASING:
        ltw_lease_send_renew(lease);
        break;
    case LTW_LEASE_RELEASED:            /* was never held */
        lease->options.released(lease->options.data);
        break;
    case LTW_LEASE_IDLE:
        break;
    }
}

/* ---- what the shard asks for ---- */

void
ltw_lease_claim(ltw_lease_t *lease)
{
    lease->state = LTW_LEASE_WAITING;
    ltw_lease_send_claim(lease);
}

void
ltw_lease_checkpoint(ltw_lease_t *lease, lt_str_t checkpoint)
{
    if (lease->state != LTW_LEASE_HELD) {
        return;
    }
    ltw_lease_keep(lease->checkpoint, sizeof(lease->checkpoint), checkpoint);
    if (lease->command == 0) {
        ltw_lease_send_renew(lease);
    }
}

void
ltw_lease_leave(ltw_lease_t *lease)
{
    if (lease->tenure != NULL) {
        lease->tenure->state = LTW_TENURE_LEAVING;
    }
}

ltw_tenure_t *
ltw_lease_tenure(const ltw_lease_t *lease)
{
    return lease->tenure;
}

void
ltw_lease_release(ltw_lease_t *lease, const char *heir)
{
    ltw_lease_keep(lease->heir, sizeof(lease->heir),
        lt_str(heir != NULL ? heir : "-"));
    switch (lease->state) {
    case LTW_LEASE_HELD:
        lease->state = LTW_LEASE_RELEASING;
        if (lease->command == 0) {
            ltw_lease_send_renew(lease);
        }
        break;
    case LTW_LEASE_IDLE:
    case LTW_LEASE_WAITING:
        ltw_redis_cancel(lease->options.services->redis, lease->command);
        lease->command = 0;
        lease->state = LTW_LEASE_RELEASED;
        ltw_timer_start(lease->timer, 0);
        break;
    case LTW_LEASE_RELEASING:
    case LTW_LEASE_RELEASED:
        break;
    }
}

int
ltw_lease_is_fresh(const ltw_lease_t *lease)
{
    return lease->state == LTW_LEASE_HELD
        && ltw_tenure_may_speak(lease->tenure, ltw_lease_now(lease));
}

const char *
ltw_lease_other(const ltw_lease_t *lease)
{
    int64_t now = ltw_lease_now(lease);

    return lease->state == LTW_LEASE_WAITING
        && now - lease->seen_at_ms < LTW_LEASE_DEAD_MS
        && now - lease->looked_at_ms < LTW_LEASE_DEAD_MS
        ? lease->seen_owner : "";
}

int
ltw_lease_is_stored(const ltw_lease_t *lease)
{
    return strcmp(lease->checkpoint, lease->stored) == 0;
}

ltw_lease_t *
ltw_lease_new(const ltw_lease_options_t *options)
{
    ltw_lease_t *lease = calloc(1, sizeof(*lease));
    lt_out_t out;

    if (lease == NULL) {
        return NULL;
    }
    lease->options = *options;
    lt_out_init(&out, lease->key, sizeof(lease->key));
    lease->timer = ltw_timer_new(options->services->loop, ltw_lease_tick,
        lease);
    if (lease->timer == NULL
        || lt_state_shard_key(&out, lt_str(options->stream),
               lt_str(options->shard)) != LT_OK)
    {
        ltw_lease_free(&lease);
        return NULL;
    }
    lease->key_len = lt_out_len(&out);
    return lease;
}

void
ltw_lease_free(ltw_lease_t **lease)
{
    if (*lease != NULL) {
        ltw_redis_cancel((*lease)->options.services->redis,
            (*lease)->command);
        if ((*lease)->tenure != NULL) {
            ltw_lease_end_tenure(*lease, LTW_TENURE_LOST);
        }
        ltw_timer_free(&(*lease)->timer);
        free(*lease);
        *lease = NULL;
    }
}
