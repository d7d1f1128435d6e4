-- One holder at a time has a role. KEYS[1] is the fleet's prefix. args: {role, holder, seconds}
begin(KEYS, ARGV)
local raw = call('HGET', R .. ':roles', args[1])
local has = raw and unpack_message(raw)
if has and has[1] ~= args[2] and has[2] > now then return answer(false) end
call('HSET', R .. ':roles', args[1], pack({args[2], now + args[3]}))
return answer(true)
