/*
 * The stream's shards as this process knows them, and how fast each may be
 * written to: what one shard refuses holds back the sessions on that shard
 * and no others.
 *
 * The map is read by ListShards when there is audio and no map, each minute
 * while there is audio, and when a record turns out to lie on
 * another shard than the map says.  Without a map (no right to ListShards)
 * each session waits for itself: see the producer.
 *
 * States: IDLE (nothing asked), ASKING (a page is on its way, bounded by the
 * location's timeouts).
 * Memory: heap, one map and one pace a shard.  Limits: LT_SHARDS_MAX.
 */
#ifndef NGX_HTTP_LT_SHARDS_H
#define NGX_HTTP_LT_SHARDS_H

#include "ngx_http_lt_module.h"
#include "lt_pace.h"
#include "lt_shard_map.h"


#define NGX_HTTP_LT_SHARDS_AGE_MS    60000
/* A wrong map is read again, but not more often than this. */
#define NGX_HTTP_LT_SHARDS_PAUSE_MS  1000


typedef struct ngx_http_lt_shards_s  ngx_http_lt_shards_t;


/* NULL: no memory. */
ngx_http_lt_shards_t *ngx_http_lt_shards_new(ngx_http_lt_main_conf_t *mcf);
void ngx_http_lt_shards_free(ngx_http_lt_shards_t *shards);

/* There is audio to be sent through that server: reads the map if it is
   due. */
void ngx_http_lt_shards_use(ngx_http_lt_shards_t *shards,
    ngx_http_conf_ctx_t *ctx);

/* Of a record with that key; valid until the event handler returns.  NULL:
   unknown. */
lt_pace_t *ngx_http_lt_shards_find(ngx_http_lt_shards_t *shards,
    lt_hash_key_t key);

/* A record with that key was stored, on the shard with that id (0: not
   said). */
void ngx_http_lt_shards_stored(ngx_http_lt_shards_t *shards,
    lt_hash_key_t key, uint64_t id);


#endif
