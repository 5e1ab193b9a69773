#include "vectors.h"

#include "lt_shard_map.h"

#define TWO_SHARDS                                                             \
    "{\"Shards\":["                                                            \
    "{\"ShardId\":\"shardId-000000000002\",\"HashKeyRange\":{"                 \
    "\"StartingHashKey\":\"170141183460469231731687303715884105728\","         \
    "\"EndingHashKey\":\"340282366920938463463374607431768211455\"},"          \
    "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\"}},"             \
    "{\"ShardId\":\"shardId-000000000000\",\"HashKeyRange\":{"                 \
    "\"StartingHashKey\":\"0\","                                               \
    "\"EndingHashKey\":\"340282366920938463463374607431768211455\"},"          \
    "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\","               \
    "\"EndingSequenceNumber\":\"2\"}},"                                        \
    "{\"ShardId\":\"shardId-000000000001\",\"HashKeyRange\":{"                 \
    "\"StartingHashKey\":\"0\","                                               \
    "\"EndingHashKey\":\"170141183460469231731687303715884105727\"}}]"

static lt_result_t
add(lt_shard_map_t *map, const char *body, char *token, size_t *token_len)
{
    lt_error_t err = {0};
    lt_result_t rc = lt_shard_map_add(map, lt_str(body), token, token_len,
        &err);

    if (rc != LT_OK) {
        assert_true(err.text[0] != '\0');
    }
    return rc;
}

static uint64_t
shard_of(const lt_shard_map_t *map, uint64_t high, uint64_t low)
{
    size_t i = lt_shard_map_find(map, (lt_hash_key_t){high, low});

    assert_true(i < map->n);
    return map->shards[i].id;
}

/* A closed parent and its children; the border between them. */
static void
test_find(void **state)
{
    char token[LT_SHARD_TOKEN_MAX];
    uint64_t one = lt_shard_hash(LT_STR("shardId-000000000001"));
    uint64_t two = lt_shard_hash(LT_STR("shardId-000000000002"));
    lt_shard_map_t map;
    size_t token_len;

    (void)state;
    lt_shard_map_init(&map);
    assert_int_equal(add(&map, TWO_SHARDS "}", token, &token_len), LT_OK);
    assert_int_equal(token_len, 0);
    assert_int_equal(lt_shard_map_seal(&map), LT_OK);
    assert_int_equal(map.n, 2);

    assert_true(shard_of(&map, 0, 0) == one);
    assert_true(shard_of(&map, 0x7fffffffffffffff, UINT64_MAX) == one);
    assert_true(shard_of(&map, 0x8000000000000000, 0) == two);
    assert_true(shard_of(&map, UINT64_MAX, UINT64_MAX) == two);
    lt_shard_map_deinit(&map);
}

static void
test_pages(void **state)
{
    char token[LT_SHARD_TOKEN_MAX], page[400];
    lt_shard_map_t map;
    size_t token_len;

    (void)state;
    lt_shard_map_init(&map);
    for (int i = 99; i >= 0; i--) {
        (void)snprintf(page, sizeof(page),
            "{\"Shards\":[{\"ShardId\":\"shardId-%d\",\"HashKeyRange\":"
            "{\"StartingHashKey\":\"%d0\",\"EndingHashKey\":\"%d9\"}}]%s}",
            i, i, i, i != 0 ? ",\"NextToken\":\"more\"" : "");
        assert_int_equal(add(&map, page, token, &token_len), LT_OK);
        assert_int_equal(token_len, i != 0 ? 4 : 0);
        assert_memory_equal(token, "more", 4);
    }
    assert_int_equal(lt_shard_map_seal(&map), LT_OK);
    assert_int_equal(map.n, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(
            lt_shard_map_find(&map, (lt_hash_key_t){0, i * 10 + 5}), i);
    }
    assert_int_equal(lt_shard_map_find(&map, (lt_hash_key_t){0, 1000}), 100);
    lt_shard_map_deinit(&map);
}

static void
test_refused(void **state)
{
#define WITH_END(end)                                                          \
    "{\"Shards\":[{\"ShardId\":\"s\",\"HashKeyRange\":{\"EndingHashKey\":"     \
    end "}}]}"
    static const char *const bodies[] = {
        "", "[]", "{}", "{\"Shards\":{}}", "{\"Shards\":[1]}",
        "{\"Shards\":[{\"ShardId\":\"s\"}]}", WITH_END("\"\""), WITH_END("7"),
        WITH_END("\"12a\""), WITH_END("\"-1\""),
        WITH_END("\"340282366920938463463374607431768211456\""),
        WITH_END("\"0000000000000000000000000000000000000001\""),
        "{\"Shards\":[{\"HashKeyRange\":{\"EndingHashKey\":\"1\"}}]}",
    };
    char token[LT_SHARD_TOKEN_MAX];
    lt_shard_map_t map;
    size_t token_len;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        lt_shard_map_init(&map);
        assert_int_equal(add(&map, bodies[i], token, &token_len), LT_INVALID);
        lt_shard_map_deinit(&map);
    }

    lt_shard_map_init(&map);
    assert_int_equal(add(&map, "{\"Shards\":[]}", token, &token_len), LT_OK);
    assert_int_equal(lt_shard_map_seal(&map), LT_INVALID);
    assert_int_equal(lt_shard_map_find(&map, (lt_hash_key_t){0, 0}), 0);
}

/* MD5 of "" and "abc", RFC 1321. */
static void
test_key(void **state)
{
    lt_hash_key_t key;

    (void)state;
    assert_int_equal(lt_shard_key(&key, LT_STR("")), LT_OK);
    assert_true(key.high == 0xd41d8cd98f00b204);
    assert_true(key.low == 0xe9800998ecf8427e);
    assert_int_equal(lt_shard_key(&key, LT_STR("abc")), LT_OK);
    assert_true(key.high == 0x900150983cd24fb0);
    assert_true(key.low == 0xd6963f7d28e17f72);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_key),
    };

    return cmocka_run_group_tests_name("shard_map", tests, NULL, NULL);
}
