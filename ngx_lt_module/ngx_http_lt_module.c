/* Directives, defaults and the hooks of a process's life. */
#include "ngx_http_lt_module.h"
#include "ngx_http_lt_address.h"
#include "ngx_http_lt_certificate.h"
#include "ngx_http_lt_conf.h"
#include "ngx_http_lt_console.h"
#include "ngx_http_lt_connections.h"
#include "ngx_http_lt_drain.h"
#include "ngx_http_lt_credentials.h"
#include "ngx_http_lt_push.h"
#include "ngx_http_lt_health.h"
#include "ngx_http_lt_page.h"
#include "ngx_http_lt_redis.h"
#include "ngx_http_lt_registry.h"
#include "ngx_http_lt_talk.h"
#include "ngx_http_lt_ingest.h"
#include "ngx_http_lt_jwt.h"
#include "ngx_http_lt_jwks.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_variables.h"

#include "lt_claims.h"
#include "lt_kinesis.h"

#include <sys/random.h>

#define NGX_HTTP_LT_READ_AHEAD 16384

static ngx_conf_num_bounds_t ngx_http_lt_inflight_bounds = {
    ngx_conf_check_num_bounds, 1, 1024
};
static ngx_conf_num_bounds_t ngx_http_lt_listeners_bounds = {
    ngx_conf_check_num_bounds, 1, NGX_HTTP_LT_LISTENERS_MAX
};

static ngx_conf_num_bounds_t ngx_http_lt_address_bounds = {
    ngx_conf_check_num_bounds, 0, 1000000
};

static ngx_conf_num_bounds_t ngx_http_lt_rate_bounds = {
    ngx_conf_check_num_bounds, 0, 10000
};

static ngx_conf_enum_t ngx_http_lt_records[] = {
    { ngx_string("raw"), NGX_HTTP_LT_RECORD_RAW },
    { ngx_string("framed"), NGX_HTTP_LT_RECORD_FRAMED },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t ngx_http_lt_protocols[] = {
    { ngx_string("json"), LT_KINESIS_JSON },
    { ngx_string("cbor"), LT_KINESIS_CBOR },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t ngx_http_lt_token_uses[] = {
    { ngx_string("id"), LT_CLAIMS_USE_ID },
    { ngx_string("access"), LT_CLAIMS_USE_ACCESS },
    { ngx_string("any"), LT_CLAIMS_USE_ANY },
    { ngx_null_string, 0 }
};

#define LT_MAIN(name, args, set, field, post)                                 \
    { ngx_string(name), NGX_HTTP_MAIN_CONF | args, set,                       \
      NGX_HTTP_MAIN_CONF_OFFSET, offsetof(ngx_http_lt_main_conf_t, field),    \
      post }
#define LT_PLACE(name, args, handler)                                         \
    { ngx_string(name), NGX_HTTP_LOC_CONF | args,                             \
      ngx_http_lt_conf_place, NGX_HTTP_MAIN_CONF_OFFSET, 0,                   \
      (void *) handler }

static ngx_command_t ngx_http_lt_commands[] = {
    LT_MAIN("lt_redis", NGX_CONF_TAKE123, ngx_http_lt_conf_redis,
        redis_conf, NULL),
    LT_MAIN("lt_aws_region", NGX_CONF_TAKE1, ngx_http_lt_conf_region,
        aws_region, NULL),
    LT_MAIN("lt_aws_credentials_file", NGX_CONF_TAKE12,
        ngx_http_lt_credentials_conf_file, aws_credentials_file, NULL),
    LT_MAIN("lt_aws_credentials", NGX_CONF_TAKE1,
        ngx_http_lt_credentials_conf_source, aws_credentials, NULL),
    LT_MAIN("lt_aws_credentials_location", NGX_CONF_TAKE1,
        ngx_conf_set_str_slot, credentials_location, NULL),
    LT_MAIN("lt_kinesis_stream", NGX_CONF_TAKE1, ngx_conf_set_str_slot,
        kinesis_stream, NULL),
    LT_MAIN("lt_kinesis_location", NGX_CONF_TAKE1, ngx_http_lt_conf_location,
        kinesis_location, NULL),
    LT_MAIN("lt_kinesis_host", NGX_CONF_TAKE1, ngx_conf_set_str_slot,
        kinesis_host, NULL),
    LT_MAIN("lt_kinesis_record", NGX_CONF_TAKE1, ngx_conf_set_enum_slot,
        kinesis_record, ngx_http_lt_records),
    LT_MAIN("lt_kinesis_protocol", NGX_CONF_TAKE1, ngx_conf_set_enum_slot,
        kinesis_protocol, ngx_http_lt_protocols),
    LT_MAIN("lt_kinesis_linger", NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
        kinesis_linger, NULL),
    LT_MAIN("lt_kinesis_inflight", NGX_CONF_TAKE1, ngx_conf_set_num_slot,
        kinesis_inflight, &ngx_http_lt_inflight_bounds),
    LT_MAIN("lt_audio_buffer", NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
        audio_buffer, NULL),
    LT_MAIN("lt_audio_buffer_total", NGX_CONF_TAKE1, ngx_conf_set_size_slot,
        audio_buffer_total, NULL),
    LT_MAIN("lt_results_token_file", NGX_CONF_TAKE1,
        ngx_http_lt_conf_token_file, results_token_file, NULL),
    LT_MAIN("lt_connections_credentials_file", NGX_CONF_TAKE1,
        ngx_http_lt_conf_connections, connections_file, NULL),
    LT_MAIN("lt_jwt_jwks_file", NGX_CONF_TAKE1, ngx_conf_set_str_slot,
        jwt_jwks_file, NULL),
    LT_MAIN("lt_jwt_issuer", NGX_CONF_TAKE1, ngx_conf_set_str_slot,
        jwt_issuer, NULL),
    LT_MAIN("lt_jwt_audience", NGX_CONF_1MORE, ngx_http_lt_jwt_audience,
        jwt_audience, NULL),
    LT_MAIN("lt_jwt_token_use", NGX_CONF_TAKE1, ngx_conf_set_enum_slot,
        jwt_token_use, ngx_http_lt_token_uses),
    LT_MAIN("lt_jwt_leeway", NGX_CONF_TAKE1, ngx_conf_set_sec_slot,
        jwt_leeway, NULL),
    LT_MAIN("lt_listeners_max", NGX_CONF_TAKE1, ngx_conf_set_num_slot,
        listeners_max, &ngx_http_lt_listeners_bounds),
    LT_MAIN("lt_address_sockets", NGX_CONF_TAKE1, ngx_conf_set_num_slot,
        address_sockets, &ngx_http_lt_address_bounds),
    LT_MAIN("lt_message_max", NGX_CONF_TAKE1, ngx_conf_set_size_slot,
        message_max, NULL),
    LT_MAIN("lt_control_max", NGX_CONF_TAKE1, ngx_conf_set_size_slot,
        control_max, NULL),
    LT_MAIN("lt_audio_rate", NGX_CONF_TAKE1, ngx_conf_set_num_slot,
        audio_rate, &ngx_http_lt_rate_bounds),
    LT_MAIN("lt_control_rate", NGX_CONF_TAKE1, ngx_conf_set_num_slot,
        control_rate, &ngx_http_lt_rate_bounds),
    LT_MAIN("lt_session_age", NGX_CONF_TAKE1, ngx_conf_set_sec_slot,
        session_age, NULL),
    LT_MAIN("lt_idle_timeout", NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
        idle_timeout, NULL),
    LT_MAIN("lt_speaker_grace", NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
        speaker_grace, NULL),
    LT_MAIN("lt_end_grace", NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
        end_grace, NULL),
    LT_MAIN("lt_drain", NGX_CONF_TAKE1, ngx_conf_set_msec_slot, drain, NULL),
    LT_MAIN("lt_zone", NGX_CONF_TAKE1, ngx_conf_set_size_slot,
        zone_size, NULL),
    LT_PLACE("lt_websocket", NGX_CONF_NOARGS, ngx_http_lt_websocket_handler),
    LT_PLACE("lt_events", NGX_CONF_NOARGS, ngx_http_lt_events_handler),
    LT_PLACE("lt_sessions", NGX_CONF_NOARGS, ngx_http_lt_sessions_handler),
    LT_PLACE("lt_results", NGX_CONF_NOARGS, ngx_http_lt_results_handler),
    LT_PLACE("lt_status", NGX_CONF_NOARGS | NGX_CONF_TAKE1,
        ngx_http_lt_status_handler),
    LT_PLACE("lt_console", NGX_CONF_NOARGS, ngx_http_lt_console_handler),
    LT_PLACE("lt_health", NGX_CONF_TAKE1, ngx_http_lt_health_live_handler),
    LT_PLACE("lt_connections", NGX_CONF_NOARGS | NGX_CONF_TAKE1,
        ngx_http_lt_connections_handler),
    ngx_null_command
};

static void *
ngx_http_lt_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_lt_main_conf_t *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_lt_main_conf_t));
    if (mcf == NULL
        || ngx_array_init(&mcf->places, cf->pool, 4,
               sizeof(ngx_http_lt_place_t)) != NGX_OK)
    {
        return NULL;
    }

    mcf->aws_credentials = NGX_CONF_UNSET_UINT;
    mcf->kinesis_record = NGX_CONF_UNSET_UINT;
    mcf->kinesis_protocol = NGX_CONF_UNSET_UINT;
    mcf->kinesis_linger = NGX_CONF_UNSET_MSEC;
    mcf->kinesis_inflight = NGX_CONF_UNSET_UINT;
    mcf->audio_buffer = NGX_CONF_UNSET_MSEC;
    mcf->audio_buffer_total = NGX_CONF_UNSET_SIZE;
    mcf->jwt_token_use = NGX_CONF_UNSET_UINT;
    mcf->jwt_leeway = NGX_CONF_UNSET;
    mcf->listeners_max = NGX_CONF_UNSET_UINT;
    mcf->address_sockets = NGX_CONF_UNSET_UINT;
    mcf->message_max = NGX_CONF_UNSET_SIZE;
    mcf->control_max = NGX_CONF_UNSET_SIZE;
    mcf->audio_rate = NGX_CONF_UNSET_UINT;
    mcf->control_rate = NGX_CONF_UNSET_UINT;
    mcf->session_age = NGX_CONF_UNSET;
    mcf->idle_timeout = NGX_CONF_UNSET_MSEC;
    mcf->speaker_grace = NGX_CONF_UNSET_MSEC;
    mcf->end_grace = NGX_CONF_UNSET_MSEC;
    mcf->drain = NGX_CONF_UNSET_MSEC;
    mcf->zone_size = NGX_CONF_UNSET_SIZE;

    return mcf;
}

static char *
ngx_http_lt_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_lt_main_conf_t *mcf = conf;

    if (ngx_http_lt_jwt_check(cf, mcf) != NGX_OK
        || ngx_http_lt_drain_check(cf, mcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_uint_value(mcf->aws_credentials, LT_CREDENTIALS_AUTO);
    ngx_conf_init_uint_value(mcf->kinesis_record, NGX_HTTP_LT_RECORD_RAW);
    ngx_conf_init_uint_value(mcf->kinesis_protocol, LT_KINESIS_JSON);
    ngx_conf_init_msec_value(mcf->kinesis_linger, 100);
    ngx_conf_init_uint_value(mcf->kinesis_inflight, 48);
    ngx_conf_init_msec_value(mcf->audio_buffer, 8000);
    ngx_conf_init_size_value(mcf->audio_buffer_total, 64 * 1024 * 1024);
    ngx_conf_init_uint_value(mcf->jwt_token_use, LT_CLAIMS_USE_ID);
    ngx_conf_init_value(mcf->jwt_leeway, 0);
    ngx_conf_init_uint_value(mcf->listeners_max, 500);
    ngx_conf_init_uint_value(mcf->address_sockets, 0);
    ngx_conf_init_size_value(mcf->message_max, 64 * 1024);
    ngx_conf_init_size_value(mcf->control_max, 4 * 1024);
    ngx_conf_init_uint_value(mcf->audio_rate, 50);
    ngx_conf_init_uint_value(mcf->control_rate, 10);
    ngx_conf_init_value(mcf->session_age, 0);
    ngx_conf_init_msec_value(mcf->idle_timeout, 120000);
    ngx_conf_init_msec_value(mcf->speaker_grace, 30000);
    ngx_conf_init_msec_value(mcf->end_grace, 20000);
    ngx_conf_init_msec_value(mcf->drain, 30000);
    ngx_conf_init_size_value(mcf->zone_size, 1024 * 1024);

    return NGX_CONF_OK;
}

static ngx_int_t
ngx_http_lt_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_lt_main_conf_t *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_lt_module);

    if (mcf->places.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_http_lt_conf_check(cf, mcf) != NGX_OK
        || ngx_http_lt_jwt_init(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->address_sockets != 0) {
        mcf->address_zone = ngx_http_lt_address_zone(cf);
        if (mcf->address_zone == NULL) {
            return NGX_ERROR;
        }
    }

    mcf->certificate_end = ngx_http_lt_certificate_first_end(mcf);
    mcf->zone = ngx_http_lt_metrics_zone(cf, mcf->zone_size);

    return mcf->zone != NULL ? NGX_OK : NGX_ERROR;
}

/* The configuration of this process, or NULL when no location uses us. */
static ngx_http_lt_main_conf_t *
ngx_http_lt_process_conf(ngx_cycle_t *cycle)
{
    ngx_http_lt_main_conf_t *mcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NULL;
    }

    if (cycle->conf_ctx[ngx_http_module.index] == NULL) {
        return NULL;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_lt_module);

    return mcf != NULL && mcf->places.nelts != 0 ? mcf : NULL;
}

static ngx_int_t
ngx_http_lt_init_process(ngx_cycle_t *cycle)
{
    u_char id[NGX_HTTP_LT_PROCESS_ID_LEN / 2];
    u_char former_id[NGX_HTTP_LT_PROCESS_ID_LEN];
    ngx_str_t process, former = { 0, former_id };
    ngx_http_lt_main_conf_t *mcf;

    mcf = ngx_http_lt_process_conf(cycle);
    if (mcf == NULL) {
        return NGX_OK;
    }

    process.data = mcf->process_id;
    process.len = NGX_HTTP_LT_PROCESS_ID_LEN;

    if (ngx_http_lt_random(id, sizeof(id)) != NGX_OK) {
        return NGX_ERROR;
    }

    *ngx_hex_dump(mcf->process_id, id, sizeof(id)) = '\0';
    ngx_memcpy(mcf->process_raw, id, sizeof(id));
    ngx_rbtree_init(&mcf->sockets, &mcf->sockets_sentinel,
        ngx_str_rbtree_insert_value);
    ngx_queue_init(&mcf->joins);
    ngx_queue_init(&mcf->calls);
    ngx_http_lt_push_init_process(mcf);
    ngx_http_lt_connection_init_process(cycle, mcf);

    mcf->scratch_size = mcf->message_max + NGX_HTTP_LT_READ_AHEAD;
    mcf->scratch = ngx_palloc(cycle->pool, mcf->scratch_size);
    if (mcf->scratch == NULL) {
        return NGX_ERROR;
    }

    ngx_http_lt_metrics_init_process(mcf->zone, &process, &former);
    ngx_http_lt_gauges->certificate_expire_timestamp_seconds =
        (ngx_atomic_t) mcf->certificate_end;
    ngx_http_lt_address_init_process(mcf->address_zone);
    ngx_http_lt_jwks_init_process(cycle, mcf->jwks);
    ngx_http_lt_credentials_init_process(cycle, mcf);
    ngx_http_lt_health_init_process(cycle, mcf);

    if (ngx_http_lt_talk_init_process(cycle, mcf) != NGX_OK
        || ngx_http_lt_registry_init_process(cycle, mcf, &former) != NGX_OK
        || ngx_http_lt_drain_init_process(cycle, mcf) != NGX_OK
        || ngx_http_lt_redis_init_process(cycle, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_lt_ingest_init_process(cycle, mcf);
}

static void
ngx_http_lt_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_lt_main_conf_t *mcf;

    mcf = ngx_http_lt_process_conf(cycle);
    if (mcf == NULL) {
        return;
    }

    ngx_http_lt_health_exit_process(mcf);
    ngx_http_lt_ingest_exit_process(mcf);
    ngx_http_lt_credentials_exit_process(mcf);
    ngx_http_lt_redis_exit_process(mcf);
    ngx_http_lt_push_exit_process(mcf);
    ngx_http_lt_address_exit_process(mcf->address_zone);
    ngx_http_lt_metrics_exit_process(mcf->zone);
}

ngx_int_t
ngx_http_lt_random(u_char *out, size_t len)
{
    ssize_t n = getrandom(out, len, GRND_NONBLOCK);

    if (n != (ssize_t) len) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, ngx_errno,
            "lt: event=random_failed getrandom() gave no random bytes");
        return NGX_ERROR;
    }

    return NGX_OK;
}

static ngx_int_t
ngx_http_lt_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_lt_credentials_add_variable(cf) == NGX_OK
           ? ngx_http_lt_variables_add(cf) : NGX_ERROR;
}

static ngx_http_module_t ngx_http_lt_module_ctx = {
    ngx_http_lt_preconfiguration,   /* preconfiguration */
    ngx_http_lt_postconfiguration,  /* postconfiguration */
    ngx_http_lt_create_main_conf,   /* create main configuration */
    ngx_http_lt_init_main_conf,     /* init main configuration */
    NULL,                           /* create server configuration */
    NULL,                           /* merge server configuration */
    NULL,                           /* create location configuration */
    NULL                            /* merge location configuration */
};

ngx_module_t ngx_http_lt_module = {
    NGX_MODULE_V1,
    &ngx_http_lt_module_ctx,
    ngx_http_lt_commands,
    NGX_HTTP_MODULE,
    NULL,                           /* init master */
    NULL,                           /* init module */
    ngx_http_lt_init_process,
    NULL,                           /* init thread */
    NULL,                           /* exit thread */
    ngx_http_lt_exit_process,
    NULL,                           /* exit master */
    NGX_MODULE_V1_PADDING
};
