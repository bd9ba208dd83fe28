"""The steps that have to be atomic, as scripts that Redis runs.

What belongs to a list `k` lies beside it: `k:n` its count, `k:r` and `k:w` the ends of a pipe, `k:p` that it is one,
`k:hs` who may hold items, `k:h:<who>` what they hold. A holder is the name of a process, or that with `.` and the
number of one of its connections. A process is there as long as its lease is. ARGV[1] is always the prefix of leases,
ARGV[2] how many ms what is written may lie idle.
"""

from __future__ import annotations

_ALIVE = """
local function alive(who)
  return redis.call('EXISTS', ARGV[1] .. string.match(who, '^[^./]+')) == 1
end
local function idle(key)
  redis.call('PEXPIRE', key, ARGV[2])
end
"""

_ENDS = """
local function bury(key)
  local left = {}
  for _, side in ipairs({'r', 'w'}) do
    local ends = redis.call('SMEMBERS', key .. ':' .. side)
    left[side] = #ends
    for _, name in ipairs(ends) do
      if not alive(name) then
        redis.call('SREM', key .. ':' .. side, name)
        left[side] = left[side] - 1
      end
    end
    if side == 'w' and #ends > 0 and left.w == 0 then
      redis.call('RPUSH', key, '\\0end')
      idle(key)
    end
  end
  return left
end
"""

_TALLY = """
local function count(key, by)
  local value = tonumber(redis.call('GET', key .. ':n') or '0') + by
  if value < 0 then return 0 end
  redis.call('SET', key .. ':n', value, 'PX', ARGV[2])
  if value > 0 then
    redis.call('DEL', key)
  elseif redis.call('LLEN', key) == 0 then
    redis.call('RPUSH', key, '')
    idle(key)
  end
  return 1
end
"""

FILL = f"""{_ALIVE}
for _ = 1, tonumber(ARGV[3]) do redis.call('RPUSH', KEYS[1], '') end
idle(KEYS[1])
return 1
"""

GIVE = f"""{_ALIVE}{_ENDS}{_TALLY}
local key, held, tally = KEYS[1], KEYS[2], KEYS[3]
local item, limit, heard, me = ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1', ARGV[6]
if redis.call('EXISTS', key .. ':p') == 1 then
  if bury(key).r == 0 then return -1 end
elseif heard then
  return -1
end
if limit >= 0 and redis.call('LLEN', key) >= limit then return 0 end
if held ~= '' and not redis.call('LPOP', held .. ':h:' .. me) then
  for _, who in ipairs(redis.call('SMEMBERS', held .. ':hs')) do
    if redis.call('LPOP', held .. ':h:' .. who) then break end
  end
end
if tally ~= '' then count(tally, 1) end
redis.call('RPUSH', key, item)
idle(key)
return 1
"""

COUNT = f"""{_ALIVE}{_TALLY}
return count(KEYS[1], tonumber(ARGV[3]))
"""

TAKEN = f"""{_ALIVE}
redis.call('DEL', KEYS[1] .. ':h:' .. ARGV[3])
idle(KEYS[1] .. ':hs')
if KEYS[2] ~= '' then
  redis.call('RPUSH', KEYS[2], '')
  idle(KEYS[2])
end
return 1
"""
"""An item has arrived at who took it; another list gets a token in its place."""

LENT = f"""{_ALIVE}
local from, to = KEYS[1] .. ':h:' .. ARGV[3], KEYS[1] .. ':h:' .. ARGV[4]
if redis.call('LMOVE', from, to, 'LEFT', 'RIGHT') then
  redis.call('SADD', KEYS[1] .. ':hs', ARGV[4])
  idle(to)
  idle(KEYS[1] .. ':hs')
end
return 1
"""
"""An item has arrived at who borrowed it: now its process holds it."""

BACK = f"""{_ALIVE}
while redis.call('LMOVE', KEYS[1] .. ':h:' .. ARGV[3], KEYS[1], 'RIGHT', 'LEFT') do idle(KEYS[1]) end
return 1
"""
"""What a holder has goes back to where it came from."""

REAP = f"""{_ALIVE}{_ENDS}
local key = KEYS[1]
for _, who in ipairs(redis.call('SMEMBERS', key .. ':hs')) do
  if not alive(who) then
    while redis.call('LMOVE', key .. ':h:' .. who, key, 'RIGHT', 'LEFT') do idle(key) end
    redis.call('SREM', key .. ':hs', who)
  end
end
if redis.call('EXISTS', key .. ':p') == 1 then bury(key) end
return 1
"""
"""What processes held whose lease has ended goes back, and their ends of pipes are closed."""

OPEN = f"""{_ALIVE}
redis.call('SET', KEYS[1] .. ':p', '', 'PX', ARGV[2])
redis.call('SADD', KEYS[1] .. ':' .. ARGV[3], ARGV[4])
idle(KEYS[1] .. ':' .. ARGV[3])
if ARGV[5] ~= '' then
  for _, name in ipairs(redis.call('SMEMBERS', KEYS[1] .. ':' .. ARGV[3])) do
    if string.match(name, '/(.*)$') == ARGV[5] then redis.call('SREM', KEYS[1] .. ':' .. ARGV[3], name) end
  end
end
return 1
"""

CLOSE = f"""{_ALIVE}
local side = KEYS[1] .. ':' .. ARGV[3]
for _, name in ipairs(redis.call('SMEMBERS', side)) do
  if string.match(name, '/(.*)$') == ARGV[4] then
    redis.call('SREM', side, name)
    if ARGV[3] == 'w' and redis.call('SCARD', side) == 0 then
      redis.call('RPUSH', KEYS[1], '\\0end')
      idle(KEYS[1])
    end
  end
end
if redis.call('SCARD', KEYS[1] .. ':r') + redis.call('SCARD', KEYS[1] .. ':w') == 0 then
  redis.call('DEL', KEYS[1], KEYS[1] .. ':p')
end
return 1
"""

SETTLE = f"""{_ALIVE}{_ENDS}
for index, key in ipairs(KEYS) do
  redis.call('DEL', key .. ':h:' .. ARGV[3])
  redis.call('SREM', key .. ':hs', ARGV[3])
  if redis.call('EXISTS', key .. ':p') == 1 then bury(key) end
end
return 1
"""
"""A process ends as it should, and has no lease any more: what it holds is held by nobody, its ends are closed."""
