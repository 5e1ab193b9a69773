/* What Redis knows of a talk.  docs/design.md, "Redis". */
#ifndef LTW_SESSION_REDIS_H
#define LTW_SESSION_REDIS_H

#include "edge/ltw_redis.h"
#include "session/ltw_talk.h"

#define LTW_SESSION_LANGUAGES_MAX 32    /* heard at once; more are ignored */

typedef struct {
    int is_mine;                /* no later worker has it */
    int is_found;
    int is_ended;
    char source[3];
    struct {
        char code[3];
        int is_voiced;          /* not all want captions only */
    } heard[LTW_SESSION_LANGUAGES_MAX];         /* with listeners */
    size_t heard_n;
    int is_live_asked;          /* somebody wants what may still change */
    ltw_settings_t settings;    /* changed where the session has its own */
} ltw_session_view_t;

/* 0 as ltw_redis_command(); the handler's reply goes to ltw_session_view(). */
ltw_redis_id_t ltw_session_redis_read(ltw_redis_t *redis,
    const ltw_talk_t *talk, ltw_redis_handler_t handler, void *data);
/* settings: the worker's own.  LT_INVALID: not what the script answers. */
lt_result_t ltw_session_view(ltw_session_view_t *view,
    const ltw_settings_t *settings, const ltw_reply_t *reply);

#endif
