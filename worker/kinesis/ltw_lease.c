#include "kinesis/ltw_lease.h"

#include "ltw_log.h"

#include "lt_state.h"

#include <stdlib.h>
#include <string.h>

#define LTW_LEASE_TICK_MS 1000
#define LTW_LEASE_DEAD_MS 3000
#define LTW_LEASE_FRESH_MS 2500         /* less than DEAD: we stop first */

/* KEYS: lease.  ARGV: me, the owner and counter that I take for dead. */
static const char ltw_lease_claim_script[] =
    "local l = redis.call('HMGET', KEYS[1], 'owner', 'counter', 'checkpoint')"
    " local owner = l[1] or ''"
    " if owner ~= '' and owner ~= ARGV[1]"
    "   and not (owner == ARGV[2] and l[2] == ARGV[3]) then"
    "   return {0, owner, l[2] or ''} end"
    " redis.call('HSET', KEYS[1], 'owner', ARGV[1])"
    " redis.call('HINCRBY', KEYS[1], 'counter', 1)"
    " return {1, l[3] or '', owner}";

/* KEYS: lease.  ARGV: me, checkpoint or '', '1' to give it back.
   A lease that Redis has forgotten is still ours. */
static const char ltw_lease_renew_script[] =
    "if redis.call('EXISTS', KEYS[1]) == 0 then"
    "   redis.call('HSET', KEYS[1], 'owner', ARGV[1])"
    " elseif redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then"
    "   return 0 end"
    " redis.call('HINCRBY', KEYS[1], 'counter', 1)"
    " if ARGV[2] ~= '' then"
    "   redis.call('HSET', KEYS[1], 'checkpoint', ARGV[2]) end"
    " if ARGV[3] == '1' then redis.call('HDEL', KEYS[1], 'owner') end"
    " return 1";

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
    int64_t renewed_at_ms;
    int64_t seen_at_ms;                 /* other's counter last changed */
    char seen_owner[64];
    char seen_counter[24];
    char checkpoint[LTW_CHECKPOINT_MAX];
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

    lease->state = LTW_LEASE_HELD;
    lease->renewed_at_ms = lease->sent_at_ms;
    ltw_lease_keep(lease->stored, sizeof(lease->stored),
        ltw_reply_str(ltw_reply_at(reply, 1)));
    memcpy(lease->checkpoint, lease->stored, sizeof(lease->checkpoint));
    ltw_count(lease->options.services->metrics, leases_taken, 1);
    ltw_log(LTW_INFO, "lease_taken", ltw_cstr("shard", lease->options.shard),
        ltw_cstr("checkpoint", lease->checkpoint),
        ltw_str("former_owner", former));
    ltw_timer_start(lease->timer, LTW_LEASE_TICK_MS);
    lease->options.taken(lease->options.data, lt_str(lease->checkpoint));
}

/* Another holds it: remember since when its counter stands still. */
static void
ltw_lease_watch_other(ltw_lease_t *lease, const ltw_reply_t *reply)
{
    lt_str_t owner = ltw_reply_str(ltw_reply_at(reply, 1));
    lt_str_t counter = ltw_reply_str(ltw_reply_at(reply, 2));

    if (!lt_str_is(owner, lease->seen_owner)
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
    ltw_timer_start(lease->timer, LTW_LEASE_TICK_MS);
}

static void
ltw_lease_send_claim(ltw_lease_t *lease)
{
    int is_dead = lease->seen_owner[0] != '\0'
        && ltw_lease_now(lease) - lease->seen_at_ms >= LTW_LEASE_DEAD_MS;
    lt_str_t argv[] = { LT_STR("1"), { lease->key, lease->key_len },
        lt_str(lease->options.owner),
        is_dead ? lt_str(lease->seen_owner) : LT_STR(""),
        is_dead ? lt_str(lease->seen_counter) : LT_STR("") };

    lease->sent_at_ms = ltw_lease_now(lease);
    lease->command = ltw_redis_script(lease->options.services->redis,
        ltw_lease_claim_script, argv, 5, ltw_lease_on_claim, lease);
    if (lease->command == 0) {
        ltw_timer_start(lease->timer, LTW_LEASE_TICK_MS);
    }
}

/* ---- holding ---- */

static void
ltw_lease_lose(ltw_lease_t *lease)
{
    lease->state = LTW_LEASE_WAITING;
    lease->seen_owner[0] = '\0';
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
    lease->renewed_at_ms = lease->sent_at_ms;
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
    if (reply == NULL) {
        ltw_log(LTW_WARN, "lease_not_released",
            ltw_cstr("shard", lease->options.shard),
            ltw_cstr("error", err->text));
    } else {
        ltw_log(LTW_INFO, "lease_released",
            ltw_cstr("shard", lease->options.shard),
            ltw_cstr("checkpoint", lease->checkpoint));
    }
    lease->options.released(lease->options.data);
}

static void
ltw_lease_send_renew(ltw_lease_t *lease)
{
    int is_release = lease->state == LTW_LEASE_RELEASING;
    lt_str_t argv[] = { LT_STR("1"), { lease->key, lease->key_len },
        lt_str(lease->options.owner), lt_str(lease->checkpoint),
        is_release ? LT_STR("1") : LT_STR("0") };

    ltw_timer_stop(lease->timer);
    memcpy(lease->sent, lease->checkpoint, sizeof(lease->sent));
    lease->sent_at_ms = ltw_lease_now(lease);
    lease->command = ltw_redis_script(lease->options.services->redis,
        ltw_lease_renew_script, argv, 5,
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
ltw_lease_release(ltw_lease_t *lease)
{
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
        && ltw_lease_now(lease) - lease->renewed_at_ms < LTW_LEASE_FRESH_MS;
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
        ltw_timer_free(&(*lease)->timer);
        free(*lease);
        *lease = NULL;
    }
}
