#include "ltw_memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct ltw_memory_s {
    const ltw_services_t *services;
    ltw_timer_t *timer;
    int statm;                  /* -1: there is no /proc */
    size_t trimmed_to;          /* bytes */
};

/* proc(5): the second number is the pages that are resident. */
static size_t
ltw_memory_resident(const ltw_memory_t *memory)
{
    char text[128];
    size_t pages = 0;
    ssize_t n = pread(memory->statm, text, sizeof(text) - 1, 0);

    if (n > 0) {
        text[n] = '\0';
        sscanf(text, "%*u %zu", &pages);
    }
    return pages * (size_t) sysconf(_SC_PAGESIZE);
}

void
ltw_memory_look(ltw_memory_t *memory)
{
    struct mallinfo2 info = mallinfo2();
    size_t used = info.uordblks + info.hblkhd;
    size_t resident = ltw_memory_resident(memory);

    if (resident > LTW_MEMORY_SPARE + used + used / 2
        && resident > memory->trimmed_to + LTW_MEMORY_SPARE)
    {
        malloc_trim(0);
        memory->trimmed_to = ltw_memory_resident(memory);
        ltw_count(memory->services->metrics, memory_trims, 1);
    }
}

static void
ltw_memory_on_timer(void *data)
{
    ltw_memory_t *memory = data;

    ltw_timer_start(memory->timer, LTW_MEMORY_MS);
    ltw_memory_look(memory);
}

ltw_memory_t *
ltw_memory_new(const ltw_services_t *services)
{
    ltw_memory_t *memory = calloc(1, sizeof(*memory));

    if (memory == NULL) {
        return NULL;
    }
    memory->services = services;
    memory->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    memory->timer = ltw_timer_new(services->loop, ltw_memory_on_timer, memory);
    if (memory->timer == NULL) {
        ltw_memory_free(&memory);
        return NULL;
    }
    ltw_timer_start(memory->timer, LTW_MEMORY_MS);
    return memory;
}

void
ltw_memory_free(ltw_memory_t **memory)
{
    if (*memory == NULL) {
        return;
    }
    ltw_timer_free(&(*memory)->timer);
    if ((*memory)->statm >= 0) {
        close((*memory)->statm);
    }
    free(*memory);
    *memory = NULL;
}
