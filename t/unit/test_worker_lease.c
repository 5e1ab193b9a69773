/*
 * Who reads which shard, and who may write: leases, tenures, the fleet, a
 * talk's fence, against a real redis-server on a unix socket.
 */
#include "kinesis/ltw_fleet.h"
#include "kinesis/ltw_lease.h"
#include "ltw_log.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "room.h"

static char dir[] = "/tmp/test_worker_lease_XXXXXX";
static char address[120], socket_path[100];

typedef struct {
    ltw_metrics_t metrics;
    ltw_services_t services;
    ltw_timer_t *stop;
    pid_t server;
    char text[400];
} room_t;

static void
stop_server(room_t *room)
{
    kill(room->server, SIGKILL);
    waitpid(room->server, NULL, 0);
    unlink(socket_path);
}

static int
set_up(void **state)
{
    static room_t room;
    ltw_redis_options_t options = { address, NULL, 0 };
    ltw_services_t *s = &room.services;

    ltw_log_set_level(LTW_SILENT);
    room = (room_t) { .services = { .loop = ltw_loop_new() } };
    s->metrics = &room.metrics;
    room.stop = ltw_timer_new(s->loop, room_stop, s->loop);
    room.server = room_redis(dir, socket_path, NULL);
    s->redis = ltw_redis_new(s->loop, &room.metrics, &options);
    *state = &room;
    return s->redis == NULL;
}

static int
tear_down(void **state)
{
    room_t *room = *state;

    ltw_redis_free(&room->services.redis);
    ltw_timer_free(&room->stop);
    ltw_loop_free(&room->services.loop);
    stop_server(room);
    return 0;
}

/* ---- asking Redis ---- */

static void
print(room_t *room, const ltw_reply_t *reply)
{
    size_t used = strlen(room->text), i;
    lt_str_t text = ltw_reply_str(reply);

    if (ltw_reply_kind(reply) == LTW_REPLY_ARRAY) {
        for (i = 0; i < ltw_reply_size(reply); i++) {
            print(room, ltw_reply_at(reply, i));
        }
    } else if (ltw_reply_kind(reply) == LTW_REPLY_INT) {
        snprintf(room->text + used, sizeof(room->text) - used, "%d ",
            (int) ltw_reply_int(reply));
    } else {
        snprintf(room->text + used, sizeof(room->text) - used, "%.*s ",
            (int) text.len, text.data);
    }
}

static void
on_reply(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    room_t *room = data;

    assert_string_equal(err->text, "");
    print(room, reply);
    ltw_loop_stop(room->services.loop);
}

/* words: separated by spaces.  The answer's words, each with a space. */
static const char *
ask(room_t *room, const char *script, const char *words)
{
    char text[400], *word, *rest = text;
    lt_str_t argv[16];
    size_t n = 0;

    snprintf(text, sizeof(text), "%s", words);
    while ((word = strtok_r(rest, " ", &rest)) != NULL) {
        argv[n++] = lt_str(strcmp(word, "-") == 0 ? "" : word);
    }
    room->text[0] = '\0';
    assert_true((script != NULL
        ? ltw_redis_script(room->services.redis, script, argv, n, on_reply,
              room)
        : ltw_redis_command(room->services.redis, argv, n, on_reply, room))
        != 0);
    ltw_loop_run(room->services.loop);
    return room->text;
}

static const char *
talk(room_t *room, lt_state_worker_script_t script, const char *words)
{
    return ask(room, lt_state_worker_script(script), words);
}

#define KEY "lt:shard:stream:shard-0"

/* ---- leases ---- */

typedef struct {
    ltw_lease_t *lease;
    int taken, lost, released;
    int64_t taken_at_ms;
    ltw_loop_t *loop;
    int has_share;
    char checkpoint[100];
} holder_t;

static void
on_taken(void *data, lt_str_t checkpoint)
{
    holder_t *holder = data;

    holder->taken++;
    holder->taken_at_ms = ltw_loop_now_ms(holder->loop);
    snprintf(holder->checkpoint, sizeof(holder->checkpoint), "%.*s",
        (int) checkpoint.len, checkpoint.data);
}

static void
on_lost(void *data)
{
    ((holder_t *) data)->lost++;
}

static void
on_released(void *data)
{
    ((holder_t *) data)->released++;
}

static int64_t
yields_ms(void *data)
{
    return ((holder_t *) data)->has_share ? 1200 : 0;
}

static void
hold(holder_t *holder, const ltw_services_t *services, const char *owner)
{
    ltw_lease_options_t options = { services, "stream", "shard-0", owner,
        yields_ms, on_taken, on_lost, on_released, holder };

    *holder = (holder_t) { .lease = ltw_lease_new(&options),
        .loop = services->loop };
    assert_non_null(holder->lease);
    ltw_lease_claim(holder->lease);
}

static void
run_ms(room_t *room, int64_t ms)
{
    room_run_ms(room->services.loop, room->stop, ms);
}

static int64_t
now_ms(const room_t *room)
{
    return ltw_loop_now_ms(room->services.loop);
}

#define run_until(room, condition)                                          \
    room_run_until((room)->services.loop, (room)->stop, condition)

/* The machine may be slow, never early: at least after_ms after since_ms. */
static void
wait_until_taken(room_t *room, const holder_t *holder, int64_t since_ms,
    int64_t after_ms)
{
    run_until(room, holder->taken > 0);
    assert_int_equal(holder->taken, 1);
    assert_true(holder->taken_at_ms - since_ms >= after_ms);
}

static void
test_lease(void **state)
{
    room_t *room = *state;
    holder_t a, b;
    int64_t began_ms;

    hold(&a, &room->services, "a");
    wait_until_taken(room, &a, 0, 0);
    assert_string_equal(a.checkpoint, "");
    assert_true(ltw_lease_is_fresh(a.lease));
    hold(&b, &room->services, "b");
    ltw_lease_checkpoint(a.lease, LT_STR("41"));
    ltw_lease_checkpoint(a.lease, LT_STR("42"));        /* the newest wins */
    assert_false(ltw_lease_is_stored(a.lease));
    run_ms(room, 4500);                 /* a renews: b must go on waiting */
    assert_true(ltw_lease_is_stored(a.lease));
    assert_int_equal(b.taken, 0);
    ltw_lease_release(a.lease, NULL);
    wait_until_taken(room, &b, 0, 0);
    assert_int_equal(a.released, 1);
    assert_string_equal(b.checkpoint, "42");

    ltw_lease_free(&a.lease);
    began_ms = now_ms(room);
    hold(&a, &room->services, "a");
    run_ms(room, 100);
    ltw_lease_free(&b.lease);           /* as if it were killed */
    wait_until_taken(room, &a, began_ms, 3000);

    /* a zombie: its token is of the past, its name is not */
    ask(room, NULL, "HINCRBY " KEY " token 1");
    ltw_lease_checkpoint(a.lease, LT_STR("43"));
    run_until(room, a.lost == 1);
    assert_string_equal(ask(room, NULL, "HGET " KEY " checkpoint"), "42 ");
    ltw_lease_free(&a.lease);
}

/* Redis without a memory: the owner keeps its lease and its checkpoint. */
static void
test_lease_forgotten(void **state)
{
    room_t *room = *state;
    holder_t a, b;
    int i;

    hold(&a, &room->services, "a");
    wait_until_taken(room, &a, 0, 0);
    ltw_lease_checkpoint(a.lease, LT_STR("42"));
    run_until(room, ltw_lease_is_stored(a.lease));
    hold(&b, &room->services, "b");     /* who waits leaves it to him */
    for (i = 0; i < 3; i++) {           /* b looks more often than a writes */
        run_until(room, ltw_lease_other(b.lease)[0] == 'a');
        ask(room, NULL, "DEL " KEY);
        run_ms(room, 1500);
    }
    assert_int_equal(a.lost, 0);
    stop_server(room);
    run_ms(room, 3000);
    assert_false(ltw_lease_is_fresh(a.lease));
    room->server = room_redis(dir, socket_path, NULL);
    run_until(room, ltw_lease_is_fresh(a.lease));
    run_until(room, ltw_lease_other(b.lease)[0] == 'a');
    assert_int_equal(a.lost, 0);
    assert_int_equal(b.taken, 0);
    ltw_lease_release(a.lease, NULL);
    wait_until_taken(room, &b, 0, 0);
    assert_string_equal(b.checkpoint, "42");
    ltw_lease_free(&a.lease);
    ltw_lease_free(&b.lease);
}

/* Who does not see Redis does not see that the owner lives, either. */
static void
test_lease_unseen(void **state)
{
    room_t *room = *state;
    holder_t a, b;

    hold(&a, &room->services, "a");
    wait_until_taken(room, &a, 0, 0);
    hold(&b, &room->services, "b");
    run_until(room, strcmp(ltw_lease_other(b.lease), "a") == 0);
    kill(room->server, SIGSTOP);
    run_ms(room, 5000);
    assert_false(ltw_lease_is_fresh(a.lease));
    kill(room->server, SIGCONT);
    run_until(room, ltw_lease_is_fresh(a.lease));
    run_ms(room, 3000);
    assert_int_equal(a.lost, 0);
    assert_int_equal(b.taken, 0);
    ltw_lease_free(&a.lease);
    ltw_lease_free(&b.lease);
}

/* A shard goes to its heir at once; to others when the heir does not come.
   Who has his share lets the others go first. */
static void
test_lease_handed_over(void **state)
{
    room_t *room = *state;
    ltw_tenure_t *first;
    holder_t a, b, c;
    int64_t began_ms;

    hold(&a, &room->services, "a");
    wait_until_taken(room, &a, 0, 0);
    first = ltw_tenure_ref(ltw_lease_tenure(a.lease));
    hold(&b, &room->services, "b");
    hold(&c, &room->services, "c");
    run_until(room, ltw_lease_other(b.lease)[0] == 'a'
        && ltw_lease_other(c.lease)[0] == 'a');
    ltw_lease_leave(a.lease);
    assert_int_equal(first->state, LTW_TENURE_LEAVING);
    c.has_share = 1;                    /* it is the heir all the same */
    ltw_lease_release(a.lease, "c");
    wait_until_taken(room, &c, 0, 0);
    c.has_share = 0;
    assert_int_equal(b.taken, 0);
    assert_int_equal(first->state, LTW_TENURE_LOST);
    assert_string_equal(first->fence, "shard-0/0000000000000001");
    assert_string_equal(ltw_lease_tenure(c.lease)->fence,
        "shard-0/0000000000000002");
    ltw_tenure_unref(&first);

    began_ms = now_ms(room);
    ltw_lease_release(c.lease, "nobody");
    wait_until_taken(room, &b, began_ms, 2500);

    ltw_lease_free(&a.lease);
    ltw_lease_free(&c.lease);
    hold(&a, &room->services, "a");
    a.has_share = 1;
    run_until(room, ltw_lease_other(a.lease)[0] == 'b');
    began_ms = now_ms(room);
    ltw_lease_release(b.lease, NULL);
    wait_until_taken(room, &a, began_ms, 1200);
    ltw_lease_free(&a.lease);
    ltw_lease_free(&b.lease);
}

/* ---- a talk ---- */

static void
test_talk_fence(void **state)
{
    room_t *room = *state;
    const char *const keys = "4 s l g w ";
    char view[100];

    assert_string_equal(talk(room, LT_STATE_TALK_TAKE, "1 w s-0/01"),
        "1 fence s-0/01 ");
    assert_string_equal(talk(room, LT_STATE_TALK_SET,
        "1 w s-0/01 segment 7"), "1 ");
    assert_string_equal(talk(room, LT_STATE_TALK_TAKE, "1 w s-0/02"),
        "1 fence s-0/02 segment 7 ");
    /* the one before writes nothing, and is told so */
    assert_string_equal(talk(room, LT_STATE_TALK_SET,
        "1 w s-0/01 segment 8"), "0 ");
    assert_string_equal(talk(room, LT_STATE_TALK_DELETE,
        "1 w s-0/01 segment"), "0 ");
    assert_string_equal(talk(room, LT_STATE_TALK_TAKE, "1 w s-0/01"), "0 ");
    snprintf(view, sizeof(view), "%ss-0/01", keys);
    assert_string_equal(talk(room, LT_STATE_TALK_VIEW, view), "0 1 ");
    snprintf(view, sizeof(view), "%ss-0/02", keys);
    assert_string_equal(talk(room, LT_STATE_TALK_VIEW, view), "1 1 ");
    assert_string_equal(ask(room, NULL, "HGET w segment"), "7 ");
    /* a shard that came of it is later, whatever its token */
    assert_string_equal(talk(room, LT_STATE_TALK_SET,
        "1 w s-1/01 segment 9"), "1 ");
    assert_string_equal(talk(room, LT_STATE_TALK_DELETE,
        "1 w s-0/02 segment"), "0 ");
    assert_string_equal(ask(room, NULL, "HGET w segment"), "9 ");
    ask(room, NULL, "HSET s status active");
    snprintf(view, sizeof(view), "%ss-1/01", keys);
    assert_string_equal(talk(room, LT_STATE_TALK_VIEW, view),
        "1 0 status active ");
    /* Redis without a memory: nobody is fenced */
    ask(room, NULL, "DEL w");
    assert_string_equal(talk(room, LT_STATE_TALK_SET,
        "1 w s-0/01 segment 8"), "1 ");
}

/* ---- the fleet ---- */

typedef struct {
    ltw_fleet_t *fleet;
    size_t shards;
    int64_t load;
} member_t;

static void
on_beat(void *data)
{
    member_t *member = data;

    ltw_fleet_report(member->fleet, member->shards, member->load);
}

static void
test_fleet(void **state)
{
    room_t *room = *state;
    static const ltw_fleet_shard_t loads[] = { { 50000, 1 }, { 30000, 0 },
        { 12000, 0 }, { 2000, 0 } };
    static const ltw_fleet_shard_t one[] = { { 90000, 0 } };
    member_t a = { NULL, 4, 94000 }, b = { NULL, 1, 60000 },
        c = { NULL, 2, 70000 };
    const char *heir = NULL;
    int64_t began_ms;

    a.fleet = ltw_fleet_new(&room->services, "stream", "a", on_beat, &a);
    b.fleet = ltw_fleet_new(&room->services, "stream", "b", on_beat, &b);
    c.fleet = ltw_fleet_new(&room->services, "stream", "c", on_beat, &c);
    run_until(room, ltw_fleet_size(a.fleet) == 3
        && ltw_fleet_size(b.fleet) == 3);
    /* 94 60 70: 12 makes it 82 72, 30 only 64 90 */
    assert_int_equal(ltw_fleet_pick(a.fleet, loads, 4, &heir), 2);
    assert_string_equal(heir, "b");
    assert_int_equal(ltw_fleet_pick(b.fleet, one, 1, &heir), -1);
    assert_int_equal(ltw_fleet_pick(a.fleet, loads, 1, &heir), -1);

    ltw_fleet_leave(c.fleet);
    run_until(room, ltw_fleet_size(a.fleet) == 2);
    began_ms = now_ms(room);
    ltw_fleet_free(&b.fleet);           /* as if it were killed */
    run_until(room, ltw_fleet_size(a.fleet) == 1);
    assert_true(now_ms(room) - began_ms >= 1000);   /* it was heard lately */
    assert_int_equal(ltw_fleet_pick(a.fleet, loads, 4, &heir), -1);
    ltw_fleet_free(&a.fleet);
    ltw_fleet_free(&c.fleet);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_lease), TEST(test_lease_forgotten),
        TEST(test_lease_unseen), TEST(test_lease_handed_over),
        TEST(test_talk_fence), TEST(test_fleet),
    };
    char cleanup[100];
    int failed;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    snprintf(socket_path, sizeof(socket_path), "%s/redis.sock", dir);
    snprintf(address, sizeof(address), "unix:%s", socket_path);
    signal(SIGPIPE, SIG_IGN);
    alarm(120);                 /* rather than hang */
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(cleanup, sizeof(cleanup), "rm -r %s", dir);
    return system(cleanup) != 0 ? 1 : failed;
}
