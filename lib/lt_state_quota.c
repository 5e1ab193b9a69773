#include "lt_state_quota.h"

#define LUA_HEAD                                                              \
    "local S, W, V, F = KEYS[1], KEYS[2], KEYS[3], KEYS[4]\n"                 \
    "local id = ARGV[1]\n"                                                    \
    "local t = redis.call('TIME')\n"                                          \
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

static const char take[] =
    LUA_HEAD
    "local max, starts = tonumber(ARGV[2]), tonumber(ARGV[3])\n"
    "redis.call('ZREMRANGEBYSCORE', S, '-inf', now)\n"
    "for _, dead in ipairs(redis.call('ZRANGEBYSCORE', V, '-inf', now)) do\n"
    "  redis.call('ZREM', V, dead)\n"
    "  redis.call('ZREM', W, dead)\n"
    "end\n"
    "local f = redis.call('HMGET', F, 'limit', 'changed', 'tokens', 'at')\n"
    "local limit = math.min(tonumber(f[1]) or max, max)\n"
    "if limit < max and now - (tonumber(f[2]) or 0) >= 10000 then\n"
    "  limit = limit + 1\n"
    "  redis.call('HSET', F, 'limit', limit, 'changed', now)\n"
    "end\n"
    "local held = redis.call('ZSCORE', S, id)\n"
    "if held then redis.call('ZADD', S, now + ARGV[4], id) end\n"
    "if held and ARGV[5] == '0' then return {1, now + ARGV[4], limit} end\n"
    "local tokens = math.min(starts, (tonumber(f[3]) or starts)\n"
    "  + (now - (tonumber(f[4]) or now)) * starts / 1000)\n"
    "if held then\n"
    "  if tokens < 1 then return {0, 0, limit} end\n"
    "else\n"
    "  redis.call('ZADD', W, 'NX', now, id)\n"
    "  redis.call('ZADD', V, now + 5000, id)\n"
    "  local place = redis.call('ZRANK', W, id)\n"
    "  if redis.call('ZCARD', S) + place >= limit or tokens < 1 then\n"
    "    return {0, place + 1, limit}\n"
    "  end\n"
    "end\n"
    "redis.call('HSET', F, 'tokens', tokens - 1, 'at', now)\n"
    "redis.call('ZREM', W, id)\n"
    "redis.call('ZREM', V, id)\n"
    "redis.call('ZADD', S, now + ARGV[4], id)\n"
    "return {1, now + ARGV[4], limit}\n";

static const char give[] =
    LUA_HEAD
    "local open = redis.call('ZCARD', S)\n"
    "local until_ms = tonumber(redis.call('ZSCORE', S, id))\n"
    "if until_ms and until_ms <= tonumber(ARGV[3]) then\n"
    "  redis.call('ZREM', S, id)\n"
    "end\n"
    "redis.call('ZREM', W, id)\n"
    "redis.call('ZREM', V, id)\n"
    "local cut = tonumber(redis.call('HGET', F, 'cut')) or 0\n"
    "if ARGV[2] == '1' and now - cut >= 1000 then\n"
    "  redis.call('HSET', F, 'limit', math.max(1, math.floor(open * 0.8)),\n"
    "    'changed', now, 'cut', now)\n"
    "end\n"
    "return 1\n";

const char *
lt_state_quota_take(void)
{
    return take;
}

const char *
lt_state_quota_give(void)
{
    return give;
}
