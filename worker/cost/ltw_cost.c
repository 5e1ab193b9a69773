#include "cost/ltw_cost.h"

#include "lt_audio_record.h"
#include "lt_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX 16384
#define HOUR_MS (3600 * 1000)
#define PREPAID_S 15
#define PUT_UNIT_BYTES (25 * 1024)

#define PRICE_ROW(name, service) { #name, LTW_COST_##service },

static const struct {
    const char *name;
    ltw_cost_service_t service;
} rows[] = { LTW_PRICES(PRICE_ROW) };


static lt_result_t
read_all(char *text, size_t *len, const char *path, lt_error_t *err)
{
    FILE *file = fopen(path, "re");
    int is_read;

    if (file == NULL) {
        lt_error_set(err, 0, "price_list: cannot read %s: %s", path,
            strerror(errno));
        return LT_INVALID;
    }
    *len = fread(text, 1, FILE_MAX, file);
    is_read = !ferror(file) && *len < FILE_MAX;
    fclose(file);
    if (!is_read) {
        lt_error_set(err, 0, "price_list: cannot read %s, or it has more than "
            "%d bytes", path, FILE_MAX);
        return LT_INVALID;
    }
    return LT_OK;
}


lt_result_t
ltw_price_list_read(ltw_price_list_t *list, const char *path, lt_error_t *err)
{
    char text[FILE_MAX];
    size_t len;
    lt_json_t *doc = NULL;
    lt_error_t why = { 0 };

    *list = (ltw_price_list_t) { 0 };
    if (read_all(text, &len, path, err) != LT_OK) {
        return LT_INVALID;
    }
    if (lt_json_parse(&doc, (lt_str_t) { text, len }, FILE_MAX, &why) != LT_OK
        || !lt_json_is_object(doc))
    {
        lt_error_set(err, 0, "price_list: %s is no JSON object: %s", path,
            why.text);
        lt_json_free(&doc);
        return LT_INVALID;
    }
    list->is_known = 1;
    for (size_t i = 0; i < LTW_PRICES_N && list->is_known; i++) {
        if (!lt_json_number(doc, rows[i].name, &list->usd[i])
            || !(list->usd[i] >= 0))
        {
            lt_error_set(err, 0, "price_list: %s has no \"%s\": US dollars for "
                "one, 0 or more", path, rows[i].name);
            list->is_known = 0;
        }
    }
    lt_json_free(&doc);
    return list->is_known ? LT_OK : LT_INVALID;
}


void
ltw_cost_add(ltw_cost_t *c, ltw_price_t price, double n)
{
    double usd = c->prices->usd[price] * n;

    c->usd[rows[price].service] += usd;
    c->hour_usd += usd;
}


static void
add_seconds(ltw_cost_t *c, double seconds)
{
    ltw_cost_add(c, LTW_PRICE_transcribe_minute, seconds / 60);
}


void
ltw_cost_stream(ltw_cost_t *c)
{
    add_seconds(c, PREPAID_S);
    c->prepaid_bytes = PREPAID_S * LT_AUDIO_BYTES_PER_S;
}


void
ltw_cost_audio(ltw_cost_t *c, size_t pcm_bytes)
{
    c->prepaid_bytes -= (int64_t) pcm_bytes;
    if (c->prepaid_bytes < 0) {
        add_seconds(c, (double) -c->prepaid_bytes / LT_AUDIO_BYTES_PER_S);
        c->prepaid_bytes = 0;
    }
}


void
ltw_cost_record(ltw_cost_t *c, size_t bytes)
{
    size_t units = (bytes + PUT_UNIT_BYTES - 1) / PUT_UNIT_BYTES;

    ltw_cost_add(c, LTW_PRICE_kinesis_put_unit_25_kib, (double) units);
}


void
ltw_cost_resume(ltw_cost_t *c, double usd, int64_t hour_wall_ms)
{
    if (hour_wall_ms != 0) {
        c->hour_usd = usd;
        c->hour_wall_ms = hour_wall_ms;
    }
}


double
ltw_cost_total(const ltw_cost_t *c)
{
    double sum = 0;

    for (size_t i = 0; i < LTW_COST_SERVICES_N; i++) {
        sum += c->usd[i];
    }
    return sum;
}


int
ltw_cost_is_over(ltw_cost_t *c, double max_usd, int64_t now_wall_ms)
{
    if (c->hour_wall_ms == 0) {
        c->hour_wall_ms = now_wall_ms;
    }
    if (now_wall_ms - c->hour_wall_ms >= HOUR_MS) {
        c->hour_wall_ms += (now_wall_ms - c->hour_wall_ms) / HOUR_MS
            * HOUR_MS;
        c->hour_usd = 0;
    }
    return max_usd > 0 && c->prices->is_known && c->hour_usd >= max_usd;
}
