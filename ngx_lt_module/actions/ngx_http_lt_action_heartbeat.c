/* heartbeat: answered at once; the apps give up after 5 s.  A listener's page
   says with it how late it was with the last segment that it began to play. */
#include "ngx_http_lt_actions.h"
#include "ngx_http_lt_metrics.h"

void
ngx_http_lt_action_heartbeat(ngx_http_lt_socket_t *s, const lt_json_t *doc)
{
    u_char text[LT_MESSAGE_MAX];
    double played_ms;
    lt_out_t out;

    if (s->role == NGX_HTTP_LT_LISTENER
        && ngx_http_lt_action_number(doc, "playedMs", &played_ms))
    {
        NGX_HTTP_LT_OBSERVE(played_ms, (int64_t) played_ms);
    }

    lt_out_init(&out, text, sizeof(text));
    if (lt_message_heartbeat_ack(&out, ngx_http_lt_wall_ms()) == LT_OK) {
        ngx_http_lt_connection_send_text(s, text, lt_out_len(&out));
    }
}
