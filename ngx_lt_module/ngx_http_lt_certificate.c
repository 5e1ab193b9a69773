#include "ngx_http_lt_certificate.h"

#if (NGX_HTTP_SSL)

#include <openssl/pem.h>
#include <openssl/x509.h>

/* 0: it has none that can be read. */
static time_t
lt_certificate_end(const ngx_str_t *path)
{
    BIO *file;
    X509 *x509;
    time_t end = 0;
    struct tm tm;

    file = BIO_new_file((char *) path->data, "r");
    if (file == NULL) {
        ERR_clear_error();
        return 0;
    }

    x509 = PEM_read_bio_X509_AUX(file, NULL, NULL, NULL);
    if (x509 != NULL
        && ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm) == 1)
    {
        end = timegm(&tm);
    }

    X509_free(x509);
    BIO_free(file);
    ERR_clear_error();

    return end;
}

static time_t
lt_certificate_server_end(ngx_http_core_srv_conf_t *server, time_t first)
{
    time_t end;
    ngx_str_t *path;
    ngx_uint_t i;
    ngx_http_ssl_srv_conf_t *sscf;

    sscf = server->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    if (sscf == NULL || sscf->certificates == NULL
        || sscf->certificate_values != NULL)
    {
        return first;
    }

    path = sscf->certificates->elts;

    for (i = 0; i < sscf->certificates->nelts; i++) {
        end = lt_certificate_end(&path[i]);
        if (end != 0 && (first == 0 || end < first)) {
            first = end;
        }
    }

    return first;
}

time_t
ngx_http_lt_certificate_first_end(ngx_http_lt_main_conf_t *mcf)
{
    time_t first = 0;
    ngx_uint_t i;
    ngx_http_lt_place_t *place = mcf->places.elts;

    for (i = 0; i < mcf->places.nelts; i++) {
        if (place[i].location->handler == ngx_http_lt_websocket_handler) {
            first = lt_certificate_server_end(place[i].server, first);
        }
    }

    return first;
}

#else

time_t
ngx_http_lt_certificate_first_end(ngx_http_lt_main_conf_t *mcf)
{
    return 0;
}

#endif
