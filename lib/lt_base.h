/*
 * The words every other header in lib/ uses: results, views, errors.
 *
 * lib/ is pure: no sockets, files, clocks, threads or globals.  Time and
 * randomness are parameters.  A function either finishes or reports; it never
 * logs, and it never keeps a pointer that it was given unless its header
 * says so.
 */
#ifndef LT_BASE_H
#define LT_BASE_H

#include <stddef.h>
#include <stdint.h>

/* 0 done, positive not yet, negative error */
typedef enum {
    LT_OK = 0,
    LT_AGAIN = 1,       /* more input needed; nothing is wrong */
    LT_ERROR = -1,      /* outside help failed (OpenSSL, memory) */
    LT_INVALID = -2,    /* the input breaks its specification */
    LT_NOSPACE = -3,    /* the output does not fit the caller's storage */
    LT_TOOBIG = -4      /* the input is larger than the limit given */
} lt_result_t;

/* A view: never freed, lives as long as what it points into. */
typedef struct {
    const char *data;
    size_t len;
} lt_str_t;

#define LT_STR(literal) ((lt_str_t) { (literal), sizeof(literal) - 1 })

/* Filled by the function that fails; text is a sentence for an operator. */
typedef struct {
    int code;           /* errno, HTTP status or protocol code; 0 = none */
    char text[200];
} lt_error_t;

lt_str_t lt_str(const char *cstr);          /* view of a C string; NULL ok */
int lt_str_is(lt_str_t s, const char *cstr);
int lt_str_equal(lt_str_t a, lt_str_t b);   /* not for secrets: lt_crypto.h */
void lt_error_set(lt_error_t *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));  /* err may be NULL */

/*
 * A writer into the caller's storage.  Writes past the end are dropped and
 * remembered, so a sequence of puts needs one check at its end:
 * lt_out_result() is LT_OK or LT_NOSPACE.
 */
typedef struct {
    uint8_t *start;
    uint8_t *pos;
    uint8_t *end;
    int overflow;
} lt_out_t;

void lt_out_init(lt_out_t *out, void *storage, size_t size);
void lt_out_bytes(lt_out_t *out, const void *data, size_t len);
void lt_out_str(lt_out_t *out, lt_str_t s);
void lt_out_cstr(lt_out_t *out, const char *s);
void lt_out_u64(lt_out_t *out, uint64_t n);     /* decimal */
void lt_out_i64(lt_out_t *out, int64_t n);
/* Room for len bytes that the caller fills; NULL (remembered) if none left. */
uint8_t *lt_out_reserve(lt_out_t *out, size_t len);
size_t lt_out_len(const lt_out_t *out);
lt_result_t lt_out_result(const lt_out_t *out);

#endif
