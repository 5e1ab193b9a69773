#include "aws/ltw_aws_polly_speech.h"

#include "lt_json.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 5000
#define LEXICONS_MAX 5

static const lt_header_t headers[] = {
    { { "Content-Type", 12 }, { "application/json", 16 } },
};


/* Text as SSML at another rate; its tags are not billed. */
static void
put_ssml(lt_json_writer_t *w, lt_str_t text, unsigned rate_percent)
{
    char ssml[5 * LTW_TTS_TEXT_MAX + 128];      /* &amp; */
    char rate[8];
    lt_out_t out;

    snprintf(rate, sizeof(rate), "%u%%", rate_percent);
    lt_out_init(&out, ssml, sizeof(ssml));
    lt_out_cstr(&out, "<speak><prosody rate=\"");
    lt_out_cstr(&out, rate);
    lt_out_cstr(&out, "\">");
    for (size_t i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '&': lt_out_cstr(&out, "&amp;"); break;
        case '<': lt_out_cstr(&out, "&lt;"); break;
        case '>': lt_out_cstr(&out, "&gt;"); break;
        default: lt_out_str(&out, (lt_str_t) { &text.data[i], 1 });
        }
    }
    lt_out_cstr(&out, "</prosody></speak>");
    lt_json_put_str(w, "Text", (lt_str_t) { ssml, lt_out_len(&out) });
    lt_json_put_cstr(w, "TextType", "ssml");
}


static void
put_lexicons(lt_json_writer_t *w, lt_str_t names)
{
    const char *at = names.data, *end = names.data + names.len;

    if (names.len == 0) {
        return;
    }
    lt_json_open_array(w, "LexiconNames");
    for (unsigned n = 0; at < end && n < LEXICONS_MAX; n++) {
        const char *space = memchr(at, ' ', (size_t) (end - at));
        size_t len = (size_t) ((space != NULL ? space : end) - at);

        if (len > 0) {
            lt_json_put_str(w, NULL, (lt_str_t) { at, len });
        }
        at += len + 1;
    }
    lt_json_close_array(w);
}


ltw_aws_id_t
ltw_aws_polly_speech(ltw_aws_t *aws, const ltw_voice_t *voice,
    const ltw_tts_request_t *request, ltw_aws_handler_t handler, void *data)
{
    char body[6 * LTW_TTS_TEXT_MAX + 1024];     /* \u00xx: six times */
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
    put_lexicons(&w, request->lexicons);
    lt_json_put_cstr(&w, "OutputFormat", "mp3");
    lt_json_put_cstr(&w, "SampleRate", "24000");
    if (request->rate_percent != 100) {
        put_ssml(&w, request->text, request->rate_percent);
    } else {
        lt_json_put_str(&w, "Text", request->text);
        lt_json_put_cstr(&w, "TextType", "text");
    }
    lt_json_put_cstr(&w, "VoiceId", voice->voice);
    lt_json_close_object(&w);
    if (lt_out_result(&out) != LT_OK) {
        return 0;
    }
    call.body = (lt_str_t) { body, lt_out_len(&out) };
    return ltw_aws_call(aws, &call, handler, data);
}
