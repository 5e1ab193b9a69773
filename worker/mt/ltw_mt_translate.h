/* Amazon Translate as a translator (ltw_mt.h). */
#ifndef LTW_MT_TRANSLATE_H
#define LTW_MT_TRANSLATE_H

#include "ltw_services.h"
#include "mt/ltw_mt.h"

ltw_mt_engine_t *ltw_mt_translate_new(const ltw_services_t *services);
void ltw_mt_translate_free(ltw_mt_engine_t **engine);   /* no call is open */

#endif
