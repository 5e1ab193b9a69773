#include "session/ltw_language.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ltw_log.h"
#include "publish/ltw_message.h"
#include "session/ltw_bill.h"
#include "session/ltw_ledger.h"

#define USUAL_MS 600            /* commit to ready, when nothing is slow */
#define MERGED_MAX_MS 10000     /* of one clip */

struct ltw_language_s {
    ltw_job_room_t room;
    ltw_governor_t governor;
    ltw_lane_t *lane;
    ltw_timer_t *late;          /* the first job is, or a voice's turn comes */
    ltw_handler_t on_dry;
    void *data;
    ltw_job_t *jobs;            /* in segment order */
    size_t jobs_n;
    int is_unvoiced;            /* captions are all that is asked */
};

static void advance(ltw_language_t *l);


static const ltw_services_t *
services(const ltw_language_t *l)
{
    return l->room.pipeline->services;
}


static ltw_metrics_t *
metrics(const ltw_language_t *l)
{
    return services(l)->metrics;
}


static int64_t
wall_ms(const ltw_language_t *l)
{
    return ltw_loop_wall_ms(services(l)->loop);
}


/* ---- the end of a job ---- */

/* Posted, or given up: a successor need not do it again. */
static void
told(const ltw_language_t *l, ltw_segment_t *segment)
{
    ltw_redis_t *redis = services(l)->redis;

    ltw_ledger_tell(redis, l->room.talk, l->room.code,
        segment->facts.number);
    if (--segment->untold == 0) {
        ltw_ledger_strike(redis, l->room.talk, segment->facts.number);
    }
}


static void
remove_job(ltw_language_t *l, ltw_job_t *job)
{
    ltw_job_t **at = &l->jobs;

    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
    l->jobs_n--;
    told(l, job->segment);
    ltw_job_free(job);
}


static void
count_failed(ltw_language_t *l, const ltw_job_t *job, const char *code)
{
    ltw_count(metrics(l), segments_failed, 1);
    ltw_metrics_language(metrics(l), l->room.code)->failed++;
    ltw_job_log_failed(job, code);
}


static void
log_published(const ltw_language_t *l, const ltw_job_t *job,
    unsigned elapsed_ms)
{
    const ltw_segment_facts_t *f = &job->segment->facts;

    ltw_log(LTW_INFO, "segment_published",
        ltw_cstr("session", l->room.talk->id),
        ltw_cstr("language", l->room.code), ltw_int("segment", f->number),
        ltw_int("translate_ms", job->translated_wall_ms
            - f->transcribed_wall_ms),
        ltw_int("voice_ms", job->voiced_wall_ms - job->translated_wall_ms),
        ltw_int("store_ms", job->stored_wall_ms - job->voiced_wall_ms),
        ltw_int("publish_ms", elapsed_ms),
        ltw_int("since_captured_ms", wall_ms(l) - f->captured_wall_ms),
        ltw_int("duration_ms", job->duration_ms),
        ltw_int("rate_percent", job->pace.rate_percent),
        ltw_cstr("trace", l->room.talk->settings.trace));
}


static void
count_captioned(ltw_language_t *l, const ltw_job_t *job)
{
    ltw_count(metrics(l), segments_captioned, 1);
    ltw_metrics_language(metrics(l), l->room.code)->captioned++;
    ltw_log(LTW_INFO, "segment_captioned",
        ltw_cstr("session", l->room.talk->id),
        ltw_cstr("language", l->room.code),
        ltw_int("segment", job->segment->facts.number),
        ltw_cstr("reason", job->reason));
}


static void
count_published(ltw_language_t *l, const ltw_job_t *job, unsigned elapsed_ms)
{
    int64_t now = wall_ms(l);

    ltw_count(metrics(l), segments_published, 1);
    ltw_metrics_language(metrics(l), l->room.code)->published++;
    ltw_histogram_add(&ltw_metrics_language(metrics(l),
        l->room.code)->heard_ms, now - job->segment->facts.captured_wall_ms);
    ltw_playout_sent(&l->room.playout, job->duration_ms, now);
    log_published(l, job, elapsed_ms);
    ltw_observe(metrics(l), segment_ms,
        now - job->segment->facts.batched_wall_ms);
}


/* ---- posting ---- */

static void
on_posted(void *data, int is_delivered, unsigned elapsed_ms)
{
    ltw_language_t *l = data;
    ltw_job_t *job = l->jobs;           /* the lane keeps their order */

    if (!is_delivered) {
        count_failed(l, job, "no_nginx");
    } else if (job->url == NULL) {
        count_captioned(l, job);
    } else {
        count_published(l, job, elapsed_ms);
    }
    remove_job(l, job);
    ltw_bill_count(metrics(l), l->room.talk);
    advance(l);
}


static void
post(ltw_language_t *l, ltw_job_t *job)
{
    char body[LTW_MESSAGE_MAX], query[32];
    lt_out_t out;

    job->state = LTW_JOB_POSTING;
    lt_out_init(&out, body, sizeof(body));
    snprintf(query, sizeof(query), "&language=%s", l->room.code);
    if (ltw_job_message(&out, job) != LT_OK
        || ltw_lane_post(l->lane, lt_str(query),
            (lt_str_t) { body, lt_out_len(&out) }, on_posted, l) != LT_OK)
    {
        count_failed(l, job, "not_taken");
        remove_job(l, job);
    }
}


/* One after the other: what is said of a clip's time holds when it is sent. */
static void
post_first(ltw_language_t *l)
{
    while (l->jobs != NULL && l->jobs->state == LTW_JOB_READY) {
        post(l, l->jobs);
    }
}


/* ---- translating ---- */

static size_t
count_states(const ltw_language_t *l, ltw_job_state_t from,
    ltw_job_state_t to)
{
    size_t n = 0;

    for (const ltw_job_t *job = l->jobs; job != NULL; job = job->next) {
        n += job->state >= from && job->state <= to;
    }
    return n;
}


static void
skip(ltw_language_t *l, ltw_job_t *job)
{
    job->pace.action = LTW_PACE_SKIP;
    ltw_count(metrics(l), segments_skipped, 1);
    ltw_job_caption(job, "skipped");
}


static void
translate_next(ltw_language_t *l)
{
    size_t waiting = count_states(l, LTW_JOB_WAITING, LTW_JOB_WAITING);
    size_t busy = count_states(l, LTW_JOB_TRANSLATING, LTW_JOB_TRANSLATING);

    for (ltw_job_t *job = l->jobs; job != NULL; job = job->next) {
        if (job->state != LTW_JOB_WAITING) {
            continue;
        }
        if (ltw_governor_is_skipping(waiting)) {
            skip(l, job);
        } else if (busy < LTW_LANGUAGE_BUSY_MAX) {
            ltw_job_translate(job);
            busy += job->state == LTW_JOB_TRANSLATING;
        } else {
            break;
        }
        waiting--;
    }
}


/* ---- voicing ---- */

/* Why there is no voice, whatever the backlog; NULL: there is one. */
static const char *
unvoiced_reason(ltw_language_t *l)
{
    ltw_tts_engine_t *tts = l->room.pipeline->tts;
    ltw_talk_t *talk = l->room.talk;

    if (l->is_unvoiced) {
        ltw_count(metrics(l), segments_unasked, 1);
        return "unasked";
    }
    if (!tts->has_voice(tts, lt_str(l->room.code))) {
        ltw_count(metrics(l), segments_voiceless, 1);
        return "no_voice";
    }
    if (ltw_cost_is_over(&talk->cost, talk->settings.cost_max, wall_ms(l))) {
        ltw_count(metrics(l), segments_over_budget, 1);
        return "budget";
    }
    return NULL;
}


/* What listeners will still listen to when all before job is made. */
static int64_t
sound_before_ms(const ltw_language_t *l, const ltw_job_t *until)
{
    int64_t ms = ltw_playout_left_ms(&l->room.playout, wall_ms(l));

    for (const ltw_job_t *job = l->jobs; job != until; job = job->next) {
        ms += ltw_job_sound_ms(job);
    }
    return ms;
}


/* The translated ones behind it. */
static void
lead(ltw_language_t *l, ltw_job_t *leader)
{
    size_t len = leader->text_len;
    unsigned n = 1;

    for (ltw_job_t *job = leader->next;
         job != NULL && job->state == LTW_JOB_TRANSLATED
         && n < LTW_JOB_MERGE_MAX; job = job->next)
    {
        len += 1 + job->text_len;
        if (len > LTW_TTS_TEXT_MAX
            || ltw_playout_estimate_ms(&l->room.playout, len,
                   leader->pace.rate_percent) > MERGED_MAX_MS)
        {
            break;
        }
        job->leader = leader;
        n++;
        ltw_count(metrics(l), segments_merged, 1);
    }
}


/* 0: its turn has not come. */
static int
voice(ltw_language_t *l, ltw_job_t *job)
{
    const char *reason = unvoiced_reason(l);
    int64_t before_ms = sound_before_ms(l, job);
    ltw_pace_t pace;

    if (reason != NULL) {
        job->pace.action = strcmp(reason, "budget") == 0
            ? LTW_PACE_CAPTIONS : LTW_PACE_NORMAL;
        ltw_job_caption(job, reason);
        return 1;
    }
    if (count_states(l, LTW_JOB_VOICING, LTW_JOB_STORING)
        >= LTW_LANGUAGE_BUSY_MAX)
    {
        return 0;
    }
    pace = ltw_governor_voice(&l->governor, before_ms);
    job->pace = pace;
    if (pace.action == LTW_PACE_CAPTIONS) {
        ltw_count(metrics(l), segments_behind, 1);
        ltw_job_caption(job, "behind");
        return 1;
    }
    if (pace.is_merging && before_ms > LTW_LANGUAGE_AHEAD_MS) {
        return 0;
    }
    ltw_count(metrics(l), voices_faster, pace.action == LTW_PACE_FASTER);
    if (pace.is_merging) {
        lead(l, job);
    }
    ltw_job_voice(job, pace);
    return 1;
}


/* In order: one whose turn has not come keeps those behind it. */
static void
voice_next(ltw_language_t *l)
{
    ltw_job_t *job = l->jobs;

    while (job != NULL) {
        if (job->state == LTW_JOB_TRANSLATED && !voice(l, job)) {
            return;
        }
        job = job->next;
    }
}


/* ---- what is late ---- */

/* When listeners will have waited long enough for the first job. */
static int64_t
late_at_wall_ms(const ltw_language_t *l)
{
    int64_t usual = l->jobs->added_wall_ms + USUAL_MS;
    int64_t until = l->room.playout.until_wall_ms;

    return (until > usual ? until : usual)
        + services(l)->config->voice_patience;
}


static void
watch(ltw_language_t *l)
{
    int64_t now = wall_ms(l), at;
    const ltw_job_t *job = l->jobs;

    if (job == NULL || job->state >= LTW_JOB_READY) {
        ltw_timer_stop(l->late);
        return;
    }
    at = late_at_wall_ms(l);
    while (job != NULL && job->state != LTW_JOB_TRANSLATED) {
        job = job->next;
    }
    if (job != NULL) {          /* it waits for the backlog to be played */
        int64_t turn = now + sound_before_ms(l, job) - LTW_LANGUAGE_AHEAD_MS;

        at = turn > now && turn < at ? turn : at;
    }
    ltw_timer_start(l->late, at > now ? at - now : 0);
}


static void
on_late(void *data)
{
    ltw_language_t *l = data;
    ltw_job_t *job = l->jobs;

    if (job != NULL && job->state < LTW_JOB_READY
        && wall_ms(l) >= late_at_wall_ms(l))
    {
        ltw_count(metrics(l), segments_late, 1);
        ltw_job_fail(job, "deadline", "late");
    }
    advance(l);
}


static void
advance(ltw_language_t *l)
{
    translate_next(l);
    voice_next(l);
    post_first(l);
    watch(l);
    if (l->jobs == NULL) {
        l->on_dry(l->data);
    }
}


static void
on_change(void *data)
{
    advance(data);
}


/* ---- the language ---- */

ltw_language_t *
ltw_language_new(const ltw_pipeline_t *pipeline, ltw_talk_t *talk,
    lt_str_t source, lt_str_t code, ltw_handler_t on_dry, void *data)
{
    ltw_language_t *l = calloc(1, sizeof(*l));

    if (l == NULL || source.len != 2 || code.len != 2) {
        free(l);
        return NULL;
    }
    l->room = (ltw_job_room_t) { .pipeline = pipeline, .talk = talk,
        .on_change = on_change, .data = l };
    memcpy(l->room.source, source.data, 2);
    memcpy(l->room.code, code.data, 2);
    ltw_playout_init(&l->room.playout);
    ltw_governor_init(&l->governor,
        pipeline->services->config->mode == LTW_MODE_LIVE);
    l->on_dry = on_dry;
    l->data = data;
    l->late = ltw_timer_new(pipeline->services->loop, on_late, l);
    l->lane = ltw_lane_new(pipeline->publisher, talk);
    if (l->lane == NULL || l->late == NULL) {
        ltw_language_free(&l);
    }
    return l;
}


void
ltw_language_free(ltw_language_t **language)
{
    ltw_language_t *l = *language;
    ltw_job_t *job;

    if (l == NULL) {
        return;
    }
    *language = NULL;
    ltw_lane_free(&l->lane);
    ltw_timer_free(&l->late);
    while ((job = l->jobs) != NULL) {
        l->jobs = job->next;
        ltw_job_free(job);
    }
    free(l);
}


const char *
ltw_language_code(const ltw_language_t *l)
{
    return l->room.code;
}


static void
refuse(ltw_language_t *l, ltw_segment_t *segment, const char *code)
{
    told(l, segment);
    ltw_count(metrics(l), segments_failed, 1);
    ltw_log(LTW_WARN, "segment_failed",
        ltw_cstr("session", l->room.talk->id),
        ltw_cstr("language", l->room.code),
        ltw_int("segment", segment->facts.number),
        ltw_cstr("stage", "queue"), ltw_cstr("code", code));
}


void
ltw_language_add(ltw_language_t *l, ltw_segment_t *segment)
{
    ltw_job_t **at = &l->jobs;
    ltw_job_t *job;

    segment->untold++;
    if (l->jobs_n == LTW_LANGUAGE_JOBS_MAX) {
        refuse(l, segment, "full");
        return;
    }
    job = ltw_job_new(&l->room, segment);
    if (job == NULL) {
        refuse(l, segment, "no_memory");
        return;
    }
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


void
ltw_language_set_voiced(ltw_language_t *l, int is_voiced)
{
    l->is_unvoiced = !is_voiced;
}


int64_t
ltw_language_plays_until_wall_ms(const ltw_language_t *l)
{
    return l->room.playout.until_wall_ms;
}
