/*
 * Which shard of a stream a partition key goes to: the open shards by the end
 * of their hash ranges.  API reference, ListShards, HashKeyRange; the hash is
 * the MD5 of the key, read as a big-endian number of 128 bits.
 *
 * A forecast only: after a reshard a record may go elsewhere until the map is
 * read anew.  So it serves to pace, never to decide what has been stored.
 *
 * Memory: heap, freed by _deinit.  Limits: LT_SHARDS_MAX open shards.
 */
#ifndef LT_SHARD_MAP_H
#define LT_SHARD_MAP_H

#include "lt_base.h"

#define LT_SHARDS_MAX 20000             /* AWS's largest default quota */
#define LT_SHARD_TOKEN_MAX 2048         /* of NextToken: 1 MiB by the model,
                                           some hundred bytes in fact */

typedef struct {
    uint64_t high;
    uint64_t low;
} lt_hash_key_t;

typedef struct {
    lt_hash_key_t end;          /* of its range, inclusive */
    uint64_t id;                /* lt_shard_hash() of the ShardId */
} lt_shard_t;

typedef struct {
    lt_shard_t *shards;         /* in the order of end, once sealed */
    size_t n;
    size_t size;
} lt_shard_map_t;

void lt_shard_map_init(lt_shard_map_t *map);
void lt_shard_map_deinit(lt_shard_map_t *map);

/*
 * One page of ListShards (JSON, or what lt_cbor_to_json() made); closed shards
 * are left out.  token: room for LT_SHARD_TOKEN_MAX bytes, *token_len 0 = that
 * was the last page.  LT_INVALID: not such a page, and the map is useless;
 * LT_TOOBIG: too many shards, or too long a token; LT_ERROR: no memory.
 */
lt_result_t lt_shard_map_add(lt_shard_map_t *map, lt_str_t body, char *token,
    size_t *token_len, lt_error_t *err);

/* After the last page.  LT_INVALID: there is no open shard. */
lt_result_t lt_shard_map_seal(lt_shard_map_t *map);

/* The index of the shard whose range holds the key; n when there is none. */
size_t lt_shard_map_find(const lt_shard_map_t *map, lt_hash_key_t key);

/* MD5 of a partition key.  LT_ERROR: OpenSSL failed. */
lt_result_t lt_shard_key(lt_hash_key_t *key, lt_str_t partition_key);

/* A shard's id in 64 bits, never 0. */
uint64_t lt_shard_hash(lt_str_t shard_id);

#endif
