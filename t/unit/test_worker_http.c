/* HTTP and the calls of AWS on it, against a server of a few lines. */
#define _GNU_SOURCE         /* memmem */

#include "aws/ltw_aws_call.h"
#include "ltw_log.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "room.h"

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b \r\n" \
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nok"

/* The script of answers: one a request; NULL = say nothing for 5 s. */
static const char *script[8];
static char received[8][8192];

typedef struct {
    ltw_loop_t *loop;
    ltw_http_t *http;
    ltw_metrics_t metrics;
    int port;
    pid_t server;
    int pipe_fd;                /* what the server received */
    int calls;
    int status;
    int has_timed_out;
    char text[300];
    char header[50];
    int64_t date_ms;
    ltw_http_id_t id;
} room_t;

/* One request a connection; whatever came goes into the pipe. */
static void
serve(int listener, int out)
{
    static char request[8192];
    size_t i, used;
    ssize_t n;
    int fd;

    for (i = 0; i < 8; i++) {
        fd = accept(listener, NULL, NULL);
        memset(request, 0, sizeof(request));
        used = 0;
        while ((n = read(fd, request + used, sizeof(request) - used - 1)) > 0) {
            used += (size_t) n;
            if (memmem(request, used, "\r\n\r\n", 4) != NULL) {
                break;
            }
        }
        if (write(out, request, sizeof(request)) != sizeof(request)) {
            _exit(1);
        }
        if (script[i] == NULL) {
            sleep(5);
        } else if (write(fd, script[i], strlen(script[i])) < 0) {
            _exit(1);
        }
        close(fd);
    }
    _exit(0);
}

static void
start_server(room_t *room)
{
    int listener = room_listen(&room->port), fds[2];

    assert_int_equal(pipe(fds), 0);
    room->server = room_fork();
    if (room->server == 0) {
        serve(listener, fds[1]);
    }
    close(listener);
    close(fds[1]);
    room->pipe_fd = fds[0];
}

/* The n requests that the server got, into received[]. */
static void
read_received(room_t *room, size_t n)
{
    size_t i, used;

    for (i = 0; i < n; i++) {
        for (used = 0; used < sizeof(received[i]);) {
            ssize_t got = read(room->pipe_fd, received[i] + used,
                sizeof(received[i]) - used);

            assert_true(got > 0);
            used += (size_t) got;
        }
    }
}

static int
set_up(void **state)
{
    static room_t room;

    ltw_log_set_level(LTW_SILENT);
    memset(script, 0, sizeof(script));
    room = (room_t) { .loop = ltw_loop_new() };
    room.http = ltw_http_new(room.loop, &room.metrics, NULL);
    *state = &room;
    return room.http == NULL;
}

static int
tear_down(void **state)
{
    room_t *room = *state;

    ltw_http_free(&room->http);
    ltw_loop_free(&room->loop);
    if (room->server > 0) {
        kill(room->server, SIGKILL);
        waitpid(room->server, NULL, 0);
        close(room->pipe_fd);
    }
    return 0;
}

static void
on_response(void *data, const ltw_http_response_t *response)
{
    room_t *room = data;
    lt_str_t header = ltw_http_header(response, "x-a");

    room->calls++;
    room->status = response->status;
    room->has_timed_out = response->has_timed_out;
    room->date_ms = ltw_http_header_date_ms(response, "date");
    snprintf(room->text, sizeof(room->text), "%.*s%s",
        (int) response->body.len,
        response->body.len > 0 ? response->body.data : "",
        response->err.text);
    snprintf(room->header, sizeof(room->header), "%.*s", (int) header.len,
        header.len > 0 ? header.data : "");
    ltw_http_cancel(room->http, room->id);      /* finds nothing */
    ltw_loop_stop(room->loop);
}

static void
send_request(room_t *room, const char *method, const char *body,
    unsigned timeout_ms, size_t max)
{
    char url[100];
    lt_header_t headers[] = { { LT_STR("X-One"), LT_STR("1") },
        { LT_STR("X-Empty"), LT_STR("") } };
    ltw_http_request_t request = { .method = method, .headers = headers,
        .headers_n = 2, .body = lt_str(body), .timeout_ms = timeout_ms,
        .response_max_bytes = max };

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/a/../b?c", room->port);
    request.url = lt_str(url);
    room->id = ltw_http_send(room->http, &request, on_response, room);
    assert_true(room->id != 0);
    memset(url, 'x', sizeof(url));              /* all was copied */
    assert_int_equal(room->calls, 0);           /* never at once */
}

static void
test_exchange(void **state)
{
    room_t *room = *state;

    script[0] = "HTTP/1.1 100 Continue\r\nX-A: wrong\r\n\r\n" GOOD;
    start_server(room);
    send_request(room, "PUT", "body", 2000, 0);
    ltw_loop_run(room->loop);
    assert_int_equal(room->calls, 1);
    assert_int_equal(room->status, 200);
    assert_string_equal(room->text, "ok");
    assert_string_equal(room->header, "b");
    assert_int_equal(room->date_ms, 784111777000);
    read_received(room, 1);
    assert_non_null(strstr(received[0], "PUT /a/../b?c HTTP/1.1\r\n"));
    assert_non_null(strstr(received[0], "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(received[0], "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(received[0], "\r\nContent-Length: 4\r\n"));
    assert_null(strstr(received[0], "Content-Type"));
    assert_null(strstr(received[0], "Expect"));
}

static void
test_too_big(void **state)
{
    room_t *room = *state;

    script[0] = GOOD;
    start_server(room);
    send_request(room, "GET", "", 2000, 1);
    ltw_loop_run(room->loop);
    assert_int_equal(room->status, 0);
    assert_string_equal(room->text, "the answer is larger than 1 bytes");
}

static void
test_no_answer(void **state)
{
    room_t *room = *state;

    start_server(room);
    send_request(room, "GET", "", 100, 0);
    ltw_loop_run(room->loop);
    assert_int_equal(room->status, 0);
    assert_true(room->has_timed_out);
    assert_int_equal(room->metrics.http_failures, 1);
}

static void
test_refused(void **state)
{
    room_t *room = *state;

    room->port = 1;
    send_request(room, "GET", "", 1000, 0);
    ltw_loop_run(room->loop);
    assert_int_equal(room->status, 0);
    assert_false(room->has_timed_out);
}

static void
test_cancel(void **state)
{
    room_t *room = *state;
    ltw_timer_t *timer = ltw_timer_new(room->loop, room_stop, room->loop);

    script[0] = GOOD;
    start_server(room);
    send_request(room, "GET", "", 2000, 0);
    ltw_http_cancel(room->http, room->id);
    ltw_http_cancel(room->http, room->id);
    ltw_timer_start(timer, 100);
    ltw_loop_run(room->loop);
    assert_int_equal(room->calls, 0);
    ltw_timer_free(&timer);
}

/* ---- the AWS layer: what is tried again, and how it ends ---- */

static void
on_answer(void *data, const ltw_aws_answer_t *answer)
{
    room_t *room = data;

    room->calls++;
    room->status = answer->status;
    snprintf(room->text, sizeof(room->text), "%s %u", answer->code,
        answer->attempts);
    ltw_loop_stop(room->loop);
}

static void
put_keys(const char *path, const char *access_key)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file, "[default]\naws_access_key_id = %s\n"
        "aws_secret_access_key = x\n", access_key);
    assert_int_equal(fclose(file), 0);
}

/* The file gets new keys as soon as the layer has read the old ones. */
static void
call_aws(room_t *room, const char *keys_file)
{
    char url[100];
    ltw_config_t config = { .aws_region = "us-east-1",
        .aws_credentials_file = keys_file };
    ltw_aws_request_t request = { .service = LTW_AWS_KINESIS,
        .operation = "ListShards", .method = "POST", .path = LT_STR("/"),
        .body = LT_STR("{}"), .timeout_ms = 1000, .deadline_ms = 4000 };
    lt_error_t err;
    ltw_aws_t *aws;

    setenv("AWS_ACCESS_KEY_ID", "AK", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "SK", 1);
    setenv("AWS_SESSION_TOKEN", "TOK", 1);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", room->port);
    config.kinesis_endpoint = url;
    aws = ltw_aws_new(room->loop, room->http, &room->metrics, &config, &err);
    assert_non_null(aws);
    if (keys_file != NULL) {
        put_keys(keys_file, "NEWKEY");
    }
    assert_true(ltw_aws_call(aws, &request, on_answer, room) != 0);
    ltw_loop_run(room->loop);
    assert_int_equal(room->calls, 1);
    ltw_aws_free(&aws);
}

static void
test_aws_retries(void **state)
{
    room_t *room = *state;

    script[0] = "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n";
    script[1] = "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n";
    script[2] = GOOD;
    start_server(room);
    call_aws(room, NULL);
    assert_int_equal(room->status, 200);
    assert_string_equal(room->text, " 3");
    assert_int_equal(room->metrics.aws_retries, 2);
    assert_int_equal(room->metrics.calls[0].n, 3);
    read_received(room, 3);
    assert_non_null(strstr(received[2],
        "SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="));
    assert_non_null(strstr(received[2], "\r\nX-Amz-Security-Token: TOK\r\n"));
}

static void
test_aws_fatal(void **state)
{
    room_t *room = *state;

    script[0] = "HTTP/1.1 400 x\r\nContent-Length: 38\r\n\r\n"
        "{\"__type\":\"ResourceNotFoundException\"}";
    start_server(room);
    call_aws(room, NULL);
    assert_int_equal(room->status, 400);
    assert_string_equal(room->text, "ResourceNotFoundException 1");
    assert_int_equal(room->metrics.aws_failures, 1);
}

/* The file has new keys: the second try is signed with them. */
static void
test_aws_expired(void **state)
{
    room_t *room = *state;
    char path[] = "/tmp/test_worker_http_XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    put_keys(path, "AK");
    script[0] = "HTTP/1.1 400 x\r\nContent-Length: 35\r\n\r\n"
        "{\"__type\": \"ExpiredTokenException\"}";
    script[1] = GOOD;
    start_server(room);
    call_aws(room, path);
    unlink(path);
    assert_int_equal(room->status, 200);
    read_received(room, 2);
    assert_non_null(strstr(received[0], "Credential=AK/"));
    assert_non_null(strstr(received[1], "Credential=NEWKEY/"));
    assert_null(strstr(received[1], "Security-Token"));
}

static void
test_aws_skew(void **state)
{
    room_t *room = *state;

    script[0] = "HTTP/1.1 400 x\r\nContent-Length: 38\r\n"
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
        "{\"__type\":\"InvalidSignatureException\"}";
    script[1] = script[0];
    start_server(room);
    call_aws(room, NULL);
    assert_int_equal(room->status, 400);
    assert_string_equal(room->text, "InvalidSignatureException 2");
    read_received(room, 2);
    assert_null(strstr(received[0], "X-Amz-Date: 199411"));
    assert_non_null(strstr(received[1], "X-Amz-Date: 19941106T0849"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_exchange), TEST(test_too_big), TEST(test_no_answer),
        TEST(test_refused), TEST(test_cancel), TEST(test_aws_retries),
        TEST(test_aws_fatal), TEST(test_aws_expired), TEST(test_aws_skew),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
