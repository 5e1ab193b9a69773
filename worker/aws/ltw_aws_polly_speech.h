/*
 * SynthesizeSpeech of Amazon Polly: MP3, 24 kHz, plain text, or SSML when it is
 * to be spoken faster.  API reference, SynthesizeSpeech.  The answer's body is
 * the MP3.
 */
#ifndef LTW_AWS_POLLY_SPEECH_H
#define LTW_AWS_POLLY_SPEECH_H

#include "aws/ltw_aws_call.h"
#include "tts/ltw_tts.h"
#include "tts/ltw_voice.h"

/* 0: text too long, too many at once, or no memory. */
ltw_aws_id_t ltw_aws_polly_speech(ltw_aws_t *aws, const ltw_voice_t *voice,
    const ltw_tts_request_t *request, ltw_aws_handler_t handler, void *data);

#endif
