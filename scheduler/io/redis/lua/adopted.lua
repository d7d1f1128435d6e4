-- A gateway has named all that it relays: from now on what it names is no evidence of a loss of data. args: {gateway}
begin(KEYS, ARGV)
local raw = call('HGET', R .. ':gateways', args[1])
if raw then
  local gateway = unpack_message(raw)
  gateway.known = call('GET', R .. ':born')
  call('HSET', R .. ':gateways', args[1], pack(gateway))
end
return answer(true)
