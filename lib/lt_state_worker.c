#include "lt_state_worker.h"

#include <inttypes.h>
#include <stdio.h>

#define KEPT_FOR_S "86400"              /* after the last segment */

lt_result_t
lt_state_workers_key(lt_out_t *out, lt_str_t stream)
{
    lt_out_cstr(out, "lt:workers:");
    lt_out_str(out, stream);

    return lt_out_result(out);
}

lt_result_t
lt_state_fence(char fence[LT_STATE_FENCE_MAX], lt_str_t shard, int64_t token)
{
    int len = snprintf(fence, LT_STATE_FENCE_MAX, "%.*s/%016" PRId64,
        (int) shard.len, shard.data, token);

    return len > 0 && len < LT_STATE_FENCE_MAX ? LT_OK : LT_NOSPACE;
}

static const char lt_state_lua_claim[] =
    "local l = redis.call('HMGET', KEYS[1], 'owner', 'counter',\n"
    "  'checkpoint')\n"
    "local owner = l[1] or ''\n"
    "local is_free = owner == '' or owner == ARGV[1]\n"
    "  or (owner == ARGV[2] and l[2] == ARGV[3])\n"
    "if not is_free or (ARGV[4] == '1' and owner ~= ARGV[1])\n"
    "  or (ARGV[5] == '1' and not l[2]) then\n"
    "  return {0, owner, l[2] or ''}\n"
    "end\n"
    "redis.call('HSET', KEYS[1], 'owner', ARGV[1])\n"
    "redis.call('HINCRBY', KEYS[1], 'counter', 1)\n"
    "return {1, l[3] or '', owner,\n"
    "  redis.call('HINCRBY', KEYS[1], 'token', 1)}\n";

static const char lt_state_lua_renew[] =
    "local l = redis.call('HMGET', KEYS[1], 'owner', 'token')\n"
    "if redis.call('EXISTS', KEYS[1]) == 0 then\n"
    "  redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', ARGV[2])\n"
    "elseif l[1] ~= ARGV[1] or l[2] ~= ARGV[2] then\n"
    "  return 0\n"
    "end\n"
    "redis.call('HINCRBY', KEYS[1], 'counter', 1)\n"
    "if ARGV[3] ~= '' then\n"
    "  redis.call('HSET', KEYS[1], 'checkpoint', ARGV[3])\n"
    "end\n"
    "if ARGV[4] == '-' then\n"
    "  redis.call('HDEL', KEYS[1], 'owner')\n"
    "elseif ARGV[4] ~= '' then\n"
    "  redis.call('HSET', KEYS[1], 'owner', ARGV[4])\n"
    "end\n"
    "return 1\n";

static const char lt_state_lua_roll[] =
    "if ARGV[2] ~= '' then\n"
    "  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])\n"
    "else\n"
    "  redis.call('HDEL', KEYS[1], ARGV[1])\n"
    "end\n"
    "for i = 3, #ARGV, 2 do\n"
    "  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then\n"
    "    redis.call('HDEL', KEYS[1], ARGV[i])\n"
    "  end\n"
    "end\n"
    "return redis.call('HGETALL', KEYS[1])\n";

/* W: the talk's worker hash; mine(): the fence there is not greater. */
#define LUA_MINE(key)                                                         \
    "local W = " key "\n"                                                     \
    "local function mine()\n"                                                 \
    "  local f = redis.call('HGET', W, 'fence')\n"                            \
    "  return not f or f <= ARGV[1]\n"                                        \
    "end\n"

static const char lt_state_lua_take[] =
    LUA_MINE("KEYS[1]")
    "if not mine() then return {0} end\n"
    "redis.call('HSET', W, 'fence', ARGV[1])\n"
    "redis.call('EXPIRE', W, " KEPT_FOR_S ")\n"
    "return {1, redis.call('HGETALL', W)}\n";

static const char lt_state_lua_set[] =
    LUA_MINE("KEYS[1]")
    "if not mine() then return 0 end\n"
    "redis.call('HSET', W, 'fence', unpack(ARGV))\n"
    "redis.call('EXPIRE', W, " KEPT_FOR_S ")\n"
    "return 1\n";

static const char lt_state_lua_delete[] =
    LUA_MINE("KEYS[1]")
    "if not mine() then return 0 end\n"
    "redis.call('HDEL', W, unpack(ARGV, 2))\n"
    "return 1\n";

static const char lt_state_lua_view[] =
    LUA_MINE("KEYS[4]")
    "local is_mine = mine() and 1 or 0\n"
    "local s = redis.call('HGETALL', KEYS[1])\n"
    "if #s == 0 then return {is_mine, 1} end\n"
    "return {is_mine, 0, s, redis.call('HGETALL', KEYS[3])}\n";

const char *
lt_state_worker_script(lt_state_worker_script_t script)
{
    static const char *const scripts[LT_STATE_WORKER_SCRIPTS] = {
        [LT_STATE_LEASE_CLAIM] = lt_state_lua_claim,
        [LT_STATE_LEASE_RENEW] = lt_state_lua_renew,
        [LT_STATE_WORKERS_ROLL] = lt_state_lua_roll,
        [LT_STATE_TALK_TAKE] = lt_state_lua_take,
        [LT_STATE_TALK_SET] = lt_state_lua_set,
        [LT_STATE_TALK_DELETE] = lt_state_lua_delete,
        [LT_STATE_TALK_VIEW] = lt_state_lua_view,
    };

    return scripts[script];
}
