#include "vectors.h"

#include "lt_audio_record.h"

static const uint8_t golden[] = {'L', 'T', 'A', '1', 1, 3, 32, 0,
    0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
    0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
    0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'p', 'c'};

static const lt_audio_record_t record = {0x0102030405060708u,
    0x1112131415161718u, -2, LT_AUDIO_FLAG_GAP | LT_AUDIO_FLAG_LAST};

static void
test_encode(void **state)
{
    uint8_t out[LT_AUDIO_RECORD_HEADER_LEN];

    (void)state;
    lt_audio_record_encode(out, &record);
    assert_memory_equal(out, golden, sizeof(out));
}

static void
test_framed(void **state)
{
    lt_audio_record_t rec;
    lt_str_t pcm;

    (void)state;
    assert_int_equal(lt_audio_record_decode(&rec, &pcm,
                         (lt_str_t){(const char *)golden, sizeof(golden)}),
        1);
    assert_true(rec.epoch == record.epoch);
    assert_true(rec.offset == record.offset);
    assert_true(rec.capture_ms == record.capture_ms);
    assert_int_equal(rec.flags, record.flags);
    assert_str(pcm, "pc");

    assert_int_equal(lt_audio_record_decode(&rec, &pcm,
                         (lt_str_t){(const char *)golden, 32}),
        1);
    assert_int_equal(pcm.len, 0);
}

/* What has another magic, version or header length, or none at all, is PCM. */
static void
test_raw(void **state)
{
    static const size_t decisive[] = {0, 1, 2, 3, 4, 6, 7};
    lt_audio_record_t rec;
    lt_str_t pcm;

    (void)state;
    for (size_t i = 0; i < sizeof(decisive) / sizeof(*decisive); i++) {
        uint8_t data[sizeof(golden)];

        memcpy(data, golden, sizeof(data));
        data[decisive[i]] ^= 1;
        assert_int_equal(lt_audio_record_decode(&rec, &pcm,
                             (lt_str_t){(const char *)data, sizeof(data)}),
            0);
        assert_ptr_equal(pcm.data, data);
        assert_int_equal(pcm.len, sizeof(data));
    }
    for (size_t len = 0; len < 32; len++) {
        char *copy = malloc(len + 1);

        memcpy(copy, golden, len);
        assert_int_equal(lt_audio_record_decode(&rec, &pcm,
                             (lt_str_t){copy, len}),
            0);
        assert_int_equal(pcm.len, len);
        free(copy);
    }
}

/* PCM that a speaker has chosen is never read as a header. */
static void
test_disclaim(void **state)
{
    lt_audio_record_t rec;
    lt_str_t pcm;

    (void)state;
    for (size_t len = 0; len <= sizeof(golden); len++) {
        uint8_t *data = malloc(len + 1);

        memcpy(data, golden, len);
        lt_audio_record_disclaim(data, len);
        lt_audio_record_disclaim(data, len);        /* sent once more */
        assert_int_equal(lt_audio_record_decode(&rec, &pcm,
                             (lt_str_t){(const char *)data, len}),
            0);
        assert_true(len == 0 || data[0] == ('L' ^ 1));
        assert_true(len < 2 || memcmp(data + 1, golden + 1, len - 1) == 0);
        free(data);
    }

    uint8_t other[] = "LTA2";

    lt_audio_record_disclaim(other, 4);
    assert_memory_equal(other, "LTA2", 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_framed),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_disclaim),
    };

    return cmocka_run_group_tests_name("audio_record", tests, NULL, NULL);
}
