/*
 * What was needed once and lies between blocks that live on is given back; what
 * is in use, or little, is left alone.
 */
#include <malloc.h>

#include "room.h"

#include "ltw_memory.h"

#define BLOCKS 40000
#define BLOCK_SIZE 4096
#define MIB (1024 * 1024)

static size_t
resident(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %zu", &pages), 1);
    fclose(file);
    return pages * (size_t) sysconf(_SC_PAGESIZE);
}

static void
test_trim(void **state)
{
    static void *blocks[BLOCKS];
    ltw_metrics_t metrics = { 0 };
    ltw_services_t services = { .metrics = &metrics };
    ltw_memory_t *memory;
    size_t before;

    (void) state;
    if (mallinfo2().uordblks == 0) {
        return;                         /* a sanitizer's own malloc */
    }
    services.loop = ltw_loop_new();
    memory = ltw_memory_new(&services);
    before = resident();
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_SIZE);
        memset(blocks[i], 1, BLOCK_SIZE);
    }
    ltw_memory_look(memory);
    assert_int_equal(metrics.memory_trims, 0);          /* all is in use */

    for (size_t i = 0; i < BLOCKS; i++) {
        if (i % 100 != 99) {
            free(blocks[i]);
        }
    }
    assert_true(resident() > before + 100 * MIB);
    ltw_memory_look(memory);
    ltw_memory_look(memory);
    assert_int_equal(metrics.memory_trims, 1);
    assert_true(resident() < before + 30 * MIB);

    for (size_t i = 99; i < BLOCKS; i += 100) {
        free(blocks[i]);
    }
    ltw_memory_free(&memory);
    ltw_memory_free(&memory);
    ltw_loop_free(&services.loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_trim) };

    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
