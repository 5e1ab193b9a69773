#include "lt_state.h"

#include <string.h>

#define LT_STATE_TO_NAMES 4

static const char *const lt_state_to_names[LT_STATE_TO_NAMES] = {
    "listeners", "speaker", "control", "live"
};

static const struct {
    const char *head;
    const char *tail;
} lt_state_keys[] = {
    [LT_STATE_KEY_SESSION] = { "lt:{", "}:session" },
    [LT_STATE_KEY_LISTENERS] = { "lt:{", "}:listeners" },
    [LT_STATE_KEY_LANGUAGES] = { "lt:{", "}:languages" },
    [LT_STATE_KEY_EVENTS] = { "lt:{", "}:events" },
    [LT_STATE_KEY_WORKER] = { "lt:{", "}:worker" },
    [LT_STATE_KEY_PROCESS] = { "lt:nginx:", "" },
    [LT_STATE_KEY_PROCESS_SESSIONS] = { "lt:nginx:", ":sessions" },
};

lt_result_t
lt_state_key(lt_out_t *out, lt_state_key_t key, lt_str_t id)
{
    lt_out_cstr(out, lt_state_keys[key].head);
    lt_out_str(out, id);
    lt_out_cstr(out, lt_state_keys[key].tail);

    return lt_out_result(out);
}

lt_result_t
lt_state_recent_key(lt_out_t *out, lt_str_t session_id, lt_str_t language)
{
    lt_out_cstr(out, "lt:{");
    lt_out_str(out, session_id);
    lt_out_cstr(out, "}:recent:");
    lt_out_str(out, language);

    return lt_out_result(out);
}

lt_result_t
lt_state_shard_key(lt_out_t *out, lt_str_t stream, lt_str_t shard)
{
    lt_out_cstr(out, "lt:shard:");
    lt_out_str(out, stream);
    lt_out_cstr(out, ":");
    lt_out_str(out, shard);

    return lt_out_result(out);
}

lt_result_t
lt_state_channel_session(lt_str_t *id, lt_str_t channel)
{
    const char *head = lt_state_keys[LT_STATE_KEY_EVENTS].head;
    const char *tail = lt_state_keys[LT_STATE_KEY_EVENTS].tail;
    size_t head_len = strlen(head), tail_len = strlen(tail);

    if (channel.len <= head_len + tail_len
        || memcmp(channel.data, head, head_len) != 0
        || memcmp(channel.data + channel.len - tail_len, tail, tail_len) != 0)
    {
        return LT_INVALID;
    }

    id->data = channel.data + head_len;
    id->len = channel.len - head_len - tail_len;

    return LT_OK;
}

/* A session ends when it expires; its keys stay until it has been said. */
#define LUA_TAIL_S "45"

/* Shared beginnings: S, L, N are the keys; status() answers 0 when active. */
#define LUA_KEYS "local S, L, N = KEYS[1], KEYS[2], KEYS[3]\n"

#define LUA_STATUS                                                            \
    "local function status()\n"                                               \
    "  local s = redis.call('HGET', S, 'status')\n"                           \
    "  if not s then return 1 end\n"                                          \
    "  if s ~= 'active' then return 2 end\n"                                  \
    "  return 0\n"                                                            \
    "end\n"

/* For what a paused session still does. */
#define LUA_ENDED                                                             \
    "local function ended()\n"                                                \
    "  local s = redis.call('HGET', S, 'status')\n"                           \
    "  if not s then return 1 end\n"                                          \
    "  if s == 'ended' then return 2 end\n"                                   \
    "  return 0\n"                                                            \
    "end\n"

/* A listener's value: language, what it asks of captions or nothing, process.
   What is asked is counted with the session: a language with as many in
   captionsOnly as listeners needs no voice. */
#define LUA_LISTENER                                                          \
    "local function listener(v)\n"                                            \
    "  local w = {}\n"                                                        \
    "  for word in string.gmatch(v, '%S+') do w[#w + 1] = word end\n"         \
    "  return w[1], #w == 3 and w[2] or '', w[#w]\n"                          \
    "end\n"                                                                   \
    "local function count(lang, asked, by)\n"                                 \
    "  if redis.call('HINCRBY', N, lang, by) <= 0 then\n"                     \
    "    redis.call('HDEL', N, lang)\n"                                       \
    "  end\n"                                                                 \
    "  local names = {only = 'captionsOnly:', live = 'captionsLive:'}\n"      \
    "  for word, name in pairs(names) do\n"                                   \
    "    if string.find(asked, word, 1, true)\n"                              \
    "      and redis.call('HINCRBY', S, name .. lang, by) <= 0 then\n"        \
    "      redis.call('HDEL', S, name .. lang)\n"                             \
    "    end\n"                                                               \
    "  end\n"                                                                 \
    "end\n"

#define LUA_REMOVE                                                            \
    "local function remove(c)\n"                                              \
    "  local v = redis.call('HGET', L, c)\n"                                  \
    "  if not v then return end\n"                                            \
    "  redis.call('HDEL', L, c)\n"                                            \
    "  local lang, asked = listener(v)\n"                                     \
    "  count(lang, asked, -1)\n"                                              \
    "end\n"

/* wish: the language, and what is asked */
#define LUA_ADD                                                               \
    "local function add(c, wish, process)\n"                                  \
    "  local v = wish .. ' ' .. process\n"                                    \
    "  if redis.call('HSETNX', L, c, v) == 1 then\n"                          \
    "    local lang, asked = listener(v)\n"                                   \
    "    count(lang, asked, 1)\n"                                             \
    "  end\n"                                                                 \
    "  local at = redis.call('HGET', S, 'expiresAt') + " LUA_TAIL_S "\n"       \
    "  redis.call('EXPIREAT', L, at)\n"                                       \
    "  redis.call('EXPIREAT', N, at)\n"                                       \
    "end\n"

static const char lt_state_lua_create[] =
    LUA_KEYS
    "local key = redis.call('HGET', S, 'speakerKey')\n"
    "if key then return {5, key} end\n"
    "redis.call('DEL', L, N)\n"
    "redis.call('HSET', S, 'sessionId', ARGV[3], 'speakerId', ARGV[4],\n"
    "  'sourceLanguage', ARGV[5], 'qualityTier', ARGV[6],\n"
    "  'status', 'active', 'createdAt', ARGV[1], 'updatedAt', ARGV[1],\n"
    "  'expiresAt', ARGV[2], 'speakerKey', ARGV[7],\n"
    "  'speakerConnection', '', 'speakerProcess', '', 'epoch', 0,\n"
    "  'endedAt', 0,\n"
    "  'isPaused', 0, 'isMuted', 0, 'volume', 1,\n"
    "  'lastStateChange', ARGV[1])\n"
    "for i = 8, #ARGV, 2 do redis.call('HSET', S, ARGV[i], ARGV[i + 1]) end\n"
    "redis.call('EXPIREAT', S, ARGV[2] + " LUA_TAIL_S ")\n"
    "return {0}\n";

static const char lt_state_lua_join[] =
    LUA_KEYS LUA_STATUS LUA_LISTENER LUA_ADD
    "local code = status()\n"
    "if code ~= 0 then return {code} end\n"
    "if ARGV[3] ~= '' then\n"
    "  if redis.call('HLEN', L) >= tonumber(ARGV[4]) then return {3} end\n"
    "  add(ARGV[1], ARGV[3], ARGV[2])\n"
    "end\n"
    "local f = redis.call('HMGET', S, 'sourceLanguage', 'isPaused',\n"
    "  'isMuted')\n"
    "return {0, redis.call('HLEN', L), f[1], f[2], f[3]}\n";

static const char lt_state_lua_leave[] =
    LUA_KEYS LUA_LISTENER LUA_REMOVE
    "remove(ARGV[1])\n"
    "return {0, redis.call('HLEN', L)}\n";

static const char lt_state_lua_language[] =
    LUA_KEYS LUA_ENDED LUA_LISTENER LUA_REMOVE LUA_ADD
    "local code = ended()\n"
    "if code ~= 0 then return {code} end\n"
    "local v = redis.call('HGET', L, ARGV[1])\n"
    "if not v then return {1} end\n"
    "local lang, asked, process = listener(v)\n"
    "if lang ~= ARGV[2] then\n"
    "  remove(ARGV[1])\n"
    "  local wish = asked ~= '' and ARGV[2] .. ' ' .. asked or ARGV[2]\n"
    "  add(ARGV[1], wish, process)\n"
    "end\n"
    "return {0, redis.call('HLEN', L),\n"
    "  redis.call('HGET', S, 'sourceLanguage')}\n";

/* The epoch is the wall clock, but always grows: who has the highest owns the
   talk. */
static const char lt_state_lua_attach[] =
    LUA_KEYS LUA_STATUS
    "local code = status()\n"
    "if code ~= 0 then return {code} end\n"
    "local f = redis.call('HMGET', S, 'speakerKey', 'epoch',\n"
    "  'sourceLanguage', 'isPaused', 'isMuted', 'speakerId', 'numbering')\n"
    "if f[1] ~= ARGV[3] then return {4} end\n"
    "local epoch = ARGV[4]\n"
    "if tonumber(epoch) <= tonumber(f[2]) then\n"
    "  epoch = string.format('%.0f', tonumber(f[2]) + 1)\n"
    "end\n"
    "local numbering = f[7] == ARGV[5] and f[7] or epoch\n"
    "if (ARGV[6] or '') ~= '' then\n"
    "  redis.call(ARGV[7] == '1' and 'HSET' or 'HSETNX', S, 'traceparent',\n"
    "    ARGV[6])\n"
    "end\n"
    "redis.call('HSET', S, 'speakerConnection', ARGV[1],\n"
    "  'speakerProcess', ARGV[2], 'epoch', epoch, 'numbering', numbering,\n"
    "  'updatedAt', ARGV[4])\n"
    "return {0, epoch, f[3], f[4], f[5], f[6], numbering,\n"
    "  redis.call('HGET', S, 'traceparent') or ''}\n";

static const char lt_state_lua_detach[] =
    LUA_KEYS
    "if redis.call('HGET', S, 'speakerConnection') ~= ARGV[1] then\n"
    "  return {0, 0}\n"
    "end\n"
    "redis.call('HSET', S, 'speakerConnection', '', 'speakerProcess', '',\n"
    "  'updatedAt', ARGV[2])\n"
    "return {0, 1}\n";

static const char lt_state_lua_end[] =
    LUA_KEYS LUA_ENDED
    "local code = ended()\n"
    "if code == 1 then return {1} end\n"
    "if ARGV[3] ~= '' and redis.call('HGET', S, 'speakerKey') ~= ARGV[3] then\n"
    "  return {4}\n"
    "end\n"
    "if code == 2 then return {0, 0} end\n"
    "if ARGV[2] == '1'\n"
    "  and redis.call('HGET', S, 'speakerConnection') ~= '' then\n"
    "  return {0, 0}\n"
    "end\n"
    "redis.call('HSET', S, 'status', 'ended', 'endedAt', ARGV[1],\n"
    "  'updatedAt', ARGV[1])\n"
    "return {0, 1}\n";

static const char lt_state_lua_broadcast[] =
    LUA_KEYS LUA_ENDED
    "local code = ended()\n"
    "if code ~= 0 then return {code} end\n"
    "local before = redis.call('HGET', S, 'lastStateChange')\n"
    "for i = 2, #ARGV, 2 do\n"
    "  if redis.call('HGET', S, ARGV[i]) ~= ARGV[i + 1] then\n"
    "    redis.call('HSET', S, ARGV[i], ARGV[i + 1],\n"
    "      'lastStateChange', ARGV[1], 'updatedAt', ARGV[1])\n"
    "  end\n"
    "end\n"
    "local f = redis.call('HMGET', S, 'isPaused', 'isMuted', 'volume',\n"
    "  'lastStateChange')\n"
    "return {0, f[1], f[2], f[3], f[4], before, redis.call('HLEN', L)}\n";

static const char lt_state_lua_update[] =
    LUA_KEYS LUA_ENDED
    "local code = ended()\n"
    "if code == 1 then return {1} end\n"
    "if redis.call('HGET', S, 'speakerKey') ~= ARGV[2] then return {4} end\n"
    "local now = 0\n"
    "if ARGV[3] == '0' then\n"
    "  if code == 2 then return {2} end\n"
    "  for i = 4, #ARGV, 2 do\n"
    "    redis.call('HSET', S, ARGV[i], ARGV[i + 1])\n"
    "  end\n"
    "  redis.call('HSET', S, 'updatedAt', ARGV[1])\n"
    "  if ended() == 2 then\n"
    "    redis.call('HSET', S, 'endedAt', ARGV[1])\n"
    "    now = 1\n"
    "  end\n"
    "end\n"
    "return {0, redis.call('HGETALL', S), redis.call('HGETALL', N), now}\n";

static const char lt_state_lua_read[] =
    LUA_KEYS
    "local s = redis.call('HGETALL', S)\n"
    "if #s == 0 then return {1} end\n"
    "return {0, s, redis.call('HGETALL', N)}\n";

static const char lt_state_lua_sync[] =
    LUA_KEYS LUA_STATUS LUA_LISTENER LUA_REMOVE LUA_ADD
    "local code = status()\n"
    "if code == 1 then\n"
    "  redis.call('DEL', L, N)\n"
    "  return {1}\n"
    "end\n"
    "local process, keep = ARGV[1], {}\n"
    "for i = 3, #ARGV, 2 do keep[ARGV[i]] = ARGV[i + 1] end\n"
    "local all = redis.call('HGETALL', L)\n"
    "for i = 1, #all, 2 do\n"
    "  local owner = string.match(all[i + 1], '%S+$')\n"
    "  if owner == process and not keep[all[i]] then remove(all[i]) end\n"
    "end\n"
    "for c, lang in pairs(keep) do add(c, lang, process) end\n"
    "local f = redis.call('HMGET', S, 'speakerConnection', 'epoch',\n"
    "  'speakerProcess')\n"
    "local speaker = f[1]\n"
    "if ARGV[2] ~= '' then\n"
    "  if speaker == '' then speaker = ARGV[2] end\n"
    "elseif f[3] == process then\n"
    "  speaker = ''\n"
    "end\n"
    "if speaker ~= f[1] then\n"
    "  redis.call('HSET', S, 'speakerConnection', speaker,\n"
    "    'speakerProcess', speaker ~= '' and process or '')\n"
    "end\n"
    "local lost = 0\n"
    "if code ~= 1 and redis.call('HGET', S, 'status') ~= 'ended'\n"
    "  and speaker == '' and f[2] ~= '0' then\n"
    "  lost = 1\n"
    "end\n"
    "return {0, redis.call('HLEN', L), lost,\n"
    "  redis.call('HGET', S, 'status')}\n";

lt_str_t
lt_state_script(lt_state_script_t script)
{
    static const lt_str_t scripts[LT_STATE_SCRIPTS] = {
#define SCRIPT(text) { text, sizeof(text) - 1 }
        [LT_STATE_CREATE] = SCRIPT(lt_state_lua_create),
        [LT_STATE_JOIN] = SCRIPT(lt_state_lua_join),
        [LT_STATE_LEAVE] = SCRIPT(lt_state_lua_leave),
        [LT_STATE_LANGUAGE] = SCRIPT(lt_state_lua_language),
        [LT_STATE_ATTACH] = SCRIPT(lt_state_lua_attach),
        [LT_STATE_DETACH] = SCRIPT(lt_state_lua_detach),
        [LT_STATE_END] = SCRIPT(lt_state_lua_end),
        [LT_STATE_BROADCAST] = SCRIPT(lt_state_lua_broadcast),
        [LT_STATE_UPDATE] = SCRIPT(lt_state_lua_update),
        [LT_STATE_READ] = SCRIPT(lt_state_lua_read),
        [LT_STATE_SYNC] = SCRIPT(lt_state_lua_sync),
#undef SCRIPT
    };

    return scripts[script];
}

static int
lt_state_is_word(lt_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if ((unsigned char) s.data[i] <= ' ') {
            return 0;
        }
    }

    return s.len != 0;
}

lt_result_t
lt_state_event_encode(lt_out_t *out, const lt_state_event_t *ev)
{
    lt_str_t language = ev->language.len != 0 ? ev->language : LT_STR("*");

    if (!lt_state_is_word(ev->origin) || !lt_state_is_word(language)
        || !lt_state_is_word(ev->name)
        || (ev->tail.len != 0 && !lt_state_is_word(ev->tail)))
    {
        return LT_INVALID;
    }

    lt_out_str(out, ev->origin);
    lt_out_cstr(out, " ");
    lt_out_cstr(out, lt_state_to_names[ev->to]);
    lt_out_cstr(out, " ");
    lt_out_str(out, language);
    lt_out_cstr(out, " ");
    lt_out_str(out, ev->name);
    lt_out_cstr(out, " ");

    if (ev->tail.len != 0) {
        lt_out_str(out, ev->tail);
    } else {
        lt_out_i64(out, ev->number);
    }

    lt_out_cstr(out, "\n");
    lt_out_str(out, ev->json);

    return lt_out_result(out);
}

/* The next word of the head, which ends at one space or at its end. */
static lt_str_t
lt_state_next_word(lt_str_t *head)
{
    lt_str_t word = *head;
    const char *space = memchr(head->data, ' ', head->len);

    if (space != NULL) {
        word.len = (size_t) (space - head->data);
        head->data = space + 1;
        head->len -= word.len + 1;
    } else {
        head->data += head->len;
        head->len = 0;
    }

    return word;
}

/* At most 15 digits: Unix ms and milliseconds fit with room to spare. */
static int64_t
lt_state_number(lt_str_t s)
{
    int64_t n = 0;
    size_t i;

    if (s.len > 15) {
        return 0;
    }

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return 0;
        }
        n = n * 10 + (s.data[i] - '0');
    }

    return n;
}

lt_result_t
lt_state_event_decode(lt_state_event_t *ev, lt_str_t payload)
{
    int to;
    size_t scan;
    lt_str_t head, word;
    const char *eol;

    scan = payload.len < LT_STATE_HEAD_MAX ? payload.len : LT_STATE_HEAD_MAX;
    eol = scan != 0 ? memchr(payload.data, '\n', scan) : NULL;
    if (eol == NULL) {
        return LT_INVALID;
    }

    head.data = payload.data;
    head.len = (size_t) (eol - payload.data);

    ev->origin = lt_state_next_word(&head);
    word = lt_state_next_word(&head);
    ev->language = lt_state_next_word(&head);
    ev->name = lt_state_next_word(&head);
    ev->tail = head;
    ev->number = lt_state_number(ev->tail);
    ev->json.data = eol + 1;
    ev->json.len = payload.len - (size_t) (eol + 1 - payload.data);

    for (to = 0; to < LT_STATE_TO_NAMES; to++) {
        if (lt_str_is(word, lt_state_to_names[to])) {
            break;
        }
    }

    if (to == LT_STATE_TO_NAMES || !lt_state_is_word(ev->origin)
        || !lt_state_is_word(ev->language) || !lt_state_is_word(ev->name)
        || !lt_state_is_word(ev->tail))
    {
        return LT_INVALID;
    }

    ev->to = (lt_state_to_t) to;
    if (lt_str_is(ev->language, "*")) {
        ev->language.len = 0;
    }

    return LT_OK;
}
