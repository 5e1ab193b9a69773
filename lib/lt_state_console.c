#include "lt_state_console.h"

lt_result_t
lt_state_figures_key(lt_out_t *out, lt_str_t stream, lt_str_t worker)
{
    lt_out_cstr(out, "lt:worker:");
    lt_out_str(out, stream);
    lt_out_cstr(out, ":");
    lt_out_str(out, worker);

    return lt_out_result(out);
}

/* A name that is quoted in the text of a message has \" behind it there, so
   '"captured":' is found as a key only. */
static const char lt_state_lua_console[] =
    "local function number(text, name)\n"
    "  return tonumber(string.match(text, '\"' .. name .. '\":(%d+)'))\n"
    "end\n"
    "local function last(id, language)\n"
    "  local m = redis.call('LINDEX',\n"
    "    'lt:{' .. id .. '}:recent:' .. language, 0)\n"
    "  if not m then return nil end\n"
    "  local kind, segment = string.match(m,\n"
    "    '^%S+ %S+ %S+ (%S+) (%d+)\\n')\n"
    "  return { kind = kind, segment = tonumber(segment),\n"
    "    captured = number(m, 'captured'), at = number(m, 'timestamp') }\n"
    "end\n"
    "local function talk(id)\n"
    "  local s = redis.call('HMGET', 'lt:{' .. id .. '}:session',\n"
    "    'sourceLanguage', 'status', 'createdAt', 'updatedAt',\n"
    "    'speakerConnection', 'isPaused')\n"
    "  if not s[2] then return nil end\n"
    "  local t = { id = id, source = s[1], status = s[2],\n"
    "    created = tonumber(s[3]), updated = tonumber(s[4]),\n"
    "    speaker = (s[5] and s[5] ~= '') and 1 or 0,\n"
    "    paused = (s[6] == '1' or s[6] == 'true') and 1 or 0,\n"
    "    languages = {}, last = {} }\n"
    "  local l = redis.call('HGETALL', 'lt:{' .. id .. '}:languages')\n"
    "  for i = 1, #l, 2 do\n"
    "    t.languages[l[i]] = tonumber(l[i + 1])\n"
    "    t.last[l[i]] = last(id, l[i])\n"
    "  end\n"
    "  return t\n"
    "end\n"
    "local talks, seen, talks_n = {}, {}, 0\n"
    "for _, process in ipairs(redis.call('SMEMBERS', 'lt:nginx')) do\n"
    "  for _, id in ipairs(redis.call('SMEMBERS',\n"
    "    'lt:nginx:' .. process .. ':sessions')) do\n"
    "    if not seen[id] then\n"
    "      seen[id] = true\n"
    "      talks_n = talks_n + 1\n"
    "      if #talks < tonumber(ARGV[2]) then\n"
    "        talks[#talks + 1] = talk(id)\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "local workers, workers_n = {}, 0\n"
    "local w = redis.call('HGETALL', 'lt:workers:' .. ARGV[1])\n"
    "for i = 1, #w, 2 do\n"
    "  workers_n = workers_n + 1\n"
    "  if #workers < tonumber(ARGV[3]) then\n"
    "    local f = redis.call('GET',\n"
    "      'lt:worker:' .. ARGV[1] .. ':' .. w[i])\n"
    "    workers[#workers + 1] = '{\"id\":' .. cjson.encode(w[i])\n"
    "      .. ',\"word\":' .. cjson.encode(w[i + 1])\n"
    "      .. ',\"figures\":' .. (f or 'null') .. '}'\n"
    "  end\n"
    "end\n"
    "return '{\"talks\":' .. cjson.encode(talks)\n"
    "  .. ',\"more_talks\":' .. math.max(0, talks_n - ARGV[2])\n"
    "  .. ',\"workers\":[' .. table.concat(workers, ',')\n"
    "  .. '],\"more_workers\":' .. math.max(0, workers_n - ARGV[3]) .. '}'\n";

const char *
lt_state_console_script(void)
{
    return lt_state_lua_console;
}
