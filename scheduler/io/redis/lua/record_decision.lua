-- Appends a decision; said again it changes nothing. KEYS[1] is the fleet's prefix. args: {place, at, packed {at, is
-- change, document}, the event's data or false}
begin(KEYS, ARGV)
local key = R .. ':decisions:' .. args[1]
if call('ZADD', key, args[2], args[3]) == 0 then return answer(false) end
call('ZREMRANGEBYRANK', key, 0, -DECISIONS_PER_POOL - 1)
if args[4] then append('pool.scaled', false, false, 0, args[4], false) end
return answer(true)
