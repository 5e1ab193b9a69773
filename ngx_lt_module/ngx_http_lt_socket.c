#include "ngx_http_lt_socket.h"
#include "ngx_http_lt_ack.h"

#define LT_SOCKET_RAW_LEN 20        /* of an id */

static ngx_int_t
lt_socket_name(ngx_http_lt_socket_t *s)
{
    u_char raw[LT_SOCKET_RAW_LEN];
    ngx_str_t from = { sizeof(raw), raw }, to;

    ngx_memcpy(raw, s->mcf->process_raw, sizeof(s->mcf->process_raw));

    if (ngx_http_lt_random(raw + sizeof(s->mcf->process_raw),
            sizeof(raw) - sizeof(s->mcf->process_raw)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    to.data = s->id_data;
    ngx_encode_base64url(&to, &from);
    s->id_data[to.len] = '=';
    s->id.data = s->id_data;
    s->id.len = to.len + 1;

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_socket_process(u_char process[NGX_HTTP_LT_PROCESS_ID_LEN],
    const ngx_str_t *id)
{
    u_char raw[LT_SOCKET_RAW_LEN + 4];
    ngx_str_t from, to = { 0, raw };

    if (id->len != NGX_HTTP_LT_CONNECTION_ID_LEN
        || id->data[id->len - 1] != '=')
    {
        return NGX_ERROR;
    }

    from.data = id->data;
    from.len = id->len - 1;

    if (ngx_decode_base64url(&to, &from) != NGX_OK
        || to.len != LT_SOCKET_RAW_LEN)
    {
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(process, raw, NGX_HTTP_LT_PROCESS_ID_LEN / 2);

    return NGX_OK;
}

ngx_uint_t
ngx_http_lt_socket_hears(const ngx_http_lt_socket_t *s,
    const ngx_str_t *language)
{
    return s->language.len == language->len
           && ngx_memcmp(s->language.data, language->data, language->len) == 0;
}

ngx_http_lt_socket_t *
ngx_http_lt_socket_find(ngx_http_lt_main_conf_t *mcf, const ngx_str_t *id)
{
    return (ngx_http_lt_socket_t *) ngx_str_rbtree_lookup(&mcf->sockets,
        (ngx_str_t *) id, ngx_crc32_short(id->data, id->len));
}

ngx_http_lt_socket_t *
ngx_http_lt_socket_new(ngx_http_lt_main_conf_t *mcf, ngx_http_lt_role_e role,
    ngx_log_t *log)
{
    ngx_http_lt_socket_t *s;

    s = ngx_calloc(sizeof(ngx_http_lt_socket_t), log);
    if (s == NULL) {
        return NULL;
    }

    s->mcf = mcf;
    s->role = role;
    if (lt_socket_name(s) != NGX_OK) {
        ngx_free(s);
        return NULL;
    }

    s->language.data = s->language_data;
    s->label.data = s->label_data;
    s->speaker_key.data = s->speaker_key_data;
    s->source_language.data = s->source_data;

    lt_ws_decoder_init(&s->decoder, mcf->message_max);
    ngx_http_lt_out_init(&s->out);
    ngx_queue_init(&s->asks);

    return s;
}

void
ngx_http_lt_socket_free(ngx_http_lt_socket_t **s)
{
    if (*s == NULL) {
        return;
    }

    if ((*s)->is_waking) {
        ngx_queue_remove(&(*s)->waking);
    }

    ngx_http_lt_out_free(&(*s)->out);

    ngx_http_lt_ack_end(*s);
    ngx_http_lt_address_leave(&(*s)->address);

    if ((*s)->message != NULL) {
        ngx_free((*s)->message);
    }

    if ((*s)->agent != NULL) {
        ngx_free((*s)->agent);
    }

    if ((*s)->ack != NULL) {
        ngx_free((*s)->ack);        /* it was never open */
    }

    ngx_free(*s);
    *s = NULL;
}
