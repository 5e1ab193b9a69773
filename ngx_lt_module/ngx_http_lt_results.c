/*
 * What the worker has made for listeners and speakers, and the news that a
 * talk's last clip is out.  docs/design.md, "Results".
 */
#include "ngx_http_lt_module.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_push.h"
#include "ngx_http_lt_talk.h"

#include "lt_crypto.h"
#include "lt_json.h"
#include "lt_language.h"
#include "lt_session_id.h"

#define LT_RESULTS_TYPE_MAX 64
#define LT_RESULTS_PLAY_MS_MAX 3600000
#define LT_RESULTS_LATE_MS_MAX 3600000  /* more is a wrong clock, no delay */
#define LT_RESULTS_SEGMENT_MAX 1000000000000000    /* 15 digits */

typedef struct {
    ngx_str_t session_id;
    ngx_str_t language;
    ngx_str_t to;
    ngx_str_t event;
    ngx_str_t play_ms;
} lt_results_args_t;

static ngx_int_t
lt_results_refuse(ngx_http_request_t *r, ngx_uint_t status, const char *code,
    const char *text)
{
    lt_message_error_t error = { code, text, NULL, { NULL, 0 }, 0 };

    NGX_HTTP_LT_COUNT(results_refused, 1);
    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
        "lt: event=result_refused status=%ui code=%s", status, code);

    return ngx_http_lt_answer_error(r, status, &error);
}

/* All tokens are compared, whichever fits. */
static ngx_uint_t
lt_results_is_authorized(ngx_http_request_t *r, ngx_array_t *tokens)
{
    uint8_t sha256[LT_SHA256_LEN];
    ngx_str_t given = ngx_http_lt_answer_bearer(r);
    ngx_uint_t i, fits = 0;
    ngx_http_lt_token_t *token = tokens->elts;

    if (given.len == 0
        || lt_sha256(sha256, given.data, given.len) != LT_OK)
    {
        return 0;
    }

    for (i = 0; i < tokens->nelts; i++) {
        fits |= lt_crypto_is_equal(sha256, token[i].sha256, LT_SHA256_LEN)
                != 0;
    }

    return fits;
}

static ngx_int_t
lt_results_answer(ngx_http_request_t *r, ngx_uint_t delivered,
    ngx_uint_t is_published)
{
    u_char text[64];
    size_t len;

    NGX_HTTP_LT_COUNT(results_accepted, 1);

    len = ngx_sprintf(text, "{\"delivered\":%ui,\"published\":%s}", delivered,
              is_published ? "true" : "false") - text;

    return ngx_http_lt_answer(r, NGX_HTTP_OK, text, len);
}

/* From the last word's end to here, when the message says it. */
static void
lt_results_observe(const lt_json_t *message)
{
    int64_t captured, late_ms;

    if (!lt_json_int(lt_json_get(message, "timing"), "captured", &captured)
        || captured < 0)
    {
        return;
    }

    late_ms = ngx_http_lt_wall_ms() - captured;

    if (late_ms < LT_RESULTS_LATE_MS_MAX) {
        NGX_HTTP_LT_OBSERVE(result_ms, late_ms);
    }
}

/* The message's type, a word, and its segment, 0 = none; NGX_DECLINED: it is
   no such message. */
static ngx_int_t
lt_results_type(const ngx_str_t *body, u_char type[LT_RESULTS_TYPE_MAX],
    lt_state_event_t *ev, size_t max)
{
    size_t i;
    int64_t segment;
    lt_str_t text;
    lt_json_t *doc = NULL;
    ngx_int_t rc = NGX_DECLINED;
    lt_error_t err;

    if (lt_json_parse(&doc, ngx_http_lt_view(body), max, &err) == LT_OK
        && lt_json_is_object(doc) && lt_json_string(doc, "type", &text)
        && text.len != 0 && text.len <= LT_RESULTS_TYPE_MAX)
    {
        rc = NGX_OK;

        for (i = 0; i < text.len; i++) {
            if (text.data[i] <= ' ' || text.data[i] > '~') {
                rc = NGX_DECLINED;
            }
        }

        ngx_memcpy(type, text.data, text.len);
        ev->name.data = (char *) type;
        ev->name.len = text.len;

        lt_results_observe(doc);

        if (lt_json_int(doc, "segment", &segment) && segment > 0
            && segment < LT_RESULTS_SEGMENT_MAX)
        {
            ev->number = segment;
        }
    }

    lt_json_free(&doc);

    return rc;
}

/* A result that is on its way to Redis: who brought it is answered when it is
   there, so that what was taken survives this process. */
typedef struct {
    ngx_http_request_t *request;
    ngx_uint_t delivered;
    ngx_http_lt_published_t *published;     /* NULL: answered */
} lt_results_way_t;

static void
lt_results_published(void *data, ngx_uint_t is_published)
{
    lt_results_way_t *way = data;

    way->published = NULL;
    ngx_http_lt_answer_finish(way->request,
        lt_results_answer(way->request, way->delivered, is_published));
}

static void
lt_results_cleanup(void *data)
{
    lt_results_way_t *way = data;

    if (way->published != NULL) {
        ngx_http_lt_push_forget(way->published);
    }
}

static ngx_int_t
lt_results_publish(ngx_http_request_t *r, ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, lt_state_event_t *ev)
{
    ngx_uint_t delivered;
    ngx_http_cleanup_t *cln;
    lt_results_way_t *way;

    /* what may still change is soon said anew, and kept for nobody */
    if (ev->to == LT_STATE_TO_LIVE) {
        delivered = ngx_http_lt_push_local(mcf, session_id, ev);
        return lt_results_answer(r, delivered,
            ngx_http_lt_push_send(mcf, session_id, ev, NULL, NULL) != NULL);
    }

    cln = ngx_http_cleanup_add(r, sizeof(lt_results_way_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    way = cln->data;
    way->request = r;
    way->delivered = ngx_http_lt_push_local(mcf, session_id, ev);
    way->published = ngx_http_lt_push_publish(mcf, session_id, ev,
        lt_results_published, way);
    cln->handler = lt_results_cleanup;

    if (way->published == NULL) {
        return lt_results_answer(r, way->delivered, 0);
    }

    r->main->count++;

    return NGX_DONE;
}

static ngx_int_t
lt_results_message(ngx_http_request_t *r, ngx_http_lt_main_conf_t *mcf,
    lt_results_args_t *args, const ngx_str_t *body)
{
    u_char type[LT_RESULTS_TYPE_MAX];
    lt_state_event_t ev;

    ngx_memzero(&ev, sizeof(ev));

    if (args->to.len == 0
        || lt_str_is(ngx_http_lt_view(&args->to), "listeners"))
    {
        ev.to = LT_STATE_TO_LISTENERS;

    } else if (lt_str_is(ngx_http_lt_view(&args->to), "speaker")) {
        ev.to = LT_STATE_TO_SPEAKER;

    } else if (lt_str_is(ngx_http_lt_view(&args->to), "live")) {
        ev.to = LT_STATE_TO_LIVE;

    } else {
        return lt_results_refuse(r, NGX_HTTP_BAD_REQUEST,
            "INVALID_PARAMETER", "\"to\" must be listeners, live or speaker.");
    }

    if (args->language.len != 0
        && !lt_language_is_code(ngx_http_lt_view(&args->language)))
    {
        return lt_results_refuse(r, NGX_HTTP_BAD_REQUEST,
            "INVALID_PARAMETER", "\"language\" must be two small letters.");
    }

    if (lt_results_type(body, type, &ev, mcf->message_max) != NGX_OK) {
        return lt_results_refuse(r, NGX_HTTP_BAD_REQUEST, "INVALID_MESSAGE",
            "The body must be a JSON object with \"type\".");
    }

    ev.language = ngx_http_lt_view(&args->language);
    ev.json = ngx_http_lt_view(body);

    return lt_results_publish(r, mcf, &args->session_id, &ev);
}

static ngx_int_t
lt_results_drained(ngx_http_request_t *r, ngx_http_lt_main_conf_t *mcf,
    lt_results_args_t *args)
{
    ngx_int_t play_ms, rc;
    ngx_http_lt_talk_t *talk;

    play_ms = ngx_atoi(args->play_ms.data, args->play_ms.len);

    if (!lt_str_is(ngx_http_lt_view(&args->event), "drained")
        || play_ms == NGX_ERROR || play_ms > LT_RESULTS_PLAY_MS_MAX)
    {
        return lt_results_refuse(r, NGX_HTTP_BAD_REQUEST,
            "INVALID_PARAMETER", "\"event\" must be drained, with play_ms in "
            "milliseconds.");
    }

    rc = ngx_http_lt_push_control(mcf, &args->session_id, LT_STATE_DRAINED,
        play_ms);

    talk = ngx_http_lt_talk_find(mcf, &args->session_id);
    if (talk != NULL) {
        ngx_http_lt_talk_drained(talk, (ngx_msec_t) play_ms);
    }

    return lt_results_answer(r, 0, rc == NGX_OK);
}

static ngx_int_t
lt_results_post(ngx_http_request_t *r)
{
    ngx_int_t rc;
    ngx_str_t body;
    lt_results_args_t args;
    ngx_http_lt_main_conf_t *mcf = ngx_http_lt_main_conf(r);

    if (ngx_http_lt_answer_arg(r, "session", &args.session_id) == NGX_ERROR
        || ngx_http_lt_answer_arg(r, "language", &args.language) == NGX_ERROR
        || ngx_http_lt_answer_arg(r, "to", &args.to) == NGX_ERROR
        || ngx_http_lt_answer_arg(r, "event", &args.event) == NGX_ERROR
        || ngx_http_lt_answer_arg(r, "play_ms", &args.play_ms) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (!lt_session_id_is_valid(ngx_http_lt_view(&args.session_id))) {
        return lt_results_refuse(r, NGX_HTTP_BAD_REQUEST,
            "INVALID_SESSION_ID", "\"session\" must be a session id.");
    }

    if (args.event.len != 0) {
        return lt_results_drained(r, mcf, &args);
    }

    rc = ngx_http_lt_answer_body(r, mcf->message_max, &body);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return lt_results_refuse(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
            "MESSAGE_TOO_LARGE", "The body is larger than lt_message_max.");
    }

    return lt_results_message(r, mcf, &args, &body);
}

static void
lt_results_post_handler(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, lt_results_post(r));
}

ngx_int_t
ngx_http_lt_results_handler(ngx_http_request_t *r)
{
    ngx_int_t rc;
    ngx_http_lt_main_conf_t *mcf = ngx_http_lt_main_conf(r);

    if (!lt_results_is_authorized(r, mcf->results_tokens)) {
        return lt_results_refuse(r, NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED",
            "The token is missing or wrong.");
    }

    if (r->method != NGX_HTTP_POST) {
        return lt_results_refuse(r, NGX_HTTP_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED", "Results come by POST.");
    }

    if (r->headers_in.content_length_n > (off_t) mcf->message_max) {
        return lt_results_refuse(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
            "MESSAGE_TOO_LARGE", "The body is larger than lt_message_max.");
    }

    r->request_body_in_single_buf = 1;
    rc = ngx_http_read_client_request_body(r, lt_results_post_handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}
