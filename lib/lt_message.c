#include "lt_message.h"

#include "lt_json.h"

#include <string.h>

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

    if (error->detail_key != NULL || error->retry_after_s != 0) {
        lt_json_open_object(&w, "details");
        if (error->detail_key != NULL) {
            lt_json_put_str(&w, error->detail_key, error->detail);
        }
        if (error->retry_after_s != 0) {
            lt_json_put_int(&w, "retryAfter", error->retry_after_s);
        }
        lt_json_close_object(&w);
    }

    if (error->retry_after_s != 0) {
        lt_json_put_int(&w, "retryAfter", error->retry_after_s);
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
lt_message_change(lt_out_t *out, const lt_message_change_t *change,
    int64_t now_ms)
{
    lt_str_t type = lt_str(change->type);
    lt_json_writer_t w;

    lt_message_open(&w, out, change->type);
    lt_json_put_str(&w, "sessionId", change->session_id);

    if (lt_str_is(type, "volumeChanged")) {
        lt_json_put_number(&w, "volumeLevel", change->state.volume);
    }

    if (change->is_reply || lt_str_is(type, "speakerStateChanged")) {
        lt_message_put_broadcast(&w, &change->state);
    }

    if (change->is_reply) {
        lt_json_put_int(&w, "listenersNotified", change->listeners);
    }

    if (change->is_reply && lt_str_is(type, "broadcastResumed")) {
        if (change->pause_ms >= 0) {
            lt_json_put_int(&w, "pauseDuration", change->pause_ms);
        } else {
            lt_json_put_null(&w, "pauseDuration");
        }
    }

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_session_ended(lt_out_t *out, lt_str_t session_id, const char *text,
    int64_t now_ms)
{
    lt_json_writer_t w;

    /* clients of the session API know the text as "reason" */
    lt_message_open(&w, out, "sessionEnded");
    lt_json_put_str(&w, "sessionId", session_id);
    lt_json_put_cstr(&w, "message", text);
    lt_json_put_cstr(&w, "reason", text);

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_language_changed(lt_out_t *out, const lt_message_joined_t *joined,
    int64_t now_ms)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, "languageChanged");
    lt_json_put_str(&w, "sessionId", joined->session_id);
    lt_json_put_str(&w, "targetLanguage", joined->target_language);
    lt_json_put_str(&w, "sourceLanguage", joined->source_language);

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_playback_paused(lt_out_t *out, lt_str_t session_id, int64_t now_ms)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, "playbackPaused");
    lt_json_put_str(&w, "sessionId", session_id);

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_audio_ack(lt_out_t *out, const lt_message_ack_t *ack,
    int64_t now_ms)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, "audioAck");
    lt_json_put_str(&w, "sessionId", ack->session_id);
    lt_json_put_int(&w, "epoch", (int64_t) ack->epoch);
    lt_json_put_int(&w, "bytes", (int64_t) ack->settled);
    lt_json_put_int(&w, "lost", (int64_t) ack->lost);
    lt_json_put_int(&w, "window", (int64_t) ack->window);

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_refreshed(lt_out_t *out, const lt_message_joined_t *joined,
    int64_t now_ms)
{
    int is_listener = joined->target_language.len != 0;
    lt_json_writer_t w;

    lt_message_open(&w, out, "connectionRefreshComplete");
    lt_json_put_str(&w, "sessionId", joined->session_id);
    lt_json_put_cstr(&w, "role", is_listener ? "listener" : "speaker");
    lt_json_put_str(&w, "newConnectionId", joined->connection_id);

    if (is_listener) {
        lt_json_put_str(&w, "targetLanguage", joined->target_language);
        lt_json_put_str(&w, "sourceLanguage", joined->source_language);
    }

    return lt_message_close(&w, now_ms);
}

lt_result_t
lt_message_session_created(lt_out_t *out, const lt_message_created_t *created,
    int64_t now_ms)
{
    lt_json_writer_t w;

    lt_message_open(&w, out, "sessionCreated");
    lt_json_put_str(&w, "sessionId", created->session_id);
    lt_json_put_str(&w, "sourceLanguage", created->source_language);
    lt_json_put_str(&w, "qualityTier", created->quality_tier);
    lt_json_put_bool(&w, "partialResultsEnabled", created->partial_results);
    lt_json_put_number(&w, "minStabilityThreshold", created->min_stability);
    lt_json_put_number(&w, "maxBufferTimeout", created->max_buffer_s);
    lt_json_put_str(&w, "connectionId", created->connection_id);
    lt_json_put_int(&w, "expiresAt", created->expires_s);

    return lt_message_close(&w, now_ms);
}

/* Behind the string that begins at p; quotes in it are escaped. */
static const char *
lt_message_skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\') {
            p++;
        }
    }

    return p < end ? p + 1 : end;
}

static const char *
lt_message_skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) {
        p++;
    }

    return p;
}

/* Where the string value of the object's own "targetLanguage" begins. */
static const char *
lt_message_find_label(lt_str_t json)
{
    static const char key[] = "\"targetLanguage\"";
    const char *p = json.data, *end = p + json.len, *after, *value;
    size_t depth = 0;

    while (p < end) {
        if (*p == '{' || *p == '[') {
            depth++;

        } else if (*p == '}' || *p == ']') {
            depth--;

        } else if (*p == '"') {
            after = lt_message_skip_string(p, end);
            value = lt_message_skip_space(after, end);

            if (depth == 1 && value < end && *value == ':'
                && (size_t) (after - p) == sizeof(key) - 1
                && memcmp(p, key, sizeof(key) - 1) == 0)
            {
                value = lt_message_skip_space(value + 1, end);
                return value < end && *value == '"' ? value : NULL;
            }

            p = after;
            continue;
        }

        p++;
    }

    return NULL;
}

lt_result_t
lt_message_relabel(lt_out_t *out, lt_str_t json, lt_str_t label)
{
    const char *value, *end, *after;

    value = json.len != 0 ? lt_message_find_label(json) : NULL;
    if (value == NULL) {
        return LT_INVALID;
    }

    end = json.data + json.len;
    after = lt_message_skip_string(value, end);

    lt_out_bytes(out, json.data, (size_t) (value + 1 - json.data));
    lt_out_str(out, label);
    lt_out_cstr(out, "\"");
    lt_out_bytes(out, after, (size_t) (end - after));

    return lt_out_result(out);
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
