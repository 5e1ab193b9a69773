/*
 * Redis, against a real redis-server on a unix socket: commands that wait,
 * replies that do not come.
 */
#include "edge/ltw_redis.h"
#include "ltw_log.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "room.h"

#define RETURN_ARGV "return {ARGV[1], KEYS[1], 7}"

static char dir[] = "/tmp/test_worker_redis_XXXXXX";
static char address[100];

typedef struct {
    ltw_loop_t *loop;
    ltw_metrics_t metrics;
    ltw_redis_t *redis;
    ltw_timer_t *stop;
    pid_t server;
    int replies;
    char text[200];
    char error[200];
} room_t;

static void
start_server(room_t *room)
{
    char socket[100];

    snprintf(socket, sizeof(socket), "%s/redis.sock", dir);
    room->server = room_redis(dir, socket, "secret");
}

static void
stop_server(room_t *room)
{
    char socket[100];

    snprintf(socket, sizeof(socket), "%s/redis.sock", dir);
    if (room->server > 0) {
        kill(room->server, SIGKILL);
        waitpid(room->server, NULL, 0);
        room->server = 0;
        unlink(socket);
    }
}

static int
set_up_down(void **state)
{
    static room_t room;
    ltw_redis_options_t options = { address, "secret", 2 };

    ltw_log_set_level(LTW_SILENT);      /* failures are the test */
    room = (room_t) { .loop = ltw_loop_new() };
    room.stop = ltw_timer_new(room.loop, room_stop, room.loop);
    room.redis = ltw_redis_new(room.loop, &room.metrics, &options);
    *state = &room;
    return room.redis == NULL;
}

static int
set_up(void **state)
{
    int failed = set_up_down(state);

    start_server(*state);
    return failed;
}

static int
tear_down(void **state)
{
    room_t *room = *state;

    ltw_redis_free(&room->redis);
    ltw_timer_free(&room->stop);
    ltw_loop_free(&room->loop);
    stop_server(room);
    return 0;
}

static void
on_reply(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    room_t *room = data;
    lt_str_t text = ltw_reply_str(ltw_reply_kind(reply) == LTW_REPLY_ARRAY
        ? ltw_reply_at(reply, 0) : reply);

    room->replies++;
    snprintf(room->text, sizeof(room->text), "%.*s %d %d", (int) text.len,
        text.data, (int) ltw_reply_size(reply),
        (int) ltw_reply_int(ltw_reply_at(reply, 2)));
    snprintf(room->error, sizeof(room->error), "%s", err->text);
    if (room->replies % 100 == 0 || room->replies == 1) {
        ltw_loop_stop(room->loop);
    }
}

static ltw_redis_id_t
command(room_t *room, const char *a, const char *b, const char *c)
{
    lt_str_t argv[] = { lt_str(a), lt_str(b), lt_str(c) };

    return ltw_redis_command(room->redis, argv, b == NULL ? 1
        : c == NULL ? 2 : 3, on_reply, room);
}

static void
test_commands(void **state)
{
    room_t *room = *state;
    lt_str_t argv[] = { LT_STR("1"), LT_STR("key"), LT_STR("arg") };
    int i;

    /* handed over before there is a connection; order is kept */
    assert_true(command(room, "SET", "k", "v w\n") != 0);
    ltw_loop_run(room->loop);
    assert_string_equal(room->text, "OK 0 0");
    assert_int_equal(room->metrics.redis_connected, 1);
    for (i = 0; i < 99; i++) {
        assert_true(command(room, i % 2 ? "GET" : "EXISTS", "k", NULL) != 0);
    }
    ltw_loop_run(room->loop);
    assert_int_equal(room->replies, 100);

    room->replies = 0;
    command(room, "LPUSH", "k", "x");
    ltw_loop_run(room->loop);
    assert_non_null(strstr(room->error, "WRONGTYPE"));
    for (i = 0; i < 2; i++) {           /* unknown to Redis, then known */
        room->replies = 0;
        ltw_redis_script(room->redis, RETURN_ARGV, argv, 3, on_reply, room);
        ltw_loop_run(room->loop);
        assert_string_equal(room->text, "arg 3 7");
        assert_string_equal(room->error, "");
    }
    room->replies = 0;
    ltw_redis_cancel(room->redis, command(room, "GET", "k", NULL));
    room_run_ms(room->loop, room->stop, 50);
    assert_int_equal(room->replies, 0);
}

static void
test_no_server(void **state)
{
    room_t *room = *state;
    int i, taken = 0;

    for (i = 0; i < LTW_REDIS_QUEUE_MAX + 10; i++) {
        taken += command(room, "GET", "k", NULL) != 0;
    }
    assert_int_equal(taken, LTW_REDIS_QUEUE_MAX);
    assert_int_equal(room->metrics.redis_queue_full, 10);
    room_run_ms(room->loop, room->stop, 500);
    ltw_loop_run(room->loop);           /* the first fails after 2 s */
    assert_string_equal(room->error, "not connected");
    room_run_ms(room->loop, room->stop, 100);
    while (room->replies < LTW_REDIS_QUEUE_MAX) {
        room_run_ms(room->loop, room->stop, 100);
    }
    start_server(room);                 /* and it comes back by itself */
    room->replies = 0;
    command(room, "SET", "k", "v");
    while (room->error[0] != '\0') {
        room_run_ms(room->loop, room->stop, 100);
        command(room, "SET", "k", "v");
    }
    assert_true(room->metrics.redis_connects >= 1);
}

static void
test_stalled_server(void **state)
{
    room_t *room = *state;

    command(room, "SET", "k", "v");
    ltw_loop_run(room->loop);
    kill(room->server, SIGSTOP);
    room->replies = 0;
    command(room, "GET", "k", NULL);
    ltw_loop_run(room->loop);
    assert_int_equal(room->metrics.redis_connected, 0);
    assert_true(room->error[0] != '\0');
    kill(room->server, SIGCONT);
    room_run_until(room->loop, room->stop, room->metrics.redis_connected);
    room->replies = 0;
    command(room, "GET", "k", NULL);
    ltw_loop_run(room->loop);
    assert_string_equal(room->text, "v 0 0");
    assert_int_equal(room->metrics.redis_connects, 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_commands), TEST(test_stalled_server),
        cmocka_unit_test_setup_teardown(test_no_server, set_up_down,
            tear_down),
    };
    char cleanup[100];
    int failed;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    snprintf(address, sizeof(address), "unix:%s/redis.sock", dir);
    signal(SIGPIPE, SIG_IGN);
    alarm(60);                  /* rather than hang */
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(cleanup, sizeof(cleanup), "rm -r %s", dir);
    return system(cleanup) != 0 ? 1 : failed;
}
