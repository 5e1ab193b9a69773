#include "publish/ltw_inline.h"

#include <stdlib.h>
#include <string.h>

#include "lt_text.h"

#define HEAD "data:audio/mpeg;base64,"


char *
ltw_inline_url(lt_str_t mp3, size_t text_len, size_t *url_len)
{
    const size_t head = sizeof(HEAD) - 1;
    char *url;

    if (mp3.len > LTW_INLINE_MAX || text_len > LTW_INLINE_TEXT_MAX) {
        return NULL;
    }
    url = malloc(head + LT_BASE64_ENCODED_LEN(mp3.len));
    if (url != NULL) {
        memcpy(url, HEAD, head);
        *url_len = head + lt_base64_encode(url + head,
            (const uint8_t *) mp3.data, mp3.len);
    }
    return url;
}
