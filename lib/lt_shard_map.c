#include "lt_shard_map.h"

#include <stdlib.h>
#include <string.h>

#include "lt_crypto.h"
#include "lt_json.h"

#define PAGE_MAX (4 * 1024 * 1024)
#define SHARDS_AT_FIRST 16
#define DIGITS_MAX 39           /* of 2^128 - 1 */

void
lt_shard_map_init(lt_shard_map_t *map)
{
    memset(map, 0, sizeof(*map));
}

void
lt_shard_map_deinit(lt_shard_map_t *map)
{
    free(map->shards);
    lt_shard_map_init(map);
}

/* times 10 and a digit more; 0: past 128 bits. */
static int
append_digit(lt_hash_key_t *key, unsigned digit)
{
    uint64_t low_low = (key->low & UINT32_MAX) * 10 + digit;
    uint64_t low_high = (key->low >> 32) * 10 + (low_low >> 32);
    uint64_t high_low = (key->high & UINT32_MAX) * 10 + (low_high >> 32);
    uint64_t high_high = (key->high >> 32) * 10 + (high_low >> 32);

    key->low = low_high << 32 | (low_low & UINT32_MAX);
    key->high = high_high << 32 | (high_low & UINT32_MAX);
    return high_high >> 32 == 0;
}

static lt_result_t
read_key(lt_hash_key_t *key, lt_str_t text)
{
    key->high = 0;
    key->low = 0;
    if (text.len == 0 || text.len > DIGITS_MAX) {
        return LT_INVALID;
    }

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9'
            || !append_digit(key, (unsigned)(text.data[i] - '0'))) {
            return LT_INVALID;
        }
    }
    return LT_OK;
}

static lt_result_t
read_shard(lt_shard_t *shard, const lt_json_t *v)
{
    lt_str_t id, end;

    if (!lt_json_string(v, "ShardId", &id) || id.len == 0
        || !lt_json_string(lt_json_get(v, "HashKeyRange"), "EndingHashKey",
            &end)) {
        return LT_INVALID;
    }
    shard->id = lt_shard_hash(id);
    return read_key(&shard->end, end);
}

static int
is_closed(const lt_json_t *v)
{
    lt_str_t text;

    return lt_json_string(lt_json_get(v, "SequenceNumberRange"),
        "EndingSequenceNumber", &text);
}

static lt_result_t
grow(lt_shard_map_t *map)
{
    size_t size = map->size == 0 ? SHARDS_AT_FIRST : map->size * 2;
    lt_shard_t *shards;

    if (map->n < map->size) {
        return LT_OK;
    }
    if (map->n >= LT_SHARDS_MAX) {
        return LT_TOOBIG;
    }
    shards = realloc(map->shards, size * sizeof(*shards));
    if (shards == NULL) {
        return LT_ERROR;
    }
    map->shards = shards;
    map->size = size;
    return LT_OK;
}

static lt_result_t
add_shards(lt_shard_map_t *map, const lt_json_t *list, lt_error_t *err)
{
    lt_result_t rc = LT_OK;

    for (size_t i = 0; rc == LT_OK && i < lt_json_size(list); i++) {
        const lt_json_t *v = lt_json_at(list, i);

        if (is_closed(v)) {
            continue;
        }
        rc = grow(map);
        if (rc == LT_OK) {
            rc = read_shard(&map->shards[map->n], v);
            map->n += rc == LT_OK;
        }
    }
    if (rc != LT_OK) {
        lt_error_set(err, 0, "ListShards: shard %zu cannot be taken", map->n);
    }
    return rc;
}

lt_result_t
lt_shard_map_add(lt_shard_map_t *map, lt_str_t body, char *token,
    size_t *token_len, lt_error_t *err)
{
    lt_result_t rc;
    const lt_json_t *list;
    lt_json_t *doc;
    lt_str_t next = {NULL, 0};

    *token_len = 0;
    rc = lt_json_parse(&doc, body, PAGE_MAX, err);
    if (rc != LT_OK) {
        return rc;
    }

    list = lt_json_get(doc, "Shards");
    if (!lt_json_is_array(list)) {
        lt_error_set(err, 0, "ListShards answered no shards");
        rc = LT_INVALID;
    } else {
        rc = add_shards(map, list, err);
    }

    if (rc == LT_OK && lt_json_string(doc, "NextToken", &next)) {
        if (next.len > LT_SHARD_TOKEN_MAX) {
            lt_error_set(err, 0, "ListShards: a token of %zu bytes", next.len);
            rc = LT_TOOBIG;
        } else if (next.len != 0) {
            memcpy(token, next.data, next.len);
            *token_len = next.len;
        }
    }

    lt_json_free(&doc);
    return rc;
}

static int
compare(lt_hash_key_t a, lt_hash_key_t b)
{
    if (a.high != b.high) {
        return a.high < b.high ? -1 : 1;
    }
    return a.low < b.low ? -1 : a.low > b.low;
}

static int
compare_shards(const void *a, const void *b)
{
    return compare(((const lt_shard_t *)a)->end, ((const lt_shard_t *)b)->end);
}

lt_result_t
lt_shard_map_seal(lt_shard_map_t *map)
{
    if (map->n == 0) {
        return LT_INVALID;
    }
    qsort(map->shards, map->n, sizeof(*map->shards), compare_shards);
    return LT_OK;
}

size_t
lt_shard_map_find(const lt_shard_map_t *map, lt_hash_key_t key)
{
    size_t from = 0, to = map->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (compare(map->shards[middle].end, key) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

lt_result_t
lt_shard_key(lt_hash_key_t *key, lt_str_t partition_key)
{
    uint8_t md5[LT_MD5_LEN];
    lt_result_t rc = lt_md5(md5, partition_key.data, partition_key.len);

    key->high = 0;
    key->low = 0;
    if (rc != LT_OK) {
        return rc;
    }
    for (size_t i = 0; i < 8; i++) {
        key->high = key->high << 8 | md5[i];
        key->low = key->low << 8 | md5[8 + i];
    }
    return LT_OK;
}

/* FNV-1a, 64 bits. */
uint64_t
lt_shard_hash(lt_str_t shard_id)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < shard_id.len; i++) {
        hash = (hash ^ (uint8_t)shard_id.data[i]) * 0x100000001b3u;
    }
    return hash != 0 ? hash : 1;
}
