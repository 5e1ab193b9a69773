/*
 * The upgrade request: RFC 6455 section 4.2.1, then the checks of
 * docs/protocol/ in their order, as HTTP answers before the 101.  A request
 * for events is checked like a listener's.
 */
#include "ngx_http_lt_module.h"
#include "ngx_http_lt_ack.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_captions.h"
#include "ngx_http_lt_connection.h"
#include "ngx_http_lt_events.h"
#include "ngx_http_lt_jwt.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_registry.h"
#include "ngx_http_lt_ring.h"
#include "ngx_http_lt_state.h"
#include "ngx_http_lt_variables.h"

#include "lt_language.h"
#include "lt_session_id.h"
#include "lt_ws.h"

typedef struct {
    ngx_uint_t status;
    lt_message_error_t error;
} lt_refusal_t;

typedef struct {
    ngx_http_request_t *request;
    ngx_http_lt_main_conf_t *mcf;
    ngx_uint_t is_events;           /* lt_events, not lt_websocket */
    ngx_http_lt_command_t *cmd;     /* under way */
    ngx_http_lt_socket_t *socket;   /* until it is open */
    ngx_str_t session_id;
    ngx_str_t language;             /* listener: as asked for */
    ngx_uint_t captions;            /* listener: what it asks of them */
    ngx_str_t trace;                /* of who speaks */
    ngx_uint_t is_trace_given;      /* by the handshake; else it is new */
    ngx_http_lt_identity_t identity;    /* of who does not ask to listen */
    ngx_http_lt_join_t join;
    ngx_uint_t is_joining;
    char accept[LT_WS_ACCEPT_LEN + 1];
    const lt_refusal_t *refusal;    /* told only when the session is fine */
} lt_handshake_t;

#define LT_REFUSAL(name, http, word, sentence)                                \
    static const lt_refusal_t name = {                                        \
        http, { word, sentence, NULL, { NULL, 0 }, 0 }                           \
    }

LT_REFUSAL(lt_refuse_method, NGX_HTTP_NOT_ALLOWED, "METHOD_NOT_ALLOWED",
    "A WebSocket is opened by GET.");
LT_REFUSAL(lt_refuse_events_method, NGX_HTTP_NOT_ALLOWED,
    "METHOD_NOT_ALLOWED", "Events are read by GET.");
LT_REFUSAL(lt_refuse_events_body, NGX_HTTP_BAD_REQUEST, "INVALID_REQUEST",
    "A request for events has no body.");
LT_REFUSAL(lt_refuse_upgrade, 426, "UPGRADE_REQUIRED",
    "This address is a WebSocket: HTTP/1.1 with Upgrade: websocket, "
    "Connection: Upgrade and Sec-WebSocket-Version: 13.");
LT_REFUSAL(lt_refuse_key, NGX_HTTP_BAD_REQUEST, "INVALID_WEBSOCKET_KEY",
    "Sec-WebSocket-Key must be given once, as base64 of 16 bytes.");
LT_REFUSAL(lt_refuse_body, NGX_HTTP_BAD_REQUEST, "INVALID_REQUEST",
    "An upgrade request has no body.");
LT_REFUSAL(lt_refuse_subrequest, NGX_HTTP_FORBIDDEN, "INVALID_REQUEST",
    "This address is for requests of clients: auth_request, mirror and the "
    "like cannot be answered.");
LT_REFUSAL(lt_refuse_no_session, NGX_HTTP_BAD_REQUEST, "MISSING_SESSION_ID",
    "The query must have sessionId.");
LT_REFUSAL(lt_refuse_session_id, NGX_HTTP_BAD_REQUEST, "INVALID_SESSION_ID",
    "A session id looks like quiet-river-123.");
LT_REFUSAL(lt_refuse_not_found, NGX_HTTP_NOT_FOUND, "SESSION_NOT_FOUND",
    "There is no such session.");
LT_REFUSAL(lt_refuse_inactive, NGX_HTTP_FORBIDDEN, "SESSION_INACTIVE",
    "The session is not active: it is paused or has ended.");
LT_REFUSAL(lt_refuse_token, NGX_HTTP_UNAUTHORIZED, "UNAUTHORIZED",
    "The token does not allow to speak in this session.");
LT_REFUSAL(lt_refuse_no_language, NGX_HTTP_BAD_REQUEST,
    "MISSING_TARGET_LANGUAGE", "A listener's query must have targetLanguage; "
    "a speaker's must have token.");
LT_REFUSAL(lt_refuse_language, NGX_HTTP_BAD_REQUEST,
    "INVALID_TARGET_LANGUAGE", "targetLanguage must be two small letters.");
LT_REFUSAL(lt_refuse_unsupported, NGX_HTTP_BAD_REQUEST,
    "UNSUPPORTED_LANGUAGE", "Nothing can be heard in that language.");
LT_REFUSAL(lt_refuse_captions, NGX_HTTP_BAD_REQUEST, "INVALID_PARAMETER",
    "captions must be only, live, or only,live.");
LT_REFUSAL(lt_refuse_full, NGX_HTTP_SERVICE_UNAVAILABLE, "SESSION_FULL",
    "The session has as many listeners as it may have.");
LT_REFUSAL(lt_refuse_address, NGX_HTTP_TOO_MANY_REQUESTS,
    "RATE_LIMIT_EXCEEDED", "Too many at once from your network. Please try "
    "again in a few seconds.");
LT_REFUSAL(lt_refuse_unavailable, NGX_HTTP_SERVICE_UNAVAILABLE,
    "SERVICE_UNAVAILABLE",
    "Sessions cannot be reached at the moment; please try again.");
LT_REFUSAL(lt_refuse_internal, NGX_HTTP_INTERNAL_SERVER_ERROR,
    "INTERNAL_ERROR", "The server has failed; please try again.");

static ngx_int_t
lt_handshake_refuse(ngx_http_request_t *r, const lt_refusal_t *refusal,
    const ngx_str_t *language)
{
    ngx_str_t code = { ngx_strlen(refusal->error.code),
                       (u_char *) refusal->error.code };
    lt_message_error_t error = refusal->error;

    NGX_HTTP_LT_COUNT(handshakes_refused, 1);
    ngx_http_lt_variables_set(r, NGX_HTTP_LT_VARIABLE_CODE, &code);
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
        "lt: event=handshake_refused status=%ui code=%s", refusal->status,
        error.code);

    /* HTTP/2 forbids the header, RFC 9113 section 8.2.2 */
    if (refusal == &lt_refuse_upgrade
        && r->http_version < NGX_HTTP_VERSION_20
        && (ngx_http_lt_answer_header(r, "Upgrade", "websocket") != NGX_OK
            || ngx_http_lt_answer_header(r, "Sec-WebSocket-Version", "13")
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    if ((refusal == &lt_refuse_unavailable || refusal == &lt_refuse_address)
        && ngx_http_lt_answer_header(r, "Retry-After",
               refusal == &lt_refuse_address ? "5" : "2") != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (language != NULL && language->len != 0) {
        error.detail_key = "languageCode";
        error.detail = ngx_http_lt_view(language);
    }

    return ngx_http_lt_answer_error(r, refusal->status, &error);
}

/* A word in a comma-separated list, any case. */
static ngx_uint_t
lt_handshake_lists(const ngx_str_t *list, const char *word)
{
    size_t len = ngx_strlen(word);
    u_char *p = list->data, *end = p + list->len, *start;

    while (p < end) {
        while (p < end && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;
        while (p < end && *p != ',' && *p != ' ' && *p != '\t') {
            p++;
        }

        if ((size_t) (p - start) == len
            && ngx_strncasecmp(start, (u_char *) word, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}

/* RFC 6455 section 4.2.1; *refusal NULL = fine. */
static const lt_refusal_t *
lt_handshake_check_upgrade(ngx_http_request_t *r, lt_handshake_t *h)
{
    ngx_str_t upgrade, connection, version, key;
    ngx_uint_t upgrades, connections, versions, keys;

    if (r->http_version >= NGX_HTTP_VERSION_20) {
        return &lt_refuse_upgrade;      /* RFC 8441 is not in nginx */
    }

    if (r->method != NGX_HTTP_GET) {
        return &lt_refuse_method;
    }

    upgrade = ngx_http_lt_answer_request_header(r, "Upgrade", &upgrades);
    connection = ngx_http_lt_answer_request_header(r, "Connection", &connections);
    version = ngx_http_lt_answer_request_header(r, "Sec-WebSocket-Version", &versions);
    key = ngx_http_lt_answer_request_header(r, "Sec-WebSocket-Key", &keys);

    if (r->http_version < NGX_HTTP_VERSION_11
        || !lt_handshake_lists(&upgrade, "websocket")
        || !lt_handshake_lists(&connection, "upgrade")
        || versions != 1
        || !lt_str_is(ngx_http_lt_view(&version), "13"))
    {
        return &lt_refuse_upgrade;
    }

    if (keys != 1
        || lt_ws_accept(h->accept, ngx_http_lt_view(&key)) != LT_OK)
    {
        return &lt_refuse_key;
    }

    h->accept[LT_WS_ACCEPT_LEN] = '\0';

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        return &lt_refuse_body;
    }

    return NULL;
}

/* The request has gone: a join that is under way is taken back. */
static void
lt_handshake_cleanup(void *data)
{
    lt_handshake_t *h = data;

    if (h->cmd != NULL) {
        ngx_http_lt_command_forget(h->cmd);
        h->cmd = NULL;
    }

    if (h->socket != NULL) {
        ngx_http_lt_registry_leave(h->mcf, &h->session_id, &h->socket->id,
            h->socket->role == NGX_HTTP_LT_SPEAKER);
        ngx_http_lt_socket_free(&h->socket);
    }

    if (h->is_joining) {
        h->is_joining = 0;
        ngx_http_lt_registry_join_end(h->mcf, &h->join);
    }
}

static const lt_refusal_t *
lt_handshake_refusal(lt_handshake_t *h, int code)
{
    switch (code) {

    case LT_STATE_NOT_FOUND:
        return &lt_refuse_not_found;

    case LT_STATE_INACTIVE:
        return &lt_refuse_inactive;

    case LT_STATE_FULL:
        return &lt_refuse_full;

    case LT_STATE_UNAUTHORIZED:
        /* somebody else's good name: a listener without a language */
        return h->identity.sub.len != 0 ? &lt_refuse_no_language
                                        : &lt_refuse_token;

    case NGX_HTTP_LT_STATE_LOST:
        return &lt_refuse_unavailable;

    default:
        return &lt_refuse_internal;
    }
}

static void
lt_handshake_copy(ngx_str_t *to, size_t max, ngx_str_t from)
{
    to->len = ngx_min(from.len, max);
    (void) ngx_http_lt_copy(to->data, from.data, to->len);
}

/* What the script has told about the session. */
static void
lt_handshake_fill(ngx_http_lt_socket_t *s, const ngx_http_lt_reply_t *reply)
{
    if (s->role == NGX_HTTP_LT_SPEAKER) {
        s->epoch = (uint64_t) ngx_http_lt_reply_number(reply, 1);
        s->numbering = (uint64_t) ngx_http_lt_reply_number(reply, 6);
    }

    lt_handshake_copy(&s->source_language, NGX_HTTP_LT_LANGUAGE_MAX,
        ngx_http_lt_reply_text(reply, 2));
    s->is_paused = ngx_http_lt_reply_number(reply, 3) != 0;
    s->is_muted = ngx_http_lt_reply_number(reply, 4) != 0;
}

static void
lt_handshake_done(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_int_t rc;
    lt_handshake_t *h = data;
    ngx_http_lt_socket_t *s = h->socket;
    ngx_http_request_t *r = h->request;

    h->cmd = NULL;

    if (code != LT_STATE_DONE) {
        /* of a lost answer nobody knows: the cleanup takes it back */
        if (code != NGX_HTTP_LT_STATE_LOST) {
            ngx_http_lt_socket_free(&h->socket);
        }

        rc = lt_handshake_refuse(r, lt_handshake_refusal(h, code), NULL);
        ngx_http_lt_answer_finish(r, rc);
        return;
    }

    lt_handshake_fill(s, reply);

    if (s->role == NGX_HTTP_LT_SPEAKER) {
        h->trace = ngx_http_lt_reply_text(reply, 7);
        ngx_http_lt_variables_copy(r, NGX_HTTP_LT_VARIABLE_TRACE, &h->trace);
    }

    rc = h->is_events
         ? ngx_http_lt_events_open(s, r, &h->session_id)
         : ngx_http_lt_connection_open(s, r, h->accept, &h->session_id);

    if (rc != NGX_OK) {
        ngx_http_lt_answer_finish(r, NGX_ERROR);
        return;
    }

    h->socket = NULL;
    h->is_joining = 0;
    ngx_http_lt_registry_join_end(h->mcf, &h->join);

    if (h->is_events) {
        ngx_http_lt_events_start(s);
    } else {
        ngx_http_lt_connection_start(s, r);
    }
}

/* The session may be fine, the language or the token is not. */
static void
lt_handshake_checked(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    lt_handshake_t *h = data;
    const lt_refusal_t *refusal = h->refusal;

    h->cmd = NULL;

    if (code != LT_STATE_DONE) {
        refusal = lt_handshake_refusal(h, code);
    }

    ngx_http_lt_answer_finish(h->request,
        lt_handshake_refuse(h->request, refusal,
            refusal == &lt_refuse_unsupported ? &h->language : NULL));
}

static const lt_refusal_t *
lt_handshake_check_language(const ngx_str_t *language)
{
    lt_str_t code = ngx_http_lt_view(language);

    if (code.len == 0) {
        return &lt_refuse_no_language;
    }

    if (!lt_language_is_code(code)) {
        return &lt_refuse_language;
    }

    return lt_language_is_target(code) ? NULL : &lt_refuse_unsupported;
}

/* For the access log; and the trace that begins here. */
static void
lt_handshake_note(lt_handshake_t *h, ngx_uint_t is_listener)
{
    ngx_str_t role = ngx_string("listener");
    ngx_http_request_t *r = h->request;

    if (!is_listener) {
        ngx_str_set(&role, "speaker");
        h->trace = ngx_http_lt_variables_trace(r, &h->is_trace_given);
    }

    ngx_http_lt_variables_set(r, NGX_HTTP_LT_VARIABLE_ROLE, &role);
    ngx_http_lt_variables_set(r, NGX_HTTP_LT_VARIABLE_SESSION,
        &h->session_id);
    ngx_http_lt_variables_set(r, NGX_HTTP_LT_VARIABLE_LANGUAGE, &h->language);
    ngx_http_lt_variables_copy(r, NGX_HTTP_LT_VARIABLE_CONNECTION,
        &h->socket->id);
}

/* Sends the question to Redis that fits the role; NGX_DONE = it is asked. */
static ngx_int_t
lt_handshake_ask(lt_handshake_t *h, ngx_uint_t is_listener)
{
    u_char wish_data[NGX_HTTP_LT_WISH_MAX];
    ngx_str_t none = ngx_null_string, numbering, wish;
    ngx_http_request_t *r = h->request;

    if (h->refusal != NULL) {
        h->cmd = ngx_http_lt_state_join(h->mcf, &h->session_id, &none, &none,
            lt_handshake_checked, h);
        return h->cmd != NULL
               ? NGX_DONE
               : lt_handshake_refuse(r, &lt_refuse_unavailable, NULL);
    }

    h->socket = ngx_http_lt_socket_new(h->mcf,
        is_listener ? NGX_HTTP_LT_LISTENER : NGX_HTTP_LT_SPEAKER,
        r->connection->log);
    if (h->socket == NULL
        || ngx_http_lt_ack_ask(h->socket, r, &numbering) != NGX_OK
        || ngx_http_lt_ring_ask(h->socket, r) != NGX_OK)
    {
        ngx_http_lt_socket_free(&h->socket);
        return lt_handshake_refuse(r, &lt_refuse_internal, NULL);
    }

    if (ngx_http_lt_address_enter(h->mcf, r->connection, &h->socket->address)
        != NGX_OK)
    {
        NGX_HTTP_LT_COUNT(addresses_limited, 1);
        ngx_http_lt_socket_free(&h->socket);
        return lt_handshake_refuse(r, &lt_refuse_address, NULL);
    }

    lt_handshake_copy(&h->socket->language, NGX_HTTP_LT_LANGUAGE_MAX,
        h->language);
    lt_handshake_copy(&h->socket->label, NGX_HTTP_LT_LANGUAGE_MAX,
        h->language);
    lt_handshake_copy(&h->socket->speaker_key, NGX_HTTP_LT_SPEAKER_KEY_MAX,
        h->identity.key);
    h->socket->captions = h->captions;
    h->is_joining = 1;
    ngx_http_lt_registry_join_begin(h->mcf, &h->join, &h->session_id);
    lt_handshake_note(h, is_listener);
    wish = ngx_http_lt_captions_wish(wish_data, &h->socket->language,
        h->captions);

    h->cmd = is_listener
             ? ngx_http_lt_state_join(h->mcf, &h->session_id, &h->socket->id,
                   &wish, lt_handshake_done, h)
             : ngx_http_lt_state_attach(h->mcf, &h->session_id,
                   &h->socket->id, &h->identity.key, &numbering,
                   &h->trace, h->is_trace_given, lt_handshake_done, h);

    if (h->cmd == NULL) {
        ngx_http_lt_socket_free(&h->socket);
        return lt_handshake_refuse(r, &lt_refuse_unavailable, NULL);
    }

    return NGX_DONE;
}

static ngx_int_t
lt_handshake_captions(ngx_http_request_t *r, lt_handshake_t *h)
{
    ngx_int_t rc = ngx_http_lt_captions_ask(r, &h->captions);

    if (rc == NGX_DECLINED) {
        h->refusal = &lt_refuse_captions;
        rc = NGX_OK;
    }

    return rc;
}

/* Who asks for a language listens, whatever the token says: docs/protocol/,
   roles.  *is_listener and h->refusal are set. */
static ngx_int_t
lt_handshake_role(ngx_http_request_t *r, lt_handshake_t *h,
    ngx_uint_t *is_listener)
{
    ngx_int_t rc;

    rc = ngx_http_lt_answer_arg(r, "targetLanguage", &h->language);
    *is_listener = rc == NGX_OK;

    if (rc == NGX_DECLINED) {
        rc = ngx_http_lt_identity(r, &h->identity);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    switch (h->identity.state) {

    case NGX_HTTP_LT_IDENTITY_VALID:
        break;

    case NGX_HTTP_LT_IDENTITY_INVALID:
        h->refusal = &lt_refuse_token;
        break;

    case NGX_HTTP_LT_IDENTITY_NONE:
        h->refusal = lt_handshake_check_language(&h->language);
        break;
    }

    return *is_listener && h->refusal == NULL
           ? lt_handshake_captions(r, h) : NGX_OK;
}

/* Who comes, and to which session; NGX_DONE as above. */
static ngx_int_t
lt_handshake_start(ngx_http_request_t *r, lt_handshake_t *h)
{
    ngx_uint_t is_listener;

    if (ngx_http_lt_answer_arg(r, "sessionId", &h->session_id) == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (h->session_id.len == 0) {
        return lt_handshake_refuse(r, &lt_refuse_no_session, NULL);
    }

    if (!lt_session_id_is_valid(ngx_http_lt_view(&h->session_id))) {
        return lt_handshake_refuse(r, &lt_refuse_session_id, NULL);
    }

    if (lt_handshake_role(r, h, &is_listener) != NGX_OK) {
        return NGX_ERROR;
    }

    if (h->is_events && !is_listener) {
        h->refusal = &lt_refuse_no_language;
    }

    return lt_handshake_ask(h, is_listener);
}

static const lt_refusal_t *
lt_handshake_check_events(ngx_http_request_t *r)
{
    if (r->method != NGX_HTTP_GET) {
        return &lt_refuse_events_method;
    }

    return r->headers_in.content_length_n > 0 || r->headers_in.chunked
           ? &lt_refuse_events_body : NULL;
}

static ngx_int_t
lt_handshake_begin(ngx_http_request_t *r, ngx_uint_t is_events)
{
    ngx_int_t rc;
    lt_handshake_t *h;
    const lt_refusal_t *refusal;
    ngx_http_cleanup_t *cln;

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_http_lt_answer_preflight(r);
    }

    h = ngx_pcalloc(r->pool, sizeof(lt_handshake_t));
    cln = ngx_http_cleanup_add(r, 0);
    if (h == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    h->request = r;
    h->mcf = ngx_http_lt_main_conf(r);
    h->is_events = is_events;
    cln->handler = lt_handshake_cleanup;
    cln->data = h;

    refusal = r != r->main ? &lt_refuse_subrequest
              : is_events ? lt_handshake_check_events(r)
                          : lt_handshake_check_upgrade(r, h);
    if (refusal != NULL) {
        return lt_handshake_refuse(r, refusal, NULL);
    }

    rc = lt_handshake_start(r, h);

    if (rc == NGX_DONE) {
        r->main->count++;
        r->read_event_handler = ngx_http_test_reading;
        r->write_event_handler = ngx_http_request_empty_handler;
    }

    return rc;
}

ngx_int_t
ngx_http_lt_websocket_handler(ngx_http_request_t *r)
{
    return lt_handshake_begin(r, 0);
}

ngx_int_t
ngx_http_lt_events_handler(ngx_http_request_t *r)
{
    return lt_handshake_begin(r, 1);
}
