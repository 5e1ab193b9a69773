#include "ngx_http_lt_registry.h"
#include "ngx_http_lt_captions.h"
#include "ngx_http_lt_push.h"
#include "ngx_http_lt_state.h"
#include "ngx_http_lt_talk.h"

struct ngx_http_lt_registry_s {
    ngx_http_lt_main_conf_t *mcf;
    ngx_event_t timer;
    ngx_queue_t leaves;         /* of lt_registry_leave_t: to be repeated */
    ngx_uint_t leaves_n;
    ngx_uint_t is_sync_due;     /* some session was left out of the last one */
    ngx_str_t former;           /* len 0: buried, or there was none */
    u_char former_id[NGX_HTTP_LT_PROCESS_ID_LEN];
};

typedef struct {
    ngx_queue_t queue;
    ngx_http_lt_main_conf_t *mcf;
    ngx_uint_t is_speaker;
    ngx_str_t session_id;
    ngx_str_t connection;
    u_char data[];
} lt_registry_leave_t;

/* What a step of a sweep has to remember: a process or a session. */
typedef struct {
    ngx_http_lt_main_conf_t *mcf;
    ngx_str_t id;
    u_char data[];
} lt_registry_step_t;

static void lt_registry_sweep(lt_registry_step_t *step);

static ngx_http_lt_command_t *
lt_registry_command(ngx_http_lt_main_conf_t *mcf, ngx_uint_t n,
    const ngx_str_t *words, ngx_http_lt_command_done_pt done, void *data)
{
    return mcf->redis != NULL
           ? ngx_http_lt_command_send(mcf->redis, n, words, done, data)
           : NULL;
}

static ngx_str_t
lt_registry_key(u_char buf[LT_STATE_KEY_MAX], lt_state_key_t key,
    const ngx_str_t *id)
{
    lt_out_t out;
    ngx_str_t s;

    lt_out_init(&out, buf, LT_STATE_KEY_MAX);
    (void) lt_state_key(&out, key, ngx_http_lt_view(id));

    s.data = buf;
    s.len = lt_out_len(&out);

    return s;
}

static ngx_str_t
lt_registry_self(ngx_http_lt_main_conf_t *mcf)
{
    ngx_str_t s = { NGX_HTTP_LT_PROCESS_ID_LEN, mcf->process_id };

    return s;
}

static void
lt_registry_set(ngx_http_lt_main_conf_t *mcf, const char *verb,
    const ngx_str_t *session_id)
{
    u_char key[LT_STATE_KEY_MAX];
    ngx_str_t words[3], self = lt_registry_self(mcf);

    words[0].data = (u_char *) verb;
    words[0].len = ngx_strlen(verb);
    words[1] = lt_registry_key(key, LT_STATE_KEY_PROCESS_SESSIONS, &self);
    words[2] = *session_id;

    (void) lt_registry_command(mcf, 3, words, NULL, NULL);
}

void
ngx_http_lt_registry_add(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id)
{
    lt_registry_set(mcf, "SADD", session_id);
}

/* Few at a time: as long as Redis takes to answer. */
static ngx_uint_t
lt_registry_is_joined(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id)
{
    ngx_queue_t *q;
    ngx_http_lt_join_t *join;

    for (q = ngx_queue_head(&mcf->joins);
         q != ngx_queue_sentinel(&mcf->joins); q = ngx_queue_next(q))
    {
        join = ngx_queue_data(q, ngx_http_lt_join_t, queue);

        if (join->session_id->len == session_id->len
            && ngx_memcmp(join->session_id->data, session_id->data,
                   session_id->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}

void
ngx_http_lt_registry_remove(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id)
{
    if (!lt_registry_is_joined(mcf, session_id)) {
        lt_registry_set(mcf, "SREM", session_id);
    }
}

void
ngx_http_lt_registry_join_begin(ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_join_t *join, const ngx_str_t *session_id)
{
    join->session_id = session_id;
    ngx_queue_insert_tail(&mcf->joins, &join->queue);
    ngx_http_lt_registry_add(mcf, session_id);
}

void
ngx_http_lt_registry_join_end(ngx_http_lt_main_conf_t *mcf,
    ngx_http_lt_join_t *join)
{
    ngx_queue_remove(&join->queue);

    if (ngx_http_lt_talk_find(mcf, join->session_id) == NULL) {
        ngx_http_lt_registry_remove(mcf, join->session_id);
    }
}

static lt_registry_step_t *
lt_registry_step(ngx_http_lt_main_conf_t *mcf, const ngx_str_t *id)
{
    lt_registry_step_t *step;

    step = ngx_alloc(sizeof(lt_registry_step_t) + id->len, ngx_cycle->log);
    if (step != NULL) {
        step->mcf = mcf;
        step->id.data = step->data;
        step->id.len = id->len;
        ngx_memcpy(step->data, id->data, id->len);
    }

    return step;
}

/* Connections that ended while Redis was away. */

static void
lt_registry_leave_done(void *data, const ngx_http_lt_reply_t *reply)
{
    lt_registry_leave_t *leave = data;
    ngx_http_lt_registry_t *registry = leave->mcf->registry;

    if (reply != NULL || registry->leaves_n >= NGX_HTTP_LT_LEAVES_MAX) {
        ngx_free(leave);
        return;
    }

    ngx_queue_insert_tail(&registry->leaves, &leave->queue);
    registry->leaves_n++;
}

static void
lt_registry_leave_send(lt_registry_leave_t *leave)
{
    ngx_http_lt_command_t *cmd;

    cmd = leave->is_speaker
          ? ngx_http_lt_state_detach(leave->mcf, &leave->session_id,
                &leave->connection, lt_registry_leave_done, leave)
          : ngx_http_lt_state_leave(leave->mcf, &leave->session_id,
                &leave->connection, lt_registry_leave_done, leave);

    if (cmd == NULL) {
        lt_registry_leave_done(leave, NULL);
    }
}

void
ngx_http_lt_registry_leave(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *session_id, const ngx_str_t *connection,
    ngx_uint_t is_speaker)
{
    lt_registry_leave_t *leave;

    leave = ngx_alloc(sizeof(lt_registry_leave_t) + session_id->len
                      + connection->len, ngx_cycle->log);
    if (leave == NULL) {
        return;
    }

    leave->mcf = mcf;
    leave->is_speaker = is_speaker;
    leave->session_id.data = leave->data;
    leave->session_id.len = session_id->len;
    leave->connection.data = ngx_cpymem(leave->data, session_id->data,
        session_id->len);
    leave->connection.len = connection->len;
    ngx_memcpy(leave->connection.data, connection->data, connection->len);

    lt_registry_leave_send(leave);
}

static void
lt_registry_repeat_leaves(ngx_http_lt_registry_t *registry)
{
    ngx_queue_t *q;
    ngx_uint_t n;

    /* a leave that fails again goes to the tail */
    for (n = registry->leaves_n; n > 0; n--) {
        q = ngx_queue_head(&registry->leaves);
        ngx_queue_remove(q);
        registry->leaves_n--;
        lt_registry_leave_send(ngx_queue_data(q, lt_registry_leave_t, queue));
    }
}

/* Events may have been missed while Redis was away. */
static void
lt_registry_synced(void *data, const ngx_http_lt_reply_t *reply)
{
    int code = ngx_http_lt_state_code(reply);
    ngx_str_t status = ngx_http_lt_reply_text(reply, 3);
    ngx_http_lt_talk_t *talk;
    lt_registry_step_t *step = data;

    talk = ngx_http_lt_talk_find(step->mcf, &step->id);

    if (talk != NULL
        && (code == LT_STATE_NOT_FOUND
            || (code == LT_STATE_DONE
                && lt_str_is(ngx_http_lt_view(&status), "ended"))))
    {
        ngx_http_lt_talk_ended(talk);
    }

    ngx_free(step);
}

/* What this process holds, told once more. */
static void
lt_registry_sync(ngx_http_lt_talk_t *talk)
{
    u_char *wishes;
    ngx_str_t *args;
    ngx_uint_t n = 2;
    ngx_queue_t *q;
    lt_registry_step_t *step;
    ngx_http_lt_socket_t *s;

    ngx_http_lt_registry_add(talk->mcf, &talk->sn.str);

    /* Redis may know one that has not entered yet: it would be taken out */
    if (lt_registry_is_joined(talk->mcf, &talk->sn.str)) {
        talk->mcf->registry->is_sync_due = 1;
        return;
    }

    args = ngx_alloc((2 + 2 * talk->listeners_n) * sizeof(ngx_str_t)
                     + talk->listeners_n * NGX_HTTP_LT_WISH_MAX,
        ngx_cycle->log);
    if (args == NULL) {
        return;
    }

    wishes = (u_char *) (args + 2 + 2 * talk->listeners_n);

    args[0] = lt_registry_self(talk->mcf);
    ngx_str_null(&args[1]);
    if (talk->speaker != NULL) {
        args[1] = talk->speaker->id;
    }

    for (q = ngx_queue_head(&talk->listeners);
         q != ngx_queue_sentinel(&talk->listeners); q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_lt_socket_t, queue);
        args[n++] = s->id;
        args[n++] = ngx_http_lt_captions_wish(wishes, &s->language,
            s->captions);
        wishes += NGX_HTTP_LT_WISH_MAX;
    }

    step = lt_registry_step(talk->mcf, &talk->sn.str);

    if (step != NULL
        && ngx_http_lt_command_eval(talk->mcf->redis, LT_STATE_SYNC,
               &talk->sn.str, n, args, lt_registry_synced, step) == NULL)
    {
        ngx_free(step);
    }

    ngx_free(args);
}

static void
lt_registry_announce(ngx_http_lt_main_conf_t *mcf)
{
    u_char key[LT_STATE_KEY_MAX];
    ngx_str_t words[5], self = lt_registry_self(mcf);

    ngx_str_set(&words[0], "SET");
    words[1] = lt_registry_key(key, LT_STATE_KEY_PROCESS, &self);
    ngx_str_set(&words[2], "1");
    ngx_str_set(&words[3], "EX");
    ngx_str_set(&words[4], "15");
    (void) lt_registry_command(mcf, 5, words, NULL, NULL);

    ngx_str_set(&words[0], "SADD");
    ngx_str_set(&words[1], LT_STATE_PROCESSES);
    words[2] = self;
    (void) lt_registry_command(mcf, 3, words, NULL, NULL);

    ngx_http_lt_talk_each(mcf, lt_registry_sync);
}

/* Who died in our place need not be waited for until its key runs out. */
static void
lt_registry_bury(ngx_http_lt_main_conf_t *mcf)
{
    u_char key[LT_STATE_KEY_MAX];
    ngx_str_t words[2], *former = &mcf->registry->former;
    lt_registry_step_t *step;

    if (former->len == 0) {
        return;
    }

    ngx_str_set(&words[0], "DEL");
    words[1] = lt_registry_key(key, LT_STATE_KEY_PROCESS, former);
    (void) lt_registry_command(mcf, 2, words, NULL, NULL);

    step = lt_registry_step(mcf, former);
    if (step != NULL) {
        lt_registry_sweep(step);
    }

    former->len = 0;
}

void
ngx_http_lt_registry_redis_up(ngx_http_lt_main_conf_t *mcf)
{
    if (!ngx_http_lt_redis_is_up(mcf->redis)) {
        return;     /* the subscriber is first: the commands will follow */
    }

    lt_registry_bury(mcf);
    lt_registry_announce(mcf);
    lt_registry_repeat_leaves(mcf->registry);
}

/* Our key had run out: others may have swept us. */
static void
lt_registry_refreshed(void *data, const ngx_http_lt_reply_t *reply)
{
    if (reply != NULL && ngx_http_lt_reply_value(reply) == 0) {
        lt_registry_announce(data);
    }
}

/* Sweep: one session of a dead process. */
static void
lt_registry_swept(void *data, const ngx_http_lt_reply_t *reply)
{
    lt_registry_step_t *step = data;

    if (ngx_http_lt_state_code(reply) == LT_STATE_DONE) {
        (void) ngx_http_lt_push_control(step->mcf, &step->id, LT_STATE_COUNTS,
            0);

        if (ngx_http_lt_reply_number(reply, 2) != 0) {
            ngx_http_lt_talk_adopt(step->mcf, &step->id);
        }
    }

    ngx_free(step);
}

static ngx_int_t
lt_registry_sweep_session(ngx_http_lt_main_conf_t *mcf,
    const ngx_str_t *process, const ngx_str_t *session_id)
{
    ngx_str_t args[2];
    lt_registry_step_t *step;

    step = lt_registry_step(mcf, session_id);
    if (step == NULL) {
        return NGX_ERROR;
    }

    args[0] = *process;
    ngx_str_null(&args[1]);

    if (ngx_http_lt_command_eval(mcf->redis, LT_STATE_SYNC, session_id, 2, args,
            lt_registry_swept, step) == NULL)
    {
        ngx_free(step);
        return NGX_ERROR;
    }

    return NGX_OK;
}

/* Sweep: the sessions of a dead process are known. */
static void
lt_registry_sessions(void *data, const ngx_http_lt_reply_t *reply)
{
    u_char key[LT_STATE_KEY_MAX];
    ngx_str_t words[3], session_id;
    ngx_uint_t i;
    lt_registry_step_t *step = data;

    if (reply == NULL) {
        ngx_free(step);
        return;
    }

    for (i = 0; i < ngx_http_lt_reply_size(reply); i++) {
        session_id = ngx_http_lt_reply_text(reply, i);

        if (lt_registry_sweep_session(step->mcf, &step->id, &session_id)
            != NGX_OK)
        {
            /* the next sweep goes on */
            ngx_free(step);
            return;
        }
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
        "lt: event=process_swept process=%V sessions=%ui", &step->id, i);

    ngx_str_set(&words[0], "DEL");
    words[1] = lt_registry_key(key, LT_STATE_KEY_PROCESS_SESSIONS, &step->id);
    (void) lt_registry_command(step->mcf, 2, words, NULL, NULL);

    ngx_str_set(&words[0], "SREM");
    ngx_str_set(&words[1], LT_STATE_PROCESSES);
    words[2] = step->id;
    (void) lt_registry_command(step->mcf, 3, words, NULL, NULL);

    ngx_free(step);
}

/* Sweep: the process is dead.  Takes the step. */
static void
lt_registry_sweep(lt_registry_step_t *step)
{
    u_char key[LT_STATE_KEY_MAX];
    ngx_str_t words[2];

    ngx_str_set(&words[0], "SMEMBERS");
    words[1] = lt_registry_key(key, LT_STATE_KEY_PROCESS_SESSIONS, &step->id);

    if (lt_registry_command(step->mcf, 2, words, lt_registry_sessions, step)
        == NULL)
    {
        ngx_free(step);
    }
}

/* Sweep: does the process live? */
static void
lt_registry_exists(void *data, const ngx_http_lt_reply_t *reply)
{
    if (reply == NULL || ngx_http_lt_reply_value(reply) != 0) {
        ngx_free(data);
        return;
    }

    lt_registry_sweep(data);
}

/* Sweep: some of the processes. */
static void
lt_registry_processes(void *data, const ngx_http_lt_reply_t *reply)
{
    u_char key[LT_STATE_KEY_MAX];
    ngx_str_t words[2], id, self = lt_registry_self(data);
    ngx_uint_t i;
    lt_registry_step_t *step;

    for (i = 0; i < ngx_http_lt_reply_size(reply); i++) {
        id = ngx_http_lt_reply_text(reply, i);

        if (id.len == self.len
            && ngx_memcmp(id.data, self.data, id.len) == 0)
        {
            continue;
        }

        step = lt_registry_step(data, &id);
        if (step == NULL) {
            return;
        }

        ngx_str_set(&words[0], "EXISTS");
        words[1] = lt_registry_key(key, LT_STATE_KEY_PROCESS, &id);

        if (lt_registry_command(data, 2, words, lt_registry_exists, step)
            == NULL)
        {
            ngx_free(step);
            return;
        }
    }
}

/* Sweep: it is our turn. */
static void
lt_registry_elected(void *data, const ngx_http_lt_reply_t *reply)
{
    ngx_str_t words[3];
    u_char max[NGX_INT_T_LEN];

    if (reply == NULL || ngx_http_lt_reply_value(reply) != 1) {
        return;
    }

    ngx_str_set(&words[0], "SRANDMEMBER");
    ngx_str_set(&words[1], LT_STATE_PROCESSES);
    words[2].data = max;
    words[2].len = ngx_sprintf(max, "%d", NGX_HTTP_LT_SWEEP_MAX) - max;

    (void) lt_registry_command(data, 3, words, lt_registry_processes, data);
}

static void
lt_registry_timer_handler(ngx_event_t *ev)
{
    u_char key[LT_STATE_KEY_MAX];
    ngx_str_t words[6], self;
    ngx_http_lt_registry_t *registry = ev->data;
    ngx_http_lt_main_conf_t *mcf = registry->mcf;

    ngx_add_timer(ev, NGX_HTTP_LT_REFRESH_MS);

    if (!ngx_http_lt_redis_is_up(mcf->redis)) {
        return;
    }

    self = lt_registry_self(mcf);

    ngx_str_set(&words[0], "EXPIRE");
    words[1] = lt_registry_key(key, LT_STATE_KEY_PROCESS, &self);
    ngx_str_set(&words[2], "15");
    (void) lt_registry_command(mcf, 3, words, lt_registry_refreshed, mcf);

    if (registry->is_sync_due) {
        registry->is_sync_due = 0;
        ngx_http_lt_talk_each(mcf, lt_registry_sync);
    }

    if (ngx_exiting) {
        return;
    }

    ngx_str_set(&words[0], "SET");
    ngx_str_set(&words[1], LT_STATE_SWEEPER);
    words[2] = self;
    ngx_str_set(&words[3], "NX");
    ngx_str_set(&words[4], "EX");
    ngx_str_set(&words[5], "4");
    (void) lt_registry_command(mcf, 6, words, lt_registry_elected, mcf);
}

ngx_int_t
ngx_http_lt_registry_init_process(ngx_cycle_t *cycle,
    ngx_http_lt_main_conf_t *mcf, const ngx_str_t *former)
{
    ngx_http_lt_registry_t *registry;

    registry = ngx_pcalloc(cycle->pool, sizeof(ngx_http_lt_registry_t));
    if (registry == NULL) {
        return NGX_ERROR;
    }

    registry->mcf = mcf;
    registry->former.data = registry->former_id;
    registry->former.len = former->len;
    ngx_memcpy(registry->former_id, former->data, former->len);
    ngx_queue_init(&registry->leaves);
    registry->timer.handler = lt_registry_timer_handler;
    registry->timer.data = registry;
    registry->timer.log = cycle->log;
    registry->timer.cancelable = 1;

    mcf->registry = registry;
    ngx_add_timer(&registry->timer, NGX_HTTP_LT_REFRESH_MS);

    return NGX_OK;
}
