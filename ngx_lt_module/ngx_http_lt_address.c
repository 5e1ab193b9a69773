#include "ngx_http_lt_address.h"
#include "ngx_http_lt_metrics.h"

#define LT_ADDRESS_MAX 16               /* bytes of an IPv6 address */

/* An address as all processes have it, or, with a total, one's part of it. */
struct ngx_http_lt_address_s {
    ngx_str_node_t sn;                  /* key: see lt_address_key_t */
    ngx_queue_t queue;                  /* parts of one process */
    ngx_http_lt_address_t *total;       /* NULL: this is it */
    ngx_uint_t sockets;
    u_char key[];
};

/* slot NGX_MAX_PROCESSES: of all processes. */
typedef struct {
    uint32_t slot;
    u_char bytes[LT_ADDRESS_MAX];
} lt_address_key_t;

typedef struct {
    ngx_rbtree_t tree;
    ngx_rbtree_node_t sentinel;
    ngx_queue_t parts[NGX_MAX_PROCESSES];
} lt_address_shm_t;

/* Of this process; NULL: nothing is counted. */
static ngx_slab_pool_t *lt_address_slab;

static ngx_int_t
lt_address_init_zone(ngx_shm_zone_t *zone, void *old)
{
    ngx_uint_t i;
    ngx_slab_pool_t *slab = (ngx_slab_pool_t *) zone->shm.addr;
    lt_address_shm_t *shm;

    zone->data = slab;

    if (old != NULL || zone->shm.exists) {
        return NGX_OK;
    }

    shm = ngx_slab_alloc(slab, sizeof(lt_address_shm_t));
    if (shm == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&shm->tree, &shm->sentinel, ngx_str_rbtree_insert_value);
    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        ngx_queue_init(&shm->parts[i]);
    }

    slab->data = shm;
    slab->log_nomem = 0;

    return NGX_OK;
}

ngx_shm_zone_t *
ngx_http_lt_address_zone(ngx_conf_t *cf)
{
    ngx_str_t name = ngx_string("lt_addresses");
    ngx_shm_zone_t *zone;

    zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_LT_ADDRESS_ZONE,
        &ngx_http_lt_module);
    if (zone != NULL) {
        zone->init = lt_address_init_zone;
    }

    return zone;
}

static ngx_http_lt_address_t *
lt_address_get(ngx_slab_pool_t *slab, const lt_address_key_t *key)
{
    uint32_t hash = ngx_crc32_short((u_char *) key, sizeof(*key));
    ngx_str_t name = { sizeof(*key), (u_char *) key };
    lt_address_shm_t *shm = slab->data;
    ngx_http_lt_address_t *a;

    a = (ngx_http_lt_address_t *) ngx_str_rbtree_lookup(&shm->tree, &name,
        hash);
    if (a != NULL) {
        return a;
    }

    a = ngx_slab_calloc_locked(slab,
        sizeof(ngx_http_lt_address_t) + sizeof(*key));
    if (a == NULL) {
        return NULL;
    }

    ngx_memcpy(a->key, key, sizeof(*key));
    a->sn.str.data = a->key;
    a->sn.str.len = sizeof(*key);
    a->sn.node.key = hash;
    ngx_rbtree_insert(&shm->tree, &a->sn.node);

    if (key->slot < NGX_MAX_PROCESSES) {
        ngx_queue_insert_tail(&shm->parts[key->slot], &a->queue);
    }

    return a;
}

/* n sockets less; one without any is freed. */
static void
lt_address_less(ngx_slab_pool_t *slab, ngx_http_lt_address_t *a, ngx_uint_t n)
{
    lt_address_shm_t *shm = slab->data;

    a->sockets -= n;

    if (a->sockets != 0) {
        return;
    }

    if (a->total != NULL) {
        ngx_queue_remove(&a->queue);
    }

    ngx_rbtree_delete(&shm->tree, &a->sn.node);
    ngx_slab_free_locked(slab, a);
}

/* What the process that had our slot before has left. */
static void
lt_address_take_off(ngx_slab_pool_t *slab)
{
    ngx_queue_t *parts;
    lt_address_shm_t *shm = slab->data;
    ngx_http_lt_address_t *part;

    ngx_shmtx_lock(&slab->mutex);
    parts = &shm->parts[ngx_process_slot];

    while (!ngx_queue_empty(parts)) {
        part = ngx_queue_data(ngx_queue_head(parts), ngx_http_lt_address_t,
            queue);
        lt_address_less(slab, part->total, part->sockets);
        lt_address_less(slab, part, part->sockets);
    }

    ngx_shmtx_unlock(&slab->mutex);
}

void
ngx_http_lt_address_init_process(ngx_shm_zone_t *zone)
{
    if (zone != NULL) {
        lt_address_slab = zone->data;
        lt_address_take_off(lt_address_slab);
    }
}

void
ngx_http_lt_address_exit_process(ngx_shm_zone_t *zone)
{
    if (lt_address_slab != NULL) {
        lt_address_take_off(lt_address_slab);
        lt_address_slab = NULL;
    }
}

static ngx_int_t
lt_address_key(lt_address_key_t *key, struct sockaddr *addr)
{
    struct sockaddr_in *sin = (struct sockaddr_in *) addr;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *) addr;
#endif

    ngx_memzero(key, sizeof(*key));
    key->slot = NGX_MAX_PROCESSES;

    switch (addr->sa_family) {

    case AF_INET:
        ngx_memcpy(key->bytes, &sin->sin_addr, sizeof(sin->sin_addr));
        return NGX_OK;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        ngx_memcpy(key->bytes, &sin6->sin6_addr, sizeof(sin6->sin6_addr));
        return NGX_OK;
#endif

    default:
        return NGX_DECLINED;    /* a socket file has no address */
    }
}

static ngx_int_t
lt_address_enter_locked(ngx_slab_pool_t *slab, lt_address_key_t *key,
    ngx_uint_t max, ngx_http_lt_address_t **address)
{
    ngx_http_lt_address_t *total, *part;

    total = lt_address_get(slab, key);
    if (total == NULL) {
        return NGX_OK;
    }

    if (total->sockets >= max) {
        return NGX_DECLINED;
    }

    key->slot = (uint32_t) ngx_process_slot;
    part = lt_address_get(slab, key);

    if (part == NULL) {
        if (total->sockets == 0) {
            lt_address_less(slab, total, 0);
        }
        return NGX_OK;
    }

    total->sockets++;
    part->sockets++;
    part->total = total;
    *address = part;

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_address_enter(ngx_http_lt_main_conf_t *mcf, ngx_connection_t *c,
    ngx_http_lt_address_t **address)
{
    ngx_int_t rc;
    lt_address_key_t key;
    ngx_slab_pool_t *slab = lt_address_slab;

    *address = NULL;

    if (slab == NULL || mcf->address_sockets == 0
        || lt_address_key(&key, c->sockaddr) != NGX_OK)
    {
        return NGX_OK;
    }

    ngx_shmtx_lock(&slab->mutex);
    rc = lt_address_enter_locked(slab, &key, mcf->address_sockets, address);
    ngx_shmtx_unlock(&slab->mutex);

    if (rc == NGX_OK && *address == NULL) {
        NGX_HTTP_LT_COUNT(addresses_uncounted, 1);
    }

    return rc;
}

void
ngx_http_lt_address_leave(ngx_http_lt_address_t **address)
{
    ngx_slab_pool_t *slab = lt_address_slab;

    if (*address == NULL || slab == NULL) {
        return;
    }

    ngx_shmtx_lock(&slab->mutex);
    lt_address_less(slab, (*address)->total, 1);
    lt_address_less(slab, *address, 1);
    ngx_shmtx_unlock(&slab->mutex);

    *address = NULL;
}
