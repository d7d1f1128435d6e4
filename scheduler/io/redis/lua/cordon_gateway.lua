-- A gateway takes no new clients, or takes them again. KEYS[1] is the fleet's prefix. args: {gateway, is cordoned}
begin(KEYS, ARGV)
local raw = call('HGET', R .. ':gateways', args[1])
if not raw then return answer(false) end
local gateway = unpack_message(raw)
if (gateway.cordoned or false) ~= args[2] then
  gateway.cordoned = args[2] or nil
  call('HSET', R .. ':gateways', args[1], pack(gateway))
  tell(args[1], 'cordoned', args[2])
end
return answer(true)
