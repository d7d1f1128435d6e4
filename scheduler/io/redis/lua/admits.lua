-- What the fleet's shard has against a claim that no region can serve. KEYS[1] is its prefix. args: the request. Where it has
-- nothing: whether workers may not have had the time to register
begin(KEYS, ARGV)
local no, region = fleet_admits(R, args)
if no then return answer(no) end
if region then return answer({'at', region}) end
if args.expires <= now then return answer(refused('SESSION_EXPIRED', "the session's time to live is over")) end
local broken = broken_limit(R, args)
return answer(broken and refused('SESSION_LIMIT_EXCEEDED', broken) or {'admitted', is_newborn()})
