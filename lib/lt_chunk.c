#include "lt_chunk.h"

#include <string.h>

#include "lt_scan.h"

static void
read_member(lt_scan_t *s, lt_chunk_t *chunk)
{
    lt_str_t key = lt_scan_key(s);

    if (lt_str_is(key, "action")) {
        lt_scan_text(s, &chunk->action);
        if (s->rc == LT_OK && !lt_str_is(chunk->action, "audioChunk")) {
            (void)lt_scan_fail(s, LT_AGAIN);
        }
    } else if (lt_str_is(key, "sessionId")) {
        lt_scan_text(s, &chunk->session_id);
    } else if (lt_str_is(key, "audioData")) {
        lt_scan_text(s, &chunk->audio_data);
    } else {
        lt_scan_skip(s);
    }
}

lt_result_t
lt_chunk_scan(lt_chunk_t *chunk, lt_str_t message)
{
    lt_scan_t s;

    memset(chunk, 0, sizeof(*chunk));
    if (message.len == 0) {
        return LT_INVALID;
    }

    lt_scan_init(&s, message);
    if (lt_scan_open(&s, '{')) {
        do {
            read_member(&s, chunk);
        } while (lt_scan_next(&s, '}'));
    }
    if (lt_scan_end(&s) != LT_OK) {
        return s.rc;
    }

    chunk->has_audio_data = chunk->audio_data.data != NULL;
    return chunk->action.data != NULL ? LT_OK : LT_AGAIN;
}
