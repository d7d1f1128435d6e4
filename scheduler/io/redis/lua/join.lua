-- A gateway's lease begins in a shard, a region's or the fleet's. args: {gateway, node}
begin(KEYS, ARGV)
local raw = call('HGET', R .. ':gateways', args[1])
call('SETNX', R .. ':born', now)
local cordoned = raw and unpack_message(raw).cordoned or nil
call('HSET', R .. ':gateways', args[1], pack({renewed = now, node = args[2] or '', cordoned = cordoned}))
if cordoned then tell(args[1], 'cordoned', true) end
return answer(true)
