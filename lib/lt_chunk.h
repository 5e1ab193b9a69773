/*
 * The hot message, found without a JSON tree:
 *   {"action":"audioChunk","sessionId":…,"audioData":"<base64>",…}
 * Fields may come in any order, others are skipped, whatever their values.
 * docs/protocol/, audioChunk.
 */
#ifndef LT_CHUNK_H
#define LT_CHUNK_H

#include "lt_base.h"

typedef struct {
    lt_str_t action;        /* views into the message, free of escapes */
    lt_str_t session_id;    /* len 0 = absent */
    lt_str_t audio_data;    /* base64, len 0 = absent */
    int has_audio_data;
} lt_chunk_t;

/*
 * One pass over one complete text message (UTF-8, as the decoder left it).
 *   LT_OK       it is a JSON object whose "action" is "audioChunk"
 *   LT_AGAIN    not an audioChunk, or one with escapes, double fields or other
 *               rarities: lt_json_parse has the last word
 *   LT_INVALID  not a JSON object
 * In the last two cases *chunk must not be used.
 */
lt_result_t lt_chunk_scan(lt_chunk_t *chunk, lt_str_t message);

#endif
