--! use base
-- A gateway's lease begins in a shard, a region's or the fleet's. args: {gateway, node}
call('HSET', R .. ':gateways', args[1], pack({renewed = now, node = args[2] or ''}))
return answer(true)
