#include "session/ltw_ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt_state.h"

#define UNTOLD "untold:"        /* + number: facts, line end, text */
#define TOLD "told:"            /* + language: number */
#define FACTS_N 7

typedef struct {
    char text[LT_STATE_KEY_MAX];
    lt_str_t view;
} ledger_key_t;


static int
key_make(ledger_key_t *key, lt_str_t session)
{
    lt_out_t out;

    lt_out_init(&out, key->text, sizeof(key->text));
    if (lt_state_key(&out, LT_STATE_KEY_WORKER, session) != LT_OK) {
        return 0;
    }
    key->view = (lt_str_t) { key->text, lt_out_len(&out) };
    return 1;
}


static int
has_prefix(lt_str_t s, const char *prefix)
{
    size_t len = strlen(prefix);

    return s.len > len && memcmp(s.data, prefix, len) == 0;
}


/* ---- reading ---- */

ltw_redis_id_t
ltw_ledger_take(ltw_redis_t *redis, const ltw_talk_t *talk,
    ltw_redis_handler_t handler, void *data)
{
    ledger_key_t key;
    lt_str_t argv[3] = { LT_STR("1"), { NULL, 0 },
        lt_str(talk->tenure->fence) };

    if (!key_make(&key, lt_str(talk->id))) {
        return 0;
    }
    argv[1] = key.view;
    return ltw_redis_script(redis, lt_state_worker_script(LT_STATE_TALK_TAKE),
        argv, 3, handler, data);
}


/* NULL: not what untold_write() writes, or no memory. */
static ltw_segment_t *
untold_read(int64_t number, lt_str_t value)
{
    const char *line_end = memchr(value.data, '\n', value.len);
    long long n[FACTS_N];
    ltw_segment_facts_t facts;
    size_t head;

    if (number <= 0 || line_end == NULL
        || sscanf(value.data, "%lld %lld %lld %lld %lld %lld %lld\n", &n[0],
               &n[1], &n[2], &n[3], &n[4], &n[5], &n[6]) != FACTS_N)
    {
        return NULL;
    }
    head = (size_t) (line_end + 1 - value.data);
    facts = (ltw_segment_facts_t) { number, n[0], n[1], n[2], n[3], n[4],
        n[5], (unsigned) n[6] };
    return ltw_segment_new(&facts,
        (lt_str_t) { value.data + head, value.len - head });
}


static void
untold_add(ltw_ledger_t *l, ltw_segment_t *segment)
{
    size_t i = l->untold_n;

    if (segment == NULL || i == LTW_LEDGER_UNTOLD_MAX) {
        ltw_segment_unref(&segment);
        return;
    }
    while (i > 0
           && l->untold[i - 1]->facts.number > segment->facts.number)
    {
        l->untold[i] = l->untold[i - 1];
        i--;
    }
    l->untold[i] = segment;
    l->untold_n++;
}


static void
told_add(ltw_ledger_t *l, lt_str_t language, int64_t number)
{
    if (language.len == 2 && l->told_n < LTW_LEDGER_LANGUAGES_MAX) {
        memcpy(l->told[l->told_n].language, language.data, 2);
        l->told[l->told_n++].segment = number;
    }
}


int
ltw_ledger_read(ltw_ledger_t *l, const ltw_reply_t *answer)
{
    const ltw_reply_t *reply = ltw_reply_at(answer, 1);
    const ltw_reply_t *offset = ltw_reply_field(reply, "offset");

    *l = (ltw_ledger_t) { 0 };
    if (ltw_reply_int(ltw_reply_at(answer, 0)) != 1) {
        return 0;
    }
    l->segment = ltw_reply_int(ltw_reply_field(reply, "segment"));
    l->has_mark = offset != NULL;
    l->mark = (ltw_mark_t) {
        (uint64_t) ltw_reply_int(ltw_reply_field(reply, "epoch")),
        (uint64_t) ltw_reply_int(offset),
        ltw_reply_int(ltw_reply_field(reply, "arrived")) };
    l->spent.hour_wall_ms = ltw_reply_int(ltw_reply_field(reply, "hour"));
    l->spent.usd = (double) ltw_reply_int(ltw_reply_field(reply, "spent"))
        / 1e6;
    for (size_t i = 0; i + 1 < ltw_reply_size(reply); i += 2) {
        lt_str_t name = ltw_reply_str(ltw_reply_at(reply, i));
        const ltw_reply_t *value = ltw_reply_at(reply, i + 1);

        /* hiredis ends its strings with a zero byte */
        if (has_prefix(name, UNTOLD)) {
            untold_add(l, untold_read(strtoll(name.data + strlen(UNTOLD),
                NULL, 10), ltw_reply_str(value)));
        } else if (has_prefix(name, TOLD)) {
            name.data += strlen(TOLD);
            name.len -= strlen(TOLD);
            told_add(l, name, ltw_reply_int(value));
        }
    }
    return 1;
}


void
ltw_ledger_deinit(ltw_ledger_t *l)
{
    while (l->untold_n > 0) {
        ltw_segment_unref(&l->untold[--l->untold_n]);
    }
}


int64_t
ltw_ledger_told_until(const ltw_ledger_t *l, const char *language)
{
    for (size_t i = 0; i < l->told_n; i++) {
        if (strcmp(l->told[i].language, language) == 0) {
            return l->told[i].segment;
        }
    }
    return 0;
}


/* ---- writing ---- */

static lt_str_t
print(char *text, size_t size, const char *format, long long n)
{
    int len = snprintf(text, size, format, n);

    return (lt_str_t) { text, (size_t) len };
}


/* NULL: no memory.  To be freed. */
static char *
untold_write(const ltw_segment_t *segment, size_t *len)
{
    const ltw_segment_facts_t *f = &segment->facts;
    size_t size = FACTS_N * 21 + segment->text.len + 1;
    char *value = malloc(size);
    int head;

    if (value == NULL) {
        return NULL;
    }
    head = snprintf(value, size, "%lld %lld %lld %lld %lld %lld %lld\n",
        (long long) f->start_ms, (long long) f->end_ms,
        (long long) f->captured_wall_ms, (long long) f->arrived_wall_ms,
        (long long) f->batched_wall_ms, (long long) f->transcribed_wall_ms,
        (long long) f->words);
    memcpy(value + head, segment->text.data, segment->text.len);
    *len = (size_t) head + segment->text.len;
    return value;
}


/* argv: three places for count, key and fence, then the fields. */
static void
write_fields(ltw_redis_t *redis, const ltw_talk_t *talk,
    lt_state_worker_script_t script, lt_str_t *argv, size_t n)
{
    ledger_key_t key;

    if (key_make(&key, lt_str(talk->id))) {
        argv[0] = LT_STR("1");
        argv[1] = key.view;
        argv[2] = lt_str(talk->tenure->fence);
        (void) ltw_redis_script(redis, lt_state_worker_script(script), argv,
            n, NULL, NULL);
    }
}


void
ltw_ledger_commit(ltw_redis_t *redis, const ltw_talk_t *talk,
    const ltw_segment_t *segment, const ltw_mark_t *mark)
{
    char number[24], epoch[24], offset[24], arrived[24], field[40];
    char hour[24], spent[24];
    size_t len = 0;
    char *value = untold_write(segment, &len);
    lt_str_t argv[] = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 },
        LT_STR("segment"),
        print(number, sizeof(number), "%lld", segment->facts.number),
        LT_STR("epoch"),
        print(epoch, sizeof(epoch), "%lld", (long long) mark->epoch),
        LT_STR("offset"),
        print(offset, sizeof(offset), "%lld", (long long) mark->offset),
        LT_STR("arrived"),
        print(arrived, sizeof(arrived), "%lld", mark->arrived_wall_ms),
        LT_STR("hour"),
        print(hour, sizeof(hour), "%lld", talk->cost.hour_wall_ms),
        LT_STR("spent"),
        print(spent, sizeof(spent), "%lld",
            (long long) (talk->cost.hour_usd * 1e6)),
        print(field, sizeof(field), UNTOLD "%lld", segment->facts.number),
        { value, len } };

    write_fields(redis, talk, LT_STATE_TALK_SET, argv,
        value != NULL ? 17 : 15);
    if (value != NULL) {
        explicit_bzero(value, len);
        free(value);
    }
}


void
ltw_ledger_end(ltw_redis_t *redis, const ltw_talk_t *talk,
    const ltw_mark_t *mark)
{
    char epoch[24], offset[24];
    lt_str_t argv[] = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 },
        LT_STR("epoch"),
        print(epoch, sizeof(epoch), "%lld", (long long) mark->epoch),
        LT_STR("offset"),
        print(offset, sizeof(offset), "%lld", (long long) mark->offset) };

    write_fields(redis, talk, LT_STATE_TALK_SET, argv, 7);
}


void
ltw_ledger_tell(ltw_redis_t *redis, const ltw_talk_t *talk,
    const char *language, int64_t segment)
{
    char field[16], number[24];
    lt_str_t argv[] = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 },
        { field, (size_t) snprintf(field, sizeof(field), TOLD "%s",
            language) },
        print(number, sizeof(number), "%lld", segment) };

    write_fields(redis, talk, LT_STATE_TALK_SET, argv, 5);
}


void
ltw_ledger_strike(ltw_redis_t *redis, const ltw_talk_t *talk,
    int64_t segment)
{
    char field[40];
    lt_str_t argv[] = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 },
        print(field, sizeof(field), UNTOLD "%lld", segment) };

    write_fields(redis, talk, LT_STATE_TALK_DELETE, argv, 4);
}
