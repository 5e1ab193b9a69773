#include "ngx_http_lt_shards.h"
#include "ngx_http_lt_kinesis.h"
#include "ngx_http_lt_metrics.h"
#include "lt_kinesis.h"


/* A page has up to 1000 shards of 450 bytes. */
#define NGX_HTTP_LT_SHARDS_ANSWER_MAX   (1024 * 1024)
#define NGX_HTTP_LT_SHARDS_PAGES_MAX    (LT_SHARDS_MAX / 100)
#define NGX_HTTP_LT_SHARDS_ATTEMPT_MAX  16


struct ngx_http_lt_shards_s {
    ngx_http_lt_main_conf_t  *mcf;
    ngx_http_conf_ctx_t      *ctx;
    lt_shard_map_t            map;
    lt_pace_t                *paces;        /* as map.shards; NULL: no map */
    ngx_msec_t                read_at_ms;   /* the last try began; 0: never */
    ngx_msec_t                pause_ms;     /* until the next one */

    ngx_http_lt_kinesis_t    *call;         /* NULL: IDLE */
    lt_shard_map_t            next;
    ngx_uint_t                pages;
    ngx_uint_t                attempt;
    char                      token[LT_SHARD_TOKEN_MAX];
    size_t                    token_len;
    ngx_http_lt_log_limit_t   failed_log;
};


static ngx_int_t ngx_http_lt_shards_ask(ngx_http_lt_shards_t *shards);
static void ngx_http_lt_shards_answered(void *data,
    ngx_http_lt_kinesis_result_t *result);
static ngx_int_t ngx_http_lt_shards_take_page(ngx_http_lt_shards_t *shards,
    ngx_http_lt_kinesis_result_t *result);
static ngx_int_t ngx_http_lt_shards_replace(ngx_http_lt_shards_t *shards);
static void ngx_http_lt_shards_failed(ngx_http_lt_shards_t *shards,
    const ngx_http_lt_kinesis_result_t *result, const char *cause);


ngx_http_lt_shards_t *
ngx_http_lt_shards_new(ngx_http_lt_main_conf_t *mcf)
{
    ngx_http_lt_shards_t  *shards;

    shards = ngx_calloc(sizeof(ngx_http_lt_shards_t), ngx_cycle->log);
    if (shards == NULL) {
        return NULL;
    }

    shards->mcf = mcf;
    lt_shard_map_init(&shards->map);
    lt_shard_map_init(&shards->next);

    return shards;
}


void
ngx_http_lt_shards_free(ngx_http_lt_shards_t *shards)
{
    if (shards->call) {
        ngx_http_lt_kinesis_free(shards->call);
    }

    if (shards->paces) {
        ngx_free(shards->paces);
    }

    lt_shard_map_deinit(&shards->map);
    lt_shard_map_deinit(&shards->next);
    ngx_free(shards);
}


void
ngx_http_lt_shards_use(ngx_http_lt_shards_t *shards, ngx_http_conf_ctx_t *ctx)
{
    if (shards->call
        || ngx_exiting
        || (shards->read_at_ms
            && ngx_current_msec - shards->read_at_ms < shards->pause_ms))
    {
        return;
    }

    shards->ctx = ctx;
    shards->read_at_ms = ngx_current_msec ? ngx_current_msec : 1;
    shards->pages = 0;
    shards->token_len = 0;
    lt_shard_map_deinit(&shards->next);

    if (ngx_http_lt_shards_ask(shards) != NGX_OK) {
        ngx_http_lt_shards_failed(shards, NULL, "no memory");
    }
}


static ngx_int_t
ngx_http_lt_shards_ask(ngx_http_lt_shards_t *shards)
{
    size_t                    size;
    lt_out_t                  out;
    ngx_http_lt_kinesis_t    *call;
    ngx_http_lt_main_conf_t  *mcf = shards->mcf;

    size = 64 + mcf->kinesis_stream.len + 2 * shards->token_len;

    call = ngx_http_lt_kinesis_new(mcf, shards->ctx, "ListShards", size);
    if (call == NULL) {
        return NGX_ERROR;
    }

    lt_out_init(&out, ngx_http_lt_kinesis_body(call), size);
    lt_kinesis_list_shards(&out, mcf->kinesis_protocol,
                           ngx_http_lt_view(&mcf->kinesis_stream),
                           (lt_str_t) { shards->token, shards->token_len });

    if (lt_out_result(&out) != LT_OK
        || ngx_http_lt_kinesis_send(call, lt_out_len(&out),
                                    NGX_HTTP_LT_SHARDS_ANSWER_MAX,
                                    ngx_http_lt_shards_answered, shards)
           != NGX_OK)
    {
        ngx_http_lt_kinesis_free(call);
        return NGX_ERROR;
    }

    shards->call = call;

    return NGX_OK;
}


static void
ngx_http_lt_shards_answered(void *data, ngx_http_lt_kinesis_result_t *result)
{
    ngx_int_t               rc;
    ngx_http_lt_shards_t   *shards = data;
    ngx_http_lt_kinesis_t  *call = shards->call;

    shards->call = NULL;
    rc = ngx_http_lt_shards_take_page(shards, result);

    if (rc == NGX_AGAIN
        && (ngx_exiting || ngx_http_lt_shards_ask(shards) != NGX_OK))
    {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_lt_shards_replace(shards);
    }

    if (rc == NGX_ERROR) {
        ngx_http_lt_shards_failed(shards, result, "the shards are not known");
    }

    ngx_http_lt_kinesis_free(call);
}


/* NGX_AGAIN: there are more. */
static ngx_int_t
ngx_http_lt_shards_take_page(ngx_http_lt_shards_t *shards,
    ngx_http_lt_kinesis_result_t *result)
{
    if (!result->is_ok) {
        return NGX_ERROR;
    }

    if (lt_shard_map_add(&shards->next, ngx_http_lt_view(&result->body),
                         shards->token, &shards->token_len, NULL)
        != LT_OK)
    {
        ngx_http_lt_kinesis_refuse(result);
        return NGX_ERROR;
    }

    if (shards->token_len == 0) {
        return NGX_OK;
    }

    return ++shards->pages < NGX_HTTP_LT_SHARDS_PAGES_MAX ? NGX_AGAIN
                                                          : NGX_ERROR;
}


/* A shard that stays keeps its pace; its range may not change. */
static ngx_int_t
ngx_http_lt_shards_replace(ngx_http_lt_shards_t *shards)
{
    size_t           i, was;
    lt_pace_t       *paces;
    lt_shard_map_t  *map = &shards->map, *next = &shards->next;

    if (lt_shard_map_seal(next) != LT_OK) {
        return NGX_ERROR;
    }

    paces = ngx_alloc(next->n * sizeof(lt_pace_t), ngx_cycle->log);
    if (paces == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < next->n; i++) {
        was = lt_shard_map_find(map, next->shards[i].end);

        if (was < map->n && map->shards[was].id == next->shards[i].id) {
            paces[i] = shards->paces[was];
        } else {
            lt_pace_init(&paces[i]);
        }
    }

    if (shards->paces) {
        ngx_free(shards->paces);
    }

    lt_shard_map_deinit(map);
    *map = *next;
    lt_shard_map_init(next);

    shards->paces = paces;
    shards->attempt = 0;
    shards->pause_ms = NGX_HTTP_LT_SHARDS_AGE_MS;
    NGX_HTTP_LT_COUNT(kinesis_shard_maps, 1);

    return NGX_OK;
}


/* The map of before, if there was one, stays. */
static void
ngx_http_lt_shards_failed(ngx_http_lt_shards_t *shards,
    const ngx_http_lt_kinesis_result_t *result, const char *cause)
{
    double  jitter = 0.5 + (double) (ngx_random() & 0xffff) / 0x20000;

    lt_shard_map_deinit(&shards->next);

    if (shards->attempt < NGX_HTTP_LT_SHARDS_ATTEMPT_MAX) {
        shards->attempt++;
    }

    shards->pause_ms = lt_aws_retry_delay_ms(LT_AWS_THROTTLE,
                                             shards->attempt, jitter);

    if (result && result->class == LT_AWS_FATAL) {
        shards->pause_ms = NGX_HTTP_LT_SHARDS_AGE_MS;
    }

    NGX_HTTP_LT_COUNT(kinesis_shard_maps_failed, 1);

    if (!ngx_http_lt_log_is_due(&shards->failed_log)) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "lt: event=shard_map_failed status=%ui code=%s "
                  "suppressed=%ui cause=\"%s\"", result ? result->status : 0,
                  result && result->code[0] ? result->code : "-",
                  shards->failed_log.suppressed,
                  result && result->cause ? result->cause : cause);
    shards->failed_log.suppressed = 0;
}


lt_pace_t *
ngx_http_lt_shards_find(ngx_http_lt_shards_t *shards, lt_hash_key_t key)
{
    size_t  i;

    i = lt_shard_map_find(&shards->map, key);

    return i < shards->map.n ? &shards->paces[i] : NULL;
}


void
ngx_http_lt_shards_stored(ngx_http_lt_shards_t *shards, lt_hash_key_t key,
    uint64_t id)
{
    size_t  i;

    i = lt_shard_map_find(&shards->map, key);
    if (i >= shards->map.n) {
        return;
    }

    if (id == 0 || shards->map.shards[i].id == id) {
        lt_pace_stored(&shards->paces[i]);
        return;
    }

    NGX_HTTP_LT_COUNT(kinesis_shard_misses, 1);

    if (shards->pause_ms == NGX_HTTP_LT_SHARDS_AGE_MS) {
        shards->pause_ms = NGX_HTTP_LT_SHARDS_PAUSE_MS;
    }
}
