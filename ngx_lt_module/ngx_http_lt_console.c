#include "ngx_http_lt_console.h"
#include "ngx_http_lt_answer.h"
#include "ngx_http_lt_command.h"
#include "ngx_http_lt_page.h"

#include "lt_json.h"
#include "lt_state_console.h"

#define LT_CONSOLE_SIZE 32768       /* without what Redis says */

typedef struct {
    ngx_http_request_t *request;
    ngx_http_lt_command_t *cmd;     /* NULL: answered */
} lt_console_t;

static ngx_int_t
lt_console_send(ngx_http_request_t *r, lt_str_t state)
{
    size_t size = LT_CONSOLE_SIZE + state.len;
    lt_out_t out;
    ngx_int_t rc;
    ngx_buf_t *b;
    lt_json_writer_t w;

    b = ngx_http_lt_page_new(r, size, &rc);
    if (b == NULL) {
        return rc;
    }

    lt_out_init(&out, b->pos, size);
    lt_json_begin(&w, &out);
    lt_json_open_object(&w, NULL);
    lt_json_put_int(&w, "now", ngx_http_lt_wall_ms());
    lt_json_open_object(&w, "nginx");
    ngx_http_lt_status_figures(&w, ngx_http_lt_main_conf(r));
    lt_json_close_object(&w);

    if (state.len != 0) {
        lt_json_put_raw(&w, "state", state);
    } else {
        lt_json_put_null(&w, "state");
    }

    lt_json_close_object(&w);
    lt_out_cstr(&out, "\n");

    return ngx_http_lt_page_send(r, NGX_HTTP_OK, "application/json", b, &out);
}

static void
lt_console_done(void *data, const ngx_http_lt_reply_t *reply)
{
    ngx_str_t text = ngx_null_string;
    lt_console_t *console = data;
    ngx_http_request_t *r = console->request;

    console->cmd = NULL;
    ngx_http_lt_main_conf(r)->consoles_n--;

    if (reply != NULL) {
        text = ngx_http_lt_reply_string(reply);
    }

    if (text.len > LT_STATE_CONSOLE_MAX) {
        ngx_str_null(&text);
    }

    ngx_http_lt_answer_finish(r, lt_console_send(r, ngx_http_lt_view(&text)));
}

static void
lt_console_cleanup(void *data)
{
    lt_console_t *console = data;

    if (console->cmd != NULL) {
        ngx_http_lt_command_forget(console->cmd);
        ngx_http_lt_main_conf(console->request)->consoles_n--;
    }
}

static ngx_http_lt_command_t *
lt_console_ask(ngx_http_lt_main_conf_t *mcf, lt_console_t *console)
{
    u_char talks[NGX_INT_T_LEN], workers[NGX_INT_T_LEN];
    ngx_str_t words[6] = {
        ngx_string("EVAL"), ngx_null_string, ngx_string("0"),
        mcf->kinesis_stream, { 0, talks }, { 0, workers }
    };

    words[1].data = (u_char *) lt_state_console_script();
    words[1].len = ngx_strlen(words[1].data);
    words[4].len = ngx_sprintf(talks, "%d", LT_STATE_CONSOLE_TALKS) - talks;
    words[5].len = ngx_sprintf(workers, "%d", LT_STATE_CONSOLE_WORKERS)
                   - workers;

    return ngx_http_lt_command_send(mcf->redis, 6, words, lt_console_done,
        console);
}

ngx_int_t
ngx_http_lt_console_handler(ngx_http_request_t *r)
{
    lt_console_t *console;
    ngx_http_cleanup_t *cln;
    ngx_http_lt_main_conf_t *mcf = ngx_http_lt_main_conf(r);

    if (r->method != NGX_HTTP_GET) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    if (mcf->consoles_n == NGX_HTTP_LT_CONSOLE_MAX) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    cln = ngx_http_cleanup_add(r, sizeof(lt_console_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    console = cln->data;
    console->request = r;
    console->cmd = lt_console_ask(mcf, console);
    cln->handler = lt_console_cleanup;

    if (console->cmd == NULL) {
        return lt_console_send(r, (lt_str_t) { NULL, 0 });
    }

    mcf->consoles_n++;
    r->main->count++;

    return NGX_DONE;
}
