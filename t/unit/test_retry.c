#include "vectors.h"

#include "lt_retry.h"

/* 500 tokens are 35 retries of what is transient and 2 of what is throttled;
   then none. */
static void
test_take(void **state)
{
    lt_retry_bucket_t bucket;

    (void)state;
    lt_retry_init(&bucket);
    for (int i = 0; i < 35; i++) {
        assert_int_equal(lt_retry_take(&bucket, LT_AWS_TRANSIENT), 14);
    }
    assert_int_equal(bucket.tokens, 10);
    assert_int_equal(lt_retry_take(&bucket, LT_AWS_TRANSIENT), 0);
    assert_int_equal(bucket.tokens, 10);
    assert_int_equal(lt_retry_take(&bucket, LT_AWS_THROTTLE), 5);
    assert_int_equal(lt_retry_take(&bucket, LT_AWS_THROTTLE), 5);
    assert_int_equal(lt_retry_take(&bucket, LT_AWS_THROTTLE), 0);
    assert_int_equal(bucket.tokens, 0);
}

static void
test_refund(void **state)
{
    lt_retry_bucket_t bucket;

    (void)state;
    lt_retry_init(&bucket);
    lt_retry_refund(&bucket, 0);
    assert_int_equal(bucket.tokens, 500);

    (void)lt_retry_take(&bucket, LT_AWS_FATAL);
    (void)lt_retry_take(&bucket, LT_AWS_THROTTLE);
    assert_int_equal(bucket.tokens, 481);
    lt_retry_refund(&bucket, 0);
    assert_int_equal(bucket.tokens, 482);
    lt_retry_refund(&bucket, 14);
    assert_int_equal(bucket.tokens, 496);
    lt_retry_refund(&bucket, 14);
    assert_int_equal(bucket.tokens, 500);
}

static void
test_hint(void **state)
{
    static const struct {
        unsigned delay_ms;
        const char *hint;
        unsigned want_ms;
    } rows[] = {
        {100, "", 100}, {100, "0", 100}, {100, "99", 100}, {100, "1500", 1500},
        {100, "5100", 5100}, {100, "5101", 5100}, {100, "99999999999", 5100},
        {0, "7", 7}, {100, "-5", 100}, {100, "1.5", 100}, {100, " 200", 100},
        {100, "200s", 100},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            lt_retry_hinted_ms(rows[i].delay_ms, lt_str(rows[i].hint)),
            rows[i].want_ms);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_refund),
        cmocka_unit_test(test_hint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
