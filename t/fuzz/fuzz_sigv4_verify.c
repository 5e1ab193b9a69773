/* Whatever the headers say, nothing is signed that nobody signed, and a
   refusal has a reason.  The input: lines "name:value", first the path and
   the query; what follows an empty line is the body. */
#include "fuzz.h"
#include "lt_sigv4_verify.h"

#define HEADERS_MAX 24

static lt_str_t
next_line(lt_str_t *rest)
{
    const char *end = memchr(rest->data, '\n', rest->len);
    lt_str_t line = {rest->data, end == NULL ? rest->len
                                             : (size_t)(end - rest->data)};
    size_t used = line.len + (end != NULL);

    rest->data += used;
    rest->len -= used;
    return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const lt_aws_keys_t keys[] = {{.access_key = LT_STR("AKIDEXAMPLE"),
        .secret_key = LT_STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")}};
    uint8_t *copy = fuzz_copy(data, size);
    lt_str_t rest = {(char *)copy, size};
    lt_header_t headers[HEADERS_MAX];
    lt_sigv4_received_t req = {.method = LT_STR("POST"), .headers = headers};
    const char *reason = NULL;
    lt_result_t rc;

    req.path = next_line(&rest);
    req.query = next_line(&rest);
    while (req.headers_n < HEADERS_MAX && rest.len != 0) {
        lt_str_t line = next_line(&rest);
        const char *colon = memchr(line.data, ':', line.len);

        if (colon == NULL) {
            break;
        }
        headers[req.headers_n++] = (lt_header_t){
            .name = {line.data, (size_t)(colon - line.data)},
            .value = {colon + 1, (size_t)(line.data + line.len - colon - 1)}};
    }
    req.body = rest.data;
    req.body_len = rest.len;

    rc = lt_sigv4_verify(&req, keys, 1, LT_STR("execute-api"), 1369353600,
        &reason);
    fuzz_check(rc == LT_INVALID && reason != NULL);
    free(copy);
    return 0;
}
