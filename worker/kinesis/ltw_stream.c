#include "kinesis/ltw_stream.h"

#include "kinesis/ltw_fleet.h"
#include "kinesis/ltw_shard.h"
#include "ltw_log.h"

#include "lt_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LTW_STREAM_SCAN_MS 10000
#define LTW_STREAM_BACKOFF_MAX_MS 30000
#define LTW_STREAM_AUDIT_MS 60000
#define LTW_STREAM_BALANCE_MS 6000      /* between two moves, 1 to 2 times */
#define LTW_STREAM_BACKOFF_MIN_MS 1000
#define LTW_STREAM_REMIND_MS 30000
#define LTW_STREAM_TOKEN_MAX 2048

struct ltw_stream_s {
    const ltw_services_t *services;
    ltw_batch_handler_t handler;
    void *handler_data;
    ltw_timer_t *timer;                 /* next scan, or next try */
    ltw_timer_t *reaper;
    ltw_aws_id_t call;
    ltw_fleet_t *fleet;
    int64_t balance_at_ms;
    int64_t audited_at_ms;
    ltw_shard_t **shards;
    size_t shards_n;
    ltw_shard_info_t *found;            /* by the scan under way */
    size_t found_n;
    char token[LTW_STREAM_TOKEN_MAX];
    char owner[17];
    int64_t backoff_ms;
    int64_t told_at_ms;
    ltw_handler_t drained;              /* set: draining */
    void *drained_data;
};

static void ltw_stream_list(ltw_stream_t *stream);

/* ---- shards end ---- */

static int
ltw_stream_is_ended(const ltw_stream_t *stream)
{
    size_t i;

    for (i = 0; i < stream->shards_n; i++) {
        if (!ltw_shard_is_ended(stream->shards[i])) {
            return 0;
        }
    }
    return 1;
}

static void
ltw_stream_reap(void *data)
{
    ltw_stream_t *stream = data;
    ltw_handler_t drained = stream->drained;

    if (drained == NULL && stream->call != 0) {
        ltw_timer_start(stream->reaper, LTW_STREAM_BACKOFF_MIN_MS);
    } else if (drained == NULL) {
        ltw_timer_start(stream->timer, 0);      /* for the children */
    } else if (ltw_stream_is_ended(stream)) {
        stream->drained = NULL;
        drained(stream->drained_data);
    }
}

static void
ltw_stream_shard_ended(void *data, ltw_shard_t *shard)
{
    ltw_stream_t *stream = data;

    (void) shard;       /* stays, so that the next scan does not begin it */
    ltw_timer_start(stream->reaper, 0);
}

/* ---- the fleet ---- */

/* As many shards as comes to each, or more. */
static int
ltw_stream_has_share(void *data)
{
    const ltw_stream_t *stream = data;
    size_t size = ltw_fleet_size(stream->fleet), all = 0, owned = 0, i;

    for (i = 0; i < stream->shards_n; i++) {
        all += !ltw_shard_is_ended(stream->shards[i]);
        owned += ltw_shard_is_owned(stream->shards[i]) != 0;
    }
    return size > 1 && owned * size >= all;
}

static void
ltw_stream_balance(ltw_stream_t *stream, const ltw_fleet_shard_t *loads,
    ltw_shard_t **owned, size_t n)
{
    ltw_loop_t *loop = stream->services->loop;
    int64_t now = ltw_loop_now_ms(loop);
    const char *heir;
    int i;

    if (now < stream->balance_at_ms || stream->drained != NULL) {
        return;
    }
    i = ltw_fleet_pick(stream->fleet, loads, n, &heir);
    if (i >= 0) {
        stream->balance_at_ms = now + (int64_t) (LTW_STREAM_BALANCE_MS
            * (1 + ltw_loop_random(loop)));
        ltw_shard_move(owned[i], heir);
    }
}

static ltw_shard_t *ltw_stream_shard(const ltw_stream_t *stream,
    const char *id);

/*
 * Two shards were merged and this worker has read the second one: who reads
 * the first shall have it, and then the child.  Its talks go on there from
 * their last committed word; nobody can go on with half of one.
 */
static void
ltw_stream_unite(ltw_stream_t *stream)
{
    const ltw_shard_info_t *child;
    ltw_shard_t *first, *second;
    size_t i;

    for (i = 0; i < stream->shards_n && stream->drained == NULL; i++) {
        child = ltw_shard_waits(stream->shards[i]);
        if (child == NULL) {
            continue;
        }
        first = ltw_stream_shard(stream, child->parents[0]);
        second = ltw_stream_shard(stream, child->parents[1]);
        if ((first != NULL && ltw_shard_is_read(first))
            || (second != NULL && ltw_shard_is_read(second)))
        {
            ltw_inflow_wait(stream->services->inflow,
                ltw_loop_now_ms(stream->services->loop));
        }
        if (first != NULL && second != NULL && ltw_shard_is_read(second)
            && ltw_shard_other(first)[0] != '\0')
        {
            ltw_shard_move(second, ltw_shard_other(first));
        }
    }
}

static void
ltw_stream_beat(void *data)
{
    ltw_stream_t *stream = data;
    ltw_fleet_shard_t loads[LTW_SHARDS_MAX];
    ltw_shard_t *owned[LTW_SHARDS_MAX];
    int64_t load = 0;
    size_t n = 0, i;
    int is_moving = 0;

    for (i = 0; i < stream->shards_n; i++) {
        ltw_shard_watch(stream->shards[i],
            ltw_fleet_size(stream->fleet) > 1);
        is_moving |= ltw_shard_is_moving(stream->shards[i]);
        if (ltw_shard_is_owned(stream->shards[i])) {
            owned[n] = stream->shards[i];
            loads[n] = (ltw_fleet_shard_t) { ltw_shard_weigh(owned[n]),
                !ltw_shard_is_settled(owned[n]) };
            load += loads[n++].load;
        }
    }
    ltw_stream_unite(stream);
    ltw_fleet_report(stream->fleet, n, load);
    ltw_gauge(stream->services->metrics, workers_live,
        ltw_fleet_size(stream->fleet));
    if (!is_moving) {
        ltw_stream_balance(stream, loads, owned, n);
    }
}

/* ---- what a scan found ---- */

static const ltw_shard_info_t *
ltw_stream_find(const ltw_stream_t *stream, const char *id)
{
    size_t i;

    for (i = 0; i < stream->found_n; i++) {
        if (strcmp(stream->found[i].id, id) == 0) {
            return &stream->found[i];
        }
    }
    return NULL;
}

/* Shards that are no longer listed have expired. */
static void
ltw_stream_forget(ltw_stream_t *stream)
{
    size_t i, kept = 0;

    for (i = 0; i < stream->shards_n; i++) {
        if (ltw_shard_is_ended(stream->shards[i])
            && ltw_stream_find(stream, ltw_shard_id(stream->shards[i]))
                == NULL)
        {
            ltw_shard_free(&stream->shards[i]);
        } else {
            stream->shards[kept++] = stream->shards[i];
        }
    }
    stream->shards_n = kept;
}

static ltw_shard_t *
ltw_stream_shard(const ltw_stream_t *stream, const char *id)
{
    size_t i;

    for (i = 0; i < stream->shards_n; i++) {
        if (strcmp(ltw_shard_id(stream->shards[i]), id) == 0) {
            return stream->shards[i];
        }
    }
    return NULL;
}

static int
ltw_stream_is_read(void *data, const char *id)
{
    const ltw_shard_t *shard = ltw_stream_shard(data, id);

    return shard != NULL && ltw_shard_is_read(shard);
}

/* Its children may be known already, or may have to be found. */
static void
ltw_stream_read_out(void *data)
{
    ltw_stream_t *stream = data;
    size_t i;

    for (i = 0; i < stream->shards_n; i++) {
        ltw_shard_look(stream->shards[i]);
    }
    if (stream->call == 0 && stream->drained == NULL) {
        ltw_timer_start(stream->timer, 0);
    }
}

static void
ltw_stream_begin(ltw_stream_t *stream, const ltw_shard_info_t *found)
{
    ltw_shard_options_t options = {
        .services = stream->services,
        .stream = stream->services->config->kinesis_stream,
        .owner = stream->owner,
        .handler = stream->handler,
        .handler_data = stream->handler_data,
        .ended = ltw_stream_shard_ended,
        .has_share = ltw_stream_has_share,
        .is_read = ltw_stream_is_read,
        .read_out = ltw_stream_read_out,
        .data = stream,
    };
    ltw_shard_t *shard = ltw_shard_new(&options, found);

    if (shard == NULL) {
        ltw_log(LTW_ERROR, "shard_not_begun", ltw_cstr("shard", found->id),
            ltw_cstr("error", "no memory"));
        return;                                 /* the next scan tries again */
    }
    stream->shards[stream->shards_n++] = shard;
    ltw_log(LTW_INFO, "shard_found", ltw_cstr("shard", found->id),
        ltw_int("is_closed", found->is_closed));
}

static void
ltw_stream_drop_expired_parents(ltw_stream_t *stream)
{
    size_t i;
    int k;

    for (i = 0; i < stream->found_n; i++) {
        for (k = 0; k < 2; k++) {
            if (ltw_stream_find(stream, stream->found[i].parents[k]) == NULL) {
                stream->found[i].parents[k][0] = '\0';
            }
        }
    }
}

/* Does each hash key belong to an open shard, is each shard read? */
static void
ltw_stream_audit(ltw_stream_t *stream)
{
    int64_t now = ltw_loop_now_ms(stream->services->loop);
    ltw_hash_range_t *open;
    size_t open_n = 0, gaps = 0, unread = 0, i;

    if (now - stream->audited_at_ms < LTW_STREAM_AUDIT_MS) {
        return;
    }
    stream->audited_at_ms = now;
    open = calloc(stream->found_n + 1, sizeof(*open));
    for (i = 0; open != NULL && i < stream->found_n; i++) {
        if (!stream->found[i].is_closed && stream->found[i].has_range) {
            open[open_n++] = stream->found[i].range;
        }
    }
    if (open_n > 0) {
        gaps = ltw_hash_range_gaps(open, open_n);
    }
    free(open);
    for (i = 0; i < stream->shards_n; i++) {
        unread += ltw_shard_is_unread(stream->shards[i]) != 0;
    }
    ltw_gauge(stream->services->metrics, hash_range_gaps, gaps);
    ltw_gauge(stream->services->metrics, shards_unread, unread);
    ltw_log(gaps + unread > 0 ? LTW_WARN : LTW_DEBUG, "shards_audited",
        ltw_int("open", (int64_t) open_n),
        ltw_int("hash_range_gaps", (int64_t) gaps),
        ltw_int("unread", (int64_t) unread));
}

static void
ltw_stream_apply(ltw_stream_t *stream)
{
    ltw_shard_t *shard;
    size_t i;

    ltw_stream_audit(stream);           /* those that had time to begin */
    ltw_stream_forget(stream);
    ltw_stream_drop_expired_parents(stream);
    for (i = 0; i < stream->found_n; i++) {
        shard = ltw_stream_shard(stream, stream->found[i].id);
        if (shard != NULL) {
            ltw_shard_update(shard, &stream->found[i]);
        } else if (stream->shards_n < LTW_SHARDS_MAX) {
            ltw_stream_begin(stream, &stream->found[i]);
        }
    }
}

/* ---- scanning ---- */

static void
ltw_stream_restart_scan(ltw_stream_t *stream)
{
    free(stream->found);
    stream->found = NULL;
    stream->found_n = 0;
    stream->token[0] = '\0';
}

static void
ltw_stream_failed(ltw_stream_t *stream, const ltw_aws_answer_t *answer)
{
    int64_t now = ltw_loop_now_ms(stream->services->loop);

    ltw_stream_restart_scan(stream);
    if (stream->told_at_ms == 0
        || now - stream->told_at_ms >= LTW_STREAM_REMIND_MS)
    {
        stream->told_at_ms = now;
        ltw_aws_log(LTW_AWS_KINESIS, "ListShards", answer);
    }
    ltw_timer_start(stream->timer, (int64_t) ((double) stream->backoff_ms
        * (1 + ltw_loop_random(stream->services->loop) / 4)));
    stream->backoff_ms = stream->backoff_ms * 2 < LTW_STREAM_BACKOFF_MAX_MS
        ? stream->backoff_ms * 2 : LTW_STREAM_BACKOFF_MAX_MS;
}

static void
ltw_stream_broken(ltw_stream_t *stream, const char *why)
{
    ltw_aws_answer_t answer = { .class = LT_AWS_TRANSIENT };

    snprintf(answer.message, sizeof(answer.message), "%s", why);
    ltw_stream_failed(stream, &answer);
}

static void
ltw_stream_on_list(void *data, const ltw_aws_answer_t *answer)
{
    ltw_stream_t *stream = data;
    lt_error_t err = { 0 };

    stream->call = 0;
    if (!ltw_aws_is_ok(answer)) {
        ltw_stream_failed(stream, answer);
        return;
    }
    if (ltw_aws_kinesis_shards_read(&stream->found, &stream->found_n,
            LTW_SHARDS_MAX, stream->token, sizeof(stream->token),
            answer->body, &err) != LT_OK)
    {
        ltw_stream_broken(stream, err.text);
        return;
    }
    if (stream->token[0] != '\0') {
        ltw_stream_list(stream);
        return;
    }
    if (stream->told_at_ms != 0) {
        ltw_log(LTW_INFO, "kinesis_recovered",
            ltw_int("shards", (int64_t) stream->found_n));
    }
    stream->told_at_ms = 0;
    stream->backoff_ms = LTW_STREAM_BACKOFF_MIN_MS;
    ltw_stream_apply(stream);
    ltw_stream_unite(stream);
    ltw_stream_restart_scan(stream);
    ltw_timer_start(stream->timer, LTW_STREAM_SCAN_MS);
}

static void
ltw_stream_list(ltw_stream_t *stream)
{
    stream->call = ltw_aws_kinesis_list_shards(stream->services->aws,
        lt_str(stream->services->config->kinesis_stream),
        lt_str(stream->token), ltw_stream_on_list, stream);
    if (stream->call == 0) {
        ltw_stream_broken(stream, "could not be sent");
    }
}

static void
ltw_stream_scan_ready(void *data)
{
    ltw_stream_list(data);
}

/* ---- what main asks for ---- */

void
ltw_stream_drain(ltw_stream_t *stream, ltw_handler_t drained, void *data)
{
    size_t i;

    stream->drained = drained;
    stream->drained_data = data;
    ltw_aws_cancel(stream->services->aws, stream->call);
    stream->call = 0;
    ltw_timer_stop(stream->timer);
    ltw_fleet_leave(stream->fleet);
    for (i = 0; i < stream->shards_n; i++) {
        ltw_shard_drain(stream->shards[i]);
    }
    ltw_timer_start(stream->reaper, 0);
}

void
ltw_stream_hurry(ltw_stream_t *stream)
{
    size_t i;

    for (i = 0; i < stream->shards_n; i++) {
        ltw_shard_hurry(stream->shards[i]);
    }
}

const char *
ltw_stream_worker(const ltw_stream_t *stream)
{
    return stream->owner;
}

void
ltw_stream_measure(ltw_stream_t *stream)
{
    int64_t behind_ms = 0, owned = 0;
    size_t i;

    for (i = 0; i < stream->shards_n; i++) {
        owned += ltw_shard_is_owned(stream->shards[i]);
        if (ltw_shard_behind_ms(stream->shards[i]) > behind_ms) {
            behind_ms = ltw_shard_behind_ms(stream->shards[i]);
        }
    }
    ltw_gauge(stream->services->metrics, shards_owned, owned);
    ltw_gauge(stream->services->metrics, kinesis_behind_ms, behind_ms);
}

ltw_stream_t *
ltw_stream_new(const ltw_services_t *services, ltw_batch_handler_t handler,
    void *data)
{
    ltw_stream_t *stream = calloc(1, sizeof(*stream));
    uint8_t random[8];

    if (stream == NULL) {
        return NULL;
    }
    stream->services = services;
    stream->handler = handler;
    stream->handler_data = data;
    stream->backoff_ms = LTW_STREAM_BACKOFF_MIN_MS;
    stream->shards = calloc(LTW_SHARDS_MAX, sizeof(*stream->shards));
    stream->timer = ltw_timer_new(services->loop, ltw_stream_scan_ready,
        stream);
    stream->reaper = ltw_timer_new(services->loop, ltw_stream_reap, stream);
    if (stream->shards == NULL || stream->timer == NULL
        || stream->reaper == NULL
        || getrandom(random, sizeof(random), 0) != sizeof(random))
    {
        ltw_stream_free(&stream);
        return NULL;
    }
    lt_hex_encode(stream->owner, random, sizeof(random));
    stream->fleet = ltw_fleet_new(services, services->config->kinesis_stream,
        stream->owner, ltw_stream_beat, stream);
    if (stream->fleet == NULL) {
        ltw_stream_free(&stream);
        return NULL;
    }
    ltw_timer_start(stream->timer, 0);
    return stream;
}

void
ltw_stream_free(ltw_stream_t **stream)
{
    size_t i;

    if (*stream == NULL) {
        return;
    }
    ltw_aws_cancel((*stream)->services->aws, (*stream)->call);
    for (i = 0; i < (*stream)->shards_n; i++) {
        ltw_shard_free(&(*stream)->shards[i]);
    }
    ltw_fleet_free(&(*stream)->fleet);
    ltw_timer_free(&(*stream)->timer);
    ltw_timer_free(&(*stream)->reaper);
    free((*stream)->shards);
    free((*stream)->found);
    free(*stream);
    *stream = NULL;
}
