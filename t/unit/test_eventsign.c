#include "vectors.h"

#include "lt_eventsign.h"

#define SECRET LT_STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")

static void
init(lt_eventsign_t *s, lt_str_t seed_hex)
{
    assert_int_equal(seed_hex.len, LT_SIGV4_HEX_LEN);
    assert_int_equal(lt_eventsign_init(s, SECRET, LT_STR("us-east-1"),
                         LT_STR("transcribe"), seed_hex.data),
        LT_OK);
}

/* One event of a vector: our frame and signature against the client's. */
static void
assert_event(lt_eventsign_t *s, const lt_json_t *event, const char *frame_key)
{
    size_t want_len, audio_len;
    uint8_t *want = bytes_from_hex(vector_str(event, frame_key), &want_len);
    uint8_t *audio = bytes_from_hex(vector_str(event, "audioHex"), &audio_len);
    uint8_t got[2000], scratch[2000];
    char hex[LT_SIGV4_HEX_LEN];
    int64_t time_ms;
    lt_out_t out;

    assert_int_equal(lt_json_int(event, "dateMs", &time_ms), 1);
    lt_out_init(&out, got, sizeof(got));
    if (audio_len == 0) {
        assert_int_equal(lt_eventsign_frame(s, &out, LT_STR(""), time_ms),
            LT_OK);
    } else {
        assert_int_equal(lt_eventsign_audio(s, &out,
                             (lt_str_t){(char *)audio, audio_len}, time_ms,
                             scratch, audio_len + 104),
            LT_OK);
        assert_int_equal(lt_out_len(&out),
            audio_len + LT_EVENTSIGN_AUDIO_OVERHEAD);
    }

    assert_int_equal(lt_out_len(&out), want_len);
    assert_memory_equal(got, want, want_len);
    lt_hex_encode(hex, s->prior, sizeof(s->prior));
    assert_memory_equal(hex, vector_str(event, "chunkSignature").data,
        sizeof(hex));
    free(want);
    free(audio);
}

static void
test_captured_stream(void **state)
{
    lt_json_t *doc = vectors_load("t/vectors/transcribe-stream.json");
    const lt_json_t *events = lt_json_get(doc, "events");
    lt_eventsign_t s;

    (void)state;
    init(&s, vector_str(doc, "seed_signature"));
    assert_int_equal(lt_json_size(events), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_event(&s, lt_json_at(events, i), "hex");
    }
    lt_json_free(&doc);
}

static void
test_answer_frames(void **state)
{
    lt_json_t *doc = vectors_load("t/vectors/transcribe-stream.json");
    const lt_json_t *frames = lt_json_get(doc, "response_event_frames_hex");

    (void)state;
    assert_true(lt_json_size(frames) >= 3);
    for (size_t i = 0; i < lt_json_size(frames); i++) {
        size_t len, consumed;
        uint8_t *frame;
        lt_str_t hex;
        lt_event_t event;

        assert_int_equal(lt_json_at_string(frames, i, &hex), 1);
        frame = bytes_from_hex(hex, &len);
        assert_int_equal(lt_event_decode(&event, &consumed, frame, len, 10000,
                             NULL),
            LT_OK);
        assert_str(lt_event_string(&event, ":message-type"), "event");
        assert_str(lt_event_string(&event, ":event-type"), "TranscriptEvent");
        free(frame);
    }
    lt_json_free(&doc);
}

static lt_sigv4_request_t
request_of(const lt_json_t *stream, lt_header_t *headers)
{
    static const char *const names[] = {"host", "content-type",
        "x-amz-content-sha256", "x-amzn-transcribe-language-code",
        "x-amzn-transcribe-media-encoding", "x-amzn-transcribe-sample-rate",
        "x-amz-date", "x-amz-security-token"};
    size_t n = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        lt_str_t value = vector_str(lt_json_get(stream, "headers"), names[i]);

        if (value.len != 0) {
            headers[n++] = (lt_header_t){lt_str(names[i]), value};
        }
    }
    return (lt_sigv4_request_t){LT_STR("POST"), vector_str(stream, "path"),
        LT_STR(""), headers, n, LT_STR("STREAMING-AWS4-HMAC-SHA256-EVENTS")};
}

/* From the request's headers to the end frame, without and with a token */
static void
test_whole_streams(void **state)
{
    lt_json_t *streams = vectors_load("t/vectors/transcribe-minimal.json");

    (void)state;
    assert_int_equal(lt_json_size(streams), 2);
    for (size_t i = 0; i < 2; i++) {
        const lt_json_t *stream = lt_json_at(streams, i);
        const lt_json_t *events = lt_json_get(stream, "events");
        lt_header_t headers[LT_SIGV4_HEADERS_MAX];
        lt_sigv4_request_t req = request_of(stream, headers);
        lt_sigv4_scope_t scope = {LT_STR("us-east-1"), LT_STR("transcribe"),
            INT64_C(1440938160)};
        lt_aws_keys_t keys = {LT_STR("AKIDEXAMPLE"), SECRET, {NULL, 0}};
        char seed[LT_SIGV4_HEX_LEN], text[1000];
        lt_eventsign_t s;
        lt_out_t out;

        lt_out_init(&out, text, sizeof(text));
        assert_int_equal(lt_sigv4_authorization(&out, seed, &req, &scope,
                             &keys),
            LT_OK);
        assert_memory_equal(seed, vector_str(stream, "seed_signature").data,
            sizeof(seed));

        init(&s, (lt_str_t){seed, sizeof(seed)});
        assert_int_equal(lt_json_size(events), 4);
        for (size_t e = 0; e < 4; e++) {
            assert_event(&s, lt_json_at(events, e), "frameHex");
        }
    }
    lt_json_free(&streams);
}

/* Computed with botocore's frames in another order of headers, at the turn of
   2026: the outer frame does not depend on what it wraps. */
static void
test_other_payload(void **state)
{
    static const char inner_hex[] =
        "0000007800000058c930ada10d3a636f6e74656e742d747970650700186170706c69"
        "636174696f6e2f6f637465742d73747265616d0b3a6576656e742d7479706507000a"
        "417564696f4576656e740d3a6d6573736167652d747970650700056576656e740001"
        "02030405060708090a0b0c0d0e0f4c5dd9a6";
    static const char end_hex[] =
        "0000005300000043f5447a58053a64617465080000019b7ca98e18103a6368756e6b"
        "2d7369676e617475726506002086080ae669e69c6f7fb130bc9998a453194e66a664"
        "4b7743b7a79f0ad654e4680a0164ee";
    size_t inner_len, end_len;
    uint8_t *inner = bytes_from_hex(lt_str(inner_hex), &inner_len);
    uint8_t *end = bytes_from_hex(lt_str(end_hex), &end_len);
    uint8_t got[400];
    char hex[LT_SIGV4_HEX_LEN];
    lt_eventsign_t s;
    lt_out_t out;

    (void)state;
    init(&s, LT_STR("9599e14b69f121adc3f204d183b0b4e8083c9982781bc6c32a0aca36"
                    "652a27b2"));
    lt_out_init(&out, got, sizeof(got));
    assert_int_equal(lt_eventsign_frame(&s, &out,
                         (lt_str_t){(char *)inner, inner_len}, 1767323045200),
        LT_OK);
    assert_int_equal(lt_out_len(&out), 203);
    assert_memory_equal(got + 199, "\x89\x8c\x65\x61", 4);
    lt_hex_encode(hex, s.prior, sizeof(s.prior));
    assert_memory_equal(hex,
        "663af8d2bfd217a0347f3ee2beb072f892fc70bcec38da00997e44c4a86882b5",
        sizeof(hex));

    lt_out_init(&out, got, sizeof(got));
    assert_int_equal(lt_eventsign_frame(&s, &out, LT_STR(""), 1767323045400),
        LT_OK);
    assert_int_equal(lt_out_len(&out), end_len);
    assert_memory_equal(got, end, end_len);
    free(inner);
    free(end);
}

/* No room: the chain stays where it was, and goes on from there. */
static void
test_no_room(void **state)
{
    uint8_t got[400], want[400], scratch[400];
    lt_eventsign_t s, fresh;
    lt_out_t out;
    char seed[LT_SIGV4_HEX_LEN];

    (void)state;
    memset(seed, 'a', sizeof(seed));
    init(&s, (lt_str_t){seed, sizeof(seed)});
    fresh = s;

    lt_out_init(&out, want, sizeof(want));
    assert_int_equal(lt_eventsign_audio(&fresh, &out, LT_STR("ab"), 1,
                         scratch, 106),
        LT_OK);

    for (size_t size = 0; size < 2 + LT_EVENTSIGN_AUDIO_OVERHEAD; size++) {
        lt_out_init(&out, got, size);
        assert_int_equal(lt_eventsign_audio(&s, &out, LT_STR("ab"), 1, scratch,
                             sizeof(scratch)),
            LT_NOSPACE);
    }
    lt_out_init(&out, got, sizeof(got));
    assert_int_equal(lt_eventsign_audio(&s, &out, LT_STR("ab"), 1, scratch,
                         105),
        LT_NOSPACE);

    lt_out_init(&out, got, 2 + LT_EVENTSIGN_AUDIO_OVERHEAD);
    assert_int_equal(lt_eventsign_audio(&s, &out, LT_STR("ab"), 1, scratch,
                         sizeof(scratch)),
        LT_OK);
    assert_memory_equal(got, want, 2 + LT_EVENTSIGN_AUDIO_OVERHEAD);
}

static void
test_init_refused(void **state)
{
    char text[200], seed[LT_SIGV4_HEX_LEN];
    lt_eventsign_t s;

    (void)state;
    memset(text, 'x', sizeof(text));
    memset(seed, '0', sizeof(seed));
#define INIT(secret_len, region_len, service_len)                              \
    lt_eventsign_init(&s, (lt_str_t){text, secret_len},                        \
        (lt_str_t){text, region_len}, (lt_str_t){text, service_len}, seed)
    assert_int_equal(INIT(128, 32, 32), LT_OK);
    assert_int_equal(INIT(129, 32, 32), LT_INVALID);
    assert_int_equal(INIT(128, 33, 32), LT_INVALID);
    assert_int_equal(INIT(128, 32, 33), LT_INVALID);
    assert_int_equal(INIT(0, 32, 32), LT_INVALID);
    seed[63] = 'g';
    assert_int_equal(INIT(128, 32, 32), LT_INVALID);
#undef INIT
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured_stream),
        cmocka_unit_test(test_answer_frames),
        cmocka_unit_test(test_whole_streams),
        cmocka_unit_test(test_other_payload),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_init_refused),
    };

    return cmocka_run_group_tests_name("eventsign", tests, NULL, NULL);
}
