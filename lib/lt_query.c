#include "lt_query.h"

#include <string.h>

static int
compare(lt_str_t a, lt_str_t b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

lt_result_t
lt_query_add(lt_query_t *q, lt_str_t name, lt_str_t value)
{
    lt_param_t new = {name, value};
    size_t i;

    if (q->n == LT_QUERY_MAX) {
        return LT_TOOBIG;
    }

    for (i = q->n++; i > 0; i--) {
        int order = compare(q->at[i - 1].name, name);

        if (order < 0
            || (order == 0 && compare(q->at[i - 1].value, value) <= 0)) {
            break;
        }
        q->at[i] = q->at[i - 1];
    }
    q->at[i] = new;
    return LT_OK;
}

static lt_str_t
cut_at(lt_str_t *rest, char border)
{
    lt_str_t head = *rest;
    const char *at = NULL;

    if (rest->len != 0) {
        at = memchr(rest->data, border, rest->len);
    }
    if (at == NULL) {
        *rest = LT_STR("");
        return head;
    }
    head.len = (size_t)(at - head.data);
    rest->data = at + 1;
    rest->len -= head.len + 1;
    return head;
}

lt_result_t
lt_query_read(lt_query_t *q, lt_str_t query)
{
    while (query.len != 0) {
        lt_str_t value = cut_at(&query, '&');
        lt_str_t name = cut_at(&value, '=');

        if (name.len != 0 || value.len != 0) {
            lt_result_t rc = lt_query_add(q, name, value);

            if (rc != LT_OK) {
                return rc;
            }
        }
    }
    return LT_OK;
}

void
lt_query_put(lt_out_t *out, const lt_query_t *q)
{
    for (size_t i = 0; i < q->n; i++) {
        if (i != 0) {
            lt_out_cstr(out, "&");
        }
        lt_out_str(out, q->at[i].name);
        lt_out_cstr(out, "=");
        lt_out_str(out, q->at[i].value);
    }
}
