-- The fleet's shard, before a region's where that is on another node: whether a session may claim, and in which region
-- it is. KEYS[1] is the fleet's prefix. args: the request
begin(KEYS, ARGV)
local q, f = args, R
local no, region = fleet_admits(f, q)
if no then return answer(no) end
if region then
  call('ZADD', f .. ':entering', 'XX', now, q.session) -- nobody takes it back just now
  return answer({'at', region})
end
if q.expires <= now then return answer(refused('SESSION_EXPIRED', "the session's time to live is over")) end
local broken = broken_limit(f, q)
if broken then return answer(refused('SESSION_LIMIT_EXCEEDED', broken)) end
fleet_enter(f, q, q.region)
call('ZADD', f .. ':entering', now, q.session) -- see fleet_sweep.lua
return answer({'entered'})
