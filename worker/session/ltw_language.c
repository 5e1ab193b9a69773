#include "session/ltw_language.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt_language.h"
#include "ltw_log.h"
#include "publish/ltw_inline.h"
#include "publish/ltw_message.h"
#include "session/ltw_ledger.h"

typedef enum {
    JOB_WAITING, JOB_TRANSLATING, JOB_VOICING, JOB_STORING, JOB_READY,
    JOB_POSTING
} job_state_t;

/* What listeners are told, and the stage's name in the log. */
static const struct {
    const char *stage;
    const char *reason;
} stages[] = {
    [JOB_WAITING] = { "queue", "late" },
    [JOB_TRANSLATING] = { "translate", "translation_failed" },
    [JOB_VOICING] = { "voice", "voice_failed" },
    [JOB_STORING] = { "store", "store_failed" },
    [JOB_READY] = { "publish", NULL },
    [JOB_POSTING] = { "publish", NULL },
};

typedef struct job_s job_t;

struct job_s {
    job_t *next;
    ltw_language_t *language;
    ltw_segment_t *segment;
    job_state_t state;
    ltw_timer_t *deadline;
    int64_t due_at_ms;
    ltw_mt_call_t *mt;
    ltw_tts_call_t *tts;
    ltw_store_call_t *store;
    char *text;                 /* the translation; NULL: none */
    size_t text_len;
    char *url;                  /* of the MP3, or itself; NULL: a caption */
    size_t url_len;
    const char *reason;         /* of a caption */
    int64_t duration_ms;
    int64_t translated_wall_ms;
    int64_t voiced_wall_ms;
    int64_t stored_wall_ms;
};

struct ltw_language_s {
    const ltw_pipeline_t *pipeline;
    const ltw_talk_t *talk;
    char source[3];
    char code[3];
    ltw_lane_t *lane;
    ltw_handler_t on_dry;
    void *data;
    job_t *jobs;                /* in segment order */
    size_t jobs_n;
    int64_t plays_until_wall_ms;
};

static void advance(ltw_language_t *l);


static int64_t
wall_ms(const ltw_language_t *l)
{
    return ltw_loop_wall_ms(l->pipeline->services->loop);
}


static unsigned
left_ms(const job_t *job)
{
    int64_t left = job->due_at_ms
        - ltw_loop_now_ms(job->language->pipeline->services->loop);

    return left > 1 ? (unsigned) left : 1;
}


static char *
copy(lt_str_t s)
{
    char *text = malloc(s.len + 1);

    if (text != NULL) {
        memcpy(text, s.data, s.len);
        text[s.len] = '\0';
    }
    return text;
}


/* ---- the end of a job ---- */

/* Posted, or given up: a successor need not do it again. */
static void
told(const ltw_language_t *l, ltw_segment_t *segment)
{
    ltw_redis_t *redis = l->pipeline->services->redis;

    ltw_ledger_tell(redis, l->talk, l->code, segment->facts.number);
    if (--segment->untold == 0) {
        ltw_ledger_strike(redis, l->talk, segment->facts.number);
    }
}


static void
job_free(job_t *job)
{
    ltw_pipeline_t p = *job->language->pipeline;

    p.mt->cancel(&job->mt);
    p.tts->cancel(&job->tts);
    ltw_store_cancel(&job->store);
    ltw_timer_free(&job->deadline);
    ltw_segment_unref(&job->segment);
    if (job->text != NULL) {
        explicit_bzero(job->text, job->text_len);
    }
    free(job->text);
    free(job->url);
    free(job);
}


static void
log_failed(const ltw_language_t *l, int64_t number, const char *stage,
    const char *code)
{
    ltw_log(LTW_WARN, "segment_failed", ltw_cstr("session", l->talk->id),
        ltw_cstr("language", l->code), ltw_int("segment", number),
        ltw_cstr("stage", stage), ltw_cstr("code", code));
}


/* Gives up the voice: what there is goes out as a caption. */
static void
job_fail(job_t *job, const char *code, const char *reason)
{
    ltw_language_t *l = job->language;

    log_failed(l, job->segment->facts.number, stages[job->state].stage, code);
    l->pipeline->mt->cancel(&job->mt);
    l->pipeline->tts->cancel(&job->tts);
    ltw_store_cancel(&job->store);
    job->reason = reason != NULL ? reason : stages[job->state].reason;
    job->state = JOB_READY;
    advance(l);
}


static void
on_deadline(void *data)
{
    job_t *job = data;

    if (job->state < JOB_READY) {
        ltw_count(job->language->pipeline->services->metrics, segments_late,
            1);
        job_fail(job, "deadline", "late");
    }
}


/* ---- posting ---- */

static void
log_published(const job_t *job, unsigned elapsed_ms)
{
    const ltw_language_t *l = job->language;
    const ltw_segment_facts_t *f = &job->segment->facts;
    int64_t now = wall_ms(l);

    ltw_log(LTW_INFO, "segment_published",
        ltw_cstr("session", l->talk->id), ltw_cstr("language", l->code),
        ltw_int("segment", f->number),
        ltw_int("translate_ms", job->translated_wall_ms
            - f->transcribed_wall_ms),
        ltw_int("voice_ms", job->voiced_wall_ms - job->translated_wall_ms),
        ltw_int("store_ms", job->stored_wall_ms - job->voiced_wall_ms),
        ltw_int("publish_ms", elapsed_ms),
        ltw_int("since_captured_ms", now - f->captured_wall_ms),
        ltw_int("duration_ms", job->duration_ms));
    ltw_observe(l->pipeline->services->metrics, segment_ms,
        now - f->batched_wall_ms);
}


static void
count_posted(job_t *job, int is_delivered, unsigned elapsed_ms)
{
    ltw_language_t *l = job->language;
    ltw_metrics_t *metrics = l->pipeline->services->metrics;
    ltw_language_figures_t *figures = ltw_metrics_language(metrics, l->code);
    int64_t now = wall_ms(l);

    if (!is_delivered) {
        ltw_count(metrics, segments_failed, 1);
        figures->failed++;
        log_failed(l, job->segment->facts.number, "publish", "no_nginx");
    } else if (job->url == NULL) {
        ltw_count(metrics, segments_captioned, 1);
        figures->captioned++;
        ltw_log(LTW_INFO, "segment_captioned",
            ltw_cstr("session", l->talk->id), ltw_cstr("language", l->code),
            ltw_int("segment", job->segment->facts.number),
            ltw_cstr("reason", job->reason));
    } else {
        ltw_count(metrics, segments_published, 1);
        figures->published++;
        ltw_histogram_add(&figures->heard_ms,
            now - job->segment->facts.captured_wall_ms);
        if (l->plays_until_wall_ms < now) {
            l->plays_until_wall_ms = now;
        }
        l->plays_until_wall_ms += job->duration_ms;
        log_published(job, elapsed_ms);
    }
}


static void
remove_job(job_t *job)
{
    ltw_language_t *l = job->language;
    job_t **at = &l->jobs;

    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
    l->jobs_n--;
    told(l, job->segment);
    job_free(job);
}


static void
on_posted(void *data, int is_delivered, unsigned elapsed_ms)
{
    job_t *job = data;
    ltw_language_t *l = job->language;

    count_posted(job, is_delivered, elapsed_ms);
    remove_job(job);
    if (l->jobs == NULL) {
        l->on_dry(l->data);
    } else {
        advance(l);
    }
}


static lt_result_t
message_make(lt_out_t *out, const job_t *job)
{
    const ltw_language_t *l = job->language;
    const ltw_segment_facts_t *f = &job->segment->facts;
    const ltw_timing_t timing = { f->captured_wall_ms, f->arrived_wall_ms,
        f->batched_wall_ms, f->transcribed_wall_ms, job->translated_wall_ms,
        job->voiced_wall_ms, job->stored_wall_ms };
    ltw_message_t message = { lt_str(l->talk->id), lt_str(l->code),
        f->number, wall_ms(l), { job->text, job->text_len },
        job->segment->text };

    if (job->text == NULL) {
        message.text = job->segment->text;      /* the speaker's own words */
    }
    if (job->url == NULL) {
        return ltw_message_caption(out, &message, job->reason);
    }
    return ltw_message_audio(out, &message,
        (lt_str_t) { job->url, job->url_len }, job->duration_ms, &timing);
}


/* 0: it cannot be posted at all; the job is gone. */
static int
job_post(job_t *job)
{
    ltw_language_t *l = job->language;
    char body[LTW_MESSAGE_MAX], query[32];
    lt_out_t out;

    job->state = JOB_POSTING;
    lt_out_init(&out, body, sizeof(body));
    snprintf(query, sizeof(query), "&language=%s", l->code);
    if (message_make(&out, job) == LT_OK
        && ltw_lane_post(l->lane, lt_str(query),
            (lt_str_t) { body, lt_out_len(&out) }, on_posted, job) == LT_OK)
    {
        return 1;
    }
    ltw_count(l->pipeline->services->metrics, segments_failed, 1);
    log_failed(l, job->segment->facts.number, "publish", "not_taken");
    remove_job(job);
    return 0;
}


/* ---- the stages ---- */

static void
job_ready(job_t *job)
{
    job->stored_wall_ms = wall_ms(job->language);
    job->state = JOB_READY;
    ltw_timer_stop(job->deadline);
    advance(job->language);
}


static void
on_stored(void *data, lt_str_t url, const char *code)
{
    job_t *job = data;

    job->store = NULL;
    if (url.data != NULL) {
        job->url = copy(url);
        job->url_len = url.len;
        code = "no_memory";
    }
    if (job->url == NULL) {
        job_fail(job, code, NULL);
        return;
    }
    job_ready(job);
}


/* The clip goes in its message: nothing is stored. */
static int
job_inline(job_t *job, lt_str_t mp3)
{
    const ltw_services_t *services = job->language->pipeline->services;

    if (services->config->audio_delivery != LTW_DELIVER_INLINE) {
        return 0;
    }
    job->url = ltw_inline_url(mp3, job->text_len + job->segment->text.len,
        &job->url_len);
    if (job->url != NULL) {
        ltw_count(services->metrics, segments_inlined, 1);
    }
    return job->url != NULL;
}


static void
on_voiced(void *data, lt_str_t mp3, int64_t duration_ms, const char *code)
{
    job_t *job = data;
    ltw_language_t *l = job->language;
    char key[LTW_STORE_KEY_MAX];
    int n;

    job->tts = NULL;
    if (mp3.data == NULL) {
        job_fail(job, code, NULL);
        return;
    }
    job->voiced_wall_ms = wall_ms(l);
    job->duration_ms = duration_ms;
    if (job_inline(job, mp3)) {
        job_ready(job);
        return;
    }
    job->state = JOB_STORING;
    /* another tenure may have other words for the same number */
    n = snprintf(key, sizeof(key), "sessions/%s/translated/%s/%lld.%lld.mp3",
        l->talk->id, l->code, (long long) job->segment->facts.number,
        (long long) l->talk->tenure->token);
    job->store = ltw_store_put(l->pipeline->store,
        (lt_str_t) { key, (size_t) n }, mp3, left_ms(job), on_stored, job);
    if (job->store == NULL) {
        job_fail(job, "not_taken", NULL);
    }
}


static void
job_voice(job_t *job)
{
    ltw_language_t *l = job->language;
    ltw_tts_engine_t *tts = l->pipeline->tts;
    ltw_tts_request_t request = { { job->text, job->text_len },
        lt_str(l->code), left_ms(job) };

    job->state = JOB_VOICING;
    job->translated_wall_ms = wall_ms(l);
    if (!tts->has_voice(tts, request.language)) {
        job_fail(job, "no_voice", "no_voice");
        return;
    }
    job->tts = tts->speak(tts, &request, on_voiced, job);
    if (job->tts == NULL) {
        job_fail(job, "not_taken", NULL);
    }
}


static void
job_translated(job_t *job, lt_str_t text)
{
    job->text = copy(text);
    job->text_len = text.len;
    if (job->text == NULL || text.len == 0) {
        job_fail(job, text.len == 0 ? "empty" : "no_memory", NULL);
        return;
    }
    job_voice(job);
}


static void
on_translated(void *data, lt_str_t text, const char *code)
{
    job_t *job = data;

    job->mt = NULL;
    if (text.data == NULL) {
        job_fail(job, code, NULL);
        return;
    }
    job_translated(job, text);
}


static void
job_start(job_t *job)
{
    ltw_language_t *l = job->language;
    ltw_mt_engine_t *mt = l->pipeline->mt;
    ltw_mt_request_t request = { job->segment->text, lt_str(l->source),
        lt_str(l->code), left_ms(job) };

    job->state = JOB_TRANSLATING;
    if (strcmp(l->source, l->code) == 0) {
        job_translated(job, job->segment->text);
        return;
    }
    job->mt = mt->translate(mt, &request, on_translated, job);
    if (job->mt == NULL) {
        job_fail(job, "not_taken", NULL);
    }
}


/* Posts what is ready at the front, starts what may start.  Starting a job
   can fail it and so come here again: then the outer round goes on. */
static void
advance(ltw_language_t *l)
{
    job_t *job, *next;
    size_t busy = 0;

    for (job = l->jobs; job != NULL && job->state >= JOB_READY; job = next) {
        next = job->next;
        if (job->state == JOB_READY) {
            (void) job_post(job);
        }
    }
    for (job = l->jobs; job != NULL; job = job->next) {
        if (job->state > JOB_WAITING && job->state < JOB_READY) {
            busy++;
        }
    }
    for (job = l->jobs; job != NULL; job = job->next) {
        if (job->state == JOB_WAITING && busy < LTW_LANGUAGE_BUSY_MAX) {
            job_start(job);
            return;     /* the list may have changed: the caller's next
                           event starts the others */
        }
    }
}


/* ---- the language ---- */

ltw_language_t *
ltw_language_new(const ltw_pipeline_t *pipeline, const ltw_talk_t *talk,
    lt_str_t source, lt_str_t code, ltw_handler_t on_dry, void *data)
{
    ltw_language_t *l = calloc(1, sizeof(*l));

    if (l == NULL || source.len != 2 || code.len != 2) {
        free(l);
        return NULL;
    }
    l->pipeline = pipeline;
    l->on_dry = on_dry;
    l->data = data;
    l->talk = talk;
    memcpy(l->source, source.data, 2);
    memcpy(l->code, code.data, 2);
    l->lane = ltw_lane_new(pipeline->publisher, talk);
    if (l->lane == NULL) {
        ltw_language_free(&l);
    }
    return l;
}


void
ltw_language_free(ltw_language_t **language)
{
    ltw_language_t *l = *language;
    job_t *job;

    if (l == NULL) {
        return;
    }
    *language = NULL;
    ltw_lane_free(&l->lane);
    while ((job = l->jobs) != NULL) {
        l->jobs = job->next;
        job_free(job);
    }
    free(l);
}


const char *
ltw_language_code(const ltw_language_t *l)
{
    return l->code;
}


static void
refuse(ltw_language_t *l, ltw_segment_t *segment, const char *code)
{
    told(l, segment);
    ltw_count(l->pipeline->services->metrics, segments_failed, 1);
    log_failed(l, segment->facts.number, "queue", code);
}


void
ltw_language_add(ltw_language_t *l, ltw_segment_t *segment)
{
    ltw_loop_t *loop = l->pipeline->services->loop;
    job_t **at = &l->jobs;
    job_t *job;

    segment->untold++;
    if (l->jobs_n == LTW_LANGUAGE_JOBS_MAX) {
        refuse(l, segment, "full");
        return;
    }
    job = calloc(1, sizeof(*job));
    if (job != NULL) {
        job->deadline = ltw_timer_new(loop, on_deadline, job);
    }
    if (job == NULL || job->deadline == NULL) {
        free(job);
        refuse(l, segment, "no_memory");
        return;
    }
    job->language = l;
    job->segment = ltw_segment_ref(segment);
    job->due_at_ms = ltw_loop_now_ms(loop) + LTW_SEGMENT_DEADLINE_MS;
    ltw_timer_start(job->deadline, LTW_SEGMENT_DEADLINE_MS);
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = job;
    l->jobs_n++;
    advance(l);
}


int
ltw_language_is_dry(const ltw_language_t *l)
{
    return l->jobs == NULL;
}


int64_t
ltw_language_plays_until_wall_ms(const ltw_language_t *l)
{
    return l->plays_until_wall_ms;
}
