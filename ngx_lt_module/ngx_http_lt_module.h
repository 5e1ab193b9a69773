/*
 * What all rooms of the module share: the configuration and the handles of
 * the rooms of one nginx worker process.
 *
 * All directives live at http level (one deployment), the four flags
 * lt_websocket, lt_sessions, lt_results, lt_status at location level: see
 * docs/directives/.
 *
 * Memory: everything here lives in the cycle's pool.  Room handles are set by
 * each room's _init_process() and are NULL in the master process.
 */
#ifndef NGX_HTTP_LT_MODULE_H
#define NGX_HTTP_LT_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "lt_base.h"
#include "lt_sigv4.h"

#define NGX_HTTP_LT_LISTENERS_MAX 10000     /* what lt_listeners_max may be */
#define NGX_HTTP_LT_PROCESS_ID_LEN 16       /* 8 random bytes in hex */

typedef struct ngx_http_lt_main_conf_s ngx_http_lt_main_conf_t;
typedef struct ngx_http_lt_redis_s ngx_http_lt_redis_t;
typedef struct ngx_http_lt_registry_s ngx_http_lt_registry_t;
typedef struct ngx_http_lt_talks_s ngx_http_lt_talks_t;
typedef struct ngx_http_lt_jwks_s ngx_http_lt_jwks_t;
typedef struct ngx_http_lt_credentials_s ngx_http_lt_credentials_t;
typedef struct ngx_http_lt_health_s ngx_http_lt_health_t;

typedef struct {
    ngx_str_t name;             /* as configured, for the log */
    struct sockaddr *sockaddr;  /* resolved at start; NULL: not configured */
    socklen_t socklen;
    ngx_str_t password;         /* len 0 = none; never logged */
    ngx_int_t db;
} ngx_http_lt_redis_conf_t;

typedef struct {
    u_char sha256[LT_SHA256_LEN];
} ngx_http_lt_token_t;

typedef enum {
    NGX_HTTP_LT_RECORD_RAW = 0,
    NGX_HTTP_LT_RECORD_FRAMED
} ngx_http_lt_record_e;

typedef enum {                      /* of the variables room */
    NGX_HTTP_LT_VARIABLE_SESSION,
    NGX_HTTP_LT_VARIABLE_CONNECTION,
    NGX_HTTP_LT_VARIABLE_ROLE,
    NGX_HTTP_LT_VARIABLE_LANGUAGE,
    NGX_HTTP_LT_VARIABLE_CODE,
    NGX_HTTP_LT_VARIABLE_TRACE,
    NGX_HTTP_LT_VARIABLES
} ngx_http_lt_variable_e;

typedef struct {
    ngx_http_core_srv_conf_t *server;
    ngx_http_core_loc_conf_t *location;
    const u_char *directive;    /* "lt_websocket" ..., zero-terminated */
    const u_char *file;
    ngx_uint_t line;
} ngx_http_lt_place_t;

struct ngx_http_lt_main_conf_s {
    ngx_http_lt_redis_conf_t redis_conf;

    ngx_str_t aws_region;
    ngx_str_t aws_credentials_file;
    ngx_str_t aws_profile;
    ngx_uint_t aws_credentials; /* lt_credentials_source_t */
    ngx_str_t credentials_location; /* URI; len 0: none */
    ngx_http_lt_credentials_t *credentials; /* made at configuration time */

    ngx_str_t kinesis_stream;
    ngx_str_t kinesis_location; /* URI of the internal location */
    ngx_str_t kinesis_host;     /* the Host that is signed */
    ngx_uint_t kinesis_record;  /* ngx_http_lt_record_e */
    ngx_uint_t kinesis_protocol;    /* lt_kinesis_protocol_t */
    ngx_msec_t kinesis_linger;
    ngx_uint_t kinesis_inflight;
    ngx_msec_t audio_buffer;    /* of PCM, per session; 32 bytes a ms */
    size_t audio_buffer_total;  /* bytes, per process */

    ngx_str_t results_token_file;
    ngx_array_t *results_tokens;    /* of ngx_http_lt_token_t */

    ngx_str_t connections_file;
    lt_aws_keys_t connections_keys[2];  /* of who may call @connections */
    ngx_uint_t connections_keys_n;

    ngx_str_t jwt_jwks_file;    /* len 0: no identity provider */
    ngx_str_t jwt_issuer;
    ngx_array_t *jwt_audience;  /* of lt_str_t */
    ngx_uint_t jwt_token_use;   /* lt_claims_use_t */
    time_t jwt_leeway;          /* seconds */
    ngx_http_lt_jwks_t *jwks;   /* NULL: no identity provider */

    ngx_uint_t listeners_max;
    ngx_uint_t address_sockets; /* sockets of one client address; 0: any */
    ngx_shm_zone_t *address_zone;   /* NULL: not limited */
    size_t message_max;
    size_t control_max;
    ngx_uint_t audio_rate;      /* messages a second, per socket; 0: any */
    ngx_uint_t control_rate;
    time_t session_age;         /* seconds; 0: no limit but the day's */
    ngx_msec_t idle_timeout;
    ngx_msec_t speaker_grace;
    ngx_msec_t end_grace;
    ngx_msec_t drain;           /* over which a leaving process sends clients
                                   to others */
    size_t zone_size;
    ngx_shm_zone_t *zone;       /* the metrics room's */
    time_t certificate_end;     /* the first of the public servers; 0: none */

    ngx_int_t variables[NGX_HTTP_LT_VARIABLES];     /* their indexes */
    ngx_array_t places;         /* of ngx_http_lt_place_t: where the flags
                                   stand */

    /* this nginx worker process */
    u_char process_id[NGX_HTTP_LT_PROCESS_ID_LEN + 1];
    u_char process_raw[NGX_HTTP_LT_PROCESS_ID_LEN / 2];
    ngx_rbtree_t sockets;       /* open ones, by connection id */
    ngx_rbtree_node_t sockets_sentinel;
    ngx_queue_t waking;         /* the connection room's: sockets to write */
    ngx_event_t wake;
    ngx_queue_t calls;          /* the connections room's, under way */
    ngx_uint_t calls_n;
    int64_t calls_number;       /* of the last one */
    ngx_uint_t consoles_n;      /* questions of lt_console under way */
    ngx_queue_t kept;           /* the push room's: for Redis, when it is back */
    ngx_uint_t kept_n;
    size_t kept_bytes;
    ngx_queue_t joins;          /* of ngx_http_lt_join_t: the registry's */
    u_char *scratch;            /* message_max + 16k, for reading sockets */
    size_t scratch_size;
    ngx_http_lt_redis_t *redis;
    ngx_http_lt_registry_t *registry;
    ngx_http_lt_talks_t *talks;
    ngx_http_lt_health_t *health;   /* NULL: no memory */
    void *ingest;               /* the ingest room's */
};

extern ngx_module_t ngx_http_lt_module;

static ngx_inline ngx_http_lt_main_conf_t *
ngx_http_lt_main_conf(ngx_http_request_t *r)
{
    return ngx_http_get_module_main_conf(r, ngx_http_lt_module);
}

/* Views between the two kinds of strings. */
static ngx_inline lt_str_t
ngx_http_lt_view(const ngx_str_t *s)
{
    return (lt_str_t) { (const char *) s->data, s->len };
}

/* ngx_cpymem() that may be given an empty string's NULL. */
static ngx_inline u_char *
ngx_http_lt_copy(u_char *to, const void *from, size_t len)
{
    return len != 0 ? ngx_cpymem(to, from, len) : to;
}

/* Unix ms, from nginx's cached clock. */
static ngx_inline int64_t
ngx_http_lt_wall_ms(void)
{
    ngx_time_t *tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}

/* Cryptographic random bytes; NGX_ERROR when the kernel has none. */
ngx_int_t ngx_http_lt_random(u_char *out, size_t len);

/* Content handlers, one room each. */
ngx_int_t ngx_http_lt_websocket_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_lt_events_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_lt_sessions_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_lt_results_handler(ngx_http_request_t *r);

#endif
