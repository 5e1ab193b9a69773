#include "aws/ltw_aws_polly_speech.h"

#include "lt_json.h"

#define TIMEOUT_MS 5000

static const lt_header_t headers[] = {
    { { "Content-Type", 12 }, { "application/json", 16 } },
};


ltw_aws_id_t
ltw_aws_polly_speech(ltw_aws_t *aws, const ltw_voice_t *voice,
    const ltw_tts_request_t *request, ltw_aws_handler_t handler, void *data)
{
    char body[6 * LTW_TTS_TEXT_MAX + 512];      /* \u00xx: six times */
    lt_json_writer_t w;
    lt_out_t out;
    ltw_aws_request_t call = { .service = LTW_AWS_POLLY,
        .operation = "SynthesizeSpeech", .method = "POST",
        .path = LT_STR("/v1/speech"), .headers = headers, .headers_n = 1,
        .timeout_ms = TIMEOUT_MS, .deadline_ms = request->deadline_ms,
        .response_max_bytes = LTW_TTS_AUDIO_MAX };

    if (request->text.len > LTW_TTS_TEXT_MAX) {
        return 0;
    }
    lt_out_init(&out, body, sizeof(body));
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_cstr(&w, "Engine", voice->engine);
    lt_json_put_cstr(&w, "LanguageCode", voice->locale);
    lt_json_put_cstr(&w, "OutputFormat", "mp3");
    lt_json_put_cstr(&w, "SampleRate", "24000");
    lt_json_put_str(&w, "Text", request->text);
    lt_json_put_cstr(&w, "TextType", "text");
    lt_json_put_cstr(&w, "VoiceId", voice->voice);
    lt_json_close_object(&w);
    if (lt_out_result(&out) != LT_OK) {
        return 0;
    }
    call.body = (lt_str_t) { body, lt_out_len(&out) };
    if (call.timeout_ms > call.deadline_ms) {
        call.timeout_ms = call.deadline_ms;
    }
    return ltw_aws_call(aws, &call, handler, data);
}
