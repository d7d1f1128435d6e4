-- Writes a plan, unless it was cancelled meanwhile. KEYS[1] is the fleet's prefix. args: {id, is cancelled, the plan}
begin(KEYS, ARGV)
local raw = call('HGET', R .. ':drains', args[1])
if raw and not args[2] and unpack_message(raw)[1] then return answer(false) end
call('HSET', R .. ':drains', args[1], pack({args[2], args[3]}))
return answer(true)
