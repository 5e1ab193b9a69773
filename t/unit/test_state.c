#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lt_state.h"

static void
assert_out(lt_out_t *out, const char *want)
{
    assert_int_equal(lt_out_result(out), LT_OK);
    assert_int_equal(lt_out_len(out), strlen(want));
    assert_memory_equal(out->start, want, strlen(want));
}

static void
keys_of_a_session_share_its_slot(void **state)
{
    static const struct {
        lt_state_key_t key;
        const char *want;
    } rows[] = {
        { LT_STATE_KEY_SESSION, "lt:{a-b-123}:session" },
        { LT_STATE_KEY_LISTENERS, "lt:{a-b-123}:listeners" },
        { LT_STATE_KEY_LANGUAGES, "lt:{a-b-123}:languages" },
        { LT_STATE_KEY_EVENTS, "lt:{a-b-123}:events" },
        { LT_STATE_KEY_WORKER, "lt:{a-b-123}:worker" },
        { LT_STATE_KEY_PROCESS, "lt:nginx:a-b-123" },
        { LT_STATE_KEY_PROCESS_SESSIONS, "lt:nginx:a-b-123:sessions" },
    };
    char buf[LT_STATE_KEY_MAX];
    lt_out_t out;
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        lt_out_init(&out, buf, sizeof(buf));
        assert_int_equal(
            lt_state_key(&out, rows[i].key, LT_STR("a-b-123")), LT_OK);
        assert_out(&out, rows[i].want);
    }

    lt_out_init(&out, buf, sizeof(buf));
    assert_int_equal(
        lt_state_shard_key(&out, LT_STR("s"), LT_STR("shard-0")), LT_OK);
    assert_out(&out, "lt:shard:s:shard-0");

    lt_out_init(&out, buf, 10);
    assert_int_equal(
        lt_state_key(&out, LT_STATE_KEY_SESSION, LT_STR("a-b-123")),
        LT_NOSPACE);
}

static void
a_channel_tells_its_session(void **state)
{
    static const char *const bad[] = {
        "", "lt:{}:events", "lt:{a-b-123}:session", "xx:{a-b-123}:events",
        "lt:{a-b-123}:event",
    };
    lt_str_t id;
    size_t i;

    (void) state;

    assert_int_equal(
        lt_state_channel_session(&id, LT_STR("lt:{a-b-123}:events")), LT_OK);
    assert_true(lt_str_is(id, "a-b-123"));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(
            lt_state_channel_session(&id, lt_str(bad[i])), LT_INVALID);
    }
}

static void
an_event_goes_out_and_comes_in(void **state)
{
    char buf[512];
    lt_out_t out;
    lt_state_event_t ev = {
        .origin = LT_STR("0123456789abcdef"),
        .to = LT_STATE_TO_LISTENERS,
        .language = LT_STR("es"),
        .name = LT_STR("translatedAudio"),
        .number = 42,
        .json = LT_STR("{\"type\":\"translatedAudio\",\n\"x\":1}"),
    }, in;

    (void) state;

    lt_out_init(&out, buf, sizeof(buf));
    assert_int_equal(lt_state_event_encode(&out, &ev), LT_OK);
    assert_out(&out, "0123456789abcdef listeners es translatedAudio 42\n"
        "{\"type\":\"translatedAudio\",\n\"x\":1}");

    assert_int_equal(lt_state_event_decode(&in,
        (lt_str_t) { buf, lt_out_len(&out) }), LT_OK);
    assert_true(lt_str_is(in.origin, "0123456789abcdef"));
    assert_int_equal(in.to, LT_STATE_TO_LISTENERS);
    assert_true(lt_str_is(in.language, "es"));
    assert_true(lt_str_is(in.name, "translatedAudio"));
    assert_int_equal(in.number, 42);
    assert_true(lt_str_is(in.json, ev.json.data));
}

static void
a_control_event_has_no_language_and_may_have_a_word(void **state)
{
    char buf[512];
    lt_out_t out;
    lt_state_event_t ev = {
        .origin = LT_STR("p"), .to = LT_STATE_TO_CONTROL,
        .name = LT_STR(LT_STATE_REPLACED), .tail = LT_STR("p-17"),
    }, in;

    (void) state;

    lt_out_init(&out, buf, sizeof(buf));
    assert_int_equal(lt_state_event_encode(&out, &ev), LT_OK);
    assert_out(&out, "p control * replaced p-17\n");

    assert_int_equal(lt_state_event_decode(&in,
        (lt_str_t) { buf, lt_out_len(&out) }), LT_OK);
    assert_int_equal(in.to, LT_STATE_TO_CONTROL);
    assert_int_equal(in.language.len, 0);
    assert_int_equal(in.number, 0);
    assert_true(lt_str_is(in.tail, "p-17"));
    assert_int_equal(in.json.len, 0);
}

static void
broken_events_are_refused(void **state)
{
    static const char *const bad[] = {
        "", "p control * ended 0", "p nobody * ended 0\n", "p control * \n",
        " control * ended 0\n", "p control * ended \n", "\n",
        "p control * ended 0 1\n", "p  * ended 0\n",
    };
    char buf[LT_STATE_HEAD_MAX + 64];
    lt_out_t out;
    size_t i;
    lt_state_event_t ev, good = {
        .origin = LT_STR("p"), .to = LT_STATE_TO_CONTROL,
        .name = LT_STR("a b"),
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(lt_state_event_decode(&ev, lt_str(bad[i])),
            LT_INVALID);
    }

    memset(buf, 'x', sizeof(buf));
    buf[sizeof(buf) - 1] = '\n';
    assert_int_equal(lt_state_event_decode(&ev,
        (lt_str_t) { buf, sizeof(buf) }), LT_INVALID);

    lt_out_init(&out, buf, sizeof(buf));
    assert_int_equal(lt_state_event_encode(&out, &good), LT_INVALID);
}

static void
every_script_names_its_keys(void **state)
{
    int i;
    lt_str_t text;

    (void) state;

    for (i = 0; i < LT_STATE_SCRIPTS; i++) {
        text = lt_state_script(i);
        assert_true(text.len > 40);
        assert_int_equal(strncmp(text.data, "local S, L, N = KEYS", 20), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_a_session_share_its_slot),
        cmocka_unit_test(a_channel_tells_its_session),
        cmocka_unit_test(an_event_goes_out_and_comes_in),
        cmocka_unit_test(a_control_event_has_no_language_and_may_have_a_word),
        cmocka_unit_test(broken_events_are_refused),
        cmocka_unit_test(every_script_names_its_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
