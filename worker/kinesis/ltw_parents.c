#include "kinesis/ltw_parents.h"

#include "kinesis/ltw_lease.h"

#include "lt_state.h"

#include <stdlib.h>

#define LTW_PARENTS_TICK_MS 1000

struct ltw_parents_s {
    ltw_parents_options_t options;
    ltw_timer_t *timer;
    ltw_redis_id_t command;
    size_t next;                /* the parent to ask for */
    int were_read;
};

static void ltw_parents_ask(void *data);

static void
ltw_parents_on_reply(void *data, const ltw_reply_t *reply,
    const lt_error_t *err)
{
    ltw_parents_t *parents = data;
    lt_str_t owner = ltw_reply_str(ltw_reply_at(reply, 0));
    lt_str_t checkpoint = ltw_reply_str(ltw_reply_at(reply, 1));
    int is_begun = owner.len > 0 || checkpoint.len > 0;
    int is_latest = parents->options.services->config->starting_position
        == LTW_START_LATEST;

    (void) err;                 /* ltw_redis.c has said it */
    parents->command = 0;
    if (lt_str_is(checkpoint, LTW_SHARD_END)
        || (reply != NULL && !is_begun && is_latest))
    {
        parents->were_read |= is_begun;
        parents->next++;
        ltw_parents_ask(parents);
        return;
    }
    ltw_timer_start(parents->timer, LTW_PARENTS_TICK_MS);
}

/* It has none there, or we have read it. */
static int
ltw_parents_is_settled(ltw_parents_t *parents, const char *parent)
{
    if (parent[0] == '\0') {
        return 1;
    }
    if (parents->options.is_read(parents->options.data, parent)) {
        parents->were_read = 1;
        return 1;
    }
    return 0;
}

static void
ltw_parents_ask(void *data)
{
    ltw_parents_t *parents = data;
    char key_text[400];
    lt_out_t key;
    lt_str_t argv[4] = { LT_STR("HMGET"), { NULL, 0 }, LT_STR("owner"),
        LT_STR("checkpoint") };

    while (parents->next < 2 && ltw_parents_is_settled(parents,
               parents->options.shard->parents[parents->next]))
    {
        parents->next++;
    }
    if (parents->next == 2) {
        parents->options.handler(parents->options.data, parents->were_read);
        return;
    }
    lt_out_init(&key, key_text, sizeof(key_text));
    lt_state_shard_key(&key, lt_str(parents->options.stream),
        lt_str(parents->options.shard->parents[parents->next]));
    argv[1] = (lt_str_t) { key_text, lt_out_len(&key) };
    parents->command = ltw_redis_command(parents->options.services->redis, argv, 4,
        ltw_parents_on_reply, parents);
    if (parents->command == 0) {
        ltw_timer_start(parents->timer, LTW_PARENTS_TICK_MS);
    }
}

ltw_parents_t *
ltw_parents_new(const ltw_parents_options_t *options)
{
    ltw_parents_t *parents = calloc(1, sizeof(*parents));

    if (parents == NULL) {
        return NULL;
    }
    parents->options = *options;
    parents->timer = ltw_timer_new(options->services->loop, ltw_parents_ask,
        parents);
    if (parents->timer == NULL) {
        ltw_parents_free(&parents);
        return NULL;
    }
    ltw_timer_start(parents->timer, 0);
    return parents;
}

void
ltw_parents_look(ltw_parents_t *parents)
{
    if (parents->command == 0) {
        ltw_timer_start(parents->timer, 0);
    }
}

void
ltw_parents_free(ltw_parents_t **parents)
{
    if (*parents != NULL) {
        ltw_redis_cancel((*parents)->options.services->redis,
            (*parents)->command);
        ltw_timer_free(&(*parents)->timer);
        free(*parents);
        *parents = NULL;
    }
}
