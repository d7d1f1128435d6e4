--! use base
-- Tells attached sessions of a worker or a gateway to reconnect. args: {key of the set, most, {retry_after...}}
local told = 0
for _, id in ipairs(call('SMEMBERS', R .. args[1])) do
  if told >= args[2] then break end
  local s = session_of(id)
  if s and s.state == 'h' and s.told + TOLD_AGAIN_AFTER <= now then
    told = told + 1
    s.told = now
    save(s)
    tell(s.gateway, 'close', s.id, s.fence, 'DRAINING', args[3][told])
  end
end
return answer(told)
