#include "publish/ltw_message.h"

#include "lt_json.h"


static void
put_time(lt_json_writer_t *w, const char *key, int64_t ms)
{
    if (ms != 0) {
        lt_json_put_int(w, key, ms);
    }
}


static void
put_timing(lt_json_writer_t *w, const ltw_timing_t *t)
{
    lt_json_open_object(w, "timing");
    put_time(w, "captured", t->captured_ms);
    put_time(w, "arrived", t->arrived_ms);
    put_time(w, "batched", t->batched_ms);
    put_time(w, "transcribed", t->transcribed_ms);
    put_time(w, "translated", t->translated_ms);
    put_time(w, "voiced", t->voiced_ms);
    put_time(w, "stored", t->stored_ms);
    lt_json_close_object(w);
}


static void
put_pace(lt_json_writer_t *w, const ltw_message_t *m)
{
    if (m->pace.action != NULL) {
        lt_json_open_object(w, "pace");
        lt_json_put_int(w, "lagMs", m->pace.lag_ms);
        lt_json_put_cstr(w, "action", m->pace.action);
        lt_json_close_object(w);
    }
}


lt_result_t
ltw_message_audio(lt_out_t *out, const ltw_message_t *m, lt_str_t url,
    int64_t duration_ms, const ltw_timing_t *timing)
{
    lt_json_writer_t w;

    lt_json_begin(&w, out);
    lt_json_open_object(&w, NULL);
    lt_json_put_cstr(&w, "type", "translatedAudio");
    lt_json_put_str(&w, "sessionId", m->session_id);
    lt_json_put_str(&w, "targetLanguage", m->language);
    lt_json_put_str(&w, "language", m->language);
    lt_json_put_str(&w, "url", url);
    lt_json_put_int(&w, "timestamp", m->now_wall_ms);
    lt_json_put_number(&w, "duration", (double) duration_ms / 1000);
    lt_json_put_str(&w, "transcript", m->text);
    lt_json_put_str(&w, "sourceTranscript", m->source_text);
    lt_json_put_int(&w, "sequenceNumber", m->segment);
    lt_json_put_int(&w, "segment", m->segment);
    put_timing(&w, timing);
    put_pace(&w, m);
    lt_json_close_object(&w);
    return lt_out_result(out);
}


lt_result_t
ltw_message_caption(lt_out_t *out, const ltw_message_t *m, const char *reason)
{
    lt_json_writer_t w;

    lt_json_begin(&w, out);
    lt_json_open_object(&w, NULL);
    lt_json_put_cstr(&w, "type", "caption");
    lt_json_put_str(&w, "sessionId", m->session_id);
    lt_json_put_str(&w, "language", m->language);
    lt_json_put_str(&w, "text", m->text);
    if (m->source_text.len > 0) {
        lt_json_put_str(&w, "sourceText", m->source_text);
    }
    lt_json_put_int(&w, "segment", m->segment);
    lt_json_put_int(&w, "timestamp", m->now_wall_ms);
    if (reason != NULL) {
        lt_json_put_cstr(&w, "reason", reason);
    }
    put_pace(&w, m);
    lt_json_close_object(&w);
    return lt_out_result(out);
}


lt_result_t
ltw_message_tail(lt_out_t *out, const ltw_message_t *m)
{
    lt_json_writer_t w;

    lt_json_begin(&w, out);
    lt_json_open_object(&w, NULL);
    lt_json_put_cstr(&w, "type", "caption");
    lt_json_put_str(&w, "sessionId", m->session_id);
    lt_json_put_str(&w, "language", m->language);
    lt_json_put_cstr(&w, "text", "");
    lt_json_put_str(&w, "tail", m->text);
    lt_json_put_int(&w, "timestamp", m->now_wall_ms);
    lt_json_close_object(&w);
    return lt_out_result(out);
}
