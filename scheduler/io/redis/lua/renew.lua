--! flags allow-oom
-- The lease goes on, also one that had lapsed; false for one that is not known. args: {gateway}
begin(KEYS, ARGV)
local raw = call('HGET', R .. ':gateways', args[1])
if not raw then return answer(false) end
local gateway = unpack_message(raw)
gateway.renewed, gateway.lapsed = now, nil
call('HSET', R .. ':gateways', args[1], pack(gateway))
return answer(true)
