#include "lt_eventsign.h"

#include <string.h>

#include "lt_text.h"

#define DATE_HEADER_LEN 15      /* 1 + ":date" + 1 + 8 */

static int
copy_text(char *out, size_t size, lt_str_t s)
{
    if (s.len == 0 || s.len >= size) {
        return 0;
    }
    memcpy(out, s.data, s.len);
    out[s.len] = '\0';
    return 1;
}

lt_result_t
lt_eventsign_init(lt_eventsign_t *s, lt_str_t secret_key, lt_str_t region,
    lt_str_t service, const char seed_hex[LT_SIGV4_HEX_LEN])
{
    if (!copy_text(s->secret_key, sizeof(s->secret_key), secret_key)
        || !copy_text(s->region, sizeof(s->region), region)
        || !copy_text(s->service, sizeof(s->service), service)) {
        return LT_INVALID;
    }
    return lt_hex_decode(s->prior, (lt_str_t){seed_hex, LT_SIGV4_HEX_LEN});
}

static lt_event_header_t
date_header(int64_t time_ms)
{
    return (lt_event_header_t){.name = LT_STR(":date"),
        .type = LT_EVENT_TIMESTAMP, .number = time_ms};
}

static lt_event_header_t
string_header(lt_str_t name, lt_str_t text)
{
    return (lt_event_header_t){.name = name, .type = LT_EVENT_STRING,
        .bytes = text};
}

static void
put_hex(lt_out_t *out, const uint8_t bytes[LT_SHA256_LEN])
{
    uint8_t *room = lt_out_reserve(out, LT_SIGV4_HEX_LEN);

    if (room != NULL) {
        lt_hex_encode((char *)room, bytes, LT_SHA256_LEN);
    }
}

/* Floor, so that instants before 1970 keep their second. */
static int64_t
seconds(int64_t time_ms)
{
    return time_ms / 1000 - (time_ms % 1000 < 0);
}

static lt_result_t
put_string_to_sign(const lt_eventsign_t *s, lt_out_t *out, lt_str_t payload,
    int64_t time_ms)
{
    uint8_t date_bytes[DATE_HEADER_LEN], hash[LT_SHA256_LEN];
    char date[LT_AMZ_DATE_LEN + 1];
    lt_event_header_t header = date_header(time_ms);
    lt_out_t block;

    lt_amz_date(date, seconds(time_ms));
    lt_out_cstr(out, "AWS4-HMAC-SHA256-PAYLOAD\n");
    lt_out_cstr(out, date);
    lt_out_cstr(out, "\n");
    lt_out_bytes(out, date, 8);
    lt_out_cstr(out, "/");
    lt_out_cstr(out, s->region);
    lt_out_cstr(out, "/");
    lt_out_cstr(out, s->service);
    lt_out_cstr(out, "/aws4_request\n");
    put_hex(out, s->prior);
    lt_out_cstr(out, "\n");

    lt_out_init(&block, date_bytes, sizeof(date_bytes));
    if (lt_event_headers_encode(&block, &header, 1) != LT_OK
        || lt_sha256(hash, date_bytes, sizeof(date_bytes)) != LT_OK) {
        return LT_ERROR;
    }
    put_hex(out, hash);
    lt_out_cstr(out, "\n");
    if (lt_sha256(hash, payload.data, payload.len) != LT_OK) {
        return LT_ERROR;
    }
    put_hex(out, hash);
    return lt_out_result(out);
}

static lt_result_t
sign(const lt_eventsign_t *s, uint8_t signature[LT_SHA256_LEN],
    lt_str_t payload, int64_t time_ms)
{
    lt_sigv4_scope_t scope = {lt_str(s->region), lt_str(s->service),
        seconds(time_ms)};
    uint8_t storage[512], key[LT_SHA256_LEN];
    lt_out_t text;
    lt_result_t rc;

    lt_out_init(&text, storage, sizeof(storage));
    rc = put_string_to_sign(s, &text, payload, time_ms);
    if (rc == LT_OK) {
        rc = lt_sigv4_key(key, lt_str(s->secret_key), &scope);
    }
    if (rc == LT_OK) {
        rc = lt_hmac_sha256(signature, key, sizeof(key), storage,
            lt_out_len(&text));
    }
    return rc;
}

lt_result_t
lt_eventsign_frame(lt_eventsign_t *s, lt_out_t *out, lt_str_t payload,
    int64_t time_ms)
{
    uint8_t signature[LT_SHA256_LEN];
    lt_event_header_t headers[2] = {date_header(time_ms),
        {.name = LT_STR(":chunk-signature"), .type = LT_EVENT_BYTES,
            .bytes = {(const char *)signature, sizeof(signature)}}};
    lt_result_t rc;

    rc = sign(s, signature, payload, time_ms);
    if (rc == LT_OK) {
        rc = lt_event_encode(out, headers, 2, payload);
    }
    if (rc == LT_OK) {
        memcpy(s->prior, signature, sizeof(signature));
    }
    return rc;
}

lt_result_t
lt_eventsign_audio(lt_eventsign_t *s, lt_out_t *out, lt_str_t pcm,
    int64_t time_ms, uint8_t *scratch, size_t scratch_size)
{
    lt_event_header_t headers[3] = {
        string_header(LT_STR(":event-type"), LT_STR("AudioEvent")),
        string_header(LT_STR(":message-type"), LT_STR("event")),
        string_header(LT_STR(":content-type"),
            LT_STR("application/octet-stream"))};
    lt_out_t inner;
    lt_result_t rc;

    lt_out_init(&inner, scratch, scratch_size);
    rc = lt_event_encode(&inner, headers, 3, pcm);
    if (rc != LT_OK) {
        return rc;
    }
    return lt_eventsign_frame(s, out,
        (lt_str_t){(const char *)scratch, lt_out_len(&inner)}, time_ms);
}
