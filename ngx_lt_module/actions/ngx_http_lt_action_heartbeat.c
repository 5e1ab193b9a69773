/* heartbeat: answered at once; the apps give up after 5 s. */
#include "ngx_http_lt_actions.h"

void
ngx_http_lt_action_heartbeat(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    u_char text[LT_MESSAGE_MAX];
    lt_out_t out;

    (void) doc;

    lt_out_init(&out, text, sizeof(text));
    if (lt_message_heartbeat_ack(&out, ngx_http_lt_wall_ms()) == LT_OK) {
        ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));
    }
}
