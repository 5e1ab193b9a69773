/* Whatever files and servers say: what is wanted next breaks no request, and
   no wait is longer than a minute.  First byte: source; lines: answers. */
#include "fuzz.h"
#include "lt_credentials_provider.h"

static void
check(const lt_credentials_want_t *want)
{
    fuzz_check(want->wait_ms <= 60000 && want->headers_n <= 2);
    fuzz_check(want->need != LT_CREDENTIALS_ASK
               || strlen(want->url.data) == want->url.len);
    for (size_t i = 0; i < want->headers_n; i++) {
        fuzz_check(memchr(want->headers[i].value.data, '\n',
                       want->headers[i].value.len) == NULL);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lt_credentials_provider_t p;
    lt_credentials_settings_t s = {.source = size == 0 ? 5 : 2 + data[0] % 4,
        .region = LT_STR("eu-west-1"), .env = {.home = LT_STR("/h"),
            .web_token_file = LT_STR("/t"), .role_arn = LT_STR("arn"),
            .container_path = LT_STR("/c"),
            .container_token_file = LT_STR("/t")}};
    lt_credentials_want_t want;
    int64_t now = 1795464000000;
    lt_error_t err;

    fuzz_check(lt_credentials_start(&p, &s, &err) == LT_OK);
    for (size_t at = 1, len; at < size; at += len + 1, now += want.wait_ms) {
        const uint8_t *end = memchr(data + at, '\x1e', size - at);
        lt_str_t text = fuzz_str(data + at, len = end == NULL ? size - at
                                     : (size_t)(end - data) - at);
        lt_credentials_reply_t reply = {200, text};

        (void)lt_credentials_file(&p, text, 0, now, 0);
        (void)lt_credentials_reply(&p, &reply, now, 0);
        lt_credentials_want(&p, &want, now);
        check(&want);
    }
    return 0;
}
