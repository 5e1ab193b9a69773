/*
 * The signed headers that open a StartStreamTranscription over HTTP/2.
 * Transcribe streaming API reference, StartStreamTranscription.  Pure.
 */
#ifndef LTW_TRANSCRIBE_REQUEST_H
#define LTW_TRANSCRIBE_REQUEST_H

#include "lt_sigv4.h"

#define LTW_TRANSCRIBE_PATH "/stream-transcription"

typedef struct {
    lt_str_t authority;         /* the Host that is signed; HTTP/2 sends it as
                                   :authority */
    lt_str_t region;
    lt_str_t language;          /* "en-US" */
    lt_str_t stream_id;         /* 36 characters */
    lt_aws_keys_t keys;
    int64_t time_s;
    lt_str_t vocabulary;        /* its name; len 0: none */
} ltw_transcribe_options_t;

typedef struct {
    lt_header_t headers[16];    /* to send; views into here and the options */
    size_t headers_n;
    char seed[LT_SIGV4_HEX_LEN];    /* of the audio's signature chain */

    char date[LT_AMZ_DATE_LEN + 1];
    char authorization[1024];
} ltw_transcribe_request_t;

/* *request must not be moved afterwards. */
lt_result_t ltw_transcribe_request(ltw_transcribe_request_t *request,
    const ltw_transcribe_options_t *options);

#endif
