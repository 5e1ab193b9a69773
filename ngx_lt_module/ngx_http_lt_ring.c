#include "ngx_http_lt_ring.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_metrics.h"

#include "lt_json.h"
#include "lt_message.h"

#define LT_RING_SEEN 64                 /* bits of a socket's seen */

typedef struct {
    int64_t number;
    ngx_http_lt_frame_t *frame;
} lt_ring_slot_t;

typedef struct {
    ngx_queue_t queue;                  /* the talk's rings */
    ngx_http_lt_talk_t *talk;
    ngx_str_t language;
    u_char language_data[NGX_HTTP_LT_LANGUAGE_MAX];
    ngx_http_lt_command_t *asking;      /* Redis, for what it has */
    ngx_event_t timer;                  /* while somebody waits for that */
    ngx_uint_t is_known;                /* complete from there on */
    ngx_uint_t is_whole;                /* Redis has nothing older either */
    int64_t from;
    ngx_uint_t n;
    size_t bytes;
    lt_ring_slot_t slots[NGX_HTTP_LT_RING_MAX];     /* numbers go up */
} lt_ring_t;

static void lt_ring_timer_handler(ngx_event_t *ev);

ngx_int_t
ngx_http_lt_ring_ask(ngx_http_lt_socket_t *s, ngx_http_request_t *r)
{
    ngx_int_t number;
    ngx_str_t resume, last, header;
    ngx_uint_t headers;

    if (s->role != NGX_HTTP_LT_LISTENER) {
        return NGX_OK;
    }

    if (ngx_http_lt_answer_arg(r, "resume", &resume) == NGX_ERROR
        || ngx_http_lt_answer_arg(r, "lastSegment", &last) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    /* EventSource says it so, and newer than its address does */
    header = ngx_http_lt_answer_request_header(r, "Last-Event-ID", &headers);
    if (headers == 1 && header.len != 0) {
        last = header;
    }

    number = last.len != 0 && last.len < 16 ? ngx_atoi(last.data, last.len)
                                            : NGX_ERROR;

    s->resumes = number > 0 || lt_str_is(ngx_http_lt_view(&resume), "1");

    if (number > 0) {
        s->segment = number;
        s->seen = UINT64_MAX;           /* it knows what it has had */
    }

    return NGX_OK;
}

static lt_ring_t *
lt_ring_find(ngx_http_lt_talk_t *talk, const ngx_str_t *language)
{
    ngx_queue_t *q;
    lt_ring_t *ring;

    for (q = ngx_queue_head(&talk->rings);
         q != ngx_queue_sentinel(&talk->rings); q = ngx_queue_next(q))
    {
        ring = ngx_queue_data(q, lt_ring_t, queue);

        if (ring->language.len == language->len
            && ngx_memcmp(ring->language.data, language->data, language->len)
               == 0)
        {
            return ring;
        }
    }

    return NULL;
}

static lt_ring_t *
lt_ring_new(ngx_http_lt_talk_t *talk, const ngx_str_t *language)
{
    lt_ring_t *ring;

    ring = ngx_calloc(sizeof(lt_ring_t), ngx_cycle->log);
    if (ring == NULL) {
        return NULL;
    }

    ring->talk = talk;
    ring->language.data = ring->language_data;
    ring->language.len = ngx_min(language->len, NGX_HTTP_LT_LANGUAGE_MAX);
    ngx_memcpy(ring->language_data, language->data, ring->language.len);
    ring->timer.handler = lt_ring_timer_handler;
    ring->timer.data = ring;
    ring->timer.log = ngx_cycle->log;
    ring->timer.cancelable = 1;
    ngx_queue_insert_tail(&talk->rings, &ring->queue);

    return ring;
}

/* n of the oldest. */
static void
lt_ring_drop(lt_ring_t *ring, ngx_uint_t n)
{
    ngx_uint_t i;

    for (i = 0; i < n; i++) {
        ring->bytes -= ring->slots[i].frame->len;
        ngx_http_lt_frame_unref(&ring->slots[i].frame);
    }

    ring->n -= n;
    ngx_memmove(ring->slots, &ring->slots[n],
        ring->n * sizeof(lt_ring_slot_t));
}

static void
lt_ring_free(lt_ring_t *ring)
{
    lt_ring_drop(ring, ring->n);
    ngx_http_lt_command_forget(ring->asking);

    if (ring->timer.timer_set) {
        ngx_del_timer(&ring->timer);
    }

    ngx_queue_remove(&ring->queue);
    ngx_free(ring);
}

void
ngx_http_lt_ring_free(ngx_http_lt_talk_t *talk)
{
    while (!ngx_queue_empty(&talk->rings)) {
        lt_ring_free(ngx_queue_data(ngx_queue_head(&talk->rings), lt_ring_t,
            queue));
    }
}

/* In its place; one that is there already, or too old for the ring, is not
   taken. */
static void
lt_ring_insert(lt_ring_t *ring, int64_t number, ngx_http_lt_frame_t *frame)
{
    ngx_uint_t at = ring->n;

    while (at > 0 && ring->slots[at - 1].number > number) {
        at--;
    }

    if (at > 0 && ring->slots[at - 1].number == number) {
        return;
    }

    while (ring->n > 0 && (ring->n == NGX_HTTP_LT_RING_MAX
           || ring->bytes + frame->len > NGX_HTTP_LT_RING_BYTES_MAX))
    {
        if (at == 0) {
            return;
        }

        lt_ring_drop(ring, 1);
        at--;
        ring->from = at > 0 ? ring->slots[0].number : number;
    }

    ngx_memmove(&ring->slots[at + 1], &ring->slots[at],
        (ring->n - at) * sizeof(lt_ring_slot_t));
    ring->slots[at].number = number;
    ring->slots[at].frame = frame;
    frame->refs++;
    ring->bytes += frame->len;
    ring->n++;
}

void
ngx_http_lt_ring_keep(ngx_http_lt_talk_t *talk, const ngx_str_t *language,
    int64_t number, ngx_http_lt_frame_t *frame)
{
    lt_ring_t *ring = lt_ring_find(talk, language);
    ngx_queue_t *q;

    for (q = ngx_queue_head(&talk->listeners);
         ring == NULL && q != ngx_queue_sentinel(&talk->listeners);
         q = ngx_queue_next(q))
    {
        if (ngx_http_lt_socket_hears(
                ngx_queue_data(q, ngx_http_lt_socket_t, queue), language))
        {
            ring = lt_ring_new(talk, language);
            break;
        }
    }

    if (ring == NULL) {
        return;
    }

    /* the numbers have begun anew */
    if (ring->n != 0
        && number + LT_RING_SEEN < ring->slots[ring->n - 1].number)
    {
        lt_ring_drop(ring, ring->n);
        ring->is_known = 0;
        ring->is_whole = 0;
    }

    if (!ring->is_known) {
        ring->is_known = 1;
        ring->from = number;
    }

    lt_ring_insert(ring, number, frame);
}

/* From the segment after the last one up to number - 1. */
static void
lt_ring_tell_missed(ngx_http_lt_socket_t *s, int64_t number)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;
    lt_json_writer_t w;

    NGX_HTTP_LT_COUNT(segments_missed,
        (ngx_atomic_int_t) (number - 1 - s->segment));

    lt_out_init(&out, text, sizeof(text));
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_cstr(&w, "type", "segmentsMissed");
    lt_json_put_str(&w, "sessionId", ngx_http_lt_view(&s->talk->sn.str));
    lt_json_put_str(&w, "language", ngx_http_lt_view(&s->language));
    lt_json_put_int(&w, "from", s->segment + 1);
    lt_json_put_int(&w, "to", number - 1);
    lt_json_put_int(&w, "timestamp", ngx_http_lt_wall_ms());
    lt_json_close_object(&w);

    if (lt_out_result(&out) == LT_OK) {
        ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));
    }
}

ngx_uint_t
ngx_http_lt_ring_take(ngx_http_lt_socket_t *s, int64_t number)
{
    int64_t ahead = number - s->segment;
    uint64_t bit;

    if (ahead < -LT_RING_SEEN) {        /* the numbers have begun anew */
        s->segment = number;
        s->seen = 0;
        return 1;
    }

    if (ahead <= 0) {
        bit = ahead < 0 ? (uint64_t) 1 << (-ahead - 1) : 0;

        if (ahead == 0 || (s->seen & bit) != 0) {
            return 0;
        }

        s->seen |= bit;
        return 1;
    }

    if (s->resumes && s->segment != 0 && ahead > 1) {
        lt_ring_tell_missed(s, number);
    }

    s->seen = ahead < LT_RING_SEEN ? s->seen << ahead : 0;
    if (s->segment != 0 && ahead <= LT_RING_SEEN) {
        s->seen |= (uint64_t) 1 << (ahead - 1);
    }

    s->segment = number;

    return 1;
}

/* All that came after what s has had. */
static void
lt_ring_replay(lt_ring_t *ring, ngx_http_lt_socket_t *s)
{
    int64_t after = s->segment;
    ngx_uint_t i;
    ngx_http_lt_relabelled_t last = { NULL, NULL, ngx_null_string };

    s->is_behind = 0;

    for (i = 0; i < ring->n && s->state == NGX_HTTP_LT_OPEN; i++) {
        if (ring->slots[i].number > after) {
            NGX_HTTP_LT_COUNT(segments_resumed, 1);
            (void) ngx_http_lt_push_one(s, ring->slots[i].frame,
                ring->slots[i].number, &last);
        }
    }

    ngx_http_lt_frame_unref(&last.copy);
}

/* What there is has to do. */
static void
lt_ring_settle(lt_ring_t *ring)
{
    ngx_queue_t *q, *next;
    ngx_http_lt_talk_t *talk = ring->talk;
    ngx_http_lt_socket_t *s;

    if (ring->timer.timer_set) {
        ngx_del_timer(&ring->timer);
    }

    for (q = ngx_queue_head(&talk->listeners);
         q != ngx_queue_sentinel(&talk->listeners); q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_lt_socket_t, queue);

        if (s->segment != 0 && ngx_http_lt_socket_hears(s, &ring->language)) {
            lt_ring_replay(ring, s);
        }
    }
}

static void
lt_ring_timer_handler(ngx_event_t *ev)
{
    lt_ring_t *ring = ev->data;

    ngx_http_lt_command_forget(ring->asking);
    ring->asking = NULL;
    lt_ring_settle(ring);
}

/* The list's newest comes first. */
static void
lt_ring_asked(void *data, const ngx_http_lt_reply_t *reply)
{
    int64_t newest = 0;
    ngx_str_t text;
    ngx_uint_t i, n;
    lt_ring_t *ring = data;
    lt_state_event_t ev;
    ngx_http_lt_frame_t *frame;

    ring->asking = NULL;

    if (reply == NULL) {
        lt_ring_settle(ring);
        return;
    }

    n = ngx_http_lt_reply_size(reply);
    ring->is_whole = 1;

    if (n < LT_STATE_RECENT_MAX) {
        ring->is_known = 1;
        ring->from = 0;         /* nothing is older */
    }

    for (i = 0; i < n; i++) {
        text = ngx_http_lt_reply_text(reply, i);

        if (lt_state_event_decode(&ev, ngx_http_lt_view(&text)) != LT_OK
            || ev.number <= 0)
        {
            continue;
        }

        if (newest == 0) {
            newest = ev.number;
        }

        if (ev.number > newest + LT_RING_SEEN) {
            break;              /* the numbers have begun anew since */
        }

        if (!ring->is_known || ev.number < ring->from) {
            ring->is_known = 1;
            ring->from = ev.number;
        }

        frame = ngx_http_lt_push_frame(&ev);
        if (frame != NULL) {
            lt_ring_insert(ring, ev.number, frame);
            ngx_http_lt_frame_unref(&frame);
        }
    }

    lt_ring_settle(ring);
}

/* Before the channel is heard something could be missed in between. */
static void
lt_ring_ask(lt_ring_t *ring)
{
    u_char key[LT_STATE_KEY_MAX];
    lt_out_t out;
    ngx_str_t words[4];
    ngx_http_lt_talk_t *talk = ring->talk;

    if (!ring->timer.timer_set) {
        ngx_add_timer(&ring->timer, NGX_HTTP_LT_RING_WAIT_MS);
    }

    if (ring->asking != NULL || !talk->is_heard) {
        return;
    }

    lt_out_init(&out, key, sizeof(key));
    (void) lt_state_recent_key(&out, ngx_http_lt_view(&talk->sn.str),
        ngx_http_lt_view(&ring->language));

    ngx_str_set(&words[0], "LRANGE");
    words[1].data = key;
    words[1].len = lt_out_len(&out);
    ngx_str_set(&words[2], "0");
    ngx_str_set(&words[3], "-1");

    ring->asking = ngx_http_lt_command_send(talk->mcf->redis, 4, words,
        lt_ring_asked, ring);
}

void
ngx_http_lt_ring_resume(ngx_http_lt_socket_t *s)
{
    lt_ring_t *ring;

    if (s->role != NGX_HTTP_LT_LISTENER || s->state != NGX_HTTP_LT_OPEN
        || s->segment == 0)
    {
        return;
    }

    NGX_HTTP_LT_COUNT(listeners_resumed, 1);

    ring = lt_ring_find(s->talk, &s->language);
    if (ring == NULL) {
        ring = lt_ring_new(s->talk, &s->language);
    }

    if (ring == NULL) {
        return;                 /* the next segment tells what is missing */
    }

    if (ring->is_known
        && (ring->is_whole || s->segment + 1 >= ring->from))
    {
        lt_ring_replay(ring, s);
        return;
    }

    s->is_behind = 1;
    lt_ring_ask(ring);
}

void
ngx_http_lt_ring_switched(ngx_http_lt_socket_t *s)
{
    ngx_uint_t is_behind = s->is_behind;

    s->is_behind = 0;

    if (!s->resumes) {
        s->segment = 0;         /* it has had nothing in this one */
        s->seen = 0;

    } else if (is_behind) {
        ngx_http_lt_ring_resume(s);
    }
}

/* What comes now waits for what may have come before. */
static void
lt_ring_hold(lt_ring_t *ring)
{
    ngx_queue_t *q;
    ngx_http_lt_socket_t *s;
    ngx_http_lt_talk_t *talk = ring->talk;

    for (q = ngx_queue_head(&talk->listeners);
         q != ngx_queue_sentinel(&talk->listeners); q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_lt_socket_t, queue);

        if (s->segment != 0 && ngx_http_lt_socket_hears(s, &ring->language)) {
            s->is_behind = 1;
        }
    }
}

void
ngx_http_lt_ring_heard(ngx_http_lt_talk_t *talk)
{
    lt_ring_t *ring;
    ngx_queue_t *q;

    talk->is_heard = 1;

    for (q = ngx_queue_head(&talk->rings);
         q != ngx_queue_sentinel(&talk->rings); q = ngx_queue_next(q))
    {
        ring = ngx_queue_data(q, lt_ring_t, queue);
        lt_ring_hold(ring);
        lt_ring_ask(ring);
    }
}
