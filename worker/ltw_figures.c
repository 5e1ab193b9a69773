#include "ltw_figures.h"

#include "lt_state_console.h"

#include <stdlib.h>

#define LTW_FIGURES_KEY_MAX 320

struct ltw_figures_s {
    const ltw_services_t *services;
    ltw_handler_t refresh;
    void *data;
    ltw_timer_t *timer;
    ltw_redis_id_t command;         /* 0: none is under way */
    char key[LTW_FIGURES_KEY_MAX];
    size_t key_len;
    char text[LTW_FIGURES_MAX];
};

static void
ltw_figures_told(void *data, const ltw_reply_t *reply, const lt_error_t *err)
{
    ltw_figures_t *figures = data;

    (void) reply;
    (void) err;
    figures->command = 0;
}

static void
ltw_figures_tell(void *data)
{
    ltw_figures_t *figures = data;
    const ltw_services_t *s = figures->services;
    lt_out_t out;

    ltw_timer_start(figures->timer, LTW_FIGURES_MS);
    figures->refresh(figures->data);
    lt_out_init(&out, figures->text, sizeof(figures->text));
    if (figures->command == 0 && ltw_metrics_json(s->metrics, &out) == LT_OK) {
        const lt_str_t words[] = { LT_STR("SET"),
            { figures->key, figures->key_len },
            { figures->text, lt_out_len(&out) }, LT_STR("EX"),
            LT_STR(LT_STATE_FIGURES_S) };

        figures->command = ltw_redis_command(s->redis, words, 5,
            ltw_figures_told, figures);
    }
}

ltw_figures_t *
ltw_figures_new(const ltw_services_t *services, const char *worker,
    ltw_handler_t refresh, void *data)
{
    ltw_figures_t *figures = calloc(1, sizeof(*figures));
    lt_out_t key;

    if (figures == NULL) {
        return NULL;
    }
    figures->services = services;
    figures->refresh = refresh;
    figures->data = data;
    lt_out_init(&key, figures->key, sizeof(figures->key));
    figures->timer = ltw_timer_new(services->loop, ltw_figures_tell, figures);
    if (figures->timer == NULL
        || lt_state_figures_key(&key, lt_str(services->config->kinesis_stream),
            lt_str(worker)) != LT_OK)
    {
        ltw_figures_free(&figures);
        return NULL;
    }
    figures->key_len = lt_out_len(&key);
    ltw_timer_start(figures->timer, LTW_FIGURES_MS);
    return figures;
}

void
ltw_figures_free(ltw_figures_t **figures)
{
    if (*figures == NULL) {
        return;
    }
    ltw_redis_cancel((*figures)->services->redis, (*figures)->command);
    ltw_timer_free(&(*figures)->timer);
    free(*figures);
    *figures = NULL;
}
