#include "session/ltw_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/ltw_aws_translate_text.h"
#include "ltw_log.h"
#include "publish/ltw_inline.h"
#include "publish/ltw_message.h"

/* What listeners are told, and the stage's name in the log. */
static const struct {
    const char *stage;
    const char *reason;
} stages[] = {
    [LTW_JOB_WAITING] = { "queue", "late" },
    [LTW_JOB_TRANSLATING] = { "translate", "translation_failed" },
    [LTW_JOB_TRANSLATED] = { "voice", "late" },
    [LTW_JOB_VOICING] = { "voice", "voice_failed" },
    [LTW_JOB_STORING] = { "store", "store_failed" },
    [LTW_JOB_READY] = { "publish", NULL },
    [LTW_JOB_POSTING] = { "publish", NULL },
};


static const ltw_services_t *
services(const ltw_job_t *job)
{
    return job->room->pipeline->services;
}


static int64_t
wall_ms(const ltw_job_t *job)
{
    return ltw_loop_wall_ms(services(job)->loop);
}


static unsigned
left_ms(const ltw_job_t *job)
{
    int64_t left = job->due_at_ms - ltw_loop_now_ms(services(job)->loop);

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


static void
changed(ltw_job_t *job)
{
    job->room->on_change(job->room->data);
}


/* ---- its end ---- */

void
ltw_job_log_failed(const ltw_job_t *job, const char *code)
{
    ltw_log(LTW_WARN, "segment_failed",
        ltw_cstr("session", job->room->talk->id),
        ltw_cstr("language", job->room->code),
        ltw_int("segment", job->segment->facts.number),
        ltw_cstr("stage", stages[job->state].stage), ltw_cstr("code", code));
}


static void
cancel_calls(ltw_job_t *job)
{
    const ltw_pipeline_t *p = job->room->pipeline;

    p->mt->cancel(&job->mt);
    p->tts->cancel(&job->tts);
    ltw_store_cancel(&job->store);
}


/* Those that were spoken with it share its fate. */
static void
end_followers(ltw_job_t *leader)
{
    for (ltw_job_t *job = leader->next; job != NULL && job->leader == leader;
         job = job->next)
    {
        job->leader = NULL;
        job->reason = leader->url != NULL ? "merged" : leader->reason;
        job->state = LTW_JOB_READY;
        ltw_timer_stop(job->deadline);
    }
}


static void
make_ready(ltw_job_t *job)
{
    job->state = LTW_JOB_READY;
    ltw_timer_stop(job->deadline);
    end_followers(job);
}


void
ltw_job_caption(ltw_job_t *job, const char *reason)
{
    cancel_calls(job);
    job->reason = reason;
    make_ready(job);
}


void
ltw_job_fail(ltw_job_t *job, const char *code, const char *reason)
{
    reason = reason != NULL ? reason : stages[job->state].reason;
    ltw_job_log_failed(job, code);
    ltw_job_caption(job, reason);
}


static void
on_deadline(void *data)
{
    ltw_job_t *job = data;

    job = job->leader != NULL ? job->leader : job;
    if (job->state < LTW_JOB_READY) {
        ltw_count(services(job)->metrics, segments_late, 1);
        ltw_job_fail(job, "deadline", "late");
        changed(job);
    }
}


/* ---- stored ---- */

static void
on_stored(void *data, lt_str_t url, const char *code)
{
    ltw_job_t *job = data;

    job->store = NULL;
    if (url.data != NULL) {
        job->url = copy(url);
        job->url_len = url.len;
        code = "no_memory";
    }
    if (job->url == NULL) {
        ltw_job_fail(job, code, NULL);
    } else {
        job->stored_wall_ms = wall_ms(job);
        make_ready(job);
    }
    changed(job);
}


/* The clip goes in its message: nothing is stored. */
static int
put_inline(ltw_job_t *job, lt_str_t mp3)
{
    if (services(job)->config->audio_delivery != LTW_DELIVER_INLINE) {
        return 0;
    }
    job->url = ltw_inline_url(mp3, job->text_len + job->segment->text.len,
        &job->url_len);
    if (job->url == NULL) {
        return 0;
    }
    ltw_count(services(job)->metrics, segments_inlined, 1);
    job->stored_wall_ms = wall_ms(job);
    make_ready(job);
    return 1;
}


static void
put(ltw_job_t *job, lt_str_t mp3)
{
    ltw_talk_t *talk = job->room->talk;
    char key[LTW_STORE_KEY_MAX];
    int n;

    job->state = LTW_JOB_STORING;
    /* another tenure may have other words for the same number */
    n = snprintf(key, sizeof(key), "sessions/%s/translated/%s/%lld.%lld.mp3",
        talk->id, job->room->code, (long long) job->segment->facts.number,
        (long long) talk->tenure->token);
    ltw_aws_trace(services(job)->aws, talk->settings.trace);
    job->store = ltw_store_put(job->room->pipeline->store,
        (lt_str_t) { key, (size_t) n }, mp3, left_ms(job), on_stored, job);
    ltw_aws_trace(services(job)->aws, "");
    if (job->store == NULL) {
        ltw_job_fail(job, "not_taken", NULL);
        return;
    }
    ltw_cost_add(&talk->cost, LTW_PRICE_s3_put, 1);
}


/* ---- voiced ---- */

static void
on_voiced(void *data, lt_str_t mp3, int64_t duration_ms, const char *code)
{
    ltw_job_t *job = data;

    job->tts = NULL;
    if (mp3.data == NULL) {
        ltw_job_fail(job, code, NULL);
        changed(job);
        return;
    }
    job->voiced_wall_ms = wall_ms(job);
    job->duration_ms = duration_ms;
    ltw_playout_learn(&job->room->playout, job->spoken_len, duration_ms,
        job->pace.rate_percent);
    if (!put_inline(job, mp3)) {
        put(job, mp3);
    }
    changed(job);
}


/* What it and those that it leads say.  len 0: too long. */
static lt_str_t
words_of(const ltw_job_t *leader, char *text, size_t size)
{
    lt_out_t out;

    lt_out_init(&out, text, size);
    lt_out_str(&out, (lt_str_t) { leader->text, leader->text_len });
    for (const ltw_job_t *job = leader->next;
         job != NULL && job->leader == leader; job = job->next)
    {
        lt_out_cstr(&out, " ");
        lt_out_str(&out, (lt_str_t) { job->text, job->text_len });
    }
    return (lt_str_t) { text,
        lt_out_result(&out) == LT_OK ? lt_out_len(&out) : 0 };
}


void
ltw_job_voice(ltw_job_t *job, ltw_pace_t pace)
{
    char text[LTW_TTS_TEXT_MAX];
    ltw_tts_engine_t *tts = job->room->pipeline->tts;
    ltw_talk_t *talk = job->room->talk;
    ltw_tts_request_t request = { words_of(job, text, sizeof(text)),
        lt_str(job->room->code), lt_str(talk->settings.lexicons),
        pace.rate_percent, left_ms(job) };

    job->state = LTW_JOB_VOICING;
    job->pace = pace;
    job->spoken_len = request.text.len;
    for (ltw_job_t *f = job->next; f != NULL && f->leader == job;
         f = f->next)
    {
        f->state = LTW_JOB_VOICING;
        f->pace = pace;
    }
    ltw_aws_trace(services(job)->aws, talk->settings.trace);
    job->tts = request.text.len > 0
        ? tts->speak(tts, &request, on_voiced, job) : NULL;
    ltw_aws_trace(services(job)->aws, "");
    if (job->tts == NULL) {
        ltw_job_fail(job, "not_taken", NULL);
        return;
    }
    ltw_cost_add(&talk->cost, tts->price(tts, request.language),
        (double) ltw_aws_characters(request.text));
}


/* ---- translated ---- */

static void
take_text(ltw_job_t *job, lt_str_t text)
{
    job->text = copy(text);
    job->text_len = text.len;
    if (job->text == NULL || text.len == 0) {
        ltw_job_fail(job, text.len == 0 ? "empty" : "no_memory", NULL);
        return;
    }
    job->translated_wall_ms = wall_ms(job);
    job->state = LTW_JOB_TRANSLATED;
}


static void
on_translated(void *data, lt_str_t text, const char *code)
{
    ltw_job_t *job = data;

    job->mt = NULL;
    if (text.data == NULL) {
        ltw_job_fail(job, code, NULL);
    } else {
        take_text(job, text);
    }
    changed(job);
}


void
ltw_job_translate(ltw_job_t *job)
{
    const ltw_job_room_t *room = job->room;
    ltw_mt_engine_t *mt = room->pipeline->mt;
    ltw_mt_request_t request = { job->segment->text, lt_str(room->source),
        lt_str(room->code), lt_str(room->talk->settings.terminology),
        left_ms(job) };

    job->state = LTW_JOB_TRANSLATING;
    if (strcmp(room->source, room->code) == 0) {
        take_text(job, job->segment->text);
        return;
    }
    ltw_aws_trace(services(job)->aws, room->talk->settings.trace);
    job->mt = mt->translate(mt, &request, on_translated, job);
    ltw_aws_trace(services(job)->aws, "");
    if (job->mt == NULL) {
        ltw_job_fail(job, "not_taken", NULL);
        return;
    }
    ltw_cost_add(&room->talk->cost, LTW_PRICE_translate_character,
        (double) ltw_aws_characters(request.text));
}


/* ---- what is known of it ---- */

int64_t
ltw_job_sound_ms(const ltw_job_t *job)
{
    size_t len = job->text != NULL ? job->text_len : job->segment->text.len;

    if (job->reason != NULL || job->leader != NULL) {
        return 0;               /* its leader's clip has it */
    }
    if (job->duration_ms != 0) {
        return job->duration_ms;
    }
    return ltw_playout_estimate_ms(&job->room->playout,
        job->spoken_len != 0 ? job->spoken_len : len,
        job->pace.rate_percent);
}


lt_result_t
ltw_job_message(lt_out_t *out, const ltw_job_t *job)
{
    const ltw_job_room_t *room = job->room;
    const ltw_segment_facts_t *f = &job->segment->facts;
    const ltw_timing_t timing = { f->captured_wall_ms, f->arrived_wall_ms,
        f->batched_wall_ms, f->transcribed_wall_ms, job->translated_wall_ms,
        job->voiced_wall_ms, job->stored_wall_ms };
    int64_t now = wall_ms(job);
    int64_t lag = ltw_playout_next_wall_ms(&room->playout, now)
        - f->captured_wall_ms;
    ltw_message_t message = { lt_str(room->talk->id), lt_str(room->code),
        f->number, now, { job->text, job->text_len }, job->segment->text,
        { ltw_pace_name(job->pace.action), lag > 0 ? lag : 0 } };

    if (job->text == NULL) {
        message.text = job->segment->text;      /* the speaker's own words */
    }
    if (job->url == NULL) {
        return ltw_message_caption(out, &message, job->reason);
    }
    return ltw_message_audio(out, &message,
        (lt_str_t) { job->url, job->url_len }, job->duration_ms, &timing);
}


/* ---- life ---- */

ltw_job_t *
ltw_job_new(ltw_job_room_t *room, ltw_segment_t *segment)
{
    ltw_loop_t *loop = room->pipeline->services->loop;
    ltw_job_t *job = calloc(1, sizeof(*job));

    if (job != NULL) {
        job->deadline = ltw_timer_new(loop, on_deadline, job);
    }
    if (job == NULL || job->deadline == NULL) {
        free(job);
        return NULL;
    }
    job->room = room;
    job->segment = ltw_segment_ref(segment);
    job->pace.rate_percent = 100;
    job->added_wall_ms = ltw_loop_wall_ms(loop);
    job->due_at_ms = ltw_loop_now_ms(loop) + LTW_SEGMENT_DEADLINE_MS;
    ltw_timer_start(job->deadline, LTW_SEGMENT_DEADLINE_MS);
    return job;
}


void
ltw_job_free(ltw_job_t *job)
{
    cancel_calls(job);
    ltw_timer_free(&job->deadline);
    ltw_segment_unref(&job->segment);
    if (job->text != NULL) {
        explicit_bzero(job->text, job->text_len);
    }
    free(job->text);
    free(job->url);
    free(job);
}
