"""The steps that have to be atomic, as scripts that Redis runs.

Under the prefix of the program lie:

    founded         that it has begun and not ended
    live            processes, each with the time until which it need not be heard of
    id              the number of each process's lasting connection
    of:<process>    what is to be seen to when it ends: `l<link>`, `h<key>` and `e<side><end>/<key>`
    in:<link>       the item that is on its way over a connection, and from:<link> the list that it is from
    all             the keys of all that follows
    k:<key>         a list; with `:n` behind it its count, `:h` how many items each process holds, `:r` `:w` `:u` its ends
                    and whose they are, `:l` the line that it is a place in, `:b` the block of this name

Every script gets the prefix, how many ms what is written may lie idle, the name of the process, then its arguments.
"""

from __future__ import annotations

from lithops.multiprocessing.carrier import ME

LOST = "LOST"
"""What steps of a process are answered that is not known any more."""

_NAMES = """
local P, ttl, me = KEYS[1], ARGV[1], ARGV[2]
local call = redis.call
local function K(key) return P .. 'k:' .. key end
local function of(name) return P .. 'of:' .. name end
local function note(name, entry)
  call('SADD', of(name), entry)
  call('PEXPIRE', of(name), ttl)
end
local function kept(key, suffix)
  call('SADD', P .. 'all', key)
  call('PEXPIRE', K(key) .. suffix, ttl)
end
local function put(how, key, item)
  call(how, K(key), item)
  kept(key, '')
end
"""
_KNOWN = f"""{_NAMES}
if not call('ZSCORE', P .. 'live', me) then return redis.error_reply('{LOST}') end
"""
_COUNT = """
local function count(key, by)
  local value = tonumber(call('GET', K(key) .. ':n') or '0') + by
  if value < 0 then return 0 end
  call('SET', K(key) .. ':n', value)
  kept(key, ':n')
  if value > 0 then
    call('DEL', K(key))
  elseif call('LLEN', K(key)) == 0 then
    put('RPUSH', key, '')
  end
  return 1
end
"""
_DISCARD = """
local function discard(whole)
  for _, part in ipairs({'', ':room', ':unfinished'}) do
    local key = whole .. part
    if call('SREM', P .. 'all', key) == 1 then
      for _, suffix in ipairs({'', ':n', ':h', ':r', ':w', ':u', ':l', ':b'}) do call('UNLINK', K(key) .. suffix) end
    end
  end
end
"""
_CLOSE = f"""{_DISCARD}
local function ends(key, side) return call('HLEN', K(key) .. ':' .. side) end
local function close(key, side, name)
  local owner = call('HGET', K(key) .. ':' .. side, name)
  if not owner then return end
  call('HDEL', K(key) .. ':' .. side, name)
  call('SREM', of(owner), 'e' .. side .. name .. '/' .. key)
  if side == 'w' and ends(key, 'w') == 0 then put('RPUSH', key, '\\0end') end
  if ends(key, 'r') + ends(key, 'w') + ends(key, 'u') == 0 then discard(key) end
end
local function open(key, side, name, owner)
  call('HSET', K(key) .. ':' .. side, name, owner)
  kept(key, ':' .. side)
  if owner ~= '' then note(owner, 'e' .. side .. name .. '/' .. key) end
end
"""
_LINE = f"""{_CLOSE}
local function notify(line, most)
  while most > 0 do
    local place = call('LPOP', K(line))
    if not place then return end
    if ends(place, 'r') > 0 then
      put('RPUSH', place, '')
      most = most - 1
    end
  end
end
local function leave(line, place)
  close(place, 'r', place)
  return 1 - call('LREM', K(line), 1, place)
end
"""
_BACK = """
local function back(link)
  local key = call('GET', P .. 'from:' .. link)
  local item = call('LPOP', P .. 'in:' .. link)
  if key and item then put('LPUSH', key, item) end
  return item and 1 or 0
end
"""
_BURY = f"""{_BACK}{_LINE}
local function bury(name, killed)
  for _, entry in ipairs(call('SMEMBERS', of(name))) do
    local kind, rest = string.sub(entry, 1, 1), string.sub(entry, 2)
    if kind == 'l' then
      back(rest)
      call('DEL', P .. 'from:' .. rest)
    elseif kind == 'h' then
      local held = tonumber(call('HGET', K(rest) .. ':h', name) or '0')
      call('HDEL', K(rest) .. ':h', name)
      for _ = 1, killed and held or 0 do put('LPUSH', rest, '') end
    else
      local side, which, key = string.match(rest, '^(.)([^/]*)/(.*)$')
      local line = call('GET', K(key) .. ':l')
      if not line then
        close(key, side, which)
      elseif leave(line, key) == 1 then
        notify(line, 1)
      end
    end
  end
  call('DEL', of(name))
  call('ZREM', P .. 'live', name)
  call('HDEL', P .. 'id', name)
end
"""

STEPS = {
    "fill": f"""{_KNOWN}
for _ = 1, tonumber(ARGV[4]) do call('RPUSH', K(ARGV[3]), '') end
kept(ARGV[3], '')
return 1
""",
    "give": f"""{_KNOWN}{_COUNT}
local key, item, limit, held, owned, tally, heard = unpack(ARGV, 3)
if call('HLEN', K(key) .. ':r') == 0 and (heard == '1' or call('EXISTS', K(key) .. ':w') == 1) then return false end
if limit ~= '' and call('LLEN', K(key)) >= tonumber(limit) then return 0 end
if held ~= '' then
  local name = K(held) .. ':h'
  local who = call('HEXISTS', name, me) == 1 and me
  if not who and owned == '0' then who = call('HKEYS', name)[1] end
  if who and call('HINCRBY', name, who, -1) <= 0 then
    call('HDEL', name, who)
    call('SREM', of(who), 'h' .. held)
  end
end
if tally ~= '' then count(tally, 1) end
put('RPUSH', key, item)
return 1
""",
    "count": f"{_KNOWN}{_COUNT} return count(ARGV[3], tonumber(ARGV[4]))",
    "size": f"{_KNOWN} return call('LLEN', K(ARGV[3]))",
    "clear": f"{_KNOWN} return call('DEL', K(ARGV[3]))",
    "enlist": f"""{_KNOWN}{_CLOSE}
local line, place = ARGV[3], ARGV[4]
put('RPUSH', line, place)
call('SET', K(place) .. ':l', line)
kept(place, ':l')
open(place, 'r', place, me)
return 1
""",
    "notify": f"{_KNOWN}{_LINE} notify(ARGV[3], tonumber(ARGV[4])) return 1",
    "leave": f"{_KNOWN}{_LINE} return leave(ARGV[3], ARGV[4])",
    "open_end": f"""{_KNOWN}{_CLOSE}
local key, side, name, instead, owner = unpack(ARGV, 3)
if owner == '{ME}' then
  owner = me
elseif owner ~= '' then
  owner = call('HVALS', K(owner) .. ':r')[1]
  if not owner then return 0 end
end
open(key, side, name, owner)
if instead ~= '' then close(key, side, instead) end
return 1
""",
    "close_end": f"{_KNOWN}{_CLOSE} close(ARGV[3], ARGV[4], ARGV[5]) return 1",
    "discard": f"{_KNOWN}{_DISCARD} discard(ARGV[3]) return 1",
    "read": f"{_KNOWN} return call('GETRANGE', K(ARGV[3]) .. ':b', ARGV[4], ARGV[5])",
    "write": f"{_KNOWN} call('SETRANGE', K(ARGV[3]) .. ':b', ARGV[4], ARGV[5]) kept(ARGV[3], ':b') return 1",
    # --- what is on its way over a connection
    "taken": f"""{_KNOWN}
call('DEL', P .. 'in:' .. ARGV[3])
if ARGV[4] ~= '' then put('RPUSH', ARGV[4], '') end
return 1
""",
    "lent": f"""{_KNOWN}
if call('LPOP', P .. 'in:' .. ARGV[3]) then
  call('HINCRBY', K(ARGV[4]) .. ':h', me, 1)
  kept(ARGV[4], ':h')
  note(me, 'h' .. ARGV[4])
end
return 1
""",
    "back": f"""{_KNOWN}{_BACK}
local link, lent = ARGV[3], ARGV[4]
if back(link) == 0 and lent ~= '' and call('HEXISTS', K(lent) .. ':h', me) == 1 then
  if call('HINCRBY', K(lent) .. ':h', me, -1) <= 0 then call('HDEL', K(lent) .. ':h', me) end
  put('LPUSH', lent, '')
end
return 1
""",
    # --- processes
    "found": f"{_NAMES} call('SET', P .. 'founded', '', 'PX', ttl) return 1",
    "beat": f"""{_NAMES}
local lease, number, first = tonumber(ARGV[3]), ARGV[4], ARGV[5] == '1'
local known = not first and call('ZSCORE', P .. 'live', me) or first and call('EXISTS', P .. 'founded') == 1
if not known then return redis.error_reply('{LOST}') end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
call('ZADD', P .. 'live', now + lease, me)
call('HSET', P .. 'id', me, number)
for _, name in ipairs({{'founded', 'live', 'id', 'all'}}) do call('PEXPIRE', P .. name, ttl) end
call('PEXPIRE', of(me), ttl)
local silent = {{}}
for _, name in ipairs(call('ZRANGEBYSCORE', P .. 'live', '-inf', now, 'LIMIT', 0, 100)) do
  silent[#silent + 1] = name
  silent[#silent + 1] = call('HGET', P .. 'id', name) or ''
end
return silent
""",
    "excuse": f"{_KNOWN} return call('ZADD', P .. 'live', 'XX', call('ZSCORE', P .. 'live', me), ARGV[3])",
    "bury": f"""{_KNOWN}{_BURY}
if call('HGET', P .. 'id', ARGV[3]) == ARGV[4] then bury(ARGV[3], true) end
return 1
""",
    "settle": f"{_KNOWN}{_BURY} bury(me, false) return 1",
    "refresh": f"""{_KNOWN}
for index = 3, #ARGV do
  for _, suffix in ipairs({{'', ':n', ':h', ':r', ':w', ':u', ':l', ':b'}}) do
    call('PEXPIRE', K(ARGV[index]) .. suffix, ttl)
  end
end
return 1
""",
    "raze": f"""{_NAMES}
for index = 3, #ARGV do
  for _, suffix in ipairs({{'', ':n', ':h', ':r', ':w', ':u', ':l', ':b'}}) do call('UNLINK', K(ARGV[index]) .. suffix) end
end
if #ARGV > 2 then return 1 end
for _, name in ipairs(call('ZRANGE', P .. 'live', 0, -1)) do
  for _, entry in ipairs(call('SMEMBERS', of(name))) do
    if string.sub(entry, 1, 1) == 'l' then
      call('DEL', P .. 'in:' .. string.sub(entry, 2), P .. 'from:' .. string.sub(entry, 2))
    end
  end
  call('DEL', of(name))
end
call('DEL', P .. 'founded', P .. 'live', P .. 'id', P .. 'all', P .. 'turn')
return 1
""",
}
