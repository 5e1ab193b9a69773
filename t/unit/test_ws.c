#include "vectors.h"

#include "lt_ws.h"

/*
 * A dialogue is decoded into a transcript: "t:" / "b:" and the bytes of a whole
 * text or binary message, "c9:" and the body of a control frame, "!1002" for
 * an error; each item ends with '|'.  How the input was cut must not show.
 */
typedef struct {
    char text[1000];
    char message[200];
    size_t text_len;
    size_t message_len;
    int in_message;
} transcript_t;

static void
note(transcript_t *t, const char *head, const void *data, size_t len)
{
    assert_true(t->text_len + len + 8 < sizeof(t->text));
    t->text_len += (size_t)sprintf(t->text + t->text_len, "%s", head);
    if (len != 0) {
        memcpy(t->text + t->text_len, data, len);
    }
    t->text_len += len;
    t->text[t->text_len++] = '|';
    t->text[t->text_len] = '\0';
}

static void
note_event(transcript_t *t, const lt_ws_event_t *event)
{
    if (event->kind == LT_WS_CONTROL) {
        char head[4] = {'c', "0123456789abcdef"[event->opcode], ':', '\0'};

        note(t, head, event->data, event->len);
        return;
    }

    assert_int_equal(event->is_first, !t->in_message);
    if (event->is_first) {
        t->message_len = 0;
    }
    assert_true(t->message_len + event->len < sizeof(t->message));
    if (event->len != 0) {
        memcpy(t->message + t->message_len, event->data, event->len);
    }
    t->message_len += event->len;
    t->in_message = !event->is_last;
    if (event->is_last) {
        note(t, event->opcode == LT_WS_TEXT ? "t:" : "b:", t->message,
            t->message_len);
    }
}

/* Feeds one piece, from a copy that is exactly as long; 0 after an error. */
static int
feed(lt_ws_decoder_t *d, transcript_t *t, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len + (len == 0)), *pos = copy;
    lt_error_t err = {0};
    lt_ws_event_t event;
    uint16_t close_code = 0;
    lt_result_t rc;

    memcpy(copy, data, len);
    while ((rc = lt_ws_decode(d, &pos, copy + len, &event, &close_code, &err))
           == LT_OK) {
        note_event(t, &event);
    }

    if (rc == LT_AGAIN) {
        assert_ptr_equal(pos, copy + len);
    } else {
        char head[8];

        assert_int_equal(rc, close_code == 1009 ? LT_TOOBIG : LT_INVALID);
        assert_int_equal(err.code, close_code);
        assert_true(strlen(err.text) > 0);
        (void)snprintf(head, sizeof(head), "!%u", close_code);
        note(t, head, NULL, 0);
    }
    free(copy);
    return rc == LT_AGAIN;
}

/* In three pieces. */
static void
run(transcript_t *t, lt_str_t hex, size_t message_max, size_t cut1, size_t cut2)
{
    size_t len;
    uint8_t *data = bytes_from_hex(hex, &len);
    lt_ws_decoder_t d;

    memset(t, 0, sizeof(*t));
    lt_ws_decoder_init(&d, message_max);
    (void)(feed(&d, t, data, cut1)
           && feed(&d, t, data + cut1, cut2 - cut1)
           && feed(&d, t, data + cut2, len - cut2));
    free(data);
}

static void
run_bytewise(transcript_t *t, lt_str_t hex, size_t message_max)
{
    size_t len, i = 0;
    uint8_t *data = bytes_from_hex(hex, &len);
    lt_ws_decoder_t d;

    memset(t, 0, sizeof(*t));
    lt_ws_decoder_init(&d, message_max);
    while (i < len && feed(&d, t, data + i, 1)) {
        i++;
    }
    free(data);
}

#define MAX 70
#define TEXT40 "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
#define FORTY "7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a"                       \
              "7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a"

/* Frames in hex; the mask is 00000000 where the payload should be legible. */
static const struct {
    const char *hex;
    const char *want;
} dialogues[] = {
    /* RFC 6455, section 5.7 */
    {"818537fa213d7f9f4d5158", "t:Hello|"},
    {"898537fa213d7f9f4d5158", "c9:Hello|"},
    /* empty messages and frames */
    {"818000000000", "t:|"},
    {"828011223344", "b:|"},
    {"8a8011223344", "ca:|"},
    {"0180000000000080000000008081000000005a", "t:Z|"},
    /* fragments, with control frames in between */
    {"018100000000480082000000006c6c808100000000 6f", "t:Hllo|"},
    {"0181000000004889810000000070008000000000808100000000698a8000000000",
        "c9:p|t:Hi|ca:|"},
    {"0281000000000180820000000002038281000000000 4", "b:\1\2\3|b:\4|"},
    /* a character cut by a fragment's border; each frame's mask its own */
    {"018201020304e380 8081f0000000 5c", "t:\xe2\x82\xac|"},
    {"818200000000c3b1818200000000c3b1", "t:\xc3\xb1|t:\xc3\xb1|"},
    /* close with code and reason */
    {"88870000000003e8627965 2121", "c8:\x03\xe8" "bye!!|"},
    {"888000000000", "c8:|"},

    /* 1002 */
    {"c18000000000", "!1002|"},             /* RSV1 */
    {"a18000000000", "!1002|"},             /* RSV2 */
    {"918000000000", "!1002|"},             /* RSV3 */
    {"8100", "!1002|"},                     /* no mask */
    {"838000000000", "!1002|"},             /* opcodes 3, 7, b, f */
    {"878000000000", "!1002|"},
    {"8b8000000000", "!1002|"},
    {"8f8000000000", "!1002|"},
    {"098000000000", "!1002|"},             /* ping in fragments */
    {"088000000000", "!1002|"},
    {"89fe007e00000000", "!1002|"},         /* ping of 126 bytes */
    {"89ff00", "!1002|"},
    {"808000000000", "!1002|"},             /* continues nothing */
    {"8181000000006180810000000062", "t:a|!1002|"},
    {"0181000000006181810000000062", "!1002|"},     /* new inside old */
    {"0181000000006182810000000062", "!1002|"},
    {"81fe007d00000000", "!1002|"},         /* 125 in two bytes */
    {"81fe000000000000", "!1002|"},
    {"81ff000000000000ffff00000000", "!1002|"},     /* 65535 in eight */
    {"81ff000000000000000100000000", "!1002|"},
    {"81ff800000000000000000000000", "!1002|"},     /* top bit */
    {"81ffffffffffffffffff00000000", "!1002|"},

    /* 1007 */
    {"81810000000080", "!1007|"},
    {"818100000000c3", "!1007|"},           /* ends inside a character */
    {"818300000000eda080", "!1007|"},       /* surrogate */
    {"018100000000c3808100000000 28", "!1007|"},
    {"018100000000c3808000000000", "!1007|"},
    {"8281000000008081810000000041", "b:\x80|t:A|"},

    /* 1009: 71 bytes, at once, by fragments, by lengths that overflow */
    {"81c700000000", "!1009|"},
    {"81fe010000000000", "!1009|"},
    {"81ff000000000001000000000000", "!1009|"},
    {"81ff7fffffffffffffff00000000", "!1009|"},
    {"01810000000061 80c600000000", "!1009|"},
    {"0181000000006180ff7fffffffffffffff00000000", "!1009|"},
    /* the limit is for one message, not for all */
    {"81a800000000" FORTY "82a800000000" FORTY,
        "t:" TEXT40 "|b:" TEXT40 "|"},
};

/* Without the spaces that help the eye. */
static lt_str_t
hex_of(const char *text, char *storage)
{
    size_t len = 0;

    for (; *text != '\0'; text++) {
        if (*text != ' ') {
            storage[len++] = *text;
        }
    }
    return (lt_str_t){storage, len};
}

static void
test_dialogues(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(dialogues) / sizeof(*dialogues); i++) {
        char storage[400];
        lt_str_t hex = hex_of(dialogues[i].hex, storage);
        const char *want = dialogues[i].want;
        size_t n = hex.len / 2;
        transcript_t whole, t;

        run(&whole, hex, MAX, n, n);
        if (strcmp(whole.text, want) != 0) {
            fail_msg("%s: got %s, want %s", dialogues[i].hex, whole.text,
                want);
        }
        run_bytewise(&t, hex, MAX);
        if (strcmp(t.text, whole.text) != 0) {
            fail_msg("%s bytewise: %s", dialogues[i].hex, t.text);
        }
        for (size_t cut1 = 0; cut1 <= n; cut1++) {
            for (size_t cut2 = cut1; cut2 <= n; cut2++) {
                run(&t, hex, MAX, cut1, cut2);
                if (strcmp(t.text, whole.text) != 0) {
                    fail_msg("%s cut at %zu and %zu: %s", dialogues[i].hex,
                        cut1, cut2, t.text);
                }
            }
        }
    }
}

static size_t
make_frame(uint8_t *out, size_t len)
{
    static const uint8_t mask[4] = {0x5a, 0x01, 0xff, 0x33};
    size_t head = lt_ws_header(out, LT_WS_BINARY, len);

    out[1] |= 0x80;
    memcpy(out + head, mask, 4);
    for (size_t i = 0; i < len; i++) {
        out[head + 4 + i] = (uint8_t)(i * 31 ^ mask[i & 3]);
    }
    return head + 4 + len;
}

/* All forms of length, in pieces of many sizes, up to the limit exactly */
static void
test_lengths(void **state)
{
    static const size_t lens[] = {0, 1, 7, 8, 9, 125, 126, 127, 1000, 65535,
        65536, 70000};
    static const size_t pieces[] = {1, 3, 13, 1021, 16384, 100000};
    static uint8_t frame[70100];

    (void)state;
    for (size_t i = 0; i < 6 * sizeof(lens) / sizeof(*lens); i++) {
        size_t len = lens[i / 6], piece = pieces[i % 6], seen = 0, at = 0;
        size_t total = make_frame(frame, len);
        int is_last = 0;
        lt_ws_decoder_t d;

        lt_ws_decoder_init(&d, len);
        while (at < total) {
            uint8_t *pos = frame + at;
            uint8_t *end = total - at > piece ? pos + piece : frame + total;
            lt_ws_event_t event;
            uint16_t close_code;

            at = (size_t)(end - frame);
            while (lt_ws_decode(&d, &pos, end, &event, &close_code, NULL)
                   == LT_OK) {
                for (size_t n = 0; n < event.len; n++, seen++) {
                    assert_int_equal(event.data[n], (uint8_t)(seen * 31));
                }
                is_last = event.is_last;
            }
            assert_ptr_equal(pos, end);
        }
        assert_int_equal(seen, len);
        assert_true(is_last);
    }
}

static void
test_unmask(void **state)
{
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

    (void)state;
    for (size_t len = 0; len < 40; len++) {
        for (size_t offset = 0; offset < 9; offset++) {
            uint8_t *data = calloc(1, len + 1);

            /* one byte in: not aligned */
            lt_ws_unmask(data + 1, len, mask, offset);
            assert_int_equal(data[0], 0);
            for (size_t i = 0; i < len; i++) {
                assert_int_equal(data[1 + i], mask[(offset + i) % 4]);
            }
            free(data);
        }
    }
}

/* One byte that is no UTF-8, at each place of a text of each length: told by
   unmasking, and refused by the decoder. */
static void
test_not_ascii(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 70; len++) {
        for (size_t at = 0; at < len; at++) {
            uint8_t frame[6 + 70] = {0x81, (uint8_t)(0x80 | len), 1, 2, 3, 4};
            uint8_t *payload = frame + 6, *pos = frame;
            lt_ws_decoder_t d;
            lt_ws_event_t event;
            uint16_t code = 0;

            memset(payload, 'a', len);
            assert_int_equal(lt_ws_unmask(payload, len, frame + 2, 0) != 0, 0);
            assert_int_equal(lt_ws_unmask(payload, len, frame + 2, 0) != 0, 0);
            payload[at] = 0xff;
            assert_int_equal(lt_ws_unmask(payload, len, frame + 2, 0) != 0, 1);

            lt_ws_decoder_init(&d, 1000);
            assert_int_equal(
                lt_ws_decode(&d, &pos, frame + 6 + len, &event, &code, NULL),
                LT_INVALID);
            assert_int_equal(code, LT_WS_CLOSE_INVALID_DATA);
        }
    }
}

static void
test_header(void **state)
{
    uint8_t out[LT_WS_HEADER_MAX];

    (void)state;
    assert_int_equal(lt_ws_header(out, LT_WS_TEXT, 0), 2);
    assert_memory_equal(out, "\x81\x00", 2);
    assert_int_equal(lt_ws_header(out, LT_WS_BINARY, 125), 2);
    assert_memory_equal(out, "\x82\x7d", 2);
    assert_int_equal(lt_ws_header(out, LT_WS_PONG, 126), 4);
    assert_memory_equal(out, "\x8a\x7e\x00\x7e", 4);
    assert_int_equal(lt_ws_header(out, LT_WS_TEXT, 65535), 4);
    assert_memory_equal(out, "\x81\x7e\xff\xff", 4);
    assert_int_equal(lt_ws_header(out, LT_WS_TEXT, 65536), 10);
    assert_memory_equal(out, "\x81\x7f\0\0\0\0\0\1\0\0", 10);
}

static void
test_close_frame(void **state)
{
    uint8_t out[2 + LT_WS_CONTROL_MAX];
    char reason[200];

    (void)state;
    assert_int_equal(lt_ws_close_frame(out, 0, LT_STR("ignored")), 2);
    assert_memory_equal(out, "\x88\x00", 2);
    assert_int_equal(lt_ws_close_frame(out, 1000, LT_STR("")), 4);
    assert_memory_equal(out, "\x88\x02\x03\xe8", 4);
    assert_int_equal(lt_ws_close_frame(out, 4409, LT_STR("bye")), 7);
    assert_memory_equal(out, "\x88\x05\x11\x39" "bye", 7);

    memset(reason, 'r', sizeof(reason));
    assert_int_equal(lt_ws_close_frame(out, 1000, (lt_str_t){reason, 123}),
        127);
    assert_int_equal(lt_ws_close_frame(out, 1000, (lt_str_t){reason, 200}),
        127);
    assert_int_equal(out[1], 125);
    /* a character that lies over the border goes as a whole */
    memcpy(reason + 120, "\xf0\x9f\x98\x80", 4);
    assert_int_equal(lt_ws_close_frame(out, 1000, (lt_str_t){reason, 200}),
        124);
    assert_int_equal(out[1], 122);
    memcpy(reason + 119, "\xf0\x9f\x98\x80r", 5);
    assert_int_equal(lt_ws_close_frame(out, 1000, (lt_str_t){reason, 200}),
        127);
    /* never a character in sight */
    memset(reason, 0x80, sizeof(reason));
    assert_int_equal(lt_ws_close_frame(out, 1000, (lt_str_t){reason, 200}), 4);
}

static void
test_close_parse(void **state)
{
    static const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009,
        1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4409, 4999};
    lt_str_t reason;
    uint16_t code;

    (void)state;
    assert_int_equal(lt_ws_close_parse(&code, &reason, NULL, 0), LT_OK);
    assert_int_equal(code, 1005);
    assert_int_equal(reason.len, 0);
    assert_int_equal(lt_ws_close_parse(&code, &reason,
                         (const uint8_t *)"\x03\xe8", 1),
        LT_INVALID);
    assert_int_equal(lt_ws_close_parse(&code, &reason,
                         (const uint8_t *)"\x03\xe9gone", 6),
        LT_OK);
    assert_int_equal(code, 1001);
    assert_str(reason, "gone");
    assert_int_equal(lt_ws_close_parse(&code, &reason,
                         (const uint8_t *)"\x03\xe9\xc3", 3),
        LT_INVALID);
    assert_int_equal(lt_ws_close_parse(&code, &reason,
                         (const uint8_t *)"\x03\xe9\xff.", 4),
        LT_INVALID);

    for (unsigned c = 0, g = 0; c < 65536; c++) {
        uint8_t body[2] = {(uint8_t)(c >> 8), (uint8_t)c};
        int is_good = g < sizeof(good) / sizeof(*good) && good[g] == c;

        g += is_good != 0;
        is_good |= c >= 3000 && c <= 4999;
        assert_int_equal(lt_ws_close_parse(&code, &reason, body, 2) == LT_OK,
            is_good);
    }
}

static void
test_accept(void **state)
{
    char out[LT_WS_ACCEPT_LEN];

    (void)state;
    assert_int_equal(lt_ws_accept(out, LT_STR("dGhlIHNhbXBsZSBub25jZQ==")),
        LT_OK);
    assert_memory_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", LT_WS_ACCEPT_LEN);

    assert_int_equal(lt_ws_accept(out, LT_STR("")), LT_INVALID);
    assert_int_equal(lt_ws_accept(out, LT_STR("dGhlIHNhbXBsZSBub25jZQ=")),
        LT_INVALID);
    assert_int_equal(lt_ws_accept(out, LT_STR("dGhlIHNhbXBsZSBub25jZTE=")),
        LT_INVALID);    /* 17 bytes */
    assert_int_equal(lt_ws_accept(out, LT_STR("dGhlIHNhbXBsZSBub25jZTEy")),
        LT_INVALID);    /* 18 bytes */
    assert_int_equal(lt_ws_accept(out, LT_STR("dGhlIHNhbXBsZSBub25jZ!==")),
        LT_INVALID);
    assert_int_equal(lt_ws_accept(out,
                         LT_STR("dGhlIHNhbXBsZSBub25jZQ==dGhlIHNh")),
        LT_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialogues),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_unmask),
        cmocka_unit_test(test_not_ascii),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_close_frame),
        cmocka_unit_test(test_close_parse),
        cmocka_unit_test(test_accept),
    };

    return cmocka_run_group_tests_name("ws", tests, NULL, NULL);
}
