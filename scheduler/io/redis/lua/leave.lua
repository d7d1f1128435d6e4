--! flags allow-oom
-- A gateway's orderly end: what it held is suspended, what it reserved or waited for is free. At most PORTION at once;
-- answers whether there is more. args: {gateway}
begin(KEYS, ARGV)
local gateway, done = args[1], 0
call('HDEL', R .. ':gateways', gateway)
for _, id in ipairs(call('SRANDMEMBER', R .. ':gq:' .. gateway, PORTION)) do
  leave_line(waiter_of(id))
  done = done + 1
end
for _, id in ipairs(call('SRANDMEMBER', R .. ':gs:' .. gateway, PORTION)) do
  local s = session_of(id)
  if s then drop_attach(s) end
  call('SREM', R .. ':gs:' .. gateway, id)
  done = done + 1
end
return answer(done >= PORTION)
