/* pausePlayback: the listener's page has stopped to play; nothing is kept. */
#include "ngx_http_lt_actions.h"

void
ngx_http_lt_action_playback(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;

    (void) doc;

    lt_out_init(&out, text, sizeof(text));
    (void) lt_message_playback_paused(&out,
        ngx_http_lt_view(&s->talk->sn.str), ngx_http_lt_wall_ms());
    ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));
}
