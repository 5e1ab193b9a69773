/*
 * Chained signatures of an outgoing event stream (Transcribe, Polly):
 * AWS4-HMAC-SHA256-PAYLOAD, each over the one before; the seed is the
 * signature of the request's Authorization header.
 */
#ifndef LT_EVENTSIGN_H
#define LT_EVENTSIGN_H

#include "lt_eventstream.h"
#include "lt_sigv4.h"

typedef struct {
    uint8_t prior[LT_SHA256_LEN];
    char secret_key[129];       /* pinned for the life of the stream */
    char region[33];
    char service[33];
} lt_eventsign_t;

/* LT_INVALID: a text is empty or does not fit, or the seed is not hex. */
lt_result_t lt_eventsign_init(lt_eventsign_t *s, lt_str_t secret_key,
    lt_str_t region, lt_str_t service,
    const char seed_hex[LT_SIGV4_HEX_LEN]);

/*
 * Wraps payload into a signed frame {:date, :chunk-signature; payload}.
 * payload len 0 makes the closing frame.  time_ms: Unix milliseconds, goes
 * into :date as given; the key follows its UTC day.  On error the chain
 * is unchanged, and what stands in out behind its former end is no frame.
 */
lt_result_t lt_eventsign_frame(lt_eventsign_t *s, lt_out_t *out,
    lt_str_t payload, int64_t time_ms);

/*
 * An AudioEvent (headers :event-type, :message-type, :content-type in the
 * order of AWS's JavaScript client), wrapped and signed.
 * Overhead LT_EVENTSIGN_AUDIO_OVERHEAD bytes.  scratch: >= len + 104 bytes.
 */
#define LT_EVENTSIGN_AUDIO_OVERHEAD 187
lt_result_t lt_eventsign_audio(lt_eventsign_t *s, lt_out_t *out,
    lt_str_t pcm, int64_t time_ms, uint8_t *scratch, size_t scratch_size);

#endif
