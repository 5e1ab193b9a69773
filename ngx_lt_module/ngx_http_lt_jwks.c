#include "ngx_http_lt_jwks.h"

#include <cjose/cjose.h>
#include <jansson.h>

#define LT_JWKS_WATCH_MS 2000
#define LT_JWKS_RSA_BITS_MIN 2048

/* What can be verified: anything else, "none" and HS256 too, has no row. */
typedef struct {
    const char *name;
    cjose_jwk_kty_t kty;
} lt_jwks_alg_t;

static const lt_jwks_alg_t lt_jwks_algs[] = {
    { "RS256", CJOSE_JWK_KTY_RSA },
    { "ES256", CJOSE_JWK_KTY_EC }
};

#define LT_JWKS_ALGS (sizeof(lt_jwks_algs) / sizeof(lt_jwks_algs[0]))

typedef struct {
    cjose_jwk_t *jwk;
    const char *kid;            /* the jwk's */
    const lt_jwks_alg_t *alg;
} lt_jwks_key_t;

typedef struct {
    ngx_uint_t n;
    lt_jwks_key_t key[];
} lt_jwks_keys_t;

/* Tells one file from its successor. */
typedef struct {
    ino_t inode;
    off_t size;
    struct timespec mtime;
} lt_jwks_stamp_t;

struct ngx_http_lt_jwks_s {
    ngx_str_t path;             /* zero-terminated */
    lt_jwks_keys_t *keys;
    lt_jwks_stamp_t stamp;      /* of the last file looked at */
    ngx_event_t timer;
};

static void
lt_jwks_free(lt_jwks_keys_t **keys)
{
    ngx_uint_t i;

    if (*keys != NULL) {
        for (i = 0; i < (*keys)->n; i++) {
            cjose_jwk_release((*keys)->key[i].jwk);
        }

        ngx_free(*keys);
        *keys = NULL;
    }
}

static ngx_uint_t
lt_jwks_agrees(json_t *key, const char *member, const char *wanted)
{
    json_t *value = json_object_get(key, member);

    return value == NULL
           || (json_is_string(value)
               && ngx_strcmp(json_string_value(value), wanted) == 0);
}

static ngx_uint_t
lt_jwks_is_strong(cjose_jwk_t *jwk, cjose_jwk_kty_t kty)
{
    cjose_err err;

    return kty == CJOSE_JWK_KTY_RSA
           ? cjose_jwk_get_keysize(jwk, &err) >= LT_JWKS_RSA_BITS_MIN
           : cjose_jwk_EC_get_curve(jwk, &err) == CJOSE_JWK_EC_P_256;
}

/* Fills *out if the key is one of those that are used. */
static ngx_uint_t
lt_jwks_import(lt_jwks_key_t *out, json_t *json)
{
    ngx_uint_t i;
    cjose_err err;
    cjose_jwk_t *jwk;

    if (!json_is_object(json) || !lt_jwks_agrees(json, "use", "sig")) {
        return 0;
    }

    jwk = cjose_jwk_import_json(json, &err);
    if (jwk == NULL) {
        return 0;
    }

    out->jwk = jwk;
    out->kid = cjose_jwk_get_kid(jwk, &err);

    for (i = 0; i < LT_JWKS_ALGS; i++) {
        out->alg = &lt_jwks_algs[i];

        if (out->kid != NULL && out->kid[0] != '\0'
            && cjose_jwk_get_kty(jwk, &err) == out->alg->kty
            && lt_jwks_agrees(json, "alg", out->alg->name)
            && lt_jwks_is_strong(jwk, out->alg->kty))
        {
            return 1;
        }
    }

    cjose_jwk_release(jwk);

    return 0;
}

/* NULL: err says why. */
static lt_jwks_keys_t *
lt_jwks_parse(const char *text, size_t len, ngx_log_t *log, lt_error_t *err)
{
    size_t i;
    json_t *root, *list;
    json_error_t detail;
    lt_jwks_keys_t *keys = NULL;

    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &detail);
    list = json_object_get(root, "keys");

    if (root == NULL) {
        lt_error_set(err, 0, "it is not JSON: line %d, column %d",
            detail.line, detail.column);
        return NULL;
    }

    if (!json_is_array(list)) {
        lt_error_set(err, 0, "it must be an object with an array \"keys\"");
        json_decref(root);
        return NULL;
    }

    keys = ngx_calloc(sizeof(lt_jwks_keys_t)
        + json_array_size(list) * sizeof(lt_jwks_key_t), log);

    for (i = 0; keys != NULL && i < json_array_size(list); i++) {
        keys->n += lt_jwks_import(&keys->key[keys->n],
            json_array_get(list, i));
    }

    json_decref(root);

    if (keys == NULL || keys->n == 0) {
        lt_error_set(err, 0, "it has no usable key: one with a kid, RSA of "
            "%d bits or more, or EC on P-256, for signatures",
            LT_JWKS_RSA_BITS_MIN);
        lt_jwks_free(&keys);
    }

    return keys;
}

static lt_jwks_stamp_t
lt_jwks_stamp(const ngx_file_info_t *info)
{
    lt_jwks_stamp_t stamp;

    ngx_memzero(&stamp, sizeof(lt_jwks_stamp_t));
    stamp.inode = info->st_ino;
    stamp.size = info->st_size;
    stamp.mtime = info->st_mtim;

    return stamp;
}

/* NULL: err says why.  The stamp is that of what was read, or zeroes. */
static lt_jwks_keys_t *
lt_jwks_read(ngx_http_lt_jwks_t *jwks, ngx_log_t *log, lt_error_t *err)
{
    char text[NGX_HTTP_LT_JWKS_MAX];
    ssize_t n = -1;
    ngx_fd_t fd;
    ngx_file_info_t info;

    ngx_memzero(&jwks->stamp, sizeof(lt_jwks_stamp_t));

    /* a pipe must not stop us */
    fd = ngx_open_file(jwks->path.data, NGX_FILE_RDONLY | NGX_FILE_NONBLOCK,
        NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        lt_error_set(err, ngx_errno, "it cannot be opened: %s",
            strerror(ngx_errno));
        return NULL;
    }

    if (ngx_fd_info(fd, &info) != NGX_FILE_ERROR) {
        jwks->stamp = lt_jwks_stamp(&info);
        if (ngx_is_file(&info) && info.st_size <= (off_t) sizeof(text)) {
            n = ngx_read_fd(fd, text, sizeof(text));
        }
    }

    ngx_close_file(fd);

    if (n < 0) {
        lt_error_set(err, 0, "it must be a regular file of at most %d bytes",
            NGX_HTTP_LT_JWKS_MAX);
        return NULL;
    }

    return lt_jwks_parse(text, n, log, err);
}

static void
lt_jwks_cleanup(void *data)
{
    ngx_http_lt_jwks_t *jwks = data;

    if (jwks->timer.timer_set) {
        ngx_del_timer(&jwks->timer);
    }

    lt_jwks_free(&jwks->keys);
}

ngx_http_lt_jwks_t *
ngx_http_lt_jwks_new(ngx_conf_t *cf, ngx_str_t *path)
{
    lt_error_t err = { 0 };
    ngx_http_lt_jwks_t *jwks;
    ngx_pool_cleanup_t *cln;

    jwks = ngx_pcalloc(cf->pool, sizeof(ngx_http_lt_jwks_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (jwks == NULL || cln == NULL) {
        return NULL;
    }

    cln->handler = lt_jwks_cleanup;
    cln->data = jwks;

    jwks->path = *path;
    if (ngx_conf_full_name(cf->cycle, &jwks->path, 1) != NGX_OK) {
        return NULL;
    }

    jwks->keys = lt_jwks_read(jwks, cf->log, &err);
    if (jwks->keys == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
            "lt_jwt_jwks_file: cannot use \"%V\": %s", &jwks->path, err.text);
        return NULL;
    }

    return jwks;
}

static void
lt_jwks_renew(ngx_http_lt_jwks_t *jwks, ngx_log_t *log)
{
    lt_error_t err = { 0 };
    lt_jwks_keys_t *keys;

    keys = lt_jwks_read(jwks, log, &err);
    if (keys == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "lt: event=jwks_refused file=%V "
            "the old keys stay in use: %s", &jwks->path, err.text);
        return;
    }

    lt_jwks_free(&jwks->keys);
    jwks->keys = keys;
    ngx_log_error(NGX_LOG_NOTICE, log, 0, "lt: event=jwks_loaded file=%V "
        "keys=%ui", &jwks->path, keys->n);
}

/* A file that is away has the stamp of zeroes, as one that failed to open. */
static void
lt_jwks_watch(ngx_event_t *ev)
{
    lt_jwks_stamp_t stamp;
    ngx_file_info_t info;
    ngx_http_lt_jwks_t *jwks = ev->data;

    ngx_memzero(&stamp, sizeof(lt_jwks_stamp_t));
    if (ngx_file_info(jwks->path.data, &info) != NGX_FILE_ERROR) {
        stamp = lt_jwks_stamp(&info);
    }

    if (ngx_memcmp(&stamp, &jwks->stamp, sizeof(lt_jwks_stamp_t)) != 0) {
        lt_jwks_renew(jwks, ev->log);
        /* what could be seen but not opened is not tried each time */
        jwks->stamp = stamp;
    }

    ngx_add_timer(ev, LT_JWKS_WATCH_MS);
}

void
ngx_http_lt_jwks_init_process(ngx_cycle_t *cycle, ngx_http_lt_jwks_t *jwks)
{
    if (jwks == NULL) {
        return;
    }

    jwks->timer.handler = lt_jwks_watch;
    jwks->timer.data = jwks;
    jwks->timer.log = cycle->log;
    jwks->timer.cancelable = 1;

    /* this process may be one that cannot read the file: it says so now */
    lt_jwks_renew(jwks, cycle->log);
    ngx_add_timer(&jwks->timer, LT_JWKS_WATCH_MS);
}

static const lt_jwks_key_t *
lt_jwks_find(const lt_jwks_keys_t *keys, cjose_header_t *header,
    const char **reason)
{
    const char *alg, *kid;
    cjose_err err;
    ngx_uint_t i;

    alg = cjose_header_get(header, CJOSE_HDR_ALG, &err);
    kid = cjose_header_get(header, CJOSE_HDR_KID, &err);

    /* extensions that must be understood, RFC 7515 section 4.1.11: none are */
    if (json_object_get(header, "crit") != NULL) {
        *reason = "crit in its header";
        return NULL;
    }

    for (i = 0; kid != NULL && i < keys->n; i++) {
        if (ngx_strcmp(keys->key[i].kid, kid) == 0) {
            break;
        }
    }

    if (kid == NULL || i == keys->n) {
        *reason = "its kid is not in the JWKS";
        return NULL;
    }

    if (alg == NULL || ngx_strcmp(alg, keys->key[i].alg->name) != 0) {
        *reason = "its alg is not its key's";
        return NULL;
    }

    return &keys->key[i];
}

static ngx_int_t
lt_jwks_payload(cjose_jws_t *jws, ngx_pool_t *pool, ngx_str_t *payload)
{
    size_t len;
    uint8_t *text;
    cjose_err err;

    if (!cjose_jws_get_plaintext(jws, &text, &len, &err)) {
        return NGX_ERROR;
    }

    payload->len = len;
    payload->data = ngx_pnalloc(pool, len + 1);
    if (payload->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_http_lt_copy(payload->data, text, len);

    return NGX_OK;
}

ngx_int_t
ngx_http_lt_jwks_verify(ngx_http_lt_jwks_t *jwks, ngx_str_t *token,
    ngx_pool_t *pool, ngx_str_t *payload, const char **reason)
{
    ngx_int_t rc = NGX_DECLINED;
    cjose_err err;
    cjose_jws_t *jws;
    const lt_jwks_key_t *key;

    jws = cjose_jws_import((char *) token->data, token->len, &err);
    if (jws == NULL) {
        *reason = "it is no signed JWT";
        return err.code == CJOSE_ERR_NO_MEMORY ? NGX_ERROR : NGX_DECLINED;
    }

    key = lt_jwks_find(jwks->keys, cjose_jws_get_protected(jws), reason);
    if (key != NULL) {
        *reason = "its signature is wrong";
        if (cjose_jws_verify(jws, key->jwk, &err)) {
            rc = lt_jwks_payload(jws, pool, payload);
        }
    }

    cjose_jws_release(jws);

    return rc;
}
