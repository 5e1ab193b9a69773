#include "session/ltw_speech.h"

#include <stdlib.h>
#include <string.h>

#include "ltw_log.h"
#include "session/ltw_timeline.h"

#define REPLAY_MARGIN_MS 1000   /* a recogniser wants some context */

struct ltw_speech_s {
    ltw_speech_options_t options;
    const ltw_services_t *services;
    ltw_speech_events_t events;
    void *data;

    ltw_asr_line_t *line;       /* NULL: closed */
    int is_finishing;
    ltw_words_t words;
    ltw_commit_t commit;
    ltw_timeline_t timeline;
    int64_t segment;
    int64_t heard_ms;           /* on the line, the last result's end */
};


static int64_t
now_ms(const ltw_speech_t *s)
{
    return ltw_loop_now_ms(s->services->loop);
}


/* ---- segments ---- */

static void
give(ltw_speech_t *s, const ltw_taken_t *taken)
{
    int64_t wall_ms = ltw_loop_wall_ms(s->services->loop);
    ltw_anchor_t anchor = { 0 };
    ltw_segment_facts_t facts;
    ltw_mark_t mark;
    ltw_segment_t *segment;

    (void) ltw_timeline_find(&s->timeline, taken->end_ms, &anchor);
    facts = (ltw_segment_facts_t) { s->segment + 1, taken->start_ms,
        taken->end_ms, anchor.captured_wall_ms, anchor.arrived_wall_ms,
        anchor.batched_wall_ms, wall_ms, taken->words };
    segment = ltw_segment_new(&facts, taken->text);
    if (segment == NULL) {
        ltw_log(LTW_ERROR, "segment_lost",
            ltw_cstr("session", s->options.talk->id),
            ltw_cstr("reason", "no memory"));
        return;
    }
    s->segment++;
    ltw_asr_line_settled(s->line, taken->end_ms - REPLAY_MARGIN_MS);
    ltw_count(s->services->metrics, segments_committed, 1);
    ltw_observe(s->services->metrics, transcribe_ms,
        wall_ms - anchor.batched_wall_ms);
    ltw_log(LTW_INFO, "segment_committed",
        ltw_cstr("session", s->options.talk->id),
        ltw_int("segment", s->segment), ltw_int("words", taken->words),
        ltw_int("source_ms", taken->end_ms - taken->start_ms),
        ltw_int("transcribe_ms", wall_ms - anchor.batched_wall_ms));
    mark = (ltw_mark_t) { anchor.epoch, anchor.offset,
        anchor.arrived_wall_ms };
    s->events.on_segment(s->data, segment, &mark);
    ltw_segment_unref(&segment);
}


static void
commit(ltw_speech_t *s, size_t until)
{
    ltw_taken_t taken;

    s->options.policy->committed(&s->commit, now_ms(s));
    ltw_words_take(&s->words, until, &taken);
    if (taken.words > 0) {
        give(s, &taken);
    }
}


void
ltw_speech_commit(ltw_speech_t *s)
{
    if (s->line != NULL && !s->is_finishing && s->commit.is_open) {
        commit(s, LTW_WORDS_STABLE);
    }
}


void
ltw_speech_tick(ltw_speech_t *s)
{
    if (s->line != NULL && !s->is_finishing
        && s->options.policy->tick(&s->commit, &s->words, now_ms(s))
           == LTW_COMMIT_NOW)
    {
        commit(s, s->commit.until);
    }
}


int
ltw_speech_is_awaiting(const ltw_speech_t *s)
{
    return s->line != NULL && s->commit.is_open;
}


int
ltw_speech_has_due(const ltw_speech_t *s)
{
    return s->line != NULL && s->commit.has_due;
}


int64_t
ltw_speech_due_at_ms(const ltw_speech_t *s)
{
    return s->commit.due_at_ms;
}


/* ---- the line ---- */

/* The recogniser's answers reach so far, and are in segments. */
static int64_t
heard_ms(const ltw_speech_t *s)
{
    int64_t left_ms = ltw_words_left_ms(&s->words);

    return left_ms < s->heard_ms ? left_ms : s->heard_ms;
}


/* No stream will hear what is before it: it is too long ago to be sent, or to
   be sent again. */
static int64_t
heard_for_good_ms(const ltw_speech_t *s)
{
    int64_t until_ms = heard_ms(s) - LTW_ASR_REPLAY_MAX_MS;
    int64_t sent_ms = ltw_speech_position_ms(s) - LTW_ASR_WAITING_MAX_MS
        - LTW_ASR_REPLAY_MAX_MS;

    return until_ms > sent_ms ? until_ms : sent_ms;
}


static void
on_result(void *data, const ltw_asr_result_t *result)
{
    ltw_speech_t *s = data;
    uint64_t dropped = s->words.dropped;

    ltw_words_add(&s->words, result);
    s->heard_ms = result->end_ms > s->heard_ms ? result->end_ms
                                               : s->heard_ms;
    ltw_timeline_forget(&s->timeline, heard_for_good_ms(s));
    if (s->words.dropped != dropped) {
        ltw_count(s->services->metrics, words_dropped,
            s->words.dropped - dropped);
        ltw_log(LTW_WARN, "words_dropped",
            ltw_cstr("session", s->options.talk->id),
            ltw_int("words", (int64_t) (s->words.dropped - dropped)));
    }
    if (s->is_finishing) {
        return;                 /* the end commits it all */
    }
    if (s->options.policy->result(&s->commit, result, &s->words, now_ms(s))
        == LTW_COMMIT_NOW)
    {
        commit(s, s->commit.until);
    }
    s->events.on_change(s->data);
}


static void
on_restart(void *data)
{
    ltw_speech_t *s = data;

    ltw_words_restart(&s->words);
}


static void
on_line_over(void *data)
{
    ltw_speech_t *s = data;

    commit(s, LTW_WORDS_ALL);
    ltw_asr_line_close(&s->line);
    s->is_finishing = 0;
    s->events.on_closed(s->data);
}


static void
on_stream(void *data)
{
    ltw_speech_t *s = data;

    ltw_cost_stream(&s->options.talk->cost);
}


static void
on_sent(void *data, size_t bytes)
{
    ltw_speech_t *s = data;

    ltw_cost_audio(&s->options.talk->cost, bytes);
}


int
ltw_speech_open(ltw_speech_t *s, const char *language)
{
    static const ltw_asr_line_events_t events = { on_result, on_restart,
        on_line_over, on_stream, on_sent };
    ltw_asr_line_options_t options = { s->options.talk->id, language,
        s->options.talk->settings.vocabulary,
        s->options.talk->settings.trace };

    s->line = ltw_asr_line_open(s->services, s->options.asr, &options,
        &events, s);
    if (s->line == NULL) {
        ltw_log(LTW_ERROR, "session_failed",
            ltw_cstr("session", s->options.talk->id),
            ltw_cstr("reason", "no memory for a recogniser"));
        return 0;
    }
    ltw_words_deinit(&s->words);
    ltw_words_init(&s->words, lt_str(language));
    s->options.policy->init(&s->commit, lt_str(language),
        s->services->config->batch_window);
    ltw_timeline_restart(&s->timeline);
    s->heard_ms = 0;
    return 1;
}


void
ltw_speech_finish(ltw_speech_t *s)
{
    s->is_finishing = 1;
    ltw_asr_line_finish(s->line);
}


void
ltw_speech_drop(ltw_speech_t *s)
{
    ltw_asr_line_close(&s->line);
    s->is_finishing = 0;
}


/* ---- audio ---- */

static void
count_piece(ltw_speech_t *s, const ltw_timeline_piece_t *piece)
{
    ltw_metrics_t *metrics = s->services->metrics;

    ltw_count(metrics, pcm_bytes_duplicate, piece->duplicate_bytes);
    ltw_count(metrics, pcm_bytes_gap, piece->gap_bytes);
    if (piece->duplicate_bytes > 0) {
        ltw_log(LTW_INFO, "audio_duplicate",
            ltw_cstr("session", s->options.talk->id),
            ltw_int("bytes", (int64_t) piece->duplicate_bytes));
    }
    if (piece->gap_bytes > 0) {
        ltw_log(LTW_WARN, "audio_gap",
            ltw_cstr("session", s->options.talk->id),
            ltw_int("bytes", (int64_t) piece->gap_bytes));
    }
}


static void
add_record(ltw_speech_t *s, const ltw_record_t *record,
    int64_t batched_wall_ms, int is_fed)
{
    ltw_metrics_t *metrics = s->services->metrics;
    int64_t position_ms = is_fed ? ltw_asr_line_position_ms(s->line) : -1;
    ltw_timeline_piece_t piece;

    ltw_timeline_add(&s->timeline, record, position_ms, batched_wall_ms,
        &piece);
    count_piece(s, &piece);
    ltw_cost_record(&s->options.talk->cost, record->data.len);
    if (!is_fed) {
        ltw_count(metrics, pcm_bytes_no_listener, piece.pcm.len);
    } else if (ltw_asr_line_write(s->line, piece.pcm) != LT_OK) {
        ltw_count(metrics, pcm_bytes_overflow, piece.pcm.len);
    }
}


int
ltw_speech_add(ltw_speech_t *s, const ltw_session_part_t *part, int is_fed)
{
    int is_last = 0;

    for (size_t i = 0; i < part->n; i++) {
        const ltw_record_t *r = part->records[i];

        add_record(s, r, part->batched_wall_ms, is_fed);
        is_last |= r->is_framed && (r->head.flags & LT_AUDIO_FLAG_LAST);
    }
    ltw_timeline_forget(&s->timeline, heard_for_good_ms(s));
    part->taken(part->done_data);
    return is_last;
}


int
ltw_speech_is_new(const ltw_speech_t *s, const ltw_session_part_t *part)
{
    size_t i = 0;

    while (i < part->n
           && !ltw_timeline_is_new(&s->timeline, part->records[i]))
    {
        i++;
    }
    return i < part->n;
}


int
ltw_speech_end(const ltw_speech_t *s, ltw_mark_t *mark)
{
    return ltw_timeline_end(&s->timeline, mark);
}


void
ltw_speech_batch(ltw_speech_t *s)
{
    s->options.policy->batch(&s->commit, ltw_asr_line_position_ms(s->line),
        now_ms(s));
}


/* ---- life ---- */

ltw_speech_t *
ltw_speech_new(const ltw_speech_options_t *options,
    const ltw_speech_events_t *events, void *data)
{
    ltw_speech_t *s = calloc(1, sizeof(*s));

    if (s != NULL) {
        s->options = *options;
        s->services = options->services;
        s->events = *events;
        s->data = data;
        ltw_timeline_init(&s->timeline);
    }
    return s;
}


void
ltw_speech_free(ltw_speech_t **speech)
{
    ltw_speech_t *s = *speech;

    if (s != NULL) {
        *speech = NULL;
        ltw_asr_line_close(&s->line);
        ltw_words_deinit(&s->words);
        ltw_timeline_deinit(&s->timeline);
        free(s);
    }
}


void
ltw_speech_resume(ltw_speech_t *s, const ltw_ledger_t *ledger)
{
    s->segment = ledger->segment;
    if (ledger->has_mark) {
        ltw_timeline_resume(&s->timeline, &ledger->mark);
    }
}


int64_t
ltw_speech_position_ms(const ltw_speech_t *s)
{
    return s->line != NULL ? ltw_asr_line_position_ms(s->line) : 0;
}


ltw_parts_reach_t
ltw_speech_reach(const ltw_speech_t *s)
{
    return (ltw_parts_reach_t) {
        s->line != NULL ? ltw_asr_line_fed_ms(s->line) : 0, heard_ms(s) };
}


void
ltw_speech_tail(const ltw_speech_t *s, lt_out_t *out)
{
    if (s->line != NULL) {
        ltw_words_tail(&s->words, out);
    }
}


int
ltw_speech_has_words(const ltw_speech_t *s)
{
    return s->line != NULL && ltw_words_are_left(&s->words);
}


int64_t
ltw_speech_segment(const ltw_speech_t *s)
{
    return s->segment;
}
