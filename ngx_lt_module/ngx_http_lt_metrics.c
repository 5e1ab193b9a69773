#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_module.h"


/* A layout other than ours (a module of another version before the reload)
   is left behind, not reinterpreted: that is what size is for. */
typedef struct {
    size_t                  size;
    ngx_http_lt_counters_t  counters;
    ngx_http_lt_gauges_t    gauges[NGX_MAX_PROCESSES];
    u_char                  process[NGX_MAX_PROCESSES]
                                   [NGX_HTTP_LT_PROCESS_ID_LEN];
} ngx_http_lt_metrics_shm_t;


static ngx_int_t ngx_http_lt_metrics_init_zone(ngx_shm_zone_t *zone,
    void *old);


static ngx_http_lt_counters_t  ngx_http_lt_no_counters;
static ngx_http_lt_gauges_t    ngx_http_lt_no_gauges;

ngx_http_lt_counters_t  *ngx_http_lt_counters = &ngx_http_lt_no_counters;
ngx_http_lt_gauges_t    *ngx_http_lt_gauges = &ngx_http_lt_no_gauges;


ngx_shm_zone_t *
ngx_http_lt_metrics_zone(ngx_conf_t *cf, size_t size)
{
    ngx_str_t        name = ngx_string("lt_metrics");
    ngx_shm_zone_t  *zone;

    if (size < NGX_HTTP_LT_ZONE_SIZE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "lt_zone is too small: at least %uzk is needed",
                           (size_t) NGX_HTTP_LT_ZONE_SIZE_MIN / 1024);
        return NULL;
    }

    zone = ngx_shared_memory_add(cf, &name, size, &ngx_http_lt_module);
    if (zone == NULL) {
        return NULL;
    }

    zone->init = ngx_http_lt_metrics_init_zone;

    return zone;
}


static ngx_int_t
ngx_http_lt_metrics_init_zone(ngx_shm_zone_t *zone, void *old)
{
    ngx_slab_pool_t            *slab = (ngx_slab_pool_t *) zone->shm.addr;
    ngx_http_lt_metrics_shm_t  *shm = old;

    if (shm == NULL && zone->shm.exists) {
        shm = slab->data;
    }

    if (shm && shm->size == sizeof(*shm)) {
        zone->data = shm;
        return NGX_OK;
    }

    shm = ngx_slab_calloc(slab, sizeof(*shm));
    if (shm == NULL) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "no place for the counters in lt_zone: make it larger");
        return NGX_ERROR;
    }

    shm->size = sizeof(*shm);
    slab->data = shm;
    zone->data = shm;

    return NGX_OK;
}


void
ngx_http_lt_metrics_init_process(ngx_shm_zone_t *zone, ngx_str_t *process,
    ngx_str_t *former)
{
    ngx_http_lt_metrics_shm_t  *shm;

    if (zone == NULL || zone->data == NULL) {
        return;
    }

    shm = zone->data;

    if (shm->process[ngx_process_slot][0] != '\0') {
        ngx_memcpy(former->data, shm->process[ngx_process_slot],
                   NGX_HTTP_LT_PROCESS_ID_LEN);
        former->len = NGX_HTTP_LT_PROCESS_ID_LEN;
    }

    ngx_memcpy(shm->process[ngx_process_slot], process->data,
               NGX_HTTP_LT_PROCESS_ID_LEN);

    ngx_http_lt_counters = &shm->counters;
    ngx_http_lt_gauges = &shm->gauges[ngx_process_slot];

    ngx_memzero(ngx_http_lt_gauges, sizeof(*ngx_http_lt_gauges));
    NGX_HTTP_LT_GAUGE(processes, 1);
}


void
ngx_http_lt_metrics_observe(ngx_http_lt_histogram_t *histogram, int64_t ms)
{
    static const int64_t  bounds[] = NGX_HTTP_LT_BUCKETS;

    ngx_uint_t  i = 0;

    ms = ngx_max(ms, 0);

    while (i < NGX_HTTP_LT_BUCKETS_N - 1 && ms > bounds[i]) {
        i++;
    }

    (void) ngx_atomic_fetch_add(&histogram->buckets[i], 1);
    (void) ngx_atomic_fetch_add(&histogram->sum_ms, (ngx_atomic_int_t) ms);
}


void
ngx_http_lt_metrics_hear(const ngx_str_t *language, ngx_int_t n)
{
    int  i;

    i = lt_language_index((lt_str_t) { (const char *) language->data,
                                       language->len });
    if (i >= 0) {
        (void) ngx_atomic_fetch_add(&ngx_http_lt_gauges->listeners[i], n);
    }
}


void
ngx_http_lt_metrics_exit_process(ngx_shm_zone_t *zone)
{
    ngx_http_lt_metrics_shm_t  *shm;

    if (zone != NULL && zone->data != NULL) {
        shm = zone->data;
        shm->process[ngx_process_slot][0] = '\0';
    }

    ngx_memzero(ngx_http_lt_gauges, sizeof(*ngx_http_lt_gauges));
}


void
ngx_http_lt_metrics_sum(ngx_shm_zone_t *zone, ngx_http_lt_counters_t *counters,
    ngx_http_lt_gauges_t *gauges)
{
    ngx_uint_t                  i, j;
    ngx_http_lt_metrics_shm_t  *shm = zone->data;

    *counters = shm->counters;
    ngx_memzero(gauges, sizeof(*gauges));

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
#define NGX_HTTP_LT_SUM(name, text)                                           \
        gauges->name += shm->gauges[i].name;
        NGX_HTTP_LT_GAUGES(NGX_HTTP_LT_SUM)
#undef NGX_HTTP_LT_SUM

#define NGX_HTTP_LT_FIRST(name, text)                                         \
        if (shm->gauges[i].name != 0                                          \
            && (gauges->name == 0 || shm->gauges[i].name < gauges->name))     \
        {                                                                     \
            gauges->name = shm->gauges[i].name;                               \
        }
        NGX_HTTP_LT_MOMENTS(NGX_HTTP_LT_FIRST)
#undef NGX_HTTP_LT_FIRST

        for (j = 0; j < LT_LANGUAGES_MAX; j++) {
            gauges->listeners[j] += shm->gauges[i].listeners[j];
        }
    }
}


ngx_int_t
ngx_http_lt_log_is_due(ngx_http_lt_log_limit_t *limit)
{
    if (limit->last_s == ngx_time()) {
        limit->suppressed++;
        NGX_HTTP_LT_COUNT(logs_suppressed, 1);
        return 0;
    }

    limit->last_s = ngx_time();

    return 1;
}
