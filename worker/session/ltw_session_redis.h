/*
 * What Redis knows of a talk, and what a worker leaves there for its
 * successor.  docs/design.md, "Redis".
 */
#ifndef LTW_SESSION_REDIS_H
#define LTW_SESSION_REDIS_H

#include "edge/ltw_redis.h"

#define LTW_SESSION_LANGUAGES_MAX 32    /* heard at once; more are ignored */

typedef struct {
    int is_found;
    int is_ended;
    char source[3];
    char heard[LTW_SESSION_LANGUAGES_MAX][3];   /* with listeners */
    size_t heard_n;
} ltw_session_view_t;

/* 0 as ltw_redis_command(); the handler's reply goes to ltw_session_view(). */
ltw_redis_id_t ltw_session_redis_read(ltw_redis_t *redis, lt_str_t id,
    ltw_redis_handler_t handler, void *data);
/* LT_INVALID: not what the script answers. */
lt_result_t ltw_session_view(ltw_session_view_t *view,
    const ltw_reply_t *reply);

typedef struct {
    int64_t segment;            /* the last number given; 0: none */
    int has_offset;
    uint64_t epoch;
    uint64_t offset;            /* all audio before it is in segments */
} ltw_session_resume_t;

ltw_redis_id_t ltw_session_redis_resume(ltw_redis_t *redis, lt_str_t id,
    ltw_redis_handler_t handler, void *data);
void ltw_session_resume(ltw_session_resume_t *resume,
    const ltw_reply_t *reply);

/* Nobody waits for it; lives for a day. */
void ltw_session_redis_save(ltw_redis_t *redis, lt_str_t id,
    const ltw_session_resume_t *resume);

#endif
