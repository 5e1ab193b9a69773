/*
 * Memory that is free goes back to the system.  After a stall a worker holds
 * what came meanwhile; freed, it lies between blocks that live on, where
 * malloc would keep it for good.
 */
#ifndef LTW_MEMORY_H
#define LTW_MEMORY_H

#include "ltw_services.h"

#define LTW_MEMORY_MS 10000                     /* looked at so often */
#define LTW_MEMORY_SPARE (32 * 1024 * 1024)     /* bytes: code and room to move */

typedef struct ltw_memory_s ltw_memory_t;

/* services outlive it; NULL: no memory. */
ltw_memory_t *ltw_memory_new(const ltw_services_t *services);
void ltw_memory_free(ltw_memory_t **memory);    /* may be NULL inside */

/* When the process is larger than one and a half times what is in use and the
   spare: malloc_trim(3), counted (memory_trims).  It takes some milliseconds;
   where it helped little, the next waits until as much has come again. */
void ltw_memory_look(ltw_memory_t *memory);

#endif
