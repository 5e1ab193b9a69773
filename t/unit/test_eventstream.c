#include "vectors.h"

#include "lt_eventstream.h"

#define MAX_BYTES 100000

static const struct {
    const char *name;
    lt_event_header_t header;
} all_types[] = {
    {"t", {.type = LT_EVENT_TRUE}},
    {"f", {.type = LT_EVENT_FALSE}},
    {"b", {.type = LT_EVENT_INT8, .number = -5}},
    {"s", {.type = LT_EVENT_INT16, .number = -300}},
    {"i", {.type = LT_EVENT_INT32, .number = 40972}},
    {"l", {.type = LT_EVENT_INT64, .number = -1234567890123}},
    {"bin", {.type = LT_EVENT_BYTES, .bytes = {"\x00\xff\x10", 3}}},
    {"str", {.type = LT_EVENT_STRING, .bytes = {"h\xc3\xa9llo", 6}}},
    {"ts", {.type = LT_EVENT_TIMESTAMP, .number = 8675309}},
    {"uu",
        {.type = LT_EVENT_UUID,
            .bytes = {"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"
                      "\x0e\x0f\x10",
                16}}},
};

/* The n-th vector's frame and payload; freed by the caller. */
static uint8_t *
frame_of(const lt_json_t *vectors, size_t i, size_t *len)
{
    return bytes_from_hex(vector_str(lt_json_at(vectors, i), "hex"), len);
}

static void
test_codec_vectors(void **state)
{
    lt_json_t *vectors = vectors_load("t/vectors/eventstream-codec.json");

    (void)state;
    assert_int_equal(lt_json_size(vectors), 5);
    for (size_t i = 0; i < 5; i++) {
        size_t len, payload_len, consumed;
        uint8_t *frame = frame_of(vectors, i, &len);
        uint8_t *payload = bytes_from_hex(
            vector_str(lt_json_at(vectors, i), "payload_hex"), &payload_len);
        uint8_t again[1000];
        lt_event_t event;
        lt_out_t out;

        assert_int_equal(lt_event_decode(&event, &consumed, frame, len,
                             MAX_BYTES, NULL),
            LT_OK);
        assert_int_equal(consumed, len);
        assert_int_equal(event.payload.len, payload_len);
        assert_memory_equal(event.payload.data, payload, payload_len);

        lt_out_init(&out, again, sizeof(again));
        assert_int_equal(lt_event_encode(&out, event.headers, event.headers_n,
                             event.payload),
            LT_OK);
        assert_int_equal(lt_out_len(&out), len);
        assert_memory_equal(again, frame, len);
        free(frame);
        free(payload);
    }
    lt_json_free(&vectors);
}

static void
test_all_types(void **state)
{
    lt_json_t *vectors = vectors_load("t/vectors/eventstream-codec.json");
    size_t len, consumed;
    uint8_t *frame = frame_of(vectors, 2, &len);
    lt_event_t event;

    (void)state;
    assert_int_equal(lt_event_decode(&event, &consumed, frame, len, MAX_BYTES,
                         NULL),
        LT_OK);
    assert_int_equal(event.headers_n, 10);
    for (size_t i = 0; i < 10; i++) {
        const lt_event_header_t *got = &event.headers[i];
        const lt_event_header_t *want = &all_types[i].header;

        assert_str(got->name, all_types[i].name);
        assert_int_equal(got->type, want->type);
        assert_true(got->number == want->number);
        assert_int_equal(got->bytes.len, want->bytes.len);
        if (got->bytes.len != 0) {
            assert_memory_equal(got->bytes.data, want->bytes.data,
                got->bytes.len);
        }
    }
    assert_str(lt_event_string(&event, "str"), "h\xc3\xa9llo");
    assert_int_equal(lt_event_string(&event, "bin").len, 0);
    assert_int_equal(lt_event_string(&event, "absent").len, 0);
    free(frame);
    lt_json_free(&vectors);
}

/* Cut everywhere: the decoder asks for exactly the bytes that it needs. */
static void
test_incomplete(void **state)
{
    lt_json_t *vectors = vectors_load("t/vectors/eventstream-codec.json");

    (void)state;
    for (size_t i = 0; i < lt_json_size(vectors); i++) {
        size_t len, consumed;
        uint8_t *frame = frame_of(vectors, i, &len);
        lt_event_t event;

        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *part = malloc(cut + 1);

            memcpy(part, frame, cut);
            assert_int_equal(lt_event_decode(&event, &consumed, part, cut,
                                 MAX_BYTES, NULL),
                LT_AGAIN);
            assert_int_equal(consumed, cut < LT_EVENT_PRELUDE_LEN ? 0 : len);
            free(part);
        }
        free(frame);
    }
    lt_json_free(&vectors);
}

/* Any single bit that flips is noticed. */
static void
test_flipped_bits(void **state)
{
    lt_json_t *vectors = vectors_load("t/vectors/eventstream-codec.json");

    (void)state;
    for (size_t i = 0; i < lt_json_size(vectors); i++) {
        size_t len, consumed;
        uint8_t *frame = frame_of(vectors, i, &len);
        lt_event_t event;

        for (size_t bit = 0; bit < 8 * len; bit++) {
            lt_error_t err;

            frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(lt_event_decode(&event, &consumed, frame, len,
                                 MAX_BYTES, &err),
                LT_INVALID);
            frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        free(frame);
    }
    lt_json_free(&vectors);
}

/* A frame with right checksums around any header block; 200 bytes at most. */
static size_t
make_frame(uint8_t *frame, lt_str_t headers, size_t headers_len, size_t total)
{
    static const uint32_t shifts[] = {24, 16, 8, 0};
    size_t real = LT_EVENT_OVERHEAD + headers.len;
    uint32_t crc;

    memset(frame, 0, real);
    for (size_t i = 0; i < 4; i++) {
        frame[i] = (uint8_t)(total >> shifts[i]);
        frame[4 + i] = (uint8_t)(headers_len >> shifts[i]);
    }
    crc = lt_crc32(0, frame, 8);
    for (size_t i = 0; i < 4; i++) {
        frame[8 + i] = (uint8_t)(crc >> shifts[i]);
    }
    memcpy(frame + 12, headers.data, headers.len);
    crc = lt_crc32(0, frame, real - 4);
    for (size_t i = 0; i < 4; i++) {
        frame[real - 4 + i] = (uint8_t)(crc >> shifts[i]);
    }
    return real;
}

static lt_result_t
decode_headers(lt_str_t headers)
{
    uint8_t frame[400];
    size_t len = make_frame(frame, headers, headers.len,
        LT_EVENT_OVERHEAD + headers.len);
    size_t consumed;
    lt_event_t event;
    lt_error_t err;

    return lt_event_decode(&event, &consumed, frame, len, MAX_BYTES, &err);
}

static void
test_bad_headers(void **state)
{
    char many[4 * (LT_EVENT_HEADERS_MAX + 1)];

    (void)state;
#define DECODE(literal) decode_headers(LT_STR(literal))
    assert_int_equal(DECODE(""), LT_OK);
    assert_int_equal(DECODE("\1a\0"), LT_OK);
    assert_int_equal(DECODE("\0\0"), LT_INVALID);           /* no name */
    assert_int_equal(DECODE("\2a"), LT_INVALID);            /* cut in it */
    assert_int_equal(DECODE("\1a"), LT_INVALID);            /* no type */
    assert_int_equal(DECODE("\1a\12"), LT_INVALID);         /* type 10 */
    assert_int_equal(DECODE("\1a\0\1a\1"), LT_INVALID);     /* twice */
    assert_int_equal(DECODE("\1\xff\0"), LT_INVALID);       /* not UTF-8 */
    assert_int_equal(DECODE("\1a\2"), LT_INVALID);          /* no number */
    assert_int_equal(DECODE("\1a\3\1"), LT_INVALID);
    assert_int_equal(DECODE("\1a\4\1\2\3"), LT_INVALID);
    assert_int_equal(DECODE("\1a\5\1\2\3\4\5\6\7"), LT_INVALID);
    assert_int_equal(DECODE("\1a\10\1\2\3\4\5\6\7"), LT_INVALID);
    assert_int_equal(DECODE("\1a\7\0"), LT_INVALID);        /* cut length */
    assert_int_equal(DECODE("\1a\7\0\2x"), LT_INVALID);     /* cut text */
    assert_int_equal(DECODE("\1a\7\0\1\xff"), LT_INVALID);  /* not UTF-8 */
    assert_int_equal(DECODE("\1a\7\0\0"), LT_OK);
    assert_int_equal(DECODE("\1a\6\0\1\xff"), LT_OK);
    assert_int_equal(DECODE("\1a\6\x80\0"), LT_INVALID);    /* above 32767 */
    assert_int_equal(DECODE("\1a\11\1\2\3"), LT_INVALID);   /* cut uuid */
#undef DECODE

    for (size_t i = 0; i <= LT_EVENT_HEADERS_MAX; i++) {
        memcpy(many + 4 * i, "\2aa\0", 4);
        many[4 * i + 1] = (char)('a' + i % 26);
        many[4 * i + 2] = (char)('a' + i / 26);
    }
    assert_int_equal(decode_headers((lt_str_t){many,
                         4 * LT_EVENT_HEADERS_MAX}),
        LT_OK);
    assert_int_equal(decode_headers((lt_str_t){many, sizeof(many)}),
        LT_INVALID);
}

static void
test_bad_lengths(void **state)
{
    static const struct {
        size_t headers_len;
        size_t total;
        size_t max_bytes;
        lt_result_t want;
    } rows[] = {
        {0, 16, 16, LT_OK},
        {0, 16, 15, LT_TOOBIG},
        {0, 15, 100, LT_INVALID},
        {0, 0, 100, LT_INVALID},
        {1, 16, 100, LT_INVALID},
        {0xffffffff, 16, 100, LT_INVALID},
        {0xffffffff, 0xffffffff, 100, LT_INVALID},
        {0xffffffef, 0xffffffff, 100, LT_TOOBIG},
        {0, 0xffffffff, 0xffffffff, LT_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint8_t frame[LT_EVENT_OVERHEAD];
        size_t consumed;
        lt_event_t event;
        lt_error_t err;

        (void)make_frame(frame, LT_STR(""), rows[i].headers_len,
            rows[i].total);
        assert_int_equal(lt_event_decode(&event, &consumed, frame,
                             sizeof(frame), rows[i].max_bytes, &err),
            rows[i].want);
    }
}

static lt_result_t
encode(const lt_event_header_t *headers, size_t n, size_t size)
{
    static uint8_t storage[70000];
    lt_out_t out;

    lt_out_init(&out, storage, size);
    return lt_event_encode(&out, headers, n, LT_STR("xy"));
}

static void
test_encode_refused(void **state)
{
    static char text[40000];
    lt_event_header_t header = {.name = LT_STR("a"), .type = LT_EVENT_STRING,
        .bytes = {text, 32767}};
    lt_event_header_t many[LT_EVENT_HEADERS_MAX + 1];

    (void)state;
    assert_int_equal(encode(&header, 1, 70000), LT_OK);
    header.bytes.len = 32768;
    assert_int_equal(encode(&header, 1, 70000), LT_INVALID);
    header.bytes.len = 1;
    header.name = (lt_str_t){text, 255};
    assert_int_equal(encode(&header, 1, 70000), LT_OK);
    header.name.len = 256;
    assert_int_equal(encode(&header, 1, 70000), LT_INVALID);
    header.name.len = 0;
    assert_int_equal(encode(&header, 1, 70000), LT_INVALID);
    header.name.len = 1;
    header.type = LT_EVENT_UUID;
    assert_int_equal(encode(&header, 1, 70000), LT_INVALID);
    header.type = (lt_event_type_t)10;
    assert_int_equal(encode(&header, 1, 70000), LT_INVALID);

    header.type = LT_EVENT_TRUE;
    for (size_t i = 0; i <= LT_EVENT_HEADERS_MAX; i++) {
        many[i] = header;
    }
    assert_int_equal(encode(many, LT_EVENT_HEADERS_MAX, 70000), LT_OK);
    assert_int_equal(encode(many, LT_EVENT_HEADERS_MAX + 1, 70000),
        LT_INVALID);

    /* 16 + 3 + 2 bytes: each shorter storage is refused */
    for (size_t size = 0; size < 21; size++) {
        assert_int_equal(encode(&header, 1, size), LT_NOSPACE);
    }
    assert_int_equal(encode(&header, 1, 21), LT_OK);
}

static void
test_crc32(void **state)
{
    (void)state;
    assert_int_equal(lt_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(lt_crc32(lt_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
    assert_int_equal(lt_crc32(0, NULL, 0), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_vectors),
        cmocka_unit_test(test_all_types),
        cmocka_unit_test(test_incomplete),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_bad_lengths),
        cmocka_unit_test(test_encode_refused),
        cmocka_unit_test(test_crc32),
    };

    return cmocka_run_group_tests_name("eventstream", tests, NULL, NULL);
}
