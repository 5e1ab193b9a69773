/* Batches: when they close, what is refused, how progress moves. */
#include "kinesis/ltw_batcher.h"
#include "ltw_log.h"
#include "ltw_slots.h"

#include "lt_text.h"


#include "room.h"

#define WINDOW_MS 400
#define TAKEN_MAX (LTW_BATCHES_MAX + 8)

typedef struct {
    ltw_loop_t *loop;
    ltw_metrics_t metrics;
    ltw_batcher_t *batcher;
    ltw_tenure_t *tenure;
    ltw_timer_t *stop;
    struct {
        const ltw_batch_t *batch;
        ltw_batch_done_t done;
        void *done_data;
        size_t n;
        int64_t at_ms;
    } taken[TAKEN_MAX];
    size_t taken_n;
    char progress[200];         /* "3 5 " */
} room_t;

static void
take(void *data, const ltw_batch_t *batch, ltw_batch_done_t done,
    void *done_data)
{
    room_t *room = data;

    assert_true(room->taken_n < TAKEN_MAX);
    room->taken[room->taken_n].batch = batch;
    room->taken[room->taken_n].done = done;
    room->taken[room->taken_n].done_data = done_data;
    room->taken[room->taken_n].n = batch->n;
    room->taken[room->taken_n++].at_ms = ltw_loop_now_ms(room->loop);
}

static void
progress(void *data, lt_str_t sequence_number)
{
    room_t *room = data;
    size_t used = strlen(room->progress);

    snprintf(room->progress + used, sizeof(room->progress) - used, "%.*s ",
        (int) sequence_number.len, sequence_number.data);
}

static void
done(room_t *room, size_t i)
{
    room->taken[i].done(room->taken[i].done_data);
}

static int
set_up(void **state)
{
    static room_t room;
    ltw_batcher_options_t options = { .shard = "s-0", .window_ms = WINDOW_MS,
        .size = 3, .lanes = 1, .handler = take, .handler_data = &room,
        .progress = progress, .progress_data = &room };

    ltw_log_set_level(LTW_SILENT);
    room = (room_t) { .loop = ltw_loop_new() };
    options.loop = room.loop;
    options.metrics = &room.metrics;
    room.stop = ltw_timer_new(room.loop, room_stop, room.loop);
    room.batcher = ltw_batcher_new(&options);
    room.tenure = ltw_tenure_new("s-0", 1, INT64_MAX);
    ltw_batcher_begin(room.batcher, room.tenure);
    *state = &room;
    return room.batcher == NULL;
}

static int
tear_down(void **state)
{
    room_t *room = *state;

    ltw_batcher_free(&room->batcher);
    assert_int_equal(room->tenure->refs, 1);
    ltw_tenure_unref(&room->tenure);
    ltw_timer_free(&room->stop);
    ltw_loop_free(&room->loop);
    return room->metrics.batch_bytes_held != 0;
}

static lt_result_t
add(room_t *room, const char *sequence, const char *session,
    const char *base64)
{
    ltw_kinesis_record_t record = { lt_str(sequence), lt_str(session),
        lt_str(base64), 1000 };
    lt_error_t err;

    return ltw_batcher_add(room->batcher, &record, &err);
}

static void
test_size(void **state)
{
    room_t *room = *state;
    const ltw_batch_t *batch;

    assert_int_equal(add(room, "1", "calm-river-100", "AAAB"), LT_INVALID);
    assert_int_equal(add(room, "2", "calm-river-100", "AQI="), LT_OK);
    assert_int_equal(add(room, "3", "blue-hill-200", "AwQFBg=="), LT_OK);
    assert_int_equal(room->taken_n, 0);
    assert_int_equal(add(room, "4", "calm-river-100", "Bwg="), LT_OK);
    assert_int_equal(room->taken_n, 1);
    batch = room->taken[0].batch;
    assert_int_equal(batch->n, 3);
    assert_int_equal(batch->sessions_n, 2);
    assert_int_equal(batch->bytes, 8);
    assert_string_equal(batch->shard, "s-0");
    assert_true(lt_str_is(batch->records[1].session_id, "blue-hill-200"));
    assert_memory_equal(batch->records[1].pcm.data, "\3\4\5\6", 4);
    assert_int_equal(batch->records[2].arrived_wall_ms, 1000);
    assert_int_equal(room->metrics.batch_bytes_held, 8);
    room_run_ms(room->loop, room->stop, WINDOW_MS * 2);        /* nothing is left for the window */
    assert_int_equal(room->taken_n, 1);
    done(room, 0);
    assert_string_equal(room->progress, "");    /* from the loop only */
    room_run_ms(room->loop, room->stop, 1);
    assert_string_equal(room->progress, "4 ");
    assert_true(ltw_batcher_is_idle(room->batcher));
    assert_int_equal(room->metrics.batch_bytes_held, 0);
}

static void
test_window(void **state)
{
    room_t *room = *state;
    int64_t began = ltw_loop_now_ms(room->loop);

    add(room, "1", "calm-river-100", "AQI=");
    room_run_ms(room->loop, room->stop, WINDOW_MS / 2);
    add(room, "2", "calm-river-100", "AQI=");   /* does not prolong it: */
    assert_int_equal(room->taken_n, 0);
    /* timers come in the order in which they are due, however late */
    room_run_ms(room->loop, room->stop, WINDOW_MS * 3 / 4);
    assert_int_equal(room->taken_n, 1);
    assert_int_equal(room->taken[0].n, 2);
    assert_true(room->taken[0].at_ms - began >= WINDOW_MS - 1);
    room_run_ms(room->loop, room->stop, WINDOW_MS * 2);
    assert_int_equal(room->taken_n, 1);         /* no empty batch */
}

static void
test_poison(void **state)
{
    room_t *room = *state;
    char frame[44 * 2];
    uint8_t head[LT_AUDIO_RECORD_HEADER_LEN];
    lt_audio_record_t last = { .epoch = 7, .flags = LT_AUDIO_FLAG_LAST };

    assert_int_equal(add(room, "1", "no session", "AQI="), LT_INVALID);
    assert_int_equal(add(room, "1", "", "AQI="), LT_INVALID);
    assert_int_equal(add(room, "1", NULL, "AQI="), LT_INVALID);
    assert_int_equal(add(room, "", "calm-river-100", "AQI="), LT_INVALID);
    assert_int_equal(add(room, "1", "calm-river-100", "AQI"), LT_INVALID);
    assert_int_equal(add(room, "1", "calm-river-100", "*QI="), LT_INVALID);
    assert_int_equal(add(room, "1", "calm-river-100", NULL), LT_INVALID);
    assert_int_equal(room->metrics.records_poison, 7);
    assert_true(ltw_batcher_is_idle(room->batcher));

    lt_audio_record_encode(head, &last);        /* its end, without audio */
    frame[lt_base64_encode(frame, head, sizeof(head))] = '\0';
    assert_int_equal(add(room, "8", "calm-river-100", frame), LT_OK);
    ltw_batcher_flush(room->batcher);
    assert_int_equal(room->taken_n, 1);
    assert_int_equal(room->taken[0].batch->records[0].is_framed, 1);
    assert_int_equal(room->taken[0].batch->records[0].head.epoch, 7);
    assert_int_equal(room->taken[0].batch->records[0].pcm.len, 0);
}

/* A speaker of raw records says what they begin with. */
static void
test_lies(void **state)
{
    static const struct {
        lt_audio_record_t head;
        int is_framed;
    } rows[] = {
        { { .epoch = 900, .capture_ms = 990, .offset = 64 }, 1 },
        { { .epoch = 900, .capture_ms = -82800000 }, 1 },
        { { .epoch = 900, .capture_ms = INT64_MIN }, 0 },
        { { .epoch = 900, .capture_ms = INT64_MAX }, 0 },
        { { .epoch = 900, .capture_ms = -86400000 }, 0 },
        { { .epoch = UINT64_MAX, .capture_ms = 990 }, 0 },
        { { .epoch = 86401001, .capture_ms = 990 }, 0 },
        { { .epoch = 900, .capture_ms = 990, .offset = UINT64_MAX }, 0 },
        { { .epoch = 0, .capture_ms = 990, .offset = UINT64_MAX }, 0 },
    };
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    room_t *room = *state;
    char frame[44 * 2];
    uint8_t head[LT_AUDIO_RECORD_HEADER_LEN];

    for (size_t i = 0; i < ROWS; i++) {
        const ltw_record_t *record;

        lt_audio_record_encode(head, &rows[i].head);
        frame[lt_base64_encode(frame, head, sizeof(head))] = '\0';
        assert_int_equal(add(room, "8", "calm-river-100", frame), LT_OK);
        ltw_batcher_flush(room->batcher);
        assert_int_equal(room->taken_n, i + 1);
        record = &room->taken[i].batch->records[0];
        assert_int_equal(record->is_framed, rows[i].is_framed);
        assert_int_equal(record->pcm.len, rows[i].is_framed ? 0 : 32);
    }
}

/* Progress waits for the oldest batch, whatever is done before it. */
static void
test_order(void **state)
{
    room_t *room = *state;
    char sequence[24];
    size_t i;

    for (i = 0; i < LTW_BATCHES_MAX; i++) {
        assert_int_equal(ltw_batcher_is_full(room->batcher), 0);
        snprintf(sequence, sizeof(sequence), "%zu", i + 1);
        add(room, sequence, "calm-river-100", "AQI=");
        ltw_batcher_flush(room->batcher);
    }
    assert_int_equal(ltw_batcher_is_full(room->batcher), 1);
    done(room, 1);
    done(room, 2);
    room_run_ms(room->loop, room->stop, 1);
    assert_string_equal(room->progress, "");
    done(room, 0);
    room_run_ms(room->loop, room->stop, 1);
    assert_string_equal(room->progress, "3 ");
    assert_int_equal(ltw_batcher_is_full(room->batcher), 0);
    assert_int_equal(ltw_batcher_is_idle(room->batcher), 0);
}

/* Two lanes: talks fill their own batches; progress stands before the first
   record that is not done, in whichever lane it is. */
static void
test_lanes(void **state)
{
    room_t *room = *state;
    ltw_batcher_options_t options = { .loop = room->loop,
        .metrics = &room->metrics, .shard = "s-0", .window_ms = 60000,
        .size = 3, .lanes = 2, .handler = take, .handler_data = room,
        .progress = progress, .progress_data = room };
    const char *const a = "calm-river-100", *const b = "blue-hill-200";
    size_t of_b;

    ltw_batcher_free(&room->batcher);
    room->batcher = ltw_batcher_new(&options);
    ltw_batcher_begin(room->batcher, room->tenure);
    add(room, "8", a, "AQI=");
    add(room, "9", b, "AQI=");
    add(room, "10", a, "AQI=");
    add(room, "11", a, "AQI=");         /* closes a's first */
    add(room, "12", a, "AQI=");
    assert_int_equal(room->taken_n, 1);
    assert_int_equal(room->taken[0].n, 3);
    done(room, 0);
    room_run_ms(room->loop, room->stop, 1);
    assert_string_equal(room->progress, "8 ");  /* 9 is not done */
    ltw_batcher_flush(room->batcher);
    assert_int_equal(room->taken_n, 3);
    of_b = room->taken[1].batch->records[0].session_id.data[0] == 'b' ? 1 : 2;
    done(room, of_b);
    room_run_ms(room->loop, room->stop, 1);
    assert_string_equal(room->progress, "8 11 ");
    done(room, 3 - of_b);
    room_run_ms(room->loop, room->stop, 1);
    assert_string_equal(room->progress, "8 11 12 ");
    assert_true(ltw_batcher_is_idle(room->batcher));
}

static void
test_reset(void **state)
{
    room_t *room = *state;

    add(room, "1", "calm-river-100", "AQI=");
    ltw_batcher_flush(room->batcher);
    add(room, "2", "calm-river-100", "AQI=");
    ltw_batcher_reset(room->batcher);
    assert_true(ltw_batcher_is_idle(room->batcher));
    room_run_ms(room->loop, room->stop, WINDOW_MS * 2);
    assert_int_equal(room->taken_n, 1);         /* 2 was dropped */
    done(room, 0);
    room_run_ms(room->loop, room->stop, 1);
    assert_string_equal(room->progress, "");    /* 1 is no progress of ours */
    assert_int_equal(room->metrics.batch_bytes_held, 0);
}

static void
test_slots(void **state)
{
    ltw_slots_t slots;
    uint64_t a, b, c;
    int x, y;

    (void) state;
    assert_int_equal(ltw_slots_init(&slots, 2), LT_OK);
    a = ltw_slots_add(&slots, &x);
    b = ltw_slots_add(&slots, &y);
    assert_true(a != 0 && b != 0 && a != b);
    assert_int_equal(ltw_slots_add(&slots, &x), 0);
    assert_ptr_equal(ltw_slots_remove(&slots, a), &x);
    assert_null(ltw_slots_remove(&slots, a));
    c = ltw_slots_add(&slots, &y);
    assert_true(c != 0 && c != a && c != b);
    assert_null(ltw_slots_get(&slots, a));      /* its place is c's now */
    assert_ptr_equal(ltw_slots_get(&slots, c), &y);
    assert_null(ltw_slots_get(&slots, 0));
    ltw_slots_deinit(&slots);
    assert_null(ltw_slots_get(&slots, b));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_window, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_poison, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lanes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reset, set_up, tear_down),
        cmocka_unit_test(test_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
