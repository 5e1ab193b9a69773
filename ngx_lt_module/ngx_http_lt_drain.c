#include "ngx_http_lt_drain.h"
#include "ngx_http_lt_metrics.h"
#include "ngx_http_lt_registry.h"

#define LT_DRAIN_AT_ONCE 256            /* sockets told in one step */

/* A listener that is on its way to another process. */
typedef struct {
    ngx_event_t timer;                  /* keeps the process until it is over */
    ngx_http_lt_talk_t *talk;           /* is kept, too */
    u_char connection[NGX_HTTP_LT_CONNECTION_ID_LEN];
} lt_drain_leave_t;

ngx_int_t
ngx_http_lt_drain_check(ngx_conf_t *cf, ngx_http_lt_main_conf_t *mcf)
{
    ngx_core_conf_t *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
        ngx_core_module);

    if (mcf->drain != NGX_CONF_UNSET_MSEC
        && ccf->shutdown_timeout != NGX_CONF_UNSET_MSEC
        && ccf->shutdown_timeout < mcf->drain)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
            "lt_drain is %M ms, but worker_shutdown_timeout closes all "
            "sockets after %M ms: it must be longer", mcf->drain,
            ccf->shutdown_timeout);
        return NGX_ERROR;
    }

    return NGX_OK;
}

static ngx_uint_t
lt_drain_moves(const ngx_http_lt_socket_t *s)
{
    return s->role == NGX_HTTP_LT_SPEAKER ? s->ack != NULL : s->resumes;
}

/* Some of those that move, and how many there are. */
static ngx_uint_t
lt_drain_find(ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_socket_t *some[LT_DRAIN_AT_ONCE])
{
    ngx_uint_t n = 0;
    ngx_rbtree_t *tree = &mcf->sockets;
    ngx_rbtree_node_t *node;
    ngx_http_lt_socket_t *s;

    if (tree->root == tree->sentinel) {
        return 0;
    }

    for (node = ngx_rbtree_min(tree->root, tree->sentinel); node != NULL;
         node = ngx_rbtree_next(tree, node))
    {
        s = (ngx_http_lt_socket_t *) node;

        if (lt_drain_moves(s)) {
            if (n < LT_DRAIN_AT_ONCE) {
                some[n] = s;
            }
            n++;
        }
    }

    return n;
}

/* As many as it takes to be through in time. */
static void
lt_drain_step(ngx_http_lt_drain_t *drain)
{
    ngx_uint_t i, n, now;
    ngx_msec_int_t left_ms = (ngx_msec_int_t) (drain->end_ms
                                               - ngx_current_msec);
    ngx_http_lt_socket_t *some[LT_DRAIN_AT_ONCE];

    n = lt_drain_find(drain->mcf, some);
    left_ms = ngx_max(left_ms, NGX_HTTP_LT_DRAIN_STEP_MS);
    now = (n * NGX_HTTP_LT_DRAIN_STEP_MS + left_ms - 1) / left_ms;
    now = ngx_min(ngx_min(now, n), LT_DRAIN_AT_ONCE);

    for (i = 0; i < now; i++) {
        some[i]->is_moving = 1;
        ngx_http_lt_connection_close(some[i], LT_WS_CLOSE_RESTART,
            "the server restarts: please come again");
    }

    NGX_HTTP_LT_COUNT(sockets_moved, now);
}

static void
lt_drain_handler(ngx_event_t *ev)
{
    ngx_http_lt_drain_t *drain = ev->data;

    if (!ngx_exiting) {
        ngx_add_timer(ev, NGX_HTTP_LT_DRAIN_LOOK_MS);
        return;
    }

    if (drain->end_ms == 0) {
        drain->end_ms = ngx_current_msec + drain->window_ms;
        ngx_log_error(NGX_LOG_NOTICE, ev->log, 0,
            "lt: event=draining window_ms=%M", drain->window_ms);
    }

    lt_drain_step(drain);
    ngx_add_timer(ev, NGX_HTTP_LT_DRAIN_STEP_MS);
}

ngx_int_t
ngx_http_lt_drain_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf)
{
    ngx_core_conf_t *ccf;
    ngx_http_lt_drain_t *drain;

    drain = ngx_pcalloc(cycle->pool, sizeof(ngx_http_lt_drain_t));
    if (drain == NULL) {
        return NGX_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    /* all are told before nginx closes the rest; 0: it never does */
    drain->mcf = mcf;
    drain->window_ms = ccf->shutdown_timeout != 0
                       ? ngx_min(mcf->drain, ccf->shutdown_timeout * 3 / 4)
                       : mcf->drain;
    drain->timer.handler = lt_drain_handler;
    drain->timer.data = drain;
    drain->timer.log = cycle->log;
    drain->timer.cancelable = 1;        /* the sockets keep the process */
    ngx_add_timer(&drain->timer, NGX_HTTP_LT_DRAIN_LOOK_MS);

    return NGX_OK;
}

static void
lt_drain_leave_handler(ngx_event_t *ev)
{
    lt_drain_leave_t *leave = ev->data;
    ngx_http_lt_talk_t *talk = leave->talk;
    ngx_str_t id = { NGX_HTTP_LT_CONNECTION_ID_LEN, leave->connection };

    ngx_http_lt_registry_leave(talk->mcf, &talk->sn.str, &id, 0);
    ngx_free(leave);
    talk->moving_n--;
    ngx_http_lt_talk_release(talk);
}

/* Nobody else of this process hears that language. */
static ngx_uint_t
lt_drain_is_last(ngx_http_lt_talk_t *talk, ngx_http_lt_socket_t *s)
{
    ngx_queue_t *q;
    ngx_http_lt_socket_t *other;

    for (q = ngx_queue_head(&talk->listeners);
         q != ngx_queue_sentinel(&talk->listeners); q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_http_lt_socket_t, queue);

        if (other != s && ngx_http_lt_socket_hears(other, &s->language)) {
            return 0;
        }
    }

    return 1;
}

void
ngx_http_lt_drain_leave(ngx_http_lt_talk_t *talk, ngx_http_lt_socket_t *s)
{
    lt_drain_leave_t *leave = NULL;

    if (s->is_moving && s->role == NGX_HTTP_LT_LISTENER
        && lt_drain_is_last(talk, s))
    {
        leave = ngx_calloc(sizeof(lt_drain_leave_t), ngx_cycle->log);
    }

    if (leave == NULL) {
        ngx_http_lt_registry_leave(s->mcf, &talk->sn.str, &s->id,
            s->role == NGX_HTTP_LT_SPEAKER);
        return;
    }

    leave->talk = talk;
    talk->moving_n++;
    ngx_memcpy(leave->connection, s->id.data, NGX_HTTP_LT_CONNECTION_ID_LEN);

    leave->timer.handler = lt_drain_leave_handler;
    leave->timer.data = leave;
    leave->timer.log = ngx_cycle->log;
    ngx_add_timer(&leave->timer, NGX_HTTP_LT_DRAIN_KEEP_MS);
}
