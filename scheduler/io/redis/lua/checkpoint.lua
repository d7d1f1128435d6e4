--! flags allow-oom
-- What the attach has carried so far; renews its gateway's lease. args: {session, fence, usage}
begin(KEYS, ARGV)
local id, fence, usage = args[1], args[2], args[3]
local s = session_of(id)
if not s then return answer(stale(id)) end
if s.fence ~= fence or s.state ~= 'h' then
  take_late_usage(s, fence, usage)
  return answer(stale(id, s))
end
s.attach_usage = usage
save(s)
local raw = call('HGET', R .. ':gateways', s.gateway)
if raw then
  local gateway = unpack_message(raw)
  gateway.renewed, gateway.lapsed = now, nil
  call('HSET', R .. ':gateways', s.gateway, pack(gateway))
end
return answer(DONE)
