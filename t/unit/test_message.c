#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lt_message.h"

static char buf[LT_MESSAGE_MAX];
static lt_out_t out;

static int
setup(void **state)
{
    (void) state;
    lt_out_init(&out, buf, sizeof(buf));

    return 0;
}

static void
assert_message(lt_result_t rc, const char *want)
{
    assert_int_equal(rc, LT_OK);
    assert_true(lt_out_len(&out) < sizeof(buf));
    buf[lt_out_len(&out)] = '\0';
    assert_string_equal(buf, want);
}

static lt_message_session_t
a_session(void)
{
    lt_message_session_t s = {
        .session_id = LT_STR("a-b-123"), .speaker_id = LT_STR("me"),
        .source_language = LT_STR("en"), .quality_tier = LT_STR("standard"),
        .status = LT_STR("active"), .created_ms = 1000, .updated_ms = 2000,
        .expires_s = 86401, .listeners = 3,
        .broadcast = { 0, 1, 0.5, 1500 },
        .languages = { { LT_STR("es"), 2 }, { LT_STR("fr"), 1 } },
        .languages_n = 2,
    };

    return s;
}

static void
an_error_says_its_text_for_both_kinds_of_clients(void **state)
{
    lt_message_error_t error = { "CODE", "A \"text\".", NULL, { NULL, 0 }, 0 };

    (void) state;

    assert_message(lt_message_error(&out, &error, 7),
        "{\"type\":\"error\",\"code\":\"CODE\",\"message\":\"A \\\"text\\\".\","
        "\"error\":\"A \\\"text\\\".\",\"timestamp\":7}");

    setup(NULL);
    error.text = "x";
    error.detail_key = "languageCode";
    error.detail = LT_STR("xx");
    assert_message(lt_message_error(&out, &error, 7),
        "{\"type\":\"error\",\"code\":\"CODE\",\"message\":\"x\",\"error\":\"x\","
        "\"details\":{\"languageCode\":\"xx\"},\"timestamp\":7}");
}

static void
the_languages_of_a_status_are_an_array(void **state)
{
    lt_message_session_t s = a_session();

    (void) state;

    assert_message(lt_message_session_status(&out, &s, "requested", 9500),
        "{\"type\":\"sessionStatus\",\"sessionId\":\"a-b-123\","
        "\"listenerCount\":3,\"languageDistribution\":["
        "{\"languageCode\":\"es\",\"count\":2},"
        "{\"languageCode\":\"fr\",\"count\":1}],\"sessionDuration\":8,"
        "\"broadcastState\":{\"isActive\":true,\"isPaused\":false,"
        "\"isMuted\":true,\"volume\":0.5,\"lastStateChange\":1500},"
        "\"updateReason\":\"requested\",\"timestamp\":9500}");

    setup(NULL);
    s.languages_n = 0;
    assert_int_equal(lt_message_session_status(&out, &s, "requested", 9500),
        LT_OK);
    buf[lt_out_len(&out)] = '\0';
    assert_non_null(strstr(buf, "\"languageDistribution\":[]"));
}

static void
the_largest_status_fits(void **state)
{
    lt_message_session_t s = a_session();

    (void) state;

    for (s.languages_n = 0; s.languages_n < LT_MESSAGE_LANGUAGES_MAX;
         s.languages_n++)
    {
        s.languages[s.languages_n].code = LT_STR("es");
        s.languages[s.languages_n].count = 100000;
    }

    assert_int_equal(lt_message_session_status(&out, &s,
        "listenerCountChange", INT64_MAX), LT_OK);

    lt_out_init(&out, buf, 100);
    assert_int_equal(lt_message_session_status(&out, &s, "requested", 1),
        LT_NOSPACE);
}

static void
a_session_has_its_token_only_when_given(void **state)
{
    lt_message_session_t s = a_session();
    lt_str_t none = { NULL, 0 };

    (void) state;

    assert_message(lt_message_session(&out, &s, LT_STR("secret")),
        "{\"sessionId\":\"a-b-123\",\"speakerId\":\"me\","
        "\"sourceLanguage\":\"en\",\"qualityTier\":\"standard\","
        "\"status\":\"active\",\"listenerCount\":3,\"createdAt\":1000,"
        "\"updatedAt\":2000,\"expiresAt\":86401,"
        "\"speakerToken\":\"secret\"}");

    setup(NULL);
    assert_int_equal(lt_message_session(&out, &s, none), LT_OK);
    buf[lt_out_len(&out)] = '\0';
    assert_null(strstr(buf, "oken"));
}

static void
a_change_is_short_for_listeners(void **state)
{
    lt_message_change_t c = {
        .type = "broadcastPaused", .session_id = LT_STR("a-b-123"),
        .state = { 1, 0, 0.25, 40 }, .listeners = 2, .pause_ms = 30,
    };

    (void) state;

    assert_message(lt_message_change(&out, &c, 50),
        "{\"type\":\"broadcastPaused\",\"sessionId\":\"a-b-123\","
        "\"timestamp\":50}");

    setup(NULL);
    c.type = "volumeChanged";
    assert_message(lt_message_change(&out, &c, 50),
        "{\"type\":\"volumeChanged\",\"sessionId\":\"a-b-123\","
        "\"volumeLevel\":0.25,\"timestamp\":50}");

    setup(NULL);
    c.type = "speakerStateChanged";
    assert_message(lt_message_change(&out, &c, 50),
        "{\"type\":\"speakerStateChanged\",\"sessionId\":\"a-b-123\","
        "\"broadcastState\":{\"isActive\":true,\"isPaused\":true,"
        "\"isMuted\":false,\"volume\":0.25,\"lastStateChange\":40},"
        "\"timestamp\":50}");
}

static void
a_reply_to_a_change_tells_all(void **state)
{
    lt_message_change_t c = {
        .type = "broadcastResumed", .session_id = LT_STR("a-b-123"),
        .state = { 0, 0, 1, 40 }, .is_reply = 1, .listeners = 2,
        .pause_ms = 30,
    };

    (void) state;

    assert_message(lt_message_change(&out, &c, 50),
        "{\"type\":\"broadcastResumed\",\"sessionId\":\"a-b-123\","
        "\"broadcastState\":{\"isActive\":true,\"isPaused\":false,"
        "\"isMuted\":false,\"volume\":1,\"lastStateChange\":40},"
        "\"listenersNotified\":2,\"pauseDuration\":30,\"timestamp\":50}");

    setup(NULL);
    c.pause_ms = -1;
    assert_int_equal(lt_message_change(&out, &c, 50), LT_OK);
    buf[lt_out_len(&out)] = '\0';
    assert_non_null(strstr(buf, "\"pauseDuration\":null"));
}

static void
a_limit_says_when_to_come_again(void **state)
{
    lt_message_error_t error = { "CODE", "Wait.", NULL, { NULL, 0 }, 3 };

    (void) state;

    assert_message(lt_message_error(&out, &error, 7),
        "{\"type\":\"error\",\"code\":\"CODE\",\"message\":\"Wait.\","
        "\"error\":\"Wait.\",\"details\":{\"retryAfter\":3},"
        "\"retryAfter\":3,\"timestamp\":7}");
}

static void
a_message_gets_another_label(void **state)
{
    static const struct {
        const char *in;
        const char *want;       /* NULL: there is no label */
    } rows[] = {
        { "{\"targetLanguage\":\"es\"}", "{\"targetLanguage\":\"fr\"}" },
        { " { \"a\" : 1 , \"targetLanguage\" :\n\"es\" , \"b\":[{}] } ",
          " { \"a\" : 1 , \"targetLanguage\" :\n\"fr\" , \"b\":[{}] } " },
        { "{\"t\":\"say \\\"targetLanguage\\\":\\\"es\\\"\","
          "\"targetLanguage\":\"\"}",
          "{\"t\":\"say \\\"targetLanguage\\\":\\\"es\\\"\","
          "\"targetLanguage\":\"fr\"}" },
        { "{\"x\":{\"targetLanguage\":\"es\"},\"targetLanguage\":\"e\\\"s\"}",
          "{\"x\":{\"targetLanguage\":\"es\"},\"targetLanguage\":\"fr\"}" },
        { "{\"x\":{\"targetLanguage\":\"es\"}}", NULL },
        { "{\"a\":\"targetLanguage\",\"b\":\"es\"}", NULL },
        { "{\"targetLanguage\":5}", NULL },
        { "{\"targetLanguages\":\"es\"}", NULL },
        { "{}", NULL },
        { "", NULL },
        { "{\"targetLanguage\":", NULL },
    };
    size_t i;
    lt_result_t rc;

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        setup(NULL);
        rc = lt_message_relabel(&out, lt_str(rows[i].in), LT_STR("fr"));

        if (rows[i].want == NULL) {
            assert_int_equal(rc, LT_INVALID);
        } else {
            assert_message(rc, rows[i].want);
        }
    }
}

static void
the_short_ones(void **state)
{
    lt_message_ack_t ack = {
        LT_STR("a-b-123"), 1790000000000u, 65536, 2, 128000
    };
    lt_message_joined_t joined = {
        LT_STR("a-b-123"), LT_STR("p-1"), LT_STR("es"), LT_STR("en"), 4
    };

    (void) state;

    assert_message(lt_message_heartbeat_ack(&out, 5),
        "{\"type\":\"heartbeatAck\",\"timestamp\":5}");

    setup(NULL);
    assert_message(lt_message_session_joined(&out, &joined, 5),
        "{\"type\":\"sessionJoined\",\"sessionId\":\"a-b-123\","
        "\"targetLanguage\":\"es\",\"sourceLanguage\":\"en\","
        "\"connectionId\":\"p-1\",\"listenerCount\":4,\"timestamp\":5}");

    setup(NULL);
    assert_message(lt_message_session_ended(&out, LT_STR("a-b-123"), "Over.",
        5), "{\"type\":\"sessionEnded\",\"sessionId\":\"a-b-123\","
        "\"message\":\"Over.\",\"reason\":\"Over.\",\"timestamp\":5}");

    setup(NULL);
    assert_message(lt_message_language_changed(&out, &joined, 5),
        "{\"type\":\"languageChanged\",\"sessionId\":\"a-b-123\","
        "\"targetLanguage\":\"es\",\"sourceLanguage\":\"en\","
        "\"timestamp\":5}");

    setup(NULL);
    assert_message(lt_message_playback_paused(&out, LT_STR("a-b-123"), 5),
        "{\"type\":\"playbackPaused\",\"sessionId\":\"a-b-123\","
        "\"timestamp\":5}");

    setup(NULL);
    assert_message(lt_message_audio_ack(&out, &ack, 5),
        "{\"type\":\"audioAck\",\"sessionId\":\"a-b-123\","
        "\"epoch\":1790000000000,\"bytes\":65536,\"lost\":2,"
        "\"window\":128000,\"timestamp\":5}");

    setup(NULL);
    assert_message(lt_message_refreshed(&out, &joined, 5),
        "{\"type\":\"connectionRefreshComplete\","
        "\"sessionId\":\"a-b-123\",\"role\":\"listener\","
        "\"newConnectionId\":\"p-1\",\"targetLanguage\":\"es\","
        "\"sourceLanguage\":\"en\",\"timestamp\":5}");

    setup(NULL);
    assert_int_equal(lt_message_health(&out, "no", 1, 5), LT_OK);
    buf[lt_out_len(&out)] = '\0';
    assert_non_null(strstr(buf, "\"status\":\"unhealthy\""));
    assert_non_null(strstr(buf, "\"error\":\"no\""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            an_error_says_its_text_for_both_kinds_of_clients, setup),
        cmocka_unit_test_setup(the_languages_of_a_status_are_an_array, setup),
        cmocka_unit_test_setup(the_largest_status_fits, setup),
        cmocka_unit_test_setup(a_session_has_its_token_only_when_given,
            setup),
        cmocka_unit_test_setup(a_change_is_short_for_listeners, setup),
        cmocka_unit_test_setup(a_reply_to_a_change_tells_all, setup),
        cmocka_unit_test_setup(a_limit_says_when_to_come_again, setup),
        cmocka_unit_test_setup(a_message_gets_another_label, setup),
        cmocka_unit_test_setup(the_short_ones, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
