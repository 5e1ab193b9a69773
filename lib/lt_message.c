#include "lt_message.h"

#include "lt_json.h"

/* Every message is one object: opened with its type, closed with the time. */
static void
lt_message_open(lt_json_writer_t *w, lt_out_t *out, const char *type)
{
    lt_json_begin(w, out);
    lt_json_open_object(w, NULL);

    if (type != NULL) {
        lt_json_put_cstr(w, "type", type);
    }
}

static lt_result_t
lt_message_close(lt_json_writer_t *w, int64_t now_ms)
{
    lt_json_put_int(w, "timestamp", now_ms);
    lt_json_close_object(w);

    return lt_out_result(w->out);
}

static void
lt_message_put_broadcast(lt_json_writer_t *w, const lt_message_broadcast_t *b)
{
    lt_json_open_object(w, "broadcastState");
    lt_json_put_bool(w, "isActive", 1);
    lt_json_put_bool(w, "isPaused", b->is_paused);
    lt_json_put_bool(w, "isMuted", b->is_muted);
    lt_json_put_number(w, "volume", b->volume);
    lt_json_put_int(w, "lastStateChange", b->changed_ms);
    lt_json_close_object(w);
}

lt_result_t
lt_message_error(lt_out_t *out, const lt_message_error_t *error,
    int64_t now_ms)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, "error");
    lt_json_put_cstr(&w, "code", error->code);
    lt_json_put_cstr(&w, "message", error->text);
    lt_json_put_cstr(&w, "error", error->text);

    if (error->detail_key != NULL) {
        lt_json_open_object(&w, "details");
        lt_json_put_str(&w, error->detail_key, error->detail);
        lt_json_close_object(&w);
    }

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_heartbeat_ack(lt_out_t *out, int64_t now_ms)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, "heartbeatAck");

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_session(lt_out_t *out, const lt_message_session_t *s,
    lt_str_t speaker_token)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, NULL);
    lt_json_put_str(&w, "sessionId", s->session_id);
    lt_json_put_str(&w, "speakerId", s->speaker_id);
    lt_json_put_str(&w, "sourceLanguage", s->source_language);
    lt_json_put_str(&w, "qualityTier", s->quality_tier);
    lt_json_put_str(&w, "status", s->status);
    lt_json_put_int(&w, "listenerCount", s->listeners);
    lt_json_put_int(&w, "createdAt", s->created_ms);
    lt_json_put_int(&w, "updatedAt", s->updated_ms);
    lt_json_put_int(&w, "expiresAt", s->expires_s);

    if (speaker_token.len != 0) {
        lt_json_put_str(&w, "speakerToken", speaker_token);
    }

    lt_json_close_object(&w);

    return lt_out_result(out);
}

/* languageDistribution is an array: the existing speaker page draws that. */
lt_result_t
lt_message_session_status(lt_out_t *out, const lt_message_session_t *s,
    const char *reason, int64_t now_ms)
{
    size_t i;
    lt_json_writer_t w;

    lt_message_open(&w, out, "sessionStatus");
    lt_json_put_str(&w, "sessionId", s->session_id);
    lt_json_put_int(&w, "listenerCount", s->listeners);

    lt_json_open_array(&w, "languageDistribution");
    for (i = 0; i < s->languages_n; i++) {
        lt_json_open_object(&w, NULL);
        lt_json_put_str(&w, "languageCode", s->languages[i].code);
        lt_json_put_int(&w, "count", s->languages[i].count);
        lt_json_close_object(&w);
    }
    lt_json_close_array(&w);

    lt_json_put_int(&w, "sessionDuration", (now_ms - s->created_ms) / 1000);
    lt_message_put_broadcast(&w, &s->broadcast);
    lt_json_put_cstr(&w, "updateReason", reason);

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_session_joined(lt_out_t *out, const lt_message_joined_t *joined,
    int64_t now_ms)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, "sessionJoined");
    lt_json_put_str(&w, "sessionId", joined->session_id);
    lt_json_put_str(&w, "targetLanguage", joined->target_language);
    lt_json_put_str(&w, "sourceLanguage", joined->source_language);
    lt_json_put_str(&w, "connectionId", joined->connection_id);
    lt_json_put_int(&w, "listenerCount", joined->listeners);

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_broadcast(lt_out_t *out, const char *type, lt_str_t session_id,
    const lt_message_broadcast_t *state, int64_t listeners_notified,
    int64_t pause_ms, int64_t now_ms)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, type);
    lt_json_put_str(&w, "sessionId", session_id);

    if (state != NULL) {
        lt_message_put_broadcast(&w, state);
        lt_json_put_int(&w, "listenersNotified", listeners_notified);

        if (pause_ms >= 0) {
            lt_json_put_int(&w, "pauseDuration", pause_ms);
        }
    }

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_session_ended(lt_out_t *out, lt_str_t session_id, const char *text,
    int64_t now_ms)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, "sessionEnded");
    lt_json_put_str(&w, "sessionId", session_id);
    lt_json_put_cstr(&w, "message", text);

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_health(lt_out_t *out, const char *error, int64_t response_ms,
    int64_t now_ms)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, NULL);
    lt_json_put_cstr(&w, "status", error == NULL ? "healthy" : "unhealthy");
    lt_json_put_cstr(&w, "service", "live-translation");
    lt_json_put_cstr(&w, "version", "1.0.0");

    if (error != NULL) {
        lt_json_put_cstr(&w, "error", error);
    }

    lt_json_put_int(&w, "responseTimeMs", response_ms);

    return lt_message_close(&w, now_ms);
}
