#include "ngx_http_lt_conf.h"
#include "ngx_http_lt_connections.h"
#include "ngx_http_lt_credentials.h"
#include "ngx_http_lt_kinesis.h"
#include "ngx_http_lt_health.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_page.h"

#include "lt_aws.h"

static ngx_int_t
ngx_http_lt_conf_missing(ngx_conf_t *cf, ngx_http_lt_place_t *place,
    const char *what)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s in %s:%ui needs %s",
        place->directive, place->file, place->line, what);

    return NGX_ERROR;
}

static ngx_int_t
ngx_http_lt_conf_host(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf)
{
    u_char host[256];
    lt_out_t out;

    if (mcf->kinesis_host.len != 0) {
        return NGX_OK;
    }

    lt_out_init(&out, host, sizeof(host));
    if (lt_aws_host(&out, LT_STR("kinesis"),
            ngx_http_lt_view(&mcf->aws_region)) != LT_OK)
    {
        return NGX_ERROR;
    }

    mcf->kinesis_host.len = lt_out_len(&out);
    mcf->kinesis_host.data = ngx_pnalloc(cf->pool, mcf->kinesis_host.len);
    if (mcf->kinesis_host.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(mcf->kinesis_host.data, host, mcf->kinesis_host.len);

    return NGX_OK;
}

static ngx_int_t
ngx_http_lt_conf_check_websocket(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_place_t *place)
{
    if (mcf->kinesis_location.len == 0) {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_kinesis_location <uri>;\" at http level, naming an internal "
            "location with proxy_pass in the same server");
    }

    if (mcf->kinesis_stream.len == 0) {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_kinesis_stream <name>;\" at http level");
    }

    if (mcf->aws_region.len == 0) {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_aws_region <code>;\" at http level");
    }

    if (ngx_http_lt_credentials_init(cf, mcf, place) != NGX_OK
        || ngx_http_lt_conf_host(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_lt_kinesis_check_location(cf, place->server,
        &mcf->kinesis_location);
}

static ngx_int_t
ngx_http_lt_conf_check_place(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_place_t *place)
{
    ngx_http_handler_pt handler = place->location->handler;

    if (handler == ngx_http_lt_status_handler
        || handler == ngx_http_lt_status_text_handler
        || handler == ngx_http_lt_health_live_handler)
    {
        return NGX_OK;
    }

    if (mcf->redis_conf.sockaddr == NULL) {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_redis host:port;\" at http level");
    }

    /* A body of ours fits one buffer: no file is written and read back. */
    if (place->location->client_body_buffer_size < mcf->message_max) {
        place->location->client_body_buffer_size = mcf->message_max;
    }

    if (handler == ngx_http_lt_results_handler
        && mcf->results_tokens == NULL)
    {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_results_token_file <path>;\" at http level: without it "
            "anybody could speak to the listeners");
    }

    if (handler == ngx_http_lt_connections_handler
        || handler == ngx_http_lt_connections_trusted_handler)
    {
        /* what is too large is told in AWS's way, by the handler */
        place->location->client_max_body_size = 0;
    }

    if (handler == ngx_http_lt_connections_handler
        && mcf->connections_keys_n == 0)
    {
        return ngx_http_lt_conf_missing(cf, place,
            "\"lt_connections_credentials_file <path>;\" at http level, or "
            "the word trusted, with allow and deny in its location: without "
            "either anybody could speak to the sockets");
    }

    if (handler == ngx_http_lt_websocket_handler) {
        return ngx_http_lt_conf_check_websocket(cf, mcf, place);
    }

    return NGX_OK;
}

static ngx_int_t
ngx_http_lt_conf_check_bounds(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf)
{
    ngx_uint_t i;
    struct {
        const char *name;
        size_t value;
        size_t min;
        size_t max;
        const char *text;
    } rows[] = {
        { "lt_kinesis_linger", mcf->kinesis_linger, 10, 5000,
          "10ms to 5s" },
        { "lt_audio_buffer", mcf->audio_buffer, 1000, 600000,
          "1s to 10m" },
        { "lt_audio_buffer_total", mcf->audio_buffer_total, 1 << 20,
          (size_t) 1 << 36, "1m to 64g" },
        { "lt_message_max", mcf->message_max, 1024, 4 << 20,
          "1k to 4m" },
        { "lt_control_max", mcf->control_max, 256, 4 << 20,
          "256 to 4m" },
        { "lt_session_age", mcf->session_age, 0, 86400,
          "0 to 24h" },
        { "lt_idle_timeout", mcf->idle_timeout, 1000, 86400000,
          "1s to 24h" },
        { "lt_speaker_grace", mcf->speaker_grace, 0, 86400000,
          "0 to 24h" },
        { "lt_end_grace", mcf->end_grace, 0, 3600000,
          "0 to 1h" },
        { "lt_drain", mcf->drain, 0, 86400000,
          "0 to 24h" },
        { "lt_zone", mcf->zone_size, NGX_HTTP_LT_ZONE_SIZE_MIN,
          (size_t) 1 << 30, "256k to 1g" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value < rows[i].min || rows[i].value > rows[i].max) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                "%s must be from %s", rows[i].name, rows[i].text);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_conf_check(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf)
{
    ngx_uint_t i;
    ngx_http_lt_place_t *place = mcf->places.elts;

    if (ngx_http_lt_conf_check_bounds(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < mcf->places.nelts; i++) {
        if (ngx_http_lt_conf_check_place(cf, mcf, &place[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
