/* Every key has its shard, or lies behind the last one. */
#include "fuzz.h"
#include "lt_shard_map.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const lt_hash_key_t first = {0, 0}, last = {UINT64_MAX, UINT64_MAX};
    char token[LT_SHARD_TOKEN_MAX];
    lt_shard_map_t map;
    size_t token_len;

    lt_shard_map_init(&map);
    if (lt_shard_map_add(&map, fuzz_str(data, size), token, &token_len, NULL)
            == LT_OK
        && lt_shard_map_seal(&map) == LT_OK) {
        fuzz_check(token_len <= sizeof(token));
        fuzz_check(lt_shard_map_find(&map, first) == 0);
        fuzz_check(lt_shard_map_find(&map, last) >= map.n - 1);
    }
    lt_shard_map_deinit(&map);
    return 0;
}
