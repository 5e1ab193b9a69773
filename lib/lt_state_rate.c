#include "lt_state_rate.h"

#define LUA_HEAD                                                              \
    "local max = tonumber(ARGV[1])\n"                                         \
    "local t = redis.call('TIME')\n"                                          \
    "local now = t[1] * 1000 + t[2] / 1000\n"                                 \
    "local f = redis.call('HMGET', KEYS[1], 'rate', 'changed', 'at', 'cut')\n" \
    "local rate = math.min(tonumber(f[1]) or max, max)\n"

static const char take[] =
    LUA_HEAD
    "if rate < max and now - (tonumber(f[2]) or 0) >= 10000 then\n"
    "  rate = math.min(max, rate + max / 20)\n"
    "  redis.call('HSET', KEYS[1], 'rate', rate, 'changed', now)\n"
    "end\n"
    "local at = math.max(tonumber(f[3]) or 0, now - 250)\n"
    "local wait = math.max(0, math.ceil(at - now))\n"
    "if wait > tonumber(ARGV[2]) then return {0, wait} end\n"
    "redis.call('HSET', KEYS[1], 'at', at + 1000 / rate)\n"
    "redis.call('EXPIRE', KEYS[1], 3600)\n"
    "return {1, wait, math.floor(rate)}\n";

static const char cut[] =
    LUA_HEAD
    "if now - (tonumber(f[4]) or 0) >= 1000 then\n"
    "  redis.call('HSET', KEYS[1], 'rate', math.max(1, rate * 0.8),\n"
    "    'changed', now, 'cut', now)\n"
    "  redis.call('EXPIRE', KEYS[1], 3600)\n"
    "end\n"
    "return 1\n";

const char *
lt_state_rate_take(void)
{
    return take;
}

const char *
lt_state_rate_cut(void)
{
    return cut;
}
