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
    lt_message_error_t error = { "CODE", "A \"text\".", NULL, { NULL, 0 } };

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
a_broadcast_message_is_short_for_listeners(void **state)
{
    lt_message_broadcast_t b = { 1, 0, 1, 40 };

    (void) state;

    assert_message(lt_message_broadcast(&out, "broadcastPaused",
        LT_STR("a-b-123"), NULL, 0, -1, 50),
        "{\"type\":\"broadcastPaused\",\"sessionId\":\"a-b-123\","
        "\"timestamp\":50}");

    setup(NULL);
    b.is_paused = 0;
    assert_message(lt_message_broadcast(&out, "broadcastResumed",
        LT_STR("a-b-123"), &b, 2, 30, 50),
        "{\"type\":\"broadcastResumed\",\"sessionId\":\"a-b-123\","
        "\"broadcastState\":{\"isActive\":true,\"isPaused\":false,"
        "\"isMuted\":false,\"volume\":1,\"lastStateChange\":40},"
        "\"listenersNotified\":2,\"pauseDuration\":30,\"timestamp\":50}");
}

static void
the_short_ones(void **state)
{
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
        "\"message\":\"Over.\",\"timestamp\":5}");

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
        cmocka_unit_test_setup(a_broadcast_message_is_short_for_listeners,
            setup),
        cmocka_unit_test_setup(the_short_ones, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
