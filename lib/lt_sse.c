#include "lt_sse.h"

#define LT_SSE_HEAD_MAX 96      /* "event: ", "id: " and the empty line */
#define LT_SSE_LINE "data: "

/* The first line of data, its end cut off; what follows stays in *data, and
   *is_more tells whether that is another line. */
static lt_str_t
lt_sse_line(lt_str_t *data, int *is_more)
{
    size_t n = 0;
    lt_str_t line = *data;

    while (n < data->len && data->data[n] != '\r' && data->data[n] != '\n') {
        n++;
    }

    line.len = n;
    *is_more = n < data->len;

    if (*is_more) {
        n += data->data[n] == '\r' && n + 1 < data->len
             && data->data[n + 1] == '\n' ? 2 : 1;
    }

    data->data += n;
    data->len -= n;

    return line;
}

size_t
lt_sse_size(lt_str_t data)
{
    int is_more = 1;
    size_t size = LT_SSE_HEAD_MAX;

    while (is_more) {
        size += sizeof(LT_SSE_LINE) + lt_sse_line(&data, &is_more).len;
    }

    return size;
}

void
lt_sse_event(lt_out_t *out, const char *event, int64_t id, lt_str_t data)
{
    int is_more = 1;

    if (event != NULL) {
        lt_out_cstr(out, "event: ");
        lt_out_cstr(out, event);
        lt_out_cstr(out, "\n");
    }

    if (id != 0) {
        lt_out_cstr(out, "id: ");
        lt_out_i64(out, id);
        lt_out_cstr(out, "\n");
    }

    while (is_more) {
        lt_out_cstr(out, LT_SSE_LINE);
        lt_out_str(out, lt_sse_line(&data, &is_more));
        lt_out_cstr(out, "\n");
    }

    lt_out_cstr(out, "\n");
}
