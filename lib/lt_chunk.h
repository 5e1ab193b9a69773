/*
 * The hot message, found without a JSON tree:
 *   {"action":"audioChunk","sessionId":…,"audioData":"<base64>",…}
 * Fields may come in any order, others are skipped, whatever their values.
 * docs/protocol.md, audioChunk.
 */
#ifndef LT_CHUNK_H
#define LT_CHUNK_H

#include "lt_base.h"

typedef struct {
    lt_str_t action;        /* views into the message, still escaped; values
                               with escapes are reported as LT_INVALID */
    lt_str_t session_id;    /* len 0 = absent */
    lt_str_t audio_data;    /* base64, len 0 = absent */
    int has_audio_data;
} lt_chunk_t;

/*
 * One pass over one complete text message.
 *   LT_OK       it is a JSON object whose "action" is "audioChunk"
 *   LT_AGAIN    it is a JSON object, but not an audioChunk (or its fields
 *               carry escapes): use lt_json_parse
 *   LT_INVALID  not a JSON object
 * In the last two cases *chunk must not be used.
 */
lt_result_t lt_chunk_scan(lt_chunk_t *chunk, lt_str_t message);

#endif
