/*
 * What a talk costs by AWS's list prices (the file price_list names), and
 * whether that is within its limit.  Pure but for the reading of the file.
 *
 * The limit is for an hour of the talk, counted from its first audio: what was
 * spent in this one may not be more.  At the limit voices end; the hour after
 * has its own.  Without a price list nothing is metered and nothing limited.
 */
#ifndef LTW_COST_H
#define LTW_COST_H

#include "lt_base.h"

/* X(field of the price list, service): US dollars for one */
#define LTW_PRICES(X)                                                       \
    X(kinesis_put_unit_25_kib, KINESIS)                                     \
    X(transcribe_minute, TRANSCRIBE)                                        \
    X(translate_character, TRANSLATE)                                       \
    X(polly_standard_character, POLLY)                                      \
    X(polly_neural_character, POLLY)                                        \
    X(polly_generative_character, POLLY)                                    \
    X(s3_put, S3)

#define LTW_PRICE_ENUM(name, service) LTW_PRICE_##name,
typedef enum { LTW_PRICES(LTW_PRICE_ENUM) LTW_PRICES_N } ltw_price_t;

typedef enum {
    LTW_COST_KINESIS, LTW_COST_TRANSCRIBE, LTW_COST_TRANSLATE,
    LTW_COST_POLLY, LTW_COST_S3, LTW_COST_SERVICES_N
} ltw_cost_service_t;

typedef struct {
    int is_known;               /* 0: no price list */
    double usd[LTW_PRICES_N];
} ltw_price_list_t;

/* A JSON object with a number for each row of LTW_PRICES; others are left
   alone.  LT_INVALID: err says what is missing.  Blocking: at start only. */
lt_result_t ltw_price_list_read(ltw_price_list_t *list, const char *path,
    lt_error_t *err);

typedef struct {
    const ltw_price_list_t *prices;
    double usd[LTW_COST_SERVICES_N];    /* since its beginning */
    int64_t counted[LTW_COST_SERVICES_N];   /* of them, millionths that are in
                                               the metrics */
    double hour_usd;                    /* of them in this hour */
    int64_t hour_wall_ms;               /* when that began; 0: not yet */
    int64_t prepaid_bytes;              /* of the stream's first 15 s */
} ltw_cost_t;

void ltw_cost_add(ltw_cost_t *cost, ltw_price_t price, double n);

/* A stream is billed for 15 s at least, then by its audio. */
void ltw_cost_stream(ltw_cost_t *cost);
void ltw_cost_audio(ltw_cost_t *cost, size_t pcm_bytes);
/* One record in Kinesis. */
void ltw_cost_record(ltw_cost_t *cost, size_t bytes);

/* What another worker has spent in the talk's hour; hour_wall_ms 0: nothing. */
void ltw_cost_resume(ltw_cost_t *cost, double usd, int64_t hour_wall_ms);

double ltw_cost_total(const ltw_cost_t *cost);

/* max_usd 0: any. */
int ltw_cost_is_over(ltw_cost_t *cost, double max_usd, int64_t now_wall_ms);

#endif
