#include "vectors.h"

#include "lt_sse.h"

static void
check(const char *event, int64_t id, const char *data, const char *expected)
{
    char text[512];
    lt_out_t out;
    lt_str_t view = lt_str(data);

    assert_true(lt_sse_size(view) <= sizeof(text));
    lt_out_init(&out, text, lt_sse_size(view));
    lt_sse_event(&out, event, id, view);
    assert_int_equal(lt_out_result(&out), LT_OK);
    assert_int_equal(lt_out_len(&out), strlen(expected));
    assert_memory_equal(text, expected, strlen(expected));
}

static void
test_event(void **state)
{
    (void)state;
    check(NULL, 0, "{}", "data: {}\n\n");
    check(NULL, 7, "{}", "id: 7\ndata: {}\n\n");
    check("close", 0, "{}", "event: close\ndata: {}\n\n");
    check(NULL, 0, "", "data: \n\n");
}

/* Every way of ending a line ends one; none is made up. */
static void
test_lines(void **state)
{
    (void)state;
    check(NULL, 1, "a\nb", "id: 1\ndata: a\ndata: b\n\n");
    check(NULL, 1, "a\r\nb", "id: 1\ndata: a\ndata: b\n\n");
    check(NULL, 1, "a\rb", "id: 1\ndata: a\ndata: b\n\n");
    check(NULL, 1, "a\r\rb\n\nc",
          "id: 1\ndata: a\ndata: \ndata: b\ndata: \ndata: c\n\n");
    check(NULL, 1, "a\n", "id: 1\ndata: a\ndata: \n\n");
    check(NULL, 1, "\r", "id: 1\ndata: \ndata: \n\n");
}

static void
test_size(void **state)
{
    char lines[4096];
    lt_out_t out;
    char *text;
    lt_str_t view = { lines, sizeof(lines) };

    (void)state;
    memset(lines, '\n', sizeof(lines));
    text = malloc(lt_sse_size(view));
    lt_out_init(&out, text, lt_sse_size(view));
    lt_sse_event(&out, "an event name of thirty-two byte", INT64_MIN, view);
    assert_int_equal(lt_out_result(&out), LT_OK);
    assert_int_equal(text[lt_out_len(&out) - 1], '\n');
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
