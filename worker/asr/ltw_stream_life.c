#include "asr/ltw_stream_life.h"

#define KEYS_LEFT_MS 60000              /* it ends before they do */


int64_t
ltw_stream_life_ms(const ltw_services_t *services)
{
    int64_t life = services->config->transcribe_stream_age;
    int64_t keys = ltw_aws_keys_left_ms(services->aws) - KEYS_LEFT_MS;

    life = keys < life ? keys : life;
    return life > LTW_STREAM_LIFE_MIN_MS ? life : LTW_STREAM_LIFE_MIN_MS;
}


int
ltw_stream_lacks_keys(const ltw_services_t *services, int64_t age_ms)
{
    return age_ms < services->config->transcribe_stream_age
           && ltw_aws_keys_left_ms(services->aws)
              < KEYS_LEFT_MS + LTW_STREAM_LIFE_MIN_MS;
}
